// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/transformed_statistics.h"

#include "core/recipe/rotations.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "core/statistics/accumulator.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace bitwright {
namespace {

/// How a pair's s reaches a site: divided or multiplied, and repeated over the query group or not.
struct Effect {
    SiteRole role;
    bool multiplied = false, repeated = false;
};

std::vector<Effect> effects_of(const Architecture& architecture, std::string_view pair)
{
    if (pair == "norm_qkv") return {{SiteRole::attention_norm_output}};
    if (pair == "norm_head") return {{SiteRole::final_norm_output}};
    if (pair == "norm_mlp") return {{SiteRole::mlp_norm_output}};
    if (pair == "v_o") return {{SiteRole::v_output}, {SiteRole::pv_input2, false, true}, {SiteRole::pv_output, false, true}};
    if (pair == "q_k") return {{SiteRole::q_output, false, true}, {SiteRole::qk_input, false, true}, {SiteRole::k_output, true}, {SiteRole::qk_input2, true, true}};
    std::vector<Effect> up_down{{SiteRole::up_output}, {SiteRole::down_input}};
    if (!architecture.gated_mlp) up_down.push_back({SiteRole::activation_output});  // ReLU passes it on
    return up_down;
}

}  // namespace

std::vector<ActivationFactors> activation_factors(const Model& model, const Recipe& recipe)
{
    std::map<SiteId, std::vector<double>> found;
    for (const Transform& transform : recipe.transforms) {
        const auto* scaling = std::get_if<ScalePair>(&transform);
        if (!scaling || is_rotation(*scaling)) continue;  // what a rotation turns is not known from channels (statistics_under.h)
        const auto pair = legal_pair(model, scaling->pair, scaling->layer);
        if (!pair || !scaling->scale || std::ssize(*scaling->scale) != pair->channels)
            throw bad_input("recipe", scaling->pair + " of layer " + std::to_string(scaling->layer), "does not fit this model; validate the recipe against it");
        for (const Effect& effect : effects_of(model.architecture(), scaling->pair)) {
            const SiteId id = model.sites->find(effect.role, scaling->layer);
            if (id == no_site) continue;
            auto& factor = found.try_emplace(id, static_cast<std::size_t>((*model.sites)[id].channels), 1.0).first->second;
            for (std::size_t c = 0; c < factor.size(); ++c) {
                const double s = (*scaling->scale)[effect.repeated ? static_cast<std::size_t>(tied_index(*pair, static_cast<std::int64_t>(c))) : c];
                factor[c] = effect.multiplied ? factor[c] * s : factor[c] / s;
            }
        }
    }
    std::vector<ActivationFactors> factors;
    for (auto& [id, factor] : found) factors.push_back({id, std::move(factor)});
    return factors;
}

SiteStatistics transformed(const SiteStatistics& before, std::span<const double> factor)
{
    const std::size_t channels = factor.size();
    if (before.channel_max.size() != channels)
        throw bad_input("statistics", before.site, "has " + std::to_string(before.channel_max.size()) + " channels where the model has " + std::to_string(channels) + "; calibrate this model again");
    SiteStatistics after;
    if (before.reservoir_rows > 0) {
        std::vector<float> rows(before.reservoir.size());
        to_float({Dtype::f16, {std::ssize(rows)}, std::as_bytes(std::span(before.reservoir))}, rows);
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(rows[i] * factor[i % channels]);
        SiteAccumulator sums({static_cast<std::int64_t>(channels), before.reservoir_rows, before.reservoir_rows, 0, 1});
        sums.add(RowBlock{rows.data(), before.reservoir_rows, static_cast<std::int64_t>(channels), 1, static_cast<std::int64_t>(channels), 0, 0, 0});
        after = sums.result(before.site);
        after.reservoir_tokens = before.reservoir_tokens;
        after.position_abs_max.clear();
    }
    after.site = before.site;
    after.channel_min.resize(channels);
    after.channel_max.resize(channels);
    after.channel_abs_max.resize(channels);
    for (std::size_t c = 0; c < channels; ++c) {
        const double a = before.channel_min[c] * factor[c], b = before.channel_max[c] * factor[c];
        after.channel_min[c] = static_cast<float>(std::min(a, b)) + 0.0f;  // −0 becomes 0, as calibrations have it
        after.channel_max[c] = static_cast<float>(std::max(a, b)) + 0.0f;
        after.channel_abs_max[c] = std::max(std::fabs(after.channel_min[c]), std::fabs(after.channel_max[c]));
    }
    after.channel_abs_p999 = before.channel_abs_p999;
    for (std::size_t c = 0; c < after.channel_abs_p999.size(); ++c) after.channel_abs_p999[c] = static_cast<float>(after.channel_abs_p999[c] * std::fabs(factor[c]));
    after.min = *std::min_element(after.channel_min.begin(), after.channel_min.end());
    after.max = *std::max_element(after.channel_max.begin(), after.channel_max.end());
    return after;
}

std::vector<SiteStatistics> transformed_sites(const Model& model, const Recipe& recipe, const Statistics& plain)
{
    std::vector<SiteStatistics> sites;
    for (const auto& [id, factor] : activation_factors(model, recipe)) {
        if (const SiteStatistics* before = plain.find((*model.sites)[id].name)) sites.push_back(transformed(*before, factor));
    }
    return sites;
}

}  // namespace bitwright
