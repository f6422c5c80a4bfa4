// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes as numpy.savez writes them (stored entries, format 1.0 headers), for tests.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bitwright::test {

inline void put(std::string& out, std::uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

inline std::string npy(const std::string& shape, const std::vector<float>& values)
{
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + "), }";
    while ((10 + header.size() + 1) % 64 != 0) header += ' ';
    header += '\n';
    std::string out = "\x93NUMPY";
    out += '\x01';
    out += '\x00';
    put(out, header.size(), 2);
    out += header;
    out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    return out;
}

inline std::string npz(const std::vector<std::pair<std::string, std::string>>& arrays)
{
    std::string out, directory;
    for (const auto& [name, bytes] : arrays) {
        const auto at = out.size();
        const auto file = name + ".npy";
        const auto common = [&](std::string& to) {
            put(to, 20, 2), put(to, 0, 2), put(to, 0, 2), put(to, 0, 4), put(to, 0, 4);  // version, flags, stored, time, checksum (not read)
            put(to, bytes.size(), 4), put(to, bytes.size(), 4), put(to, file.size(), 2), put(to, 0, 2);
        };
        put(out, 0x04034b50, 4);
        common(out);
        out += file + bytes;
        put(directory, 0x02014b50, 4), put(directory, 20, 2);
        common(directory);
        put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 4), put(directory, at, 4);
        directory += file;
    }
    const auto start = out.size();
    out += directory;
    put(out, 0x06054b50, 4), put(out, 0, 2), put(out, 0, 2), put(out, arrays.size(), 2), put(out, arrays.size(), 2), put(out, directory.size(), 4), put(out, start, 4), put(out, 0, 2);
    return out;
}

}  // namespace bitwright::test
