// SPDX-License-Identifier: GPL-3.0-or-later
// What an NPU takes: combinations of weight bits × activation bits × granularity × symmetry per kind of operation, each with the place it was read in. Data files
// (resources/npu), built in; a file of the user's own may be read, too.
// Invariant: nothing is said about what no entry mentions but that it is not known to run; the reason names what is.
// Threading: immutable values; pure functions.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/recipe.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

/// linear: weights of matrix products. kv: keys and values as they are cached (the second inputs of attention's products).
enum class NpuOp : std::uint8_t { linear, embedding, norm, activation, kv };

struct NpuCombination {
    NpuOp op{};
    int weights = 0;                        ///< bits; 0 for activations
    std::vector<int> activations;           ///< bits; of a linear those of its input; empty: any
    std::vector<Granularity> granularity;
    std::int64_t group = 0;                 ///< granularity group only: inputs of a group; 0: any
    std::optional<bool> symmetric;          ///< absent: either
    std::string source;
};
struct NpuProfile {
    std::string name, title;
    bool dynamic = false, floating = false;  ///< whether ranges may be taken at run time, whether anything may stay float
    std::vector<NpuCombination> takes;
};

/// Throws Error (bad_input) naming `where` and the field; a field that is no part of the format is a fault.
[[nodiscard]] NpuProfile parse_npu_profile(std::string_view text, std::string_view where);
/// Those of resources/npu, by name.
[[nodiscard]] const std::vector<NpuProfile>& npu_profiles();
/// By name, else a file. Throws Error (bad_input) listing the names.
[[nodiscard]] NpuProfile find_npu_profile(const std::string& name_or_file);

/// Why the NPU does not take `scheme` at `site` beside the recipe's other decisions, as a clause that names what it takes there; "" when it does.
[[nodiscard]] std::string npu_fault(const NpuProfile& profile, const Model& model, const Recipe& recipe, const Site& site, const Scheme& scheme);

/// The scheme nearest to `scheme` that the NPU takes there: as many bits or more before fewer, then the same symmetry and granularity. Absent: none.
[[nodiscard]] std::optional<Scheme> nearest_scheme(const NpuProfile& profile, const Model& model, const Recipe& recipe, const Site& site, const Scheme& scheme);

}  // namespace bitwright
