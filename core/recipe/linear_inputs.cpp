// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/linear_inputs.h"

namespace bitwright {
namespace {

/// The tensor that enters layer `layer` (layer = layers: the final norm).
SiteId stream_into(const Model& model, std::int64_t layer)
{
    if (layer == 0) return model.sites->find(SiteRole::residual_embedding, -1);
    const BlockLayout& block = model.architecture().block;
    const bool normed = block.norm_after_residual && block.pre_mlp_norm;
    return model.sites->find(normed ? SiteRole::mlp_norm_output : SiteRole::residual_mlp, layer - 1);
}

SiteId attention_input(const Model& model, std::int64_t layer)
{
    const BlockLayout& block = model.architecture().block;
    return block.pre_attention_norm && !block.norm_after_residual ? model.sites->find(SiteRole::attention_norm_output, layer) : stream_into(model, layer);
}

SiteId mlp_input(const Model& model, std::int64_t layer)
{
    const BlockLayout& block = model.architecture().block;
    if (block.parallel && block.mlp_shares_attention_norm) return attention_input(model, layer);
    if (block.pre_mlp_norm && !block.norm_after_residual) return model.sites->find(SiteRole::mlp_norm_output, layer);
    if (block.parallel) return stream_into(model, layer);
    const bool normed = block.norm_after_residual && block.pre_attention_norm;
    return model.sites->find(normed ? SiteRole::attention_norm_output : SiteRole::residual_attention, layer);
}

SiteId last_hidden(const Model& model)
{
    const SiteId normed = model.sites->find(SiteRole::final_norm_output, -1);
    return normed != no_site ? normed : stream_into(model, model.architecture().layers);
}

}  // namespace

SiteId input_of_linear(const Model& model, SiteId weight_site)
{
    const Site& site = (*model.sites)[weight_site];
    switch (site.role) {
        case SiteRole::q_weight:
        case SiteRole::k_weight:
        case SiteRole::v_weight: return attention_input(model, site.layer);
        case SiteRole::o_weight: return model.sites->find(SiteRole::pv_output, site.layer);
        case SiteRole::gate_weight:
        case SiteRole::up_weight: return mlp_input(model, site.layer);
        case SiteRole::down_weight: return model.sites->find(SiteRole::down_input, site.layer);
        case SiteRole::project_in_weight: return model.sites->find(SiteRole::embedding_norm_output, -1);
        case SiteRole::project_out_weight: return last_hidden(model);
        case SiteRole::lm_head_weight: {
            const SiteId projected = model.sites->find(SiteRole::project_out_output, -1);
            return projected != no_site ? projected : last_hidden(model);
        }
        default: return no_site;
    }
}

std::vector<SiteId> linears_reading(const Model& model, SiteId activation)
{
    std::vector<SiteId> readers;
    for (const Site& site : model.sites->sites()) {
        if (site.kind == SiteKind::weight && input_of_linear(model, site.id) == activation) readers.push_back(site.id);
    }
    return readers;
}

}  // namespace bitwright
