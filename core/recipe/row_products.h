// SPDX-License-Identifier: GPL-3.0-or-later
// x·Wᵀ for a few rows of x in float: the one matrix product outside LibTorch and the integer engine, for estimates that follow a drag.
// Invariants: the order of additions is fixed (float over 512 inputs, then float over those sums), so results are equal on every CPU.
// Threading: pure function.
#pragma once

#include <vector>

namespace bitwright {

/// @param x [rows, cols] @param w [outputs, cols]. @return [outputs, rows].
[[nodiscard]] std::vector<float> row_products(const std::vector<float>& x, const std::vector<float>& w, std::size_t cols);

}  // namespace bitwright
