// SPDX-License-Identifier: GPL-3.0-or-later
// The matrix products of the integer level (integer semantics §3): one weight row at a time is widened to int16, then met by every token.
#include "core/runtime/operations.h"

#include <algorithm>
#include <vector>

namespace bitwright {
namespace {

/// Σ a·w. 8-bit inputs: the whole sum fits int32 (checked at opening). 16-bit inputs: 256 products do, the rest is joined in int64.
std::int64_t dot(const std::int16_t* a, const std::int16_t* w, std::int64_t count, bool wide) noexcept
{
    const std::int64_t step = wide ? 256 : count;
    std::int64_t total = 0;
    for (std::int64_t start = 0; start < count; start += step) {
        const std::int64_t end = std::min(start + step, count);
        std::int32_t sum = 0;
        for (std::int64_t i = start; i < end; ++i) sum += static_cast<std::int32_t>(a[i]) * w[i];
        total += sum;
    }
    return total;
}

/// Calls store(token, row, accumulator, requantizer) for every token and row.
template <typename Store>
void accumulate(const Linear& op, Codes16 in, std::int64_t tokens, std::int64_t first_row, std::int64_t last_row, Store store)
{
    const std::int64_t cols = op.weight.cols, group = op.group == 0 ? cols : op.group, groups = op.groups();
    const bool wide = op.input_bits > 8;
    std::vector<std::int16_t> permuted;
    if (!op.permutation.empty()) {
        permuted.resize(in.size());
        for (std::int64_t t = 0; t < tokens; ++t)
            for (std::int64_t k = 0; k < cols; ++k) permuted[static_cast<std::size_t>(t * cols + k)] = in[static_cast<std::size_t>(t * cols + op.permutation[static_cast<std::size_t>(k)])];
        in = permuted;
    }
    std::vector<std::int64_t> input_sums;  // Σ a per token and group, once for all rows; only needed where weights have zero points
    if (!op.zero_points.empty()) {
        input_sums.resize(static_cast<std::size_t>(tokens * groups));
        for (std::int64_t t = 0; t < tokens; ++t)
            for (std::int64_t k = 0; k < cols; ++k) input_sums[static_cast<std::size_t>(t * groups + k / group)] += in[static_cast<std::size_t>(t * cols + k)];
    }
    const auto slice = [&](std::size_t available, std::int64_t row, std::int64_t g) {  // per tensor, per row, per group
        const auto count = static_cast<std::int64_t>(available);
        return count == 1 ? 0 : count == op.weight.rows ? static_cast<std::size_t>(row) : op.group_index(row, g);
    };
    std::vector<std::int16_t> weights(static_cast<std::size_t>(cols));
    for (std::int64_t row = first_row; row < last_row; ++row) {
        op.weight.unpack(row, weights);
        const Requantizer factor{op.multipliers[slice(op.multipliers.size(), row, 0)], op.shifts[slice(op.shifts.size(), row, 0)]};
        for (std::int64_t t = 0; t < tokens; ++t) {
            std::int64_t accumulator = op.bias.empty() ? 0 : op.bias[static_cast<std::size_t>(row)];
            for (std::int64_t g = 0; g < groups; ++g) {
                const std::int64_t start = g * group;
                std::int64_t sum = dot(in.data() + t * cols + start, weights.data() + start, std::min(group, cols - start), wide);
                if (!op.zero_points.empty()) sum -= op.zero_points[slice(op.zero_points.size(), row, g)] * input_sums[static_cast<std::size_t>(t * groups + g)];
                accumulator += op.group_scales.empty() ? sum : sum * op.group_scales[op.group_index(row, g)];
            }
            store(t, row, accumulator, factor);
        }
    }
}

}  // namespace

void WeightCodes::unpack(std::int64_t row, std::span<std::int16_t> out) const noexcept
{
    if (layout.rows > 1) {
        const std::uint8_t* panel = bytes.data() + row / layout.rows * panel_bytes();
        const std::int64_t depth = layout.depth, at = row % layout.rows * depth, step = layout.rows * depth;
        for (std::int64_t k = 0; k < cols; ++k) {
            const std::int64_t block = k / depth;
            if (stored_bits == 8) out[static_cast<std::size_t>(k)] = static_cast<std::int8_t>(panel[block * step + at + k % depth]);
            else out[static_cast<std::size_t>(k)] = static_cast<std::int16_t>((panel[block / 2 * step + at + k % depth] >> (block % 2 * 4) & 15) - 8);
        }
        return;
    }
    const std::int64_t stride = stored_bits == 8 ? cols : (cols + 1) / 2;
    const std::uint8_t* bytes_of_row = bytes.data() + row * stride;
    if (stored_bits == 8) {
        for (std::int64_t k = 0; k < cols; ++k) out[static_cast<std::size_t>(k)] = static_cast<std::int8_t>(bytes_of_row[k]);
        return;
    }
    const auto nibble = [](unsigned code) { return static_cast<std::int16_t>(static_cast<int>(code ^ 8U) - 8); };
    for (std::int64_t k = 0; k + 1 < cols; k += 2) {
        out[static_cast<std::size_t>(k)] = nibble(bytes_of_row[k / 2] & 15U);
        out[static_cast<std::size_t>(k + 1)] = nibble(bytes_of_row[k / 2] >> 4);
    }
    if (cols % 2 != 0) out[static_cast<std::size_t>(cols - 1)] = nibble(bytes_of_row[cols / 2] & 15U);
}

void linear(const Linear& op, Codes16 in, std::int64_t tokens, std::span<std::int16_t> out, std::int64_t first_row, std::int64_t last_row)
{
    accumulate(op, in, tokens, first_row, last_row, [&](std::int64_t t, std::int64_t row, std::int64_t accumulator, Requantizer factor) {
        out[static_cast<std::size_t>(t * op.weight.rows + row)] = static_cast<std::int16_t>(requantize(accumulator, factor, op.output));
    });
}

void logits(const Linear& op, Codes16 in, std::int64_t tokens, std::span<std::int32_t> out, std::int64_t first_row, std::int64_t last_row)
{
    accumulate(op, in, tokens, first_row, last_row, [&](std::int64_t t, std::int64_t row, std::int64_t accumulator, Requantizer factor) {
        out[static_cast<std::size_t>(t * op.weight.rows + row)] = saturate(scaled(accumulator, factor), INT32_MIN, INT32_MAX);
    });
}

}  // namespace bitwright
