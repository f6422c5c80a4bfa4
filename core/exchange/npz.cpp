// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/npz.h"

#include "core/runtime/error.h"
#include "core/runtime/file.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>

namespace bitwright {
namespace {

// PKWARE APPNOTE 4.3: signatures and sizes of the fixed parts.
constexpr std::uint32_t end_signature = 0x06054b50, central_signature = 0x02014b50, local_signature = 0x04034b50;
constexpr std::size_t end_size = 22, central_size = 46, local_size = 30, longest_comment = 65535;
constexpr std::uint64_t most_values = std::uint64_t{1} << 28;

class Archive {
public:
    explicit Archive(const std::filesystem::path& path) : path_(path.string()), file_(path), bytes_(file_.bytes()) {}

    std::map<std::string, NpzArray> arrays() const
    {
        const auto end = find_end();
        const std::uint64_t entries = number<std::uint16_t>(end + 10);
        std::uint64_t at = number<std::uint32_t>(end + 16);
        std::map<std::string, NpzArray> found;
        for (std::uint64_t i = 0; i < entries; ++i) {
            if (number<std::uint32_t>(at) != central_signature) fault("", "its directory is broken at byte " + std::to_string(at));
            const auto method = number<std::uint16_t>(at + 10);
            const std::uint64_t size = number<std::uint32_t>(at + 20), whole = number<std::uint32_t>(at + 24), local = number<std::uint32_t>(at + 42);
            const std::uint64_t name_length = number<std::uint16_t>(at + 28), extra = number<std::uint16_t>(at + 30), comment = number<std::uint16_t>(at + 32);
            std::string name(text(at + central_size, name_length));
            at += central_size + name_length + extra + comment;
            if (method != 0) fault(name, "is compressed; save the arrays with numpy.savez, not savez_compressed");
            if (size != whole || size == 0xFFFFFFFF) fault(name, "is larger than 4 GB or its sizes disagree");
            if (number<std::uint32_t>(local) != local_signature) fault(name, "is not where the directory says");
            const auto begin = local + local_size + number<std::uint16_t>(local + 26) + number<std::uint16_t>(local + 28);
            if (name.ends_with(".npy")) name.resize(name.size() - 4);
            auto array = read_npy(name, part(begin, size));
            if (!found.emplace(name, std::move(array)).second) fault(name, "is there twice");
        }
        return found;
    }

private:
    [[noreturn]] void fault(const std::string& entry, const std::string& what) const { throw bad_input(path_, entry, what); }

    std::span<const std::byte> part(std::uint64_t begin, std::uint64_t size) const
    {
        if (begin > bytes_.size() || size > bytes_.size() - begin) fault("", "ends before byte " + std::to_string(begin + size) + "; it is cut short");
        return bytes_.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size));
    }
    std::string_view text(std::uint64_t begin, std::uint64_t size) const
    {
        const auto bytes = part(begin, size);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    template <typename T>
    T number(std::uint64_t at) const
    {
        T value = 0;
        std::memcpy(&value, part(at, sizeof(T)).data(), sizeof(T));
        return value;
    }

    std::uint64_t find_end() const
    {
        if (bytes_.size() >= end_size) {
            const std::uint64_t last = bytes_.size() - end_size, first = last > longest_comment ? last - longest_comment : 0;
            for (std::uint64_t at = last + 1; at-- > first;)
                if (number<std::uint32_t>(at) == end_signature) return at;
        }
        fault("", "is no npz file; save the arrays with numpy.savez");
    }

    NpzArray read_npy(const std::string& name, std::span<const std::byte> bytes) const
    {
        const auto begins = [&](std::string_view magic) { return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0; };
        if (!begins("\x93NUMPY") || bytes.size() < 10) fault(name, "is no .npy array");
        const bool first = bytes[6] == std::byte{1};
        std::size_t length = std::to_integer<std::size_t>(bytes[8]) | std::to_integer<std::size_t>(bytes[9]) << 8, start = 10;
        if (!first) {
            if (bytes.size() < 12) fault(name, "is cut short");
            length |= std::to_integer<std::size_t>(bytes[10]) << 16 | std::to_integer<std::size_t>(bytes[11]) << 24;
            start = 12;
        }
        if (length > bytes.size() - start) fault(name, "is cut short");
        const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + start, length);
        NpzArray array;
        array.shape = shape_of(name, header);
        std::uint64_t count = 1;
        for (const auto size : array.shape) {
            if (size < 0 || (size > 0 && count > most_values / static_cast<std::uint64_t>(size))) fault(name, "has the shape " + to_string(array.shape) + ", which is too large");
            count *= static_cast<std::uint64_t>(size);
        }
        if (array.shape.size() > 1 && header.find("'fortran_order': True") != std::string_view::npos) fault(name, "is in Fortran order; save numpy.ascontiguousarray of it");
        read_values(name, dtype_of(name, header), bytes.subspan(start + length), count, array.values);
        return array;
    }

    std::string_view dtype_of(const std::string& name, std::string_view header) const
    {
        constexpr std::string_view key = "'descr': '";
        const auto at = header.find(key);
        const auto end = at == std::string_view::npos ? at : header.find('\'', at + key.size());
        if (end == std::string_view::npos) fault(name, "has no type that is understood; save plain numbers");
        return header.substr(at + key.size(), end - at - key.size());
    }

    Shape shape_of(const std::string& name, std::string_view header) const
    {
        constexpr std::string_view key = "'shape': (";
        const auto at = header.find(key);
        const auto end = at == std::string_view::npos ? at : header.find(')', at);
        if (end == std::string_view::npos) fault(name, "has no shape");
        Shape shape;
        const char *p = header.data() + at + key.size(), *last = header.data() + end;
        while (p < last) {
            while (p < last && (*p == ' ' || *p == ',')) ++p;
            if (p == last) break;
            std::int64_t size = 0;
            const auto [next, wrong] = std::from_chars(p, last, size);
            if (wrong != std::errc{}) fault(name, "has a shape that is not understood");
            shape.push_back(size);
            p = next;
        }
        return shape;
    }

    template <typename T>
    void convert(const std::string& name, std::span<const std::byte> bytes, std::uint64_t count, std::vector<double>& out) const
    {
        if (bytes.size() / sizeof(T) < count) fault(name, "is cut short");
        for (std::uint64_t i = 0; i < count; ++i) {
            T value{};
            std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
            out.push_back(static_cast<double>(value));
        }
    }
    void read_values(const std::string& name, std::string_view dtype, std::span<const std::byte> bytes, std::uint64_t count, std::vector<double>& out) const
    {
        if (dtype == "<f4") return convert<float>(name, bytes, count, out);
        if (dtype == "<f8") return convert<double>(name, bytes, count, out);
        if (dtype == "<i4") return convert<std::int32_t>(name, bytes, count, out);
        if (dtype == "<i8") return convert<std::int64_t>(name, bytes, count, out);
        if (dtype == "<f2") {
            if (bytes.size() / 2 < count) fault(name, "is cut short");
            std::vector<float> values(static_cast<std::size_t>(count));
            to_float({Dtype::f16, {static_cast<std::int64_t>(count)}, bytes.first(static_cast<std::size_t>(count) * 2)}, values);
            out.assign(values.begin(), values.end());
            return;
        }
        fault(name, "is of type " + std::string(dtype) + "; save float16, float32, float64, int32 or int64");
    }

    std::string path_;
    MappedFile file_;
    std::span<const std::byte> bytes_;
};

}  // namespace

std::map<std::string, NpzArray> read_npz(const std::filesystem::path& path) { return Archive(path).arrays(); }

}  // namespace bitwright
