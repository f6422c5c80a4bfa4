// SPDX-License-Identifier: GPL-3.0-or-later
// A linear's tensors in a package: packed codes, zero points, bias with the input's zero point folded in, multipliers (integer semantics §3, §4).
// Threading: pure functions.
#pragma once

#include "core/exchange/integer_grids.h"
#include "core/runtime/safetensors.h"

#include <string>
#include <vector>

namespace bitwright {

/// I8 [rows, cols], or U8 [rows, (cols+1)/2] for at most 4 bits.
[[nodiscard]] SafetensorsWriter::Declared weight_declared(const std::string& name, const Scheme& scheme, std::int64_t rows, std::int64_t cols);
[[nodiscard]] Tensor packed_weight(const IntegerWeight& weight, const Scheme& scheme);

/// The tensors of "NAME.…" in the order linear_tensors() makes them.
[[nodiscard]] std::vector<SafetensorsWriter::Declared> linear_declared(const std::string& name, const Scheme& scheme, std::int64_t rows, std::int64_t cols, bool with_bias);
/// Throws Error (bad_input) naming the linear and row when a bias or a multiplier does not fit.
[[nodiscard]] std::vector<Tensor> linear_tensors(const std::string& name, const IntegerWeight& weight, const Scheme& scheme, const IntegerGrid& input, double output_scale, bool with_bias);

}  // namespace bitwright
