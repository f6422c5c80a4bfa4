// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/quantize/kernels.h"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace bitwright::quantize {
namespace {

KernelPath widest() noexcept
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return KernelPath::avx512;
    if (__builtin_cpu_supports("avx2")) return KernelPath::avx2;
#endif
    return KernelPath::plain;
}

std::atomic<KernelPath> chosen{widest()};

template <typename T>
BITWRIGHT_INLINE T code_of(T rounded, const GridOf<T>& g)
{
    T q = rounded + g.offset;
    q = q < g.qmin ? g.qmin : q;
    return q > g.qmax ? g.qmax : q;
}

template <typename T>
BITWRIGHT_INLINE void forward_body(const T* x, T* out, std::int64_t n, const GridOf<T>& given)
{
    const GridOf<T> g = given;
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) out[i] = (code_of(std::nearbyint(x[i] / g.scale), g) - g.offset) * g.scale;
}

template <typename T>
BITWRIGHT_INLINE void forward_mask_body(const T* x, T* out, std::uint8_t* inside, std::int64_t n, const GridOf<T>& given)
{
    const GridOf<T> g = given;
    for (std::int64_t from = 0; from < n; from += lanes) {
        const std::int64_t count = std::min(lanes, n - from);
        std::uint32_t in[lanes] = {};
        const auto one = [&](std::int64_t l) {
            const T q = std::nearbyint(x[from + l] / g.scale) + g.offset;
            in[l] = (q < g.qmin || q > g.qmax) ? 0U : 1U << l;
            const T low = q < g.qmin ? g.qmin : q;
            out[from + l] = ((low > g.qmax ? g.qmax : low) - g.offset) * g.scale;
        };
        if (count == lanes) {
#pragma omp simd
            for (std::int64_t l = 0; l < lanes; ++l) one(l);
        } else {
            for (std::int64_t l = 0; l < count; ++l) one(l);
        }
        std::uint32_t bits = 0;
#pragma omp simd reduction(| : bits)
        for (std::int64_t l = 0; l < lanes; ++l) bits |= in[l];
        inside[from / 8] = static_cast<std::uint8_t>(bits);
        if (count > 8) inside[from / 8 + 1] = static_cast<std::uint8_t>(bits >> 8);
    }
}

template <typename T>
BITWRIGHT_INLINE void masked_body(const T* grad, const std::uint8_t* inside, T* grad_x, std::int64_t n)
{
    constexpr std::int64_t group = 8;
    std::int64_t from = 0;
    for (; from + group <= n; from += group) {
        const std::uint32_t bits = inside[from / group];
#pragma omp simd
        for (std::int64_t l = 0; l < group; ++l) grad_x[from + l] = (bits & (1U << l)) ? grad[from + l] : T(0);
    }
    for (; from < n; ++from) grad_x[from] = (inside[from / group] >> (from % group)) & 1U ? grad[from] : T(0);
}

// Sums in T over short runs (lanes), in double between runs: the run is at most a few thousand values long.
template <typename T>
BITWRIGHT_INLINE void backward_body(const T* x, const T* grad, T* grad_x, std::int64_t n, const GridOf<T>& given, T& to_scale, T& clipped)
{
    const GridOf<T> g = given;
    const T below_by = g.qmin - g.offset, above_by = g.qmax - g.offset;
    T sum_scale[lanes] = {}, sum_clipped[lanes] = {};
    const auto one = [&](std::int64_t i, std::int64_t l) {
        const T v = x[i] / g.scale, r = std::nearbyint(v), q = r + g.offset;
        const bool below = q < g.qmin, above = q > g.qmax;
        T t = r - v;
        t = below ? below_by : t;
        t = above ? above_by : t;
        const T from_above = grad[i];
        const T in = (below || above) ? T(0) : from_above;
        grad_x[i] = in;
        sum_scale[l] += from_above * t;
        sum_clipped[l] += from_above - in;
    };
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
#pragma omp simd
        for (std::int64_t l = 0; l < lanes; ++l) one(i + l, l);
    }
    for (std::int64_t l = 0; i + l < n; ++l) one(i + l, l);
    to_scale = sum_of_lanes(sum_scale);
    clipped = sum_of_lanes(sum_clipped);
}

template <typename T>
BITWRIGHT_INLINE void scale_body(const T* row, const T* columns, T* out, std::int64_t n, T factor, bool divide)
{
    if (columns && divide) {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) out[i] = row[i] * columns[i] / factor;
    } else if (columns) {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) out[i] = row[i] * columns[i] * factor;
    } else if (divide) {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) out[i] = row[i] / factor;
    } else {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) out[i] = row[i] * factor;
    }
}

template <typename T>
BITWRIGHT_INLINE void add_products_body(const T* grad, const T* row, T factor, T* sums, std::int64_t n)
{
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) sums[i] += grad[i] * row[i] * factor;
}

template <typename T>
BITWRIGHT_INLINE T dot_body(const T* a, const T* b, std::int64_t n)
{
    T sum[lanes] = {};
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
#pragma omp simd
        for (std::int64_t l = 0; l < lanes; ++l) sum[l] += a[i + l] * b[i + l];
    }
    for (std::int64_t l = 0; i + l < n; ++l) sum[l] += a[i + l] * b[i + l];
    return sum_of_lanes(sum);
}

template <typename T>
BITWRIGHT_INLINE void bounds_body(const T* x, std::int64_t n, T& min, T& max)
{
    T low = x[0], high = x[0];
#pragma omp simd reduction(min : low) reduction(max : high)
    for (std::int64_t i = 0; i < n; ++i) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    min = low;
    max = high;
}

