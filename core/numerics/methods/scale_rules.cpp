// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/scale_rules.h"

#include "core/numerics/methods/recipe_steps.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace bitwright {
namespace {

using Vector = std::vector<float>;

const SiteStatistics& seen_at(const Statistics& statistics, const Model& model, SiteId id)
{
    const Site& site = (*model.sites)[id];
    const SiteStatistics* seen = statistics.find(site.name);
    if (!seen || seen->channel_abs_max.empty()) throw bad_input("statistics", site.name, "has no absolute maximum per channel; calibrate this model");
    return *seen;
}

// Largest entry of the channels that share a scale. Query-sided vectors are longer than the pair.
Vector by_scale(const LegalPair& pair, const Vector& channels)
{
    Vector out(static_cast<std::size_t>(pair.channels));
    const bool repeated = std::ssize(channels) != pair.channels;
    for (std::size_t c = 0; c < channels.size(); ++c) {
        float& to = out.at(static_cast<std::size_t>(repeated ? tied_index(pair, static_cast<std::int64_t>(c)) : static_cast<std::int64_t>(c)));
        to = std::max(to, channels[c]);
    }
    return out;
}

float median(Vector values)
{
    const auto middle = values.begin() + std::ssize(values) / 2;
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

Vector scales_by(const ScaleRule& rule, const Vector& a, const Vector& w)
{
    Vector scales = rule.kind == ScaleRule::Kind::migrate ? smoothquant_scales(a, w, rule.strength) : Vector(a.size(), 1.0F);
    const float usual = rule.kind == ScaleRule::Kind::outliers ? static_cast<float>(rule.strength) * median(a) : 0.0F;
    for (std::size_t c = 0; c < scales.size(); ++c) {
        if (usual > 0) scales[c] = std::max(1.0F, a[c] / usual);
        if (!(a[c] > 0)) scales[c] = 1;  // a channel that is always 0 has nothing to move
    }
    return scales;
}

// s of q↔k: q ÷ s, k × s make both maxima sqrt(q·k), tied over each rotated pair.
Vector balance(const LegalPair& pair, Vector q, Vector k)
{
    const std::int64_t half = pair.tied_rope_pairs ? pair.rope_dims / 2 : 0;
    for (std::int64_t c = 0; c < pair.channels; ++c) {
        if (c % pair.head_dim >= half) continue;
        for (Vector* values : {&q, &k}) {
            float &first = (*values)[static_cast<std::size_t>(c)], &second = (*values)[static_cast<std::size_t>(c + half)];
            first = second = std::max(first, second);
        }
    }
    Vector scales(q.size(), 1.0F);
    for (std::size_t c = 0; c < scales.size(); ++c)
        if (q[c] > 0 && k[c] > 0) scales[c] = std::sqrt(q[c] / k[c]);
    return scales;
}

}  // namespace

ScaleRule read_scale_rule(MethodOptions& options, const std::string& key, const std::string& fallback)
{
    const std::string text = options.text(key, fallback);
    if (text == "none") return {};
    const auto colon = text.find(':');
    const std::string word = text.substr(0, colon), number = colon == std::string::npos ? "" : text.substr(colon + 1);
    ScaleRule rule{word == "alpha" ? ScaleRule::Kind::migrate : ScaleRule::Kind::outliers, 0};
    const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), rule.strength);
    const bool read = fault == std::errc() && end == number.data() + number.size();
    if (read && word == "alpha" && rule.strength >= 0 && rule.strength <= 1) return rule;
    if (read && word == "outliers" && rule.strength > 1 && std::isfinite(rule.strength)) return rule;
    throw usage_error("option " + key + "=" + text + " is none of none, alpha:A (0 to 1), outliers:K (above 1)");
}

void add_scale_pairs(Recipe& recipe, const Model& model, const Statistics& statistics, const ScaleRules& rules, const Control& control)
{
    const std::array<std::pair<std::string_view, const ScaleRule*>, 4> ruled{
        {{"up_down", &rules.up_down}, {"norm_qkv", &rules.norm_qkv}, {"norm_mlp", &rules.norm_mlp}, {"v_o", &rules.v_o}}};
    for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer) {
        for (const auto& [name, rule] : ruled) {
            control.check();
            const auto pair = legal_pair(model, name, layer);
            if (!pair || rule->kind == ScaleRule::Kind::none) continue;
            const SiteStatistics& seen = seen_at(statistics, model, pair->activation);
            Vector scales = scales_by(*rule, by_scale(*pair, seen.channel_abs_max), by_scale(*pair, column_abs_max(model, recipe, *pair)));
            if (name == "up_down" && rules.sign_flips && !pair->positive_only) {
                for (std::size_t c = 0; c < scales.size(); ++c)
                    if (-seen.channel_min[c] > seen.channel_max[c]) scales[c] = -scales[c];
            }
            recipe.transforms.emplace_back(ScalePair{std::string(name), layer, numbers(std::move(scales))});
        }
        const auto pair = legal_pair(model, "q_k", layer);
        if (!pair || !rules.q_k) continue;
        const SiteId q = model.sites->find(SiteRole::qk_input, layer), k = model.sites->find(SiteRole::qk_input2, layer);
        Vector scales = balance(*pair, by_scale(*pair, seen_at(statistics, model, q).channel_abs_max), by_scale(*pair, seen_at(statistics, model, k).channel_abs_max));
        recipe.transforms.emplace_back(ScalePair{"q_k", layer, numbers(std::move(scales))});
    }
}

}  // namespace bitwright
