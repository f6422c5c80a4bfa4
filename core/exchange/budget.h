// SPDX-License-Identifier: GPL-3.0-or-later
// What a recipe costs in bytes, before anything is exported: the tensors of weights as a package would store them, with zero points, multipliers, shifts, group
// scales and biases, and bits per weight and activation.
// Invariants: for a recipe that can be exported, weight_bytes is the sum of the package's weight tensors, to the byte (rotary tables, activation tables and the
// tokenizer are not weights). Weights that a package cannot hold (float, more than 8 bits, per channel) count as the checkpoint stores them and are named.
// Threading: pure function; microseconds per site, no weight is read.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/recipe.h"

#include <cstdint>
#include <vector>

namespace bitwright {

struct SiteBytes {
    SiteId site = no_site;
    std::uint64_t bytes = 0, float_bytes = 0;  ///< as the package stores it; as the checkpoint does
    bool packaged = true;                      ///< false: a package cannot hold this scheme, `bytes` are the checkpoint's
};

struct Budget {
    std::uint64_t weight_bytes = 0;
    std::uint64_t float_bytes = 0;   ///< of the same weights in the checkpoint (a tied lm_head counts once)
    std::int64_t weights = 0;        ///< values, biases included, tied ones once per tensor of the package
    double bits_per_weight = 0;      ///< 8·weight_bytes / weights: effective, with everything stored beside the codes
    double bits_per_activation = 0;  ///< mean over the activation sites of the integer level, weighted by channels; a float site counts as 32
    std::vector<SiteBytes> sites;    ///< weights in the catalogue's order
};

/// `context`: positions of a learned position table; 0 as in package_export.h.
[[nodiscard]] Budget budget_of(const Model& model, const Recipe& recipe, std::int64_t context = 0);

}  // namespace bitwright
