// SPDX-License-Identifier: GPL-3.0-or-later
// libFuzzer's entry for packages and with them for safetensors and JSON; packaging/fuzz builds and runs it. An input is a header's text, a zero byte, and the data: the
// length before the header is always right, so that what lies behind it is reached. Without a zero byte it is the whole file as it is, and a JSON document.
#include "core/runtime/json.h"
#include "tests/fuzz/package_bytes.h"
#include "tests/runtime/tiny_package.h"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using namespace bitwright;

std::string file_of(std::string_view header, std::string_view data)
{
    std::string file;
    for (unsigned b = 0; b < 8; ++b) file += static_cast<char>(header.size() >> (8 * b));
    return file.append(header).append(data);
}

/// Packages of both shapes of layers; one in panels is what a cache may hold.
const std::vector<std::string>& seeds()
{
    static const std::vector<std::string> all = [] {
        std::vector<std::string> made;
        for (unsigned seed = 1; seed <= 3; ++seed) {
            const auto path = "/dev/shm/bitwright-fuzz-seed-" + std::to_string(::getpid());
            test::TinyPackage::make(seed).write(path);
            std::ifstream in(path, std::ios::binary);
            const std::string bytes{std::istreambuf_iterator<char>(in), {}};
            ::unlink(path.c_str());
            std::uint64_t header = 0;
            std::memcpy(&header, bytes.data(), sizeof header);
            made.push_back(bytes.substr(8, header) + '\0' + bytes.substr(8 + header));
        }
        return made;
    }();
    return all;
}

/// A number of the header becomes another one, often near to it or at the end of a type.
void change_number(std::string& text, std::size_t end, unsigned random)
{
    static constexpr std::string_view digits = "0123456789";
    const auto begin = text.find_first_of(digits, (random >> 8) % (end + 1));
    if (begin >= end) return;
    const auto behind = std::min(text.find_first_not_of(digits, begin), end);
    const auto value = std::strtoll(text.c_str() + begin, nullptr, 10);
    static constexpr std::array<const char*, 14> ends{"0", "1", "-1", "2", "4", "8", "16", "255", "32768", "65536", "2147483647", "4294967296", "4611686018427387904", "1e300"};
    const std::string by = random % 3 == 0 ? std::to_string(value + 1) : random % 3 == 1 ? std::to_string(value - 1) : ends[(random >> 4) % ends.size()];
    text.replace(begin, behind - begin, by);
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned int random)
{
    std::string text(reinterpret_cast<const char*>(data), size);
    if (size < 64 || random % 32 == 0) text = seeds()[(random >> 5) % seeds().size()];
    const std::size_t header = std::min(text.find('\0'), text.size());
    if (random % 8 < 4) {
        change_number(text, header, random >> 3);
    } else if (random % 8 < 6 && header + 1 < text.size()) {  // weights, tables, shifts: their places stay
        const std::size_t at = header + 1 + (random >> 3) % (text.size() - header - 1), length = std::min<std::size_t>(16, text.size() - at);
        std::array<std::uint8_t, 16> piece{};
        std::memcpy(piece.data(), text.data() + at, length);
        (void)LLVMFuzzerMutate(piece.data(), length, length);
        std::memcpy(text.data() + at, piece.data(), length);
    } else {
        text.resize(std::min(text.size(), most));
        std::memcpy(data, text.data(), text.size());
        return LLVMFuzzerMutate(data, text.size(), most);
    }
    if (text.size() > most) return size;
    std::memcpy(data, text.data(), text.size());
    return text.size();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t header = input.find('\0');
    if (header != std::string_view::npos && input.starts_with('{')) {
        (void)test::opens_and_runs(file_of(input.substr(0, header), input.substr(header + 1)), nullptr, size);
        return 0;
    }
    (void)test::opens_and_runs(input, nullptr, size);
    try {
        (void)json::parse(input, "x");
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::bad_input) std::abort();
    }
    return 0;
}
