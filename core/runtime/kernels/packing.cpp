// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/kernels/packing.h"

#include <algorithm>

namespace bitwright {
namespace {

template <typename T>
std::vector<T> in_panel_order(const Linear& op, std::span<const T> values, WeightLayout layout, T filling)
{
    Linear packed;
    packed.group = op.group;
    packed.weight = packed_shape(op, layout);
    std::vector<T> result(static_cast<std::size_t>(packed.weight.panels() * layout.rows * op.groups()), filling);
    for (std::int64_t row = 0; row < op.weight.rows; ++row)
        for (std::int64_t g = 0; g < op.groups(); ++g) result[packed.group_index(row, g)] = values[op.group_index(row, g)];
    return result;
}

}  // namespace

bool can_be_packed(const Linear& op, WeightLayout layout) noexcept
{
    if (op.weight.layout.rows != 1 || layout.rows <= 1) return false;
    return op.group == 0 || (op.weight.cols % op.group == 0 && op.group % (layout.depth * (op.weight.stored_bits == 4 ? 2 : 1)) == 0);
}

WeightCodes packed_shape(const Linear& op, WeightLayout layout) noexcept { return {op.weight.rows, op.weight.cols, op.weight.stored_bits, {}, layout}; }

void pack_panel(const Linear& op, WeightLayout layout, std::int64_t index, std::span<std::uint8_t> bytes)
{
    std::fill(bytes.begin(), bytes.end(), std::uint8_t{0});
    std::vector<std::int16_t> codes(static_cast<std::size_t>(op.weight.cols));
    const std::int64_t depth = layout.depth, step = layout.rows * depth, last = std::min<std::int64_t>(op.weight.rows, (index + 1) * layout.rows);
    for (std::int64_t row = index * layout.rows; row < last; ++row) {
        op.weight.unpack(row, codes);
        std::uint8_t* out = bytes.data() + row % layout.rows * depth;
        for (std::int64_t block = 0; block * depth < op.weight.cols; ++block) {
            const std::int64_t first = block * depth, count = std::min(depth, op.weight.cols - first);
            for (std::int64_t d = 0; d < count; ++d) {
                const std::int32_t code = codes[static_cast<std::size_t>(first + d)];
                if (op.weight.stored_bits == 8) out[block * step + d] = static_cast<std::uint8_t>(code);
                else out[block / 2 * step + d] = static_cast<std::uint8_t>(out[block / 2 * step + d] | (code + 8) << (block % 2 * 4));
            }
        }
    }
}

PackedVectors packed_vectors(const Linear& op, WeightLayout layout)
{
    PackedVectors result;
    std::vector<std::int16_t> codes(static_cast<std::size_t>(op.weight.cols));
    const std::int64_t groups = op.groups(), group = op.group == 0 ? op.weight.cols : op.group;
    for (std::int64_t row = 0; row < op.weight.rows; ++row) {
        op.weight.unpack(row, codes);
        std::int64_t total = 0;
        for (std::int64_t g = 0; g < groups; ++g) {
            std::int32_t sum = 0;
            for (std::int64_t k = g * group; k < std::min(op.weight.cols, (g + 1) * group); ++k) sum += codes[static_cast<std::size_t>(k)];
            total += static_cast<std::int64_t>(sum) * (op.group_scales.empty() ? 1 : op.group_scales[op.group_index(row, g)]);
        }
        result.row_sums.push_back(static_cast<std::int32_t>(total));
    }
    if (!op.group_scales.empty()) result.group_scales = in_panel_order<std::uint8_t>(op, op.group_scales, layout, 1);
    const auto count = static_cast<std::int64_t>(op.zero_points.size());
    if (count > 1 && count != op.weight.rows) result.zero_points = in_panel_order<std::int8_t>(op, op.zero_points, layout, 0);
    return result;
}

Linear packed(const Linear& op, WeightLayout layout, PackedStorage& storage)
{
    if (!can_be_packed(op, layout)) return op;
    Linear result = op;
    result.weight = packed_shape(op, layout);
    const auto bytes = static_cast<std::size_t>(result.weight.panel_bytes());
    storage.weights.resize(bytes * static_cast<std::size_t>(result.weight.panels()));
    for (std::int64_t p = 0; p < result.weight.panels(); ++p) pack_panel(op, layout, p, std::span(storage.weights).subspan(static_cast<std::size_t>(p) * bytes, bytes));
    storage.vectors = packed_vectors(op, layout);
    result.weight.bytes = storage.weights;
    result.row_sums = storage.vectors.row_sums;
    result.group_scales = storage.vectors.group_scales;
    if (!storage.vectors.zero_points.empty()) result.zero_points = storage.vectors.zero_points;
    return result;
}

}  // namespace bitwright
