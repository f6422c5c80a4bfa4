// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/budget.h"

#include "core/exchange/package_linear.h"
#include "core/recipe/grid.h"
#include "core/recipe/linear_inputs.h"

#include <algorithm>

namespace bitwright {
namespace {

constexpr std::int64_t default_context = 8192;

std::uint64_t bytes_of(const std::vector<SafetensorsWriter::Declared>& tensors)
{
    std::uint64_t sum = 0;
    for (const auto& tensor : tensors) sum += static_cast<std::uint64_t>(element_count(tensor.shape)) * size_of(tensor.dtype);
    return sum;
}

const SiteDecision* decision_of(const Recipe& recipe, const Site& site)
{
    const auto found = recipe.sites.find(site.name);
    return found == recipe.sites.end() || found->second.scheme.kind != SchemeKind::uniform ? nullptr : &found->second;
}

/// Whether the integer level's input has a zero point, which is folded into a bias. Where its range is not known yet, an asymmetric one has.
bool has_zero_point(const Model& model, const Recipe& recipe, SiteId linear)
{
    const SiteId input = input_of_linear(model, linear);
    const SiteDecision* decision = input == no_site ? nullptr : decision_of(recipe, (*model.sites)[input]);
    if (!decision || decision->scheme.bits > 8 || decision->scheme.symmetric) return false;
    try {
        return IntegerGrids(model, recipe).activation((*model.sites)[input].role, (*model.sites)[input].layer).zero_point != 0;
    } catch (const Error&) {
        return true;
    }
}

bool can_be_packaged(const Scheme& scheme) noexcept
{
    return scheme.bits <= 8 && (scheme.granularity == Granularity::tensor || scheme.granularity == Granularity::row || scheme.granularity == Granularity::group);
}

/// Bytes of one weight site in a package, or nothing where a package cannot hold it.
std::optional<std::uint64_t> packaged_bytes(const Model& model, const Recipe& recipe, const Site& site, std::int64_t context)
{
    const Architecture& a = model.architecture();
    const bool has_bias = model.description->bias(site.weight_role, site.layer).has_value();
    if (is_norm(site.weight_role)) {
        const bool head_norm = site.role == SiteRole::q_norm_weight || site.role == SiteRole::k_norm_weight;
        const bool layer = (head_norm ? a.qk_norm_kind : a.norm) == NormKind::layer;
        const auto count = static_cast<std::uint64_t>(element_count(model.description->shape(site.weight_role, site.layer)));
        return count * (2 + (layer && has_bias ? 4 : 0));
    }
    if (site.role == SiteRole::position_weight) {
        const std::int64_t positions = context > 0 ? context : std::min(a.max_positions, default_context);
        return static_cast<std::uint64_t>(positions * a.hidden) * 2;
    }
    const SiteDecision* decision = decision_of(recipe, site);
    if (!decision || !can_be_packaged(decision->scheme)) return std::nullopt;
    const Scheme& scheme = decision->scheme;
    if (site.role != SiteRole::embedding_weight)
        return bytes_of(linear_declared("", scheme, site.rows, site.channels, has_bias || has_zero_point(model, recipe, site.id)));
    if (scheme.granularity == Granularity::group) return std::nullopt;
    const auto rows = static_cast<std::uint64_t>(site.rows);
    return bytes_of({weight_declared("", scheme, site.rows, site.channels)}) + rows * (scheme.symmetric ? 5 : 6);  // zero point, multiplier, shift per row
}

}  // namespace

Budget budget_of(const Model& model, const Recipe& recipe, std::int64_t context)
{
    Budget budget;
    double activation_bits = 0, activation_channels = 0;
    const auto embedding = model.description->weight(WeightRole::embedding, -1);
    for (const Site& site : model.sites->sites()) {
        if (site.kind == SiteKind::activation) {
            if (!site.levels.integer) continue;
            const SiteDecision* decision = decision_of(recipe, site);
            activation_bits += static_cast<double>(site.channels) * (decision ? decision->scheme.bits : 32);
            activation_channels += static_cast<double>(site.channels);
            continue;
        }
        SiteBytes entry;
        entry.site = site.id;
        std::int64_t values = 0;
        for (const auto& [source, count] : {std::pair{model.description->weight(site.weight_role, site.layer), element_count(model.description->shape(site.weight_role, site.layer))},
                                            {model.description->bias(site.weight_role, site.layer), std::max<std::int64_t>(site.rows, 1)}}) {
            if (!source) continue;
            const bool is_bias = values != 0;
            const std::int64_t n = is_bias && is_norm(site.weight_role) ? values : count;
            const std::string tensor = source->stacked ? source->tensor.substr(0, source->tensor.find("{head}")) + "0" + source->tensor.substr(source->tensor.find("{head}") + 6) : source->tensor;
            entry.float_bytes += static_cast<std::uint64_t>(n) * size_of(model.checkpoint->entry(tensor).dtype);
            values += n;
        }
        const auto bytes = packaged_bytes(model, recipe, site, context);
        entry.packaged = bytes.has_value();
        entry.bytes = bytes.value_or(entry.float_bytes);
        const bool tied = site.role == SiteRole::lm_head_weight && embedding && model.description->weight(site.weight_role, -1)->tensor == embedding->tensor;
        budget.weight_bytes += entry.bytes;
        budget.float_bytes += tied ? 0 : entry.float_bytes;
        budget.weights += values;
        budget.sites.push_back(entry);
    }
    if (budget.weights > 0) budget.bits_per_weight = 8 * static_cast<double>(budget.weight_bytes) / static_cast<double>(budget.weights);
    if (activation_channels > 0) budget.bits_per_activation = activation_bits / activation_channels;
    return budget;
}

}  // namespace bitwright
