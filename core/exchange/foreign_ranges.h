// SPDX-License-Identifier: GPL-3.0-or-later
// Ranges of activations that another program observed, from JSON or npz: who says so stays beside every range they give.
// JSON: {NAME: {"min": number or list, "max": …}}, under "sites" where the file has more to say; or the authors' act_dict form {MODULE: {"input": [min, max], "output": …}}.
// npz: arrays NAME.min and NAME.max, or NAME.abs_max, of one number or one per channel. NAME: a site, with or without "model." before it.
// Threading: pure functions.
#pragma once

#include "core/architecture/model.h"
#include "core/exchange/aimet.h"
#include "core/recipe/recipe.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace bitwright {

struct ForeignRange {
    float min = 0, max = 0;  ///< over all channels
};
struct ForeignRanges {
    std::string file, sha256;
    std::map<SiteId, ForeignRange> sites;
    std::vector<std::string> unknown;  ///< names that are no activation of this model
};
/// Throws Error (bad_input) naming file and field: no number, not finite, min above max, nothing of this model.
[[nodiscard]] ForeignRanges read_foreign_ranges(const Model& model, const std::filesystem::path& path, const NameMap& names);

/// The recipe with these ranges at its static activations that have one grid; the source of each says the file and the first digits of its hash. `used`: how many.
[[nodiscard]] Recipe with_foreign_ranges(const Recipe& recipe, const Model& model, const ForeignRanges& ranges, std::size_t& used);

}  // namespace bitwright
