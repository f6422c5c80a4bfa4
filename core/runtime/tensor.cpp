// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/tensor.h"

#include "core/runtime/error.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace bitwright {
namespace {

struct DtypeFact {
    std::string_view name;
    std::size_t size;
};
constexpr std::array<DtypeFact, 13> facts{{{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4}, {"I16", 2}, {"I8", 1},
                                           {"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1}, {"BOOL", 1}}};

// Without branches, so that the loops below become vector code.
float half_to_float(std::uint16_t h) noexcept
{
    const std::uint32_t sign = static_cast<std::uint32_t>(h & 0x8000u) << 16;
    const std::uint32_t magnitude = h & 0x7fffu;
    const std::uint32_t shifted = magnitude << 13;
    const std::uint32_t normal = shifted + (112u << 23);
    const std::uint32_t not_finite = shifted | 0x7f800000u;
    const auto small = std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-24f);  // zero and subnormals: exact
    return std::bit_cast<float>(sign | (magnitude < 0x400u ? small : magnitude < 0x7c00u ? normal : not_finite));
}

template <typename T, typename Convert>
void widen(const TensorView& view, std::span<float> out, Convert convert)
{
    const auto* bytes = view.data.data();
    for (std::size_t i = 0; i < out.size(); ++i) {
        T value;
        std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
        out[i] = convert(value);
    }
}

template <typename T>
void integers(const TensorView& view, std::vector<std::int64_t>& out)
{
    for (std::size_t i = 0; i < out.size(); ++i) {
        T value;
        std::memcpy(&value, view.data.data() + i * sizeof(T), sizeof(T));
        out[i] = static_cast<std::int64_t>(value);
    }
}

/// Counts values whose exponent bits are all set.
template <typename T>
std::size_t count_exponent(const TensorView& view, T exponent) noexcept
{
    const auto* bytes = view.data.data();
    const std::size_t n = view.data.size() / sizeof(T);
    std::size_t count = 0;
    constexpr std::size_t block = 4096;  // T counts so many without overflow: as many vector lanes as T allows
    for (std::size_t begin = 0; begin < n; begin += block) {
        const std::size_t end = std::min(n, begin + block);
        T found = 0;
        for (std::size_t i = begin; i < end; ++i) {
            T value;
            std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
            found = static_cast<T>(found + ((value & exponent) == exponent));
        }
        count += found;
    }
    return count;
}

}  // namespace

std::size_t size_of(Dtype dtype) noexcept { return facts[static_cast<std::size_t>(dtype)].size; }
std::string_view name_of(Dtype dtype) noexcept { return facts[static_cast<std::size_t>(dtype)].name; }

std::int64_t element_count(const Shape& shape) noexcept
{
    std::int64_t n = 1;
    for (const auto d : shape) n *= d;
    return n;
}

std::string to_string(const Shape& shape)
{
    std::string text = "[";
    for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

void to_float(const TensorView& view, std::span<float> out)
{
    switch (view.dtype) {
    case Dtype::f64: return widen<double>(view, out, [](double v) { return static_cast<float>(v); });
    case Dtype::f32:
        if (!out.empty()) std::memcpy(out.data(), view.data.data(), out.size_bytes());  // no bytes: no address to copy from
        return;
    case Dtype::f16: return widen<std::uint16_t>(view, out, half_to_float);
    case Dtype::bf16: return widen<std::uint16_t>(view, out, [](std::uint16_t v) { return std::bit_cast<float>(static_cast<std::uint32_t>(v) << 16); });
    default: throw bad_input("", "", "a tensor of dtype " + std::string(name_of(view.dtype)) + " is not a floating-point tensor");
    }
}

std::size_t count_non_finite(const TensorView& view)
{
    switch (view.dtype) {
    case Dtype::f64: return count_exponent<std::uint64_t>(view, 0x7ff0'0000'0000'0000u);
    case Dtype::f32: return count_exponent<std::uint32_t>(view, 0x7f80'0000u);
    case Dtype::f16: return count_exponent<std::uint16_t>(view, 0x7c00u);
    case Dtype::bf16: return count_exponent<std::uint16_t>(view, 0x7f80u);
    default: throw bad_input("", "", "a tensor of dtype " + std::string(name_of(view.dtype)) + " is not a floating-point tensor");
    }
}

std::vector<std::int64_t> to_int64(const TensorView& view)
{
    std::vector<std::int64_t> out(static_cast<std::size_t>(element_count(view.shape)));
    switch (view.dtype) {
    case Dtype::i64: integers<std::int64_t>(view, out); break;
    case Dtype::i32: integers<std::int32_t>(view, out); break;
    case Dtype::i16: integers<std::int16_t>(view, out); break;
    case Dtype::i8: integers<std::int8_t>(view, out); break;
    case Dtype::u64: integers<std::uint64_t>(view, out); break;
    case Dtype::u32: integers<std::uint32_t>(view, out); break;
    case Dtype::u16: integers<std::uint16_t>(view, out); break;
    case Dtype::u8:
    case Dtype::boolean: integers<std::uint8_t>(view, out); break;
    default: throw bad_input("", "", "a tensor of dtype " + std::string(name_of(view.dtype)) + " is not an integer tensor");
    }
    return out;
}

}  // namespace bitwright
