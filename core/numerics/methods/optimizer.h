// SPDX-License-Identifier: GPL-3.0-or-later
// AdamW (Loshchilov & Hutter 2019) with betas 0.9, 0.999, eps 1e-8, no weight decay, in the order of operations of PyTorch's single-tensor loop, and the
// cosine schedule of the MobileQuant recipes (mobilequant §5.1). Plain float memory, no LibTorch.
// Threading: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bitwright {

/// lr(t) = end + (start − end)·(1 + cos(π·t/total))/2.
struct CosineSchedule {
    double start = 1e-3, end = 1e-4;
    [[nodiscard]] double at(std::int64_t step, std::int64_t total) const noexcept;
};

/// Moments of one parameter vector.
struct Moments {
    std::vector<float> first, second;
};

/// One update, in place. @param step how many updates this vector has had, this one included (1 for the first).
void adamw_update(std::span<float> parameter, std::span<const float> gradient, Moments& moments, double learning_rate, std::int64_t step);

}  // namespace bitwright
