// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/row_kernels.h"

#include <algorithm>
#include <cstring>
#include <limits>

#pragma GCC diagnostic ignored "-Wpsabi"  // vectors never cross a function that is not inlined

#define BITWRIGHT_INLINE [[gnu::always_inline]] inline

namespace bitwright {
namespace {

// AVX-512 was tried: its moments are three times slower than AVX2's, the counting cannot read what was just stored so wide.
// 16 lanes in parts of W bytes, the width the instruction set has; lane k always holds the same elements, whatever W is.
constexpr std::size_t lanes = 16;

template <std::size_t W>
struct Vectors;  // spelled out per width: GCC 12 ignores vector sizes that depend on a template
#define BITWRIGHT_VECTORS(W)                                                  \
    template <>                                                               \
    struct Vectors<W> {                                                       \
        using Floats = float __attribute__((vector_size(W)));                 \
        using Ints = std::int32_t __attribute__((vector_size(W)));            \
        using Longs = std::int64_t __attribute__((vector_size(W)));           \
        using HalfFloats = float __attribute__((vector_size(W / 2)));         \
        using Doubles = double __attribute__((vector_size(W)));               \
    };
BITWRIGHT_VECTORS(16)
BITWRIGHT_VECTORS(32)

template <std::size_t W>
struct Lanes : Vectors<W> {
    using typename Vectors<W>::Floats;
    using typename Vectors<W>::HalfFloats;
    using typename Vectors<W>::Doubles;
    static constexpr std::size_t floats = W / sizeof(float), float_parts = lanes / floats;
    static constexpr std::size_t doubles = W / sizeof(double), double_parts = lanes / doubles;

    BITWRIGHT_INLINE static Floats load(const float* x)
    {
        Floats v;
        std::memcpy(&v, x, sizeof v);
        return v;
    }
    BITWRIGHT_INLINE static void store(float* x, const Floats& v) { std::memcpy(x, &v, sizeof v); }
    BITWRIGHT_INLINE static Doubles widened(const float* x)
    {
        HalfFloats v;
        std::memcpy(&v, x, sizeof v);
        return __builtin_convertvector(v, Doubles);
    }
    /// Adds the 16 lanes in one fixed order.
    BITWRIGHT_INLINE static double sum_of(const Doubles* parts)
    {
        double v[lanes];
        std::memcpy(v, parts, sizeof v);
        for (std::size_t half = lanes / 2; half > 0; half /= 2) {
            for (std::size_t k = 0; k < half; ++k) v[k] += v[k + half];
        }
        return v[0];
    }
};

template <std::size_t W, bool channels>
BITWRIGHT_INLINE RowRange range_body(const float* x, std::size_t n, float* channel_min, float* channel_max)
{
    using L = Lanes<W>;
    typename L::Floats low[L::float_parts], high[L::float_parts];
    typename L::Doubles sums[L::double_parts] = {};
    for (auto& v : low) v = typename L::Floats{} + std::numeric_limits<float>::infinity();
    for (auto& v : high) v = typename L::Floats{} - std::numeric_limits<float>::infinity();
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
#pragma GCC unroll 4
        for (std::size_t p = 0; p < L::float_parts; ++p) {
            const std::size_t at = i + p * L::floats;
            const typename L::Floats v = L::load(x + at);
            low[p] = v < low[p] ? v : low[p];
            high[p] = v > high[p] ? v : high[p];
            if constexpr (channels) {
                const typename L::Floats least = L::load(channel_min + at), most = L::load(channel_max + at);
                L::store(channel_min + at, v < least ? v : least);
                L::store(channel_max + at, v > most ? v : most);
            }
        }
#pragma GCC unroll 8
        for (std::size_t p = 0; p < L::double_parts; ++p) sums[p] += L::widened(x + i + p * L::doubles);
    }
    RowRange result{std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), L::sum_of(sums)};
    float least[lanes], most[lanes];
    std::memcpy(least, low, sizeof least);
    std::memcpy(most, high, sizeof most);
    for (std::size_t k = 0; k < lanes; ++k) {
        result.min = std::min(result.min, least[k]);
        result.max = std::max(result.max, most[k]);
    }
    for (; i < n; ++i) {
        result.min = std::min(result.min, x[i]);
        result.max = std::max(result.max, x[i]);
        result.sum += static_cast<double>(x[i]);
        if constexpr (channels) {
            channel_min[i] = std::min(channel_min[i], x[i]);
            channel_max[i] = std::max(channel_max[i], x[i]);
        }
    }
    return result;
}

// floor(x·scale) without rounding anywhere: the scale is a power of two, so the product is exact unless it underflows, and then only its sign counts.
BITWRIGHT_INLINE std::int32_t bin_of(float x, float scale)
{
    const float y = x * scale;
    const auto truncated = static_cast<std::int32_t>(y);
    return truncated - (static_cast<float>(truncated) > y || (truncated == 0 && x < 0) ? 1 : 0);
}

