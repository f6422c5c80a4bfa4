// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/scale_ties.h"

#include <array>

namespace bitwright {
namespace {

constexpr std::array<std::string_view, 5> pair_names{"norm_qkv", "norm_mlp", "v_o", "up_down", "q_k"};

struct Finder {
    const Model& model;
    std::int64_t layer;

    SiteId site(SiteRole role) const { return model.sites->find(role, layer); }
    void add(LegalPair& pair, SiteRole role) const
    {
        if (const SiteId id = site(role); id != no_site) pair.consumers.push_back(id);
    }
};

/// A norm's scales reach its consumers only: nothing may read the norm's output but the linears named.
bool norm_output_is_residual(const BlockLayout& block) noexcept { return block.norm_after_residual || block.residual_from_norm; }

bool fill(LegalPair& pair, const Finder& find)
{
    const Architecture& architecture = find.model.architecture();
    const BlockLayout& block = architecture.block;
    if (pair.pair == "norm_qkv") {
        if (!block.pre_attention_norm || norm_output_is_residual(block)) return false;
        pair.producer = find.site(SiteRole::attention_norm_weight);
        pair.activation = find.site(SiteRole::attention_norm_output);
        for (const SiteRole role : {SiteRole::q_weight, SiteRole::k_weight, SiteRole::v_weight}) find.add(pair, role);
        if (block.mlp_shares_attention_norm) {
            for (const SiteRole role : {SiteRole::gate_weight, SiteRole::up_weight}) find.add(pair, role);
        }
        pair.channels = architecture.hidden;
    } else if (pair.pair == "norm_mlp") {
        if (!block.pre_mlp_norm || block.mlp_shares_attention_norm || norm_output_is_residual(block)) return false;
        pair.producer = find.site(SiteRole::mlp_norm_weight);
        pair.activation = find.site(SiteRole::mlp_norm_output);
        for (const SiteRole role : {SiteRole::gate_weight, SiteRole::up_weight}) find.add(pair, role);
        pair.channels = architecture.hidden;
    } else if (pair.pair == "norm_head") {  // folds the final norm; no method learns it, so it is not listed
        if (find.site(SiteRole::project_out_weight) != no_site) return false;
        pair.producer = find.site(SiteRole::final_norm_weight);
        pair.activation = find.site(SiteRole::final_norm_output);
        find.add(pair, SiteRole::lm_head_weight);
        pair.channels = architecture.hidden;
    } else if (pair.pair == "v_o") {
        pair.producer = find.site(SiteRole::v_weight);
        pair.activation = find.site(SiteRole::pv_output);
        find.add(pair, SiteRole::o_weight);
        pair.channels = architecture.key_width();
        pair.repeat = architecture.heads / architecture.kv_heads;
        pair.head_dim = architecture.head_dim;
    } else if (pair.pair == "up_down") {
        // Through a gate product any scale passes; through a plain activation only ReLU lets a positive one pass.
        if (!architecture.gated_mlp && architecture.activation != Activation::relu) return false;
        pair.producer = find.site(SiteRole::up_weight);
        pair.activation = find.site(SiteRole::down_input);
        find.add(pair, SiteRole::down_weight);
        pair.channels = architecture.ffn;
        pair.positive_only = !architecture.gated_mlp;
    } else if (pair.pair == "q_k") {
        if (architecture.qk_norm != QkNorm::none) return false;  // the norm would undo the scale, not pass it
        pair.producer = find.site(SiteRole::q_weight);
        pair.activation = find.site(SiteRole::qk_input);
        find.add(pair, SiteRole::k_weight);
        pair.channels = architecture.key_width();
        pair.repeat = architecture.heads / architecture.kv_heads;
        pair.head_dim = architecture.head_dim;
        const int rope = architecture.attention.at(static_cast<std::size_t>(pair.layer)).rope;
        pair.tied_rope_pairs = architecture.position == PositionKind::rope && rope >= 0;
        if (pair.tied_rope_pairs) pair.rope_dims = architecture.ropes.at(static_cast<std::size_t>(rope)).dims;
    } else {
        return false;
    }
    return pair.producer != no_site && !pair.consumers.empty();
}

}  // namespace

std::optional<LegalPair> legal_pair(const Model& model, std::string_view name, std::int64_t layer)
{
    if (layer >= model.architecture().layers || layer < -1 || (layer < 0) != (name == "norm_head")) return std::nullopt;
    LegalPair pair;
    pair.pair = name;
    pair.layer = layer;
    if (!fill(pair, {model, layer})) return std::nullopt;
    return pair;
}

std::vector<LegalPair> legal_pairs(const Model& model)
{
    std::vector<LegalPair> pairs;
    for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer) {
        for (const auto name : pair_names) {
            if (auto pair = legal_pair(model, name, layer)) pairs.push_back(std::move(*pair));
        }
    }
    return pairs;
}

std::vector<std::int64_t> scale_ties(const LegalPair& pair, std::int64_t& count)
{
    std::vector<std::int64_t> index(static_cast<std::size_t>(pair.channels));
    const std::int64_t half = pair.tied_rope_pairs ? pair.rope_dims / 2 : 0;
    count = 0;
    for (std::int64_t c = 0; c < pair.channels; ++c) {
        const std::int64_t within = half > 0 ? c % pair.head_dim : 0;
        const bool second = half > 0 && within >= half && within < 2 * half;
        index[static_cast<std::size_t>(c)] = second ? index[static_cast<std::size_t>(c - half)] : count++;
    }
    return index;
}

std::string transforms_hash(const std::vector<Transform>& transforms)
{
    if (transforms.empty()) return "";
    Recipe only;
    only.transforms = transforms;
    return recipe_hash(only);
}

bool fixes_codes(const Recipe& recipe, std::string_view weight_site)
{
    return std::ranges::any_of(recipe.transforms, [&](const Transform& transform) {
        const auto* codes = std::get_if<Codes>(&transform);
        return codes && codes->site == weight_site;
    });
}

void forget_codes(Recipe& recipe, const std::function<bool(const std::string&)>& of)
{
    std::erase_if(recipe.transforms, [&](const Transform& transform) {
        const auto* codes = std::get_if<Codes>(&transform);
        return codes && of(codes->site);
    });
}

}  // namespace bitwright
