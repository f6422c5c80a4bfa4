// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/row_products.h"

#include <algorithm>
#include <cstring>

#pragma GCC diagnostic ignored "-Wpsabi"  // vectors never cross a function that is not inlined

#define BITWRIGHT_INLINE [[gnu::always_inline]] inline

namespace bitwright {
namespace {

constexpr std::size_t lanes = 16;    ///< rows of x at once, the last axis of its transposed copy
constexpr std::size_t chunk = 512;   ///< inputs summed in one go

template <std::size_t W>
struct Vectors;  // spelled out per width: GCC 12 ignores vector sizes that depend on a template
template <>
struct Vectors<16> {
    using Floats = float __attribute__((vector_size(16)));
};
template <>
struct Vectors<32> {
    using Floats = float __attribute__((vector_size(32)));
};

/// Adds `inputs` terms to `outputs` sums of 16 rows each. xt [inputs][16]; w: `outputs` rows, `stride` apart.
template <std::size_t W, std::size_t outputs>
BITWRIGHT_INLINE void add_terms(const float* xt, std::size_t inputs, const float* w, std::size_t stride, float (*sums)[lanes])
{
    using Floats = typename Vectors<W>::Floats;
    constexpr std::size_t width = W / sizeof(float), parts = lanes / width;
    Floats sum[outputs][parts] = {};
    for (std::size_t k = 0; k < inputs; ++k) {
        Floats x[parts];
        std::memcpy(x, xt + k * lanes, sizeof x);
        for (std::size_t n = 0; n < outputs; ++n) {
            const float factor = w[n * stride + k];
            for (std::size_t p = 0; p < parts; ++p) sum[n][p] += x[p] * factor;
        }
    }
    for (std::size_t n = 0; n < outputs; ++n) {
        float values[lanes];
        std::memcpy(values, sum[n], sizeof values);
        for (std::size_t r = 0; r < lanes; ++r) sums[n][r] += values[r];
    }
}

template <std::size_t W, std::size_t outputs>
BITWRIGHT_INLINE void block(const float* xt, std::size_t cols, const float* w, float* out, std::size_t rows, std::size_t out_stride)
{
    float sums[outputs][lanes] = {};
    for (std::size_t k = 0; k < cols; k += chunk) add_terms<W, outputs>(xt + k * lanes, std::min(chunk, cols - k), w + k, cols, sums);
    for (std::size_t n = 0; n < outputs; ++n) std::copy_n(sums[n], rows, out + n * out_stride);
}

template <std::size_t W>
BITWRIGHT_INLINE void products(const float* xt, std::size_t cols, const float* w, std::size_t outputs, float* out, std::size_t rows, std::size_t out_stride)
{
    constexpr std::size_t together = W / 8;  // as many sums as registers hold
    std::size_t n = 0;
    for (; n + together <= outputs; n += together) block<W, together>(xt, cols, w + n * cols, out + n * out_stride, rows, out_stride);
    for (; n < outputs; ++n) block<W, 1>(xt, cols, w + n * cols, out + n * out_stride, rows, out_stride);
}

using Products = void (*)(const float*, std::size_t, const float*, std::size_t, float*, std::size_t, std::size_t);

void products_baseline(const float* xt, std::size_t cols, const float* w, std::size_t outputs, float* out, std::size_t rows, std::size_t out_stride)
{
    products<16>(xt, cols, w, outputs, out, rows, out_stride);
}
#if defined(__x86_64__)
[[gnu::target("avx2")]] void products_avx2(const float* xt, std::size_t cols, const float* w, std::size_t outputs, float* out, std::size_t rows, std::size_t out_stride)
{
    products<32>(xt, cols, w, outputs, out, rows, out_stride);
}
#endif

Products products_for_this_cpu() noexcept
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return products_avx2;
#endif
    return products_baseline;
}

}  // namespace

std::vector<float> row_products(const std::vector<float>& x, const std::vector<float>& w, std::size_t cols)
{
    static const Products run = products_for_this_cpu();
    const std::size_t rows = x.size() / cols, outputs = w.size() / cols;
    std::vector<float> out(outputs * rows), transposed(cols * lanes);
    for (std::size_t first = 0; first < rows; first += lanes) {
        const std::size_t n = std::min(lanes, rows - first);
        if (n < lanes) std::fill(transposed.begin(), transposed.end(), 0.0f);
        for (std::size_t r = 0; r < n; ++r) {
            for (std::size_t k = 0; k < cols; ++k) transposed[k * lanes + r] = x[(first + r) * cols + k];
        }
        run(transposed.data(), cols, w.data(), outputs, out.data() + first, n, rows);
    }
    return out;
}

}  // namespace bitwright
