// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/placement.h"

namespace bitwright {
namespace {

enum class Rule : std::uint8_t {
    activation,            // activation_bits, asymmetric, per tensor
    wide,                  // 16 bits, asymmetric, per tensor
    wide_symmetric,        // 16 bits, symmetric: sites of the integer level only
    softmax_input,         // 16 bits unless softmax_input_8bit
    softmax_output,        // 16 bits unless softmax_output_8bit
    linear,                // weight_bits; granularity by bits
    linear_rows,           // weight_bits, per output row always
    table_rows,            // 8 bits, symmetric, per row: embedding, lm_head, projections beside them
    norm_weight            // 16 bits, asymmetric, per tensor
};

struct Row {
    SiteRole role;
    Rule rule;
};

using R = SiteRole;
// mobilequant §1.4 for the simulated sites; integer semantics §1 and §4 for the others.
constexpr Row table[] = {
    {R::embedding_weight, Rule::table_rows},
    {R::position_weight, Rule::wide_symmetric},
    {R::embedding_norm_input, Rule::wide_symmetric},
    {R::embedding_norm_weight, Rule::norm_weight},
    {R::embedding_norm_output, Rule::wide_symmetric},
    {R::project_in_weight, Rule::table_rows},
    {R::project_in_output, Rule::wide_symmetric},
    {R::residual_embedding, Rule::wide_symmetric},
    {R::attention_norm_input, Rule::wide},
    {R::attention_norm_weight, Rule::norm_weight},
    {R::attention_norm_output, Rule::activation},
    {R::q_weight, Rule::linear},
    {R::q_output, Rule::activation},
    {R::k_weight, Rule::linear},
    {R::k_output, Rule::activation},
    {R::v_weight, Rule::linear},
    {R::v_output, Rule::activation},
    {R::q_norm_input, Rule::wide},
    {R::q_norm_weight, Rule::norm_weight},
    {R::q_norm_output, Rule::activation},
    {R::k_norm_input, Rule::wide},
    {R::k_norm_weight, Rule::norm_weight},
    {R::k_norm_output, Rule::activation},
    {R::qk_input, Rule::activation},
    {R::qk_input2, Rule::activation},
    {R::qk_output, Rule::softmax_input},
    {R::pv_input, Rule::softmax_output},
    {R::pv_input2, Rule::activation},
    {R::pv_output, Rule::activation},
    {R::o_weight, Rule::linear},
    {R::o_output, Rule::wide},
    {R::attention_branch_norm_input, Rule::wide},
    {R::attention_branch_norm_weight, Rule::norm_weight},
    {R::attention_branch_norm_output, Rule::wide},
    {R::residual_attention, Rule::wide_symmetric},
    {R::mlp_norm_input, Rule::wide},
    {R::mlp_norm_weight, Rule::norm_weight},
    {R::mlp_norm_output, Rule::activation},
    {R::gate_weight, Rule::linear},
    {R::gate_output, Rule::activation},
    {R::up_weight, Rule::linear},
    {R::up_output, Rule::activation},
    {R::activation_sigmoid, Rule::activation},
    {R::activation_output, Rule::activation},
    {R::down_input, Rule::activation},
    {R::down_weight, Rule::linear_rows},
    {R::down_output, Rule::wide},
    {R::mlp_branch_norm_input, Rule::wide},
    {R::mlp_branch_norm_weight, Rule::norm_weight},
    {R::mlp_branch_norm_output, Rule::wide},
    {R::residual_mlp, Rule::wide_symmetric},
    {R::final_norm_input, Rule::wide_symmetric},
    {R::final_norm_weight, Rule::norm_weight},
    {R::final_norm_output, Rule::wide_symmetric},
    {R::project_out_weight, Rule::table_rows},
    {R::project_out_output, Rule::wide_symmetric},
    {R::lm_head_weight, Rule::table_rows},
    {R::lm_head_output, Rule::wide_symmetric},
};

constexpr bool in_order()
{
    std::size_t i = 0;
    for (const auto& row : table) {
        if (static_cast<std::size_t>(row.role) != i++) return false;
    }
    return i == static_cast<std::size_t>(R::lm_head_output) + 1;
}
static_assert(in_order(), "one row per role, in the order of SiteRole");

constexpr Rule rule_of(SiteRole role) noexcept { return table[static_cast<std::size_t>(role)].rule; }

Scheme linear_scheme(const PlacementOptions& options, bool rows)
{
    Scheme scheme;
    scheme.granularity = rows || options.weight_bits < 8 ? Granularity::row : Granularity::tensor;
    if (options.weight_scheme) scheme = *options.weight_scheme;
    scheme.bits = options.weight_bits;
    scheme.symmetric = scheme.symmetric || options.symmetric_weights;
    return scheme;
}

}  // namespace

bool is_layer_linear(SiteRole role) noexcept { return rule_of(role) == Rule::linear || rule_of(role) == Rule::linear_rows; }

Scheme scheme_for(const Site& site, const PlacementOptions& options)
{
    Scheme scheme;
    switch (rule_of(site.role)) {
        case Rule::activation: scheme.bits = options.activation_bits; break;
        case Rule::softmax_input: scheme.bits = options.softmax_input_8bit ? options.activation_bits : 16; break;
        case Rule::softmax_output: scheme.bits = options.softmax_output_8bit ? options.activation_bits : 16; break;
        case Rule::wide:
        case Rule::norm_weight: scheme.bits = 16; break;
        case Rule::wide_symmetric:
            scheme.bits = 16;
            scheme.symmetric = true;
            break;
        case Rule::linear: return linear_scheme(options, false);
        case Rule::linear_rows: return linear_scheme(options, true);
        case Rule::table_rows:
            scheme.symmetric = true;
            scheme.granularity = Granularity::row;
            break;
    }
    return scheme;
}

Recipe base_recipe(const Model& model, const PlacementOptions& options, Semantics semantics)
{
    Recipe recipe;
    recipe.architecture = architecture_fingerprint(model.architecture());
    recipe.semantics = semantics;
    const BlockLayout& block = model.architecture().block;
    const bool norm_is_residual = block.norm_after_residual || block.residual_from_norm;
    for (const Site& site : model.sites->sites()) {
        SiteDecision decision{scheme_for(site, options), {}};
        if (norm_is_residual && (site.role == R::attention_norm_output || site.role == R::mlp_norm_output)) decision.scheme.bits = 16;
        recipe.sites.emplace(site.name, std::move(decision));
    }
    return recipe;
}

}  // namespace bitwright
