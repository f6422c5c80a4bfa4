// SPDX-License-Identifier: GPL-3.0-or-later
// Weights from rows into panels (WeightLayout), panel by panel, so that a file can be written while another is read.
// Threading: pure functions.
#pragma once

#include "core/runtime/operations.h"
#include "core/runtime/workers.h"

#include <span>
#include <vector>

namespace bitwright {

/// Whether `op`, in rows, can lie in panels of `layout`: its groups must end where a step of the kernels ends. Else it stays in rows.
[[nodiscard]] bool can_be_packed(const Linear& op, WeightLayout layout) noexcept;

/// The weight's shape in panels: its layout, nothing in it yet.
[[nodiscard]] WeightCodes packed_shape(const Linear& op, WeightLayout layout) noexcept;

/// Panel `index` of `op` (in rows): packed_shape().panel_bytes() bytes.
void pack_panel(const Linear& op, WeightLayout layout, std::int64_t index, std::span<std::uint8_t> bytes);

/// What else changes its order or comes along: row_sums [rows], group_scales and per-group zero points in panel order (rows past the last: 1 and 0), or empty.
struct PackedVectors {
    std::vector<std::int32_t> row_sums;
    std::vector<std::uint8_t> group_scales;
    std::vector<std::int8_t> zero_points;  ///< empty unless there is one per row and group
};
[[nodiscard]] PackedVectors packed_vectors(const Linear& op, WeightLayout layout);

/// A linear's packed bytes in memory; what is returned by packed() points into it.
struct PackedStorage {
    std::vector<std::uint8_t> weights;
    PackedVectors vectors;
};
/// `op` in panels, or as it is where it cannot be. The rest of `op` is shared, `storage` is filled.
[[nodiscard]] Linear packed(const Linear& op, WeightLayout layout, PackedStorage& storage, Workers& workers);

}  // namespace bitwright