BITWRIGHT_INLINE void latent_body(const float* latent, float* out, std::int64_t n, const GridOf<float>& grid)
{
    const float s = grid.scale, o = grid.offset, low = grid.qmin, high = grid.qmax;
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) {
        float q = std::nearbyint(latent[i]);
        q = q < low ? low : q;
        q = q > high ? high : q;
        out[i] = (q - o) * s;
    }
}

BITWRIGHT_INLINE void latent_backward_body(const float* latent, const float* grad, float* gradient, std::int64_t n, const GridOf<float>& grid)
{
    const float s = grid.scale, low = grid.qmin - 0.5F, high = grid.qmax + 0.5F;
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) gradient[i] = latent[i] < low || latent[i] > high ? 0.0F : grad[i] * s;
}

}  // namespace

KernelPath kernel_path() noexcept { return chosen.load(std::memory_order_relaxed); }

bool force_kernel_path(std::optional<KernelPath> path) noexcept
{
    if (path && *path > widest()) return false;
    chosen = path.value_or(widest());
    return true;
}

template <typename T>
void forward_run(const T* x, T* out, std::int64_t n, const GridOf<T>& grid)
{
    on_chosen(BITWRIGHT_BODY { forward_body(x, out, n, grid); });
}

template <typename T>
void forward_run(const T* x, T* out, std::uint8_t* inside, std::int64_t n, const GridOf<T>& grid)
{
    on_chosen(BITWRIGHT_BODY { forward_mask_body(x, out, inside, n, grid); });
}

template <typename T>
void masked_run(const T* grad, const std::uint8_t* inside, T* grad_x, std::int64_t n)
{
    on_chosen(BITWRIGHT_BODY { masked_body(grad, inside, grad_x, n); });
}

template <typename T>
void backward_run(const T* x, const T* grad, T* grad_x, std::int64_t n, const GridOf<T>& grid, double& grad_scale, double& grad_offset)
{
    constexpr std::int64_t run = 1024;
    double to_scale = 0, clipped = 0;
    on_chosen(BITWRIGHT_BODY {
        for (std::int64_t from = 0; from < n; from += run) {
            T a = 0, b = 0;
            backward_body(x + from, grad + from, grad_x + from, std::min(run, n - from), grid, a, b);
            to_scale += static_cast<double>(a);
            clipped += static_cast<double>(b);
        }
    });
    grad_scale += to_scale;
    grad_offset -= static_cast<double>(grid.scale) * clipped;
}

template <typename T>
void scale_run(const T* row, const T* columns, T* out, std::int64_t n, T factor, bool divide)
{
    on_chosen(BITWRIGHT_BODY { scale_body(row, columns, out, n, factor, divide); });
}

template <typename T>
void add_products_run(const T* grad, const T* row, T factor, T* sums, std::int64_t n)
{
    on_chosen(BITWRIGHT_BODY { add_products_body(grad, row, factor, sums, n); });
}

template <typename T>
double dot_run(const T* a, const T* b, std::int64_t n)
{
    constexpr std::int64_t run = 1024;
    double sum = 0;
    on_chosen(BITWRIGHT_BODY {
        for (std::int64_t from = 0; from < n; from += run) sum += static_cast<double>(dot_body(a + from, b + from, std::min(run, n - from)));
    });
    return sum;
}

void latent_run(const float* latent, float* out, std::int64_t n, const GridOf<float>& grid)
{
    on_chosen(BITWRIGHT_BODY { latent_body(latent, out, n, grid); });
}

void latent_backward_run(const float* latent, const float* grad, float* gradient, std::int64_t n, const GridOf<float>& grid)
{
    on_chosen(BITWRIGHT_BODY { latent_backward_body(latent, grad, gradient, n, grid); });
}

template <typename T>
std::pair<T, T> bounds_of(const T* x, std::int64_t n)
{
    T low = 0, high = 0;
    on_chosen(BITWRIGHT_BODY { bounds_body(x, n, low, high); });
    return {low, high};
}

template <typename T>
Extremes<T> extremes_of(const T* x, std::int64_t n)
{
    const auto [low, high] = bounds_of(x, n);  // vectorized; places second: a search stops at the first hit
    const auto place = [&](T value) { return std::min<std::int64_t>(std::find(x, x + n, value) - x, n - 1); };  // NaN is found nowhere
    return {low, high, place(low), place(high)};
}

#define BITWRIGHT_INSTANTIATE(T)                                                                              \
    template void forward_run<T>(const T*, T*, std::int64_t, const GridOf<T>&);                               \
    template void forward_run<T>(const T*, T*, std::uint8_t*, std::int64_t, const GridOf<T>&);                \
    template void masked_run<T>(const T*, const std::uint8_t*, T*, std::int64_t);                             \
    template void backward_run<T>(const T*, const T*, T*, std::int64_t, const GridOf<T>&, double&, double&);  \
    template void scale_run<T>(const T*, const T*, T*, std::int64_t, T, bool);                                \
    template void add_products_run<T>(const T*, const T*, T, T*, std::int64_t);                               \
    template double dot_run<T>(const T*, const T*, std::int64_t);                                             \
    template std::pair<T, T> bounds_of<T>(const T*, std::int64_t);                                            \
    template Extremes<T> extremes_of<T>(const T*, std::int64_t);
BITWRIGHT_INSTANTIATE(float)
BITWRIGHT_INSTANTIATE(double)

}  // namespace bitwright::quantize
