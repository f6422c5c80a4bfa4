// SPDX-License-Identifier: GPL-3.0-or-later
// What one family is: how its config.json reads and how its weights are stored. Internal to core/architecture.
// Threading: immutable tables.
#pragma once

#include "core/architecture/architecture.h"
#include "core/architecture/config_reader.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

/// How the rows of q, k, v (or gate, up) lie in a stored tensor.
enum class Packing : std::uint8_t {
    alone,      ///< a tensor of its own
    joined,     ///< all of q, then k, then v; all of gate, then up
    per_group,  ///< for each kv head: its query heads, its key, its value
    per_head    ///< one tensor for each head, "{head}" in the name
};

/// Where one weight lies. `name` comes without ".weight" / ".bias"; "{layer}" is the layer's number.
struct Stored {
    WeightRole role;
    std::string name;
    bool bias = false;
    Packing packing = Packing::alone;
    bool transposed = false;  ///< [in, out]
    double add = 0;           ///< the weight is what is stored + add (Gemma's norms)
};

/// What a family's reader fills.
struct FamilyModel {
    Architecture architecture;
    std::string prefix;  ///< of all names that begin with it; published files of the bare model come without it
    std::vector<Stored> stored;
    bool embedding_scale_in_dtype = false;  ///< the scale is a tensor of the checkpoint's dtype in transformers, so it is rounded to it
};

struct Family {
    std::string_view model_type;
    void (*read)(const ConfigReader&, FamilyModel&);
};

/// All families, sorted by model_type.
[[nodiscard]] std::span<const Family> families();

/// RoPE as config.json gives it. `rotated`: the share of head_dim that is rotated where the config does not say; `theta` likewise.
/// Reads rope_parameters (transformers 5, theta inside), rope_scaling and rope_theta beside it (transformers 4), `type` and `rope_type`.
/// @param layer_type key of rope_parameters where it holds one object per layer type (Gemma 3), "" elsewhere.
[[nodiscard]] Rope read_rope(const ConfigReader& config, const Architecture& architecture, double theta = 10000, double rotated = 1,
                             std::string_view layer_type = "");

}  // namespace bitwright
