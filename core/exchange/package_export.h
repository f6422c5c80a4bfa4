// SPDX-License-Identifier: GPL-3.0-or-later
// (Model, Recipe) → Package file (core/runtime/package.h). The one place where float ranges become integer grids, multipliers and tables (integer semantics §2 – §4).
// Invariants: weight codes are quantize_weight()'s, so they are the simulation's; written block by block, atomically; the same input gives the same bytes.
// Threading: pure function over immutable inputs.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/recipe.h"
#include "core/runtime/control.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bitwright {

struct PackageOptions {
    std::int64_t context = 0;  ///< positions of the tables; 0: the model's, at most 8192
};

/// What became different on the way from the simulated to the integer level (integer semantics §2).
struct Conversion {
    std::string site;
    std::string what;  ///< "range [0.1, 3] widened to contain 0", "16 bits made symmetric: scale 1.2e-4 → 1.9e-4" …
};

struct PackageReport {
    std::vector<Conversion> conversions;
    std::uint64_t file_size = 0;
};

/// Throws Error (bad_input) naming the site when the recipe has no range for a site of the integer level, or naming the feature ("the integer level does not support
/// … yet"); (failed) when the file cannot be written; Cancelled. Nothing half-written stays.
[[nodiscard]] PackageReport export_package(const Model& model, const Recipe& recipe, const std::filesystem::path& path, const PackageOptions& options, const Control& control);

}  // namespace bitwright