template <std::size_t W>
BITWRIGHT_INLINE void moments_body(const float* x, std::size_t n, double mean, double* sums, const RowHistogram& histogram)
{
    using L = Lanes<W>;
    typename L::Doubles s2[L::double_parts] = {}, s3[L::double_parts] = {}, s4[L::double_parts] = {};
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        alignas(64) std::int32_t bins[lanes];
#pragma GCC unroll 4
        for (std::size_t p = 0; p < L::float_parts; ++p) {
            const typename L::Floats v = L::load(x + i + p * L::floats), y = v * histogram.scale;
            const typename L::Ints truncated = __builtin_convertvector(y, typename L::Ints);
            const typename L::Ints above = __builtin_convertvector(truncated, typename L::Floats) > y, vanished = (truncated == 0) & (v < 0.0f);
            const typename L::Ints bin = truncated + (above | vanished) - histogram.first;  // true is −1
            std::memcpy(bins + p * L::floats, &bin, sizeof bin);
        }
#pragma GCC unroll 8
        for (std::size_t p = 0; p < L::double_parts; ++p) {
            const typename L::Doubles d = L::widened(x + i + p * L::doubles) - mean, d2 = d * d;
            s2[p] += d2;
            s3[p] += d2 * d;
            s4[p] += d2 * d2;
        }
#pragma GCC unroll 16
        for (std::size_t k = 0; k < lanes; ++k) ++histogram.counts[(k % row_histogram_copies) * row_histogram_bins + static_cast<std::uint32_t>(bins[k])];
    }
    sums[0] += L::sum_of(s2);
    sums[1] += L::sum_of(s3);
    sums[2] += L::sum_of(s4);
    for (; i < n; ++i) {
        const double d = static_cast<double>(x[i]) - mean, d2 = d * d;
        sums[0] += d2;
        sums[1] += d2 * d;
        sums[2] += d2 * d2;
        ++histogram.counts[bin_of(x[i], histogram.scale) - histogram.first];
    }
}

template <std::size_t W>
BITWRIGHT_INLINE void above_body(const float* x, std::size_t n, float sign, float threshold, std::vector<float>& out)
{
    using L = Lanes<W>;
    const auto take = [&](std::size_t from, std::size_t to) {
        for (std::size_t k = from; k < to; ++k) {
            if (const float value = x[k] * sign; value > threshold) out.push_back(value);
        }
    };
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        typename L::Ints hits = {};
        for (std::size_t p = 0; p < L::float_parts; ++p) hits |= L::load(x + i + p * L::floats) * sign > threshold;
        typename L::Longs words;
        std::memcpy(&words, &hits, sizeof words);
        std::int64_t any = 0;
        for (std::size_t k = 0; k < L::doubles; ++k) any |= words[k];
        if (any != 0) take(i, i + lanes);
    }
    take(i, n);
}

template <std::size_t W>
BITWRIGHT_INLINE bool any_beyond_body(const float* x, const float* limits, std::size_t n)
{
    using L = Lanes<W>;
    typename L::Ints hits = {};
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        for (std::size_t p = 0; p < L::float_parts; ++p) {
            const typename L::Floats v = L::load(x + i + p * L::floats), limit = L::load(limits + i + p * L::floats);
            hits |= (v > limit) | (-v > limit);
        }
    }
    std::int32_t any = 0;
    for (std::size_t k = 0; k < L::floats; ++k) any |= hits[k];
    for (; i < n; ++i) any |= x[i] > limits[i] || -x[i] > limits[i] ? 1 : 0;
    return any != 0;
}

#define BITWRIGHT_VARIANT(name, width, attribute)                                                                                  \
    attribute RowRange range_##name(const float* x, std::size_t n, float* low, float* high)                                            \
    {                                                                                                                                  \
        return low ? range_body<width, true>(x, n, low, high) : range_body<width, false>(x, n, nullptr, nullptr);                      \
    }                                                                                                                                  \
    attribute void moments_##name(const float* x, std::size_t n, double mean, double* sums, const RowHistogram& histogram)             \
    {                                                                                                                                  \
        moments_body<width>(x, n, mean, sums, histogram);                                                                              \
    }                                                                                                                                  \
    attribute void above_##name(const float* x, std::size_t n, float sign, float threshold, std::vector<float>& out)                   \
    {                                                                                                                                  \
        above_body<width>(x, n, sign, threshold, out);                                                                                 \
    }                                                                                                                                  \
    attribute bool any_beyond_##name(const float* x, const float* limits, std::size_t n) { return any_beyond_body<width>(x, limits, n); }  \
    constexpr RowKernels kernels_##name{range_##name, moments_##name, above_##name, any_beyond_##name};

BITWRIGHT_VARIANT(baseline, 16, )
#if defined(__x86_64__)
BITWRIGHT_VARIANT(avx2, 32, [[gnu::target("avx2")]])
#endif

}  // namespace

std::vector<const RowKernels*> runnable_row_kernels()
{
    std::vector<const RowKernels*> all{&kernels_baseline};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) all.push_back(&kernels_avx2);
#endif
    return all;
}

const RowKernels& row_kernels() noexcept
{
    static const RowKernels* const best = runnable_row_kernels().back();
    return *best;
}

}  // namespace bitwright
