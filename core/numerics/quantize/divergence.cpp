// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/quantize/divergence.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#if defined(__x86_64__)
#define BITWRIGHT_FMA __attribute__((target("avx2,fma")))
#else
#define BITWRIGHT_FMA
#endif
#define BITWRIGHT_INLINE inline __attribute__((always_inline))

namespace bitwright::quantize {
namespace {

// e^x for x ≤ 0: 2^n · p(r), |r| ≤ ln 2 / 2 (Cephes' polynomial).
BITWRIGHT_INLINE float exponential(float x)
{
    x = x < -87.0F ? -87.0F : x;
    const float n = std::nearbyint(x * 1.44269504F);
    const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
    float p = 1.9875691500e-4F;
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = p * r * r + r + 1.0F;
    return p * std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
}

// out[i] = e^(x[i] − peak); @return their sum
BITWRIGHT_INLINE float exponentials(const float* x, float* out, std::int64_t n, float& peak)
{
    float top = x[0], sum = 0;
#pragma omp simd reduction(max : top)
    for (std::int64_t i = 0; i < n; ++i) top = x[i] > top ? x[i] : top;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < n; ++i) {
        const float e = exponential(x[i] - top);
        out[i] = e;
        sum += e;
    }
    peak = top;
    return sum;
}

BITWRIGHT_INLINE double rows_body(const float* wanted, const float* given, float* gradient, std::int64_t rows, std::int64_t n, float factor, float* p, float* q)
{
    double total = 0;
    for (std::int64_t row = 0; row < rows; ++row) {
        const float *t = wanted + row * n, *s = given + row * n;
        float top_t = 0, top_s = 0, product = 0;
        const float sum_t = exponentials(t, p, n, top_t), sum_s = exponentials(s, q, n, top_s);
        const float shift = top_t - top_s;
#pragma omp simd reduction(+ : product)
        for (std::int64_t i = 0; i < n; ++i) product += p[i] * ((t[i] - s[i]) - shift);
        total += static_cast<double>(product) / static_cast<double>(sum_t) - (std::log(static_cast<double>(sum_t)) - std::log(static_cast<double>(sum_s)));
        if (!gradient) continue;
        float* g = gradient + row * n;
        const float of_s = factor / sum_s, of_t = factor / sum_t;
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) g[i] = q[i] * of_s - p[i] * of_t;
    }
    return total;
}

#if defined(__x86_64__)
BITWRIGHT_FMA double rows_fma(const float* wanted, const float* given, float* gradient, std::int64_t rows, std::int64_t n, float factor, float* p, float* q)
{
    return rows_body(wanted, given, gradient, rows, n, factor, p, q);
}
#endif

}  // namespace

double kl_divergence(const float* wanted, const float* given, float* gradient, std::int64_t rows, std::int64_t classes, float factor)
{
    std::vector<float> space(static_cast<std::size_t>(2 * classes));
    float *p = space.data(), *q = p + classes;
#if defined(__x86_64__)
    static const bool fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (fma) return rows_fma(wanted, given, gradient, rows, classes, factor, p, q);
#endif
    return rows_body(wanted, given, gradient, rows, classes, factor, p, q);
}

}  // namespace bitwright::quantize
