// SPDX-License-Identifier: GPL-3.0-or-later
// AIMET encodings (Qualcomm's "Quantization encoding specification", versions 0.6.1 and 1.0.0) ⇄ Recipe; what QNN's converters take as overrides.
// Convention (mobilequant §7.4): theirs is real = (q + offset)·scale with q = 0 … 2^b − 1 and offset ≤ 0; ours real = (code − o)·scale with code = qmin … qmax,
// so offset = qmin − o: −o for asymmetric grids, −2^(b−1) for symmetric ones. min = offset·scale, max = (offset + 2^b − 1)·scale.
// Names: a weight is called as its tensor in the checkpoint where that tensor is one site's whole, else as the site; an activation as the site. A map of names
// (site or tensor → name in a graph) replaces them.
// Invariants: scales survive a round trip as the same floats, offsets as the same integers; what is exported was read back and compared.
// Encodings hold grids only: the weights they belong to are those with the recipe's transforms merged (export --format authors writes them).
// Threading: pure functions, one thread.
#pragma once

#include "core/architecture/model.h"
#include "core/exchange/package_export.h"
#include "core/recipe/recipe.h"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

enum class AimetVersion : std::uint8_t { v0_6_1, v1_0_0 };

/// Site or tensor → name in the graph the encodings are for.
using NameMap = std::map<std::string, std::string>;
/// A JSON object of texts. Throws Error (bad_input) naming file and field; also where two sites would get one name.
[[nodiscard]] NameMap read_name_map(const std::filesystem::path& path);

/// What the site is called in encodings before a NameMap.
[[nodiscard]] std::string aimet_name(const Model& model, const Site& site);

struct AimetExport {
    std::size_t activations = 0, parameters = 0;
    std::vector<Conversion> conversions;  ///< offsets rounded, ranges widened to contain 0
};
/// Throws Error (bad_input) naming the site for what the version cannot say: fewer than 4 bits, dynamic ranges, grids per head, token or input channel; groups
/// in 0.6.1; integer group scales. Sites that stay float have no encoding.
[[nodiscard]] AimetExport export_aimet(const Model& model, const Recipe& recipe, const std::filesystem::path& path, AimetVersion version, const NameMap& names, const Control& control);

struct AimetImport {
    Recipe recipe;
    std::string version;
    std::vector<std::string> unknown;     ///< names that are no site of this model, in the file's order
    std::vector<Conversion> conversions;  ///< more than 16 bits left float, min and max that do not fit scale and offset …
};
/// Versions 0.4 to 0.6 (tensor-keyed, and module-keyed as AIMET loads them: {module: {"input": {"0": …}, "output": {"0": …}}}) and 1.0. Scale and offset count, min and
/// max are checked against them. Throws Error (bad_input) naming file and field, or when no name is a site of the model.
[[nodiscard]] AimetImport import_aimet(const Model& model, const std::filesystem::path& path, const NameMap& names);

}  // namespace bitwright
