// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/decoder/positions.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitwright {

Positions::Positions(const Architecture& architecture, Semantics semantics, at::ScalarType dtype)
    : architecture_(architecture), semantics_(semantics), dtype_(dtype), tables_(architecture.ropes.size())
{
}

// Angles in double, rounded once; under authors' semantics in float as transformers does, so that hidden states can be equal to the bit.
const Positions::Table& Positions::table(int rope, std::int64_t positions, std::int64_t length)
{
    const auto index = static_cast<std::size_t>(rope);
    const Rope& rotary = architecture_.ropes.at(index);
    Table& table = tables_[index];
    const std::int64_t key = rotary.depends_on_length() ? length : -1;
    if (table.cos.defined() && table.length == key && table.cos.size(0) >= positions) return table;

    const c10::NoGradGuard no_grad;
    const auto type = semantics_ == Semantics::authors && dtype_ == at::kFloat ? at::kFloat : at::kDouble;
    const std::int64_t rows = key < 0 ? static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(positions))) : positions;
    const bool as_published = type == at::kFloat && rotary.scaling == RopeScaling::none;  // a frequency one ulp off moves codes of late tokens
    const auto frequencies = as_published ? at::pow(rotary.theta, at::arange(0, rotary.dims, 2, at::kFloat) / rotary.dims).reciprocal()
                                          : at::tensor(rotary.inverse_frequencies(length), at::kDouble).to(type);
    const auto angles = at::arange(rows, at::TensorOptions(type)).unsqueeze(1) * frequencies;
    table.length = key;
    table.cos = (angles.cos() * rotary.attention_factor).to(dtype_);
    table.sin = (angles.sin() * rotary.attention_factor).to(dtype_);
    return table;
}

std::pair<at::Tensor, at::Tensor> Positions::angles(int rope, std::int64_t first, std::int64_t tokens, std::int64_t length)
{
    const Table& both = table(rope, first + tokens, length);
    return {both.cos.narrow(0, first, tokens), both.sin.narrow(0, first, tokens)};
}

at::Tensor Positions::rotate(const at::Tensor& x, int rope, std::int64_t first, std::int64_t length)
{
    const std::int64_t tokens = x.size(2), half = architecture_.ropes.at(static_cast<std::size_t>(rope)).dims / 2;
    const auto [cos, sin] = angles(rope, first, tokens, length);
    const auto low = x.narrow(-1, 0, half), high = x.narrow(-1, half, half);
    std::vector<at::Tensor> parts{low * cos - high * sin, high * cos + low * sin};
    if (const auto rest = x.size(-1) - 2 * half; rest > 0) parts.push_back(x.narrow(-1, 2 * half, rest));
    return at::cat(parts, -1);
}

at::Tensor Positions::bias(std::int64_t window, std::int64_t first_row, std::int64_t rows, std::int64_t first_key, std::int64_t keys)
{
    const bool alibi = architecture_.position == PositionKind::alibi;
    const bool all_before = first_key + keys - 1 <= first_row;
    const bool all_in_window = window == 0 || first_row + rows - 1 - first_key < window;
    if (!alibi && all_before && all_in_window) return {};
    const std::array<std::int64_t, 5> key{window, first_row, rows, first_key, keys};
    if (bias_.defined() && bias_key_ == key) return bias_;

    const c10::NoGradGuard no_grad;
    const auto distance = at::arange(first_row, first_row + rows, at::kLong).unsqueeze(1) - at::arange(first_key, first_key + keys, at::kLong);
    auto visible = distance >= 0;
    if (window > 0) visible = visible.logical_and(distance < window);
    auto open = at::zeros({1, 1, 1}, dtype_);
    if (alibi) open = at::tensor(alibi_slopes(architecture_.heads), dtype_).view({-1, 1, 1}) * distance.neg().to(dtype_);
    const double lowest = dtype_ == at::kDouble ? std::numeric_limits<double>::lowest() : std::numeric_limits<float>::lowest();
    bias_ = at::where(visible, open, at::full({1, 1, 1}, lowest, at::TensorOptions(dtype_)));
    bias_key_ = key;
    return bias_;
}

}  // namespace bitwright
