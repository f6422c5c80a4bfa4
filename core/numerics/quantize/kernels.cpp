// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/quantize/kernels.h"

#include <algorithm>
#include <cmath>

#if defined(__x86_64__)
#define BITWRIGHT_AVX2 __attribute__((target("avx2")))
#else
#define BITWRIGHT_AVX2
#endif
#define BITWRIGHT_INLINE inline __attribute__((always_inline))

namespace bitwright::quantize {
namespace {

bool has_avx2() noexcept
{
#if defined(__x86_64__)
    static const bool yes = __builtin_cpu_supports("avx2");
    return yes;
#else
    return false;
#endif
}

template <typename T>
BITWRIGHT_INLINE void forward_body(const T* x, T* out, std::int64_t n, const GridOf<T>& grid)
{
    const T s = grid.scale, o = grid.offset, low = grid.qmin, high = grid.qmax;
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) {
        T q = std::nearbyint(x[i] / s) + o;
        q = q < low ? low : q;
        q = q > high ? high : q;
        out[i] = (q - o) * s;
    }
}

// Sums in T over short runs (lanes), in double between runs: the run is at most a few thousand values long.
template <typename T>
BITWRIGHT_INLINE void backward_body(const T* x, const T* grad, T* grad_x, std::int64_t n, const GridOf<T>& grid, T& to_scale, T& clipped)
{
    const T s = grid.scale, o = grid.offset, low = grid.qmin, high = grid.qmax;
    T sum_scale = 0, sum_clipped = 0;
#pragma omp simd reduction(+ : sum_scale, sum_clipped)
    for (std::int64_t i = 0; i < n; ++i) {
        const T v = x[i] / s;
        const T r = std::nearbyint(v);
        const T q = r + o;
        const bool below = q < low, above = q > high;
        T t = r - v;
        t = below ? low - o : t;
        t = above ? high - o : t;
        const T g = grad[i];
        const T inside = (below || above) ? T(0) : g;
        grad_x[i] = inside;
        sum_scale += g * t;
        sum_clipped += g - inside;
    }
    to_scale = sum_scale;
    clipped = sum_clipped;
}

template <typename T>
BITWRIGHT_INLINE void scale_body(const T* row, const T* columns, T* out, std::int64_t n, T factor, bool divide)
{
    if (columns) {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) out[i] = row[i] * columns[i];
        row = out;
    }
    if (divide) {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) out[i] = row[i] / factor;
    } else {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) out[i] = row[i] * factor;
    }
}

template <typename T>
BITWRIGHT_AVX2 void forward_avx2(const T* x, T* out, std::int64_t n, const GridOf<T>& grid)
{
    forward_body(x, out, n, grid);
}
template <typename T>
BITWRIGHT_AVX2 void backward_avx2(const T* x, const T* grad, T* grad_x, std::int64_t n, const GridOf<T>& grid, T& to_scale, T& clipped)
{
    backward_body(x, grad, grad_x, n, grid, to_scale, clipped);
}
template <typename T>
BITWRIGHT_AVX2 void scale_avx2(const T* row, const T* columns, T* out, std::int64_t n, T factor, bool divide)
{
    scale_body(row, columns, out, n, factor, divide);
}

}  // namespace

template <typename T>
void forward_run(const T* x, T* out, std::int64_t n, const GridOf<T>& grid)
{
    if (has_avx2()) return forward_avx2(x, out, n, grid);
    forward_body(x, out, n, grid);
}

template <typename T>
void backward_run(const T* x, const T* grad, T* grad_x, std::int64_t n, const GridOf<T>& grid, double& grad_scale, double& grad_offset)
{
    constexpr std::int64_t run = 1024;
    double to_scale = 0, clipped = 0;
    for (std::int64_t from = 0; from < n; from += run) {
        const std::int64_t count = std::min(run, n - from);
        T a = 0, b = 0;
        if (has_avx2()) {
            backward_avx2(x + from, grad + from, grad_x + from, count, grid, a, b);
        } else {
            backward_body(x + from, grad + from, grad_x + from, count, grid, a, b);
        }
        to_scale += static_cast<double>(a);
        clipped += static_cast<double>(b);
    }
    grad_scale += to_scale;
    grad_offset -= static_cast<double>(grid.scale) * clipped;
}

template <typename T>
void scale_run(const T* row, const T* columns, T* out, std::int64_t n, T factor, bool divide)
{
    if (has_avx2()) return scale_avx2(row, columns, out, n, factor, divide);
    scale_body(row, columns, out, n, factor, divide);
}

template <typename T>
Extremes<T> extremes_of(const T* x, std::int64_t n)
{
    // values first (vectorized), places second: a search stops at the first hit
    T low = x[0], high = x[0];
#pragma omp simd reduction(min : low) reduction(max : high)
    for (std::int64_t i = 0; i < n; ++i) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    const auto place = [&](T value) { return std::min<std::int64_t>(std::find(x, x + n, value) - x, n - 1); };  // NaN is found nowhere
    return {low, high, place(low), place(high)};
}

#define BITWRIGHT_INSTANTIATE(T)                                                                              \
    template void forward_run<T>(const T*, T*, std::int64_t, const GridOf<T>&);                               \
    template void backward_run<T>(const T*, const T*, T*, std::int64_t, const GridOf<T>&, double&, double&);  \
    template void scale_run<T>(const T*, const T*, T*, std::int64_t, T, bool);                                \
    template Extremes<T> extremes_of<T>(const T*, std::int64_t);
BITWRIGHT_INSTANTIATE(float)
BITWRIGHT_INSTANTIATE(double)

}  // namespace bitwright::quantize
