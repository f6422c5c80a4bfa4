// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/quantize/layer_kernels.h"

namespace bitwright::quantize {

void add_run(const float* a, const float* b, float* out, std::int64_t n)
{
    on_chosen(BITWRIGHT_BODY {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] + b[i];
    });
}

void multiply_run(const float* a, const float* b, float* out, std::int64_t n)
{
    on_chosen(BITWRIGHT_BODY {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] * b[i];
    });
}

void norm_run(const float* x, const float* w, float* out, std::int64_t n, float statistic, float root)
{
    on_chosen(BITWRIGHT_BODY {
        if (root != 0.F) {
#pragma omp simd
            for (std::int64_t i = 0; i < n; ++i) out[i] = x[i] / statistic * root;
        } else {
#pragma omp simd
            for (std::int64_t i = 0; i < n; ++i) out[i] = x[i] * statistic;
        }
        if (!w) return;
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) out[i] = out[i] * w[i];
    });
}

void project_run(const float* g, const float* u, float* out, std::int64_t n, float a, float share)
{
    on_chosen(BITWRIGHT_BODY {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) out[i] = a * (g[i] - u[i] * share);
    });
}

void sigmoid_gate_run(const float* a, const float* s, const float* b, const float* sigma, float* out, std::int64_t n)
{
    on_chosen(BITWRIGHT_BODY {
#pragma omp simd
        for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] * s[i] + b[i] * sigma[i] * (1.F - sigma[i]);
    });
}

void softmax_backward_run(const float* p, float* g, std::int64_t n, float scale)
{
    on_chosen(BITWRIGHT_BODY {
        float sum[lanes] = {};
        std::int64_t i = 0;
        for (; i + lanes <= n; i += lanes) {
#pragma omp simd
            for (std::int64_t l = 0; l < lanes; ++l) sum[l] += p[i + l] * g[i + l];
        }
        for (std::int64_t l = 0; i + l < n; ++l) sum[l] += p[i + l] * g[i + l];
        const float dot = sum_of_lanes(sum);
#pragma omp simd
        for (std::int64_t j = 0; j < n; ++j) g[j] = p[j] * (g[j] - dot) * scale;
    });
}

void rotate_run(float* row, std::int64_t heads, std::int64_t dims, const float* cos, const float* sin, std::int64_t half, bool back)
{
    const float sign = back ? -1.F : 1.F;
    on_chosen(BITWRIGHT_BODY {
        for (std::int64_t h = 0; h < heads; ++h) {
            float *low = row + h * dims, *high = low + half;
#pragma omp simd
            for (std::int64_t i = 0; i < half; ++i) {
                const float a = low[i], b = high[i], s = sign * sin[i];
                low[i] = a * cos[i] - b * s;
                high[i] = b * cos[i] + a * s;
            }
        }
    });
}

}  // namespace bitwright::quantize
