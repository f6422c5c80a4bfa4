// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/kernels/packing.h"

#include <algorithm>
#include <cstring>

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

template <std::int64_t Depth>
void fill_panel(const Linear& op, WeightLayout layout, std::int64_t index, std::span<std::uint8_t> bytes)
{
    const std::int64_t cols = op.weight.cols, step = layout.rows * Depth, last = std::min<std::int64_t>(op.weight.rows, (index + 1) * layout.rows);
    const std::int64_t padded = packed_shape(op, layout).padded_cols();
    std::fill(bytes.begin(), bytes.end(), std::uint8_t{0});
    std::vector<std::int16_t> codes(static_cast<std::size_t>(cols));
    std::vector<std::uint8_t> stored(static_cast<std::size_t>(padded));  // a row as the kernels want its codes, zero past the last
    for (std::int64_t row = index * layout.rows; row < last; ++row) {
        op.weight.unpack(row, codes);
        const int offset = op.weight.stored_bits == 4 ? 8 : 0;
        for (std::int64_t k = 0; k < cols; ++k) stored[static_cast<std::size_t>(k)] = static_cast<std::uint8_t>(codes[static_cast<std::size_t>(k)] + offset);
        std::uint8_t* out = bytes.data() + row % layout.rows * Depth;
        const std::uint8_t* from = stored.data();
        if (op.weight.stored_bits == 8) {
            for (std::int64_t k = 0; k < padded; k += Depth, out += step, from += Depth) std::memcpy(out, from, Depth);
        } else {
            for (std::int64_t k = 0; k < padded; k += 2 * Depth, out += step, from += 2 * Depth)
                for (std::int64_t d = 0; d < Depth; ++d) out[d] = static_cast<std::uint8_t>(from[d] | from[Depth + d] << 4);
        }
    }
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
    switch (layout.depth) {  // constants, so that the inner loops are moves
        case 4: return fill_panel<4>(op, layout, index, bytes);
        case 8: return fill_panel<8>(op, layout, index, bytes);
        default: return fill_panel<1>(op, layout, index, bytes);
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

Linear packed(const Linear& op, WeightLayout layout, PackedStorage& storage, Workers& workers)
{
    if (!can_be_packed(op, layout)) return op;
    Linear result = op;
    result.weight = packed_shape(op, layout);
    const auto bytes = static_cast<std::size_t>(result.weight.panel_bytes());
    storage.weights.resize(bytes * static_cast<std::size_t>(result.weight.panels()));
    workers.run(result.weight.panels(), 4, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t p = first; p < last; ++p) pack_panel(op, layout, p, std::span(storage.weights).subspan(static_cast<std::size_t>(p) * bytes, bytes));
    });
    storage.vectors = packed_vectors(op, layout);
    result.weight.bytes = storage.weights;
    result.row_sums = storage.vectors.row_sums;
    result.group_scales = storage.vectors.group_scales;
    if (!storage.vectors.zero_points.empty()) result.zero_points = storage.vectors.zero_points;
    return result;
}

}  // namespace bitwright
