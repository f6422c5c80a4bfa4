// SPDX-License-Identifier: GPL-3.0-or-later
// Recipe: decisions, not weights. A readable, diffable value that is tuned, undone, compared and exported; it never holds transformed weights.
// Invariants: every site name exists in the model the recipe was made for (validate()); transforms apply in order.
// Threading: plain value; vectors are shared and immutable.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/scheme.h"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bitwright {

/// Producer channel c ÷ s[c], consumers' input channel c × s[c]: the same function in float (mobilequant §3, §4.1).
/// Which producers and consumers a pair has is derived from the model (transforms.h), so `pair` names it: "norm_qkv", "norm_mlp", "up_down", "v_o", "q_k".
struct ScalePair {
    std::string pair;
    std::int64_t layer = 0;
    Numbers scale;
};
/// clamp(W, min, max) per slice of the site's scheme, after the scale pairs before it (LWC merged).
struct Clip {
    std::string site;
    Numbers min, max;
};
/// Codes of a weight fixed by a method that is no transform (GPTQ, learned rounding): int16, row-major, on the site's grids as
/// weight_grids() (transforms.h) gives them.
struct Codes {
    std::string site;
    std::shared_ptr<const std::vector<std::int16_t>> codes;
};
using Transform = std::variant<ScalePair, Clip, Codes>;

struct SiteDecision {
    Scheme scheme;
    Range range;
};

/// Whether two decisions quantize alike, wherever their ranges come from.
[[nodiscard]] inline bool same_grids(const SiteDecision& a, const SiteDecision& b) noexcept { return a.scheme == b.scheme && same_numbers(a.range, b.range); }

struct MadeBy {
    std::string method;       ///< "rtn", "smoothquant-edge", "mobilequant-paper", "by hand" …
    std::string options;      ///< canonical JSON of all options, defaults included
    std::string calibration;  ///< token hash
    std::string program;      ///< version
    std::uint64_t seed = 0;
    std::int64_t steps = 0;
};

struct Recipe {
    std::string model_hash;    ///< content hash of the checkpoint it was made for ("" while unknown)
    std::string architecture;  ///< fingerprint: model_type and sizes; a recipe for another architecture is refused
    Semantics semantics = Semantics::bitwright;
    std::map<std::string, SiteDecision> sites;  ///< by site name; a site that is absent stays float (simulated level)
    std::vector<Transform> transforms;
    std::string parent;  ///< hash of the recipe it was made from, "" for none
    MadeBy made_by;
};

/// "llama 2x128 heads 8/4x16 ffn 384 vocab 2048": equal for models a recipe may move between.
[[nodiscard]] std::string architecture_fingerprint(const Architecture& architecture);

/// What a tensor is stored and referenced under: SHA-256 of "F32 [3]\n" (dtype and shape as they are written) followed by its bytes.
[[nodiscard]] std::string tensor_sha256(const Tensor& tensor);

/// Resolves {tensor: sha256} references when reading, and stores vectors of more than 8 numbers when writing.
struct TensorStore {
    std::function<std::string(const Tensor&)> put;       ///< returns the sha256
    std::function<Tensor(std::string_view sha256)> get;  ///< throws Error (bad_input) when absent
};

/// JSON with stable key order; a vector of one number is a number, up to 8 an array; long vectors as {"tensor": sha256, "shape": […], "dtype": "F32"}.
[[nodiscard]] nlohmann::json to_json(const Recipe& recipe, const TensorStore& store);
/// Throws Error (bad_input) naming `where` and the field.
[[nodiscard]] Recipe recipe_from_json(const nlohmann::json& json, const TensorStore& store, std::string_view where);
/// SHA-256 of the canonical JSON: equal recipes have equal hashes.
[[nodiscard]] std::string recipe_hash(const Recipe& recipe);

/// A self-contained file: one safetensors file with the JSON in its metadata (key "recipe") and the vectors as tensors named by hash.
void save_recipe(const Recipe& recipe, const std::filesystem::path& path);
[[nodiscard]] Recipe load_recipe(const std::filesystem::path& path);

/// Throws Error (bad_input) when the recipe does not fit: other architecture, unknown site, a scheme its site cannot have, wrong vector length, bits out of
/// range, a static activation without a range, a scale pair the model does not allow. A weight without a range has the min and max of its materialized slices.
void validate(const Recipe& recipe, const Model& model);

/// The difference in words, a line each: "layers.0.mlp.down_proj.input: max 61.2 → 18.4"; vectors are summarised; equal runs over layers are joined
/// ("layers.0-21.mlp.down_proj.input: …").
[[nodiscard]] std::vector<std::string> diff_in_words(const Recipe& before, const Recipe& after);

}  // namespace bitwright
