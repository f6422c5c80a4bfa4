// SPDX-License-Identifier: GPL-3.0-or-later
// Sites: the named places of the graph where a tensor can be quantized (spec: design "Site", integer semantics §1).
// The catalogue is derived from the Architecture alone; the Decoder, the integer engine's exporter, Recipes and Statistics all speak its names and ids.
//
// Names: `layers.3.mlp.down_proj.input`. Parts, per layer L (a site exists only where the family has the tensor):
//   layers.L.input_layernorm.{input,weight,output}            output = the shared input of q, k, v (and of the MLP when it shares the norm)
//   layers.L.self_attn.{q,k,v,o}_proj.{weight,output}
//   layers.L.self_attn.{q,k}_norm.{input,weight,output}
//   layers.L.self_attn.qk.{input,input2,output}               input q after RoPE, input2 k after RoPE (= K cache), output q·k before scale and mask
//   layers.L.self_attn.pv.{input,input2,output}               input probabilities, input2 v after repetition, output = o_proj's input
//                                                             (channels: heads for qk.output and pv.input, heads × head_dim for the others)
//   layers.L.post_attention_layernorm.{input,weight,output}   the norm before the MLP (its HF-LLaMA name)
//   layers.L.mlp.{gate_proj,up_proj}.{weight,output}
//   layers.L.mlp.act.{input2,output}                          input2 σ(x) of SiLU
//   layers.L.mlp.down_proj.{input,weight,output}
//   layers.L.{attention_branch_norm,mlp_branch_norm}.{input,weight,output}   post-norms on a branch (gemma2/3, olmo2)
//   layers.L.residual_attention, layers.L.residual_mlp        residual stream after each add; residual_embedding before layer 0
//   embed_tokens.weight, embed_positions.weight, embed_norm.{input,weight,output}, project_in.{weight,output}
//   norm.{input,weight,output}, project_out.{weight,output}, lm_head.{weight,output}       norm.output = lm_head's input
#pragma once

#include "core/architecture/architecture.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bitwright {

/// Index into SiteCatalogue::sites(). Stable for one Architecture.
using SiteId = std::int32_t;
inline constexpr SiteId no_site = -1;

enum class SiteKind : std::uint8_t { weight, activation };

/// What the site's tensor is; together with the layer it determines the name.
enum class SiteRole : std::uint8_t {
    embedding_weight, position_weight, embedding_norm_input, embedding_norm_weight, embedding_norm_output,
    project_in_weight, project_in_output, residual_embedding,
    attention_norm_input, attention_norm_weight, attention_norm_output,
    q_weight, q_output, k_weight, k_output, v_weight, v_output,
    q_norm_input, q_norm_weight, q_norm_output, k_norm_input, k_norm_weight, k_norm_output,
    qk_input, qk_input2, qk_output, pv_input, pv_input2, pv_output,
    o_weight, o_output,
    attention_branch_norm_input, attention_branch_norm_weight, attention_branch_norm_output, residual_attention,
    mlp_norm_input, mlp_norm_weight, mlp_norm_output,
    gate_weight, gate_output, up_weight, up_output, activation_sigmoid, activation_output,
    down_input, down_weight, down_output,
    mlp_branch_norm_input, mlp_branch_norm_weight, mlp_branch_norm_output, residual_mlp,
    final_norm_input, final_norm_weight, final_norm_output, project_out_weight, project_out_output,
    lm_head_weight, lm_head_output
};

/// At which level a site exists (integer semantics §1).
struct Levels {
    bool simulated = false;  ///< placement `paper`: MobileQuant's sites (mobilequant §1.4)
    bool full = false;       ///< placement `full`: also the integer-only sites
    bool integer = false;    ///< the integer engine quantizes here
};

struct Site {
    SiteId id = no_site;
    std::string name;
    SiteKind kind = SiteKind::activation;
    SiteRole role{};
    std::int64_t layer = -1;             ///< −1: model level
    std::int64_t channels = 0;           ///< size of the last axis; for qk_output and pv_input (attention matrices) a channel is a head
    std::int64_t rows = 0;               ///< weights: output rows; a norm's vector is 1 row; activations: 0 (tokens)
    Levels levels;
    /// The site whose grid this one shares (v and pv.input2 in the default placement), or no_site. Sharing is data, not code.
    SiteId shares = no_site;
    WeightRole weight_role{};            ///< valid for kind weight
    float integer_scale = 0;             ///< > 0: the integer level's scale is fixed (probabilities: 1/65536)
};

/// Whether a name matches a glob with * and ? and {a,b}. Throws Error (bad_input) when a { is not closed.
[[nodiscard]] bool matches_site_name(std::string_view pattern, std::string_view name);
/// Indices of the names that match a glob with * and ? and {a,b}. Throws Error (bad_input) when nothing matches, listing near names.
[[nodiscard]] std::vector<std::size_t> match_site_names(std::string_view pattern, std::span<const std::string> names);

class SiteCatalogue {
public:
    explicit SiteCatalogue(const ModelDescription& model);

    [[nodiscard]] const std::vector<Site>& sites() const noexcept { return sites_; }
    [[nodiscard]] const Site& operator[](SiteId id) const { return sites_.at(static_cast<std::size_t>(id)); }
    [[nodiscard]] SiteId find(std::string_view name) const noexcept;                    ///< no_site if unknown
    [[nodiscard]] SiteId find(SiteRole role, std::int64_t layer) const noexcept;        ///< no_site if this family has none
    /// Sites whose name matches (match_site_names).
    [[nodiscard]] std::vector<SiteId> match(std::string_view pattern) const;

private:
    std::vector<Site> sites_;
    std::unordered_map<std::string, SiteId> by_name_;
    std::vector<SiteId> by_role_;  ///< (layer + 1) × roles
};

}  // namespace bitwright
