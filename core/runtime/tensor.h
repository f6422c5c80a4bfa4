// SPDX-License-Identifier: GPL-3.0-or-later
// A tensor as it lies in a file or in memory: type, shape, bytes. No arithmetic here.
// Invariants: data is row-major and contiguous; element_count(shape) * size_of(dtype) == bytes of data.
// Threading: plain values; a view does not own its bytes and must not outlive them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

/// Element types of safetensors that Bitwright knows.
enum class Dtype : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

/// Bytes of one element.
[[nodiscard]] std::size_t size_of(Dtype dtype) noexcept;
/// "F32", "BF16", "I8" …, as safetensors spells it.
[[nodiscard]] std::string_view name_of(Dtype dtype) noexcept;

using Shape = std::vector<std::int64_t>;

/// Product of the dimensions; 1 for a scalar. Precondition: no overflow (checked where shapes are read).
[[nodiscard]] std::int64_t element_count(const Shape& shape) noexcept;
/// "[2, 3]".
[[nodiscard]] std::string to_string(const Shape& shape);

struct TensorView {
    Dtype dtype = Dtype::f32;
    Shape shape;
    std::span<const std::byte> data;

    template <typename T>
    [[nodiscard]] std::span<const T> as() const noexcept
    {
        return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
    }
};

/// An owning tensor; what is written to files and stored in a workspace.
struct Tensor {
    Dtype dtype = Dtype::f32;
    Shape shape;
    std::vector<std::byte> data;

    [[nodiscard]] TensorView view() const noexcept { return {dtype, shape, data}; }
    template <typename T>
    [[nodiscard]] std::span<const T> as() const noexcept
    {
        return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
    }
    /// Copies `values`; the caller says which dtype they are.
    template <typename T>
    [[nodiscard]] static Tensor from(Dtype dtype, Shape shape, std::span<const T> values)
    {
        const auto bytes = std::as_bytes(values);
        return {dtype, std::move(shape), {bytes.begin(), bytes.end()}};
    }
};

/// Widens F64, F32, F16 or BF16 to float. Precondition: `out.size()` elements in `view`; other dtypes throw Error (bad_input).
void to_float(const TensorView& view, std::span<float> out);
/// How many values of a floating-point tensor are NaN or infinite. Other dtypes throw Error (bad_input).
[[nodiscard]] std::size_t count_non_finite(const TensorView& view);
/// Any integer dtype to int64; others throw Error (bad_input).
[[nodiscard]] std::vector<std::int64_t> to_int64(const TensorView& view);

}  // namespace bitwright
