// SPDX-License-Identifier: GPL-3.0-or-later
// The files of the authors' MobileQuant release (mobilequant §2.1) ⇄ Recipe in `authors` semantics: act_dict.json (ranges), default_qcfg.json (schemes; every
// value a string), SmoothQuant scales. Module names as theirs: model.layers.0.self_attn.qk_bmm, mlp.w1 = gate (or the only up), w2 = down, w3 = up.
// Invariants: ranges survive a round trip as the same floats; what a file repeats (q_proj.input = input_layernorm.output) is read once and not written.
// Threading: pure functions, one thread.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/recipe.h"
#include "core/runtime/control.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>

namespace bitwright {

struct AuthorsFiles {
    std::filesystem::path act_dict, qcfg;
    std::filesystem::path smooth_scales;  ///< safetensors with keys {layer}.{qkv,fc1,out,fc2,qkt}; "" when the model's weights are smoothed already
};

/// act_dict.json, default_qcfg.json and, if it is there, smooth_scales.safetensors of a folder. Throws Error (bad_input) naming what is missing.
[[nodiscard]] AuthorsFiles authors_files(const std::filesystem::path& folder);

/// Schemes from the qcfg, ranges from the act_dict; σ(x) is [0, 1] where the act_dict lacks it. A norm weight is per tensor whatever the qcfg says
/// (mobilequant-measured §5.2.2). Weights get no range: theirs is min–max of the weight. Final norm and lm_head, which the qcfg does not know, keep
/// their ranges under the default scheme. More than 16 bits is float. Throws Error (bad_input) naming file, module and field.
[[nodiscard]] Recipe import_authors(const Model& model, const AuthorsFiles& files);

/// {module: {field: [min, max]}} and {module: {field: {"bitwidth": "8", …}}}, for the quantizers the recipe has at the simulated level (and the ranges of
/// the final norm and lm_head). Learned grids become the range that reproduces them; ranges of `bitwright` semantics are widened to 0 as its grids are.
/// Throws Error (bad_input) for what the files cannot say (activations per channel or head).
[[nodiscard]] nlohmann::json authors_act_dict(const Model& model, const Recipe& recipe);
[[nodiscard]] nlohmann::json authors_qcfg(const Model& model, const Recipe& recipe);

/// A folder their programs read: both files, config.json, the tokenizer, and the float weights with the transforms merged, clipped to the weights' ranges but
/// not rounded, as F32. Appears whole or not at all; throws Error (bad_input) when it exists.
void export_authors(const Model& model, const Recipe& recipe, const std::filesystem::path& folder, const Control& control);

}  // namespace bitwright
