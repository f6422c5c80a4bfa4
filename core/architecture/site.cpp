// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/architecture/site.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace bitwright {
namespace {

using Role = SiteRole;
constexpr auto role_count = static_cast<std::size_t>(Role::lm_head_output) + 1;

constexpr Levels everywhere{.simulated = true, .full = true, .integer = true};
constexpr Levels simulated_only{.simulated = true, .full = true, .integer = false};
constexpr Levels integer_only{.simulated = false, .full = true, .integer = true};

/// A norm or linear: its up to three sites.
struct WeightSites {
    WeightRole weight;
    Role input, weight_site, output;  // input == weight_site: it has none of its own, it reads another site
    std::string_view name;
    Levels levels;
};
constexpr std::array<WeightSites, 4> opening{{
    {WeightRole::embedding, Role::embedding_weight, Role::embedding_weight, Role::embedding_weight, "embed_tokens", integer_only},
    {WeightRole::position_embedding, Role::position_weight, Role::position_weight, Role::position_weight, "embed_positions", integer_only},
    {WeightRole::project_in, Role::project_in_weight, Role::project_in_weight, Role::project_in_output, "project_in", integer_only},
    {WeightRole::embedding_norm, Role::embedding_norm_input, Role::embedding_norm_weight, Role::embedding_norm_output, "embed_norm", integer_only},
}};
constexpr std::array<WeightSites, 6> before_attention{{
    {WeightRole::attention_norm, Role::attention_norm_input, Role::attention_norm_weight, Role::attention_norm_output, "input_layernorm", everywhere},
    {WeightRole::q_proj, Role::q_weight, Role::q_weight, Role::q_output, "self_attn.q_proj", everywhere},
    {WeightRole::k_proj, Role::k_weight, Role::k_weight, Role::k_output, "self_attn.k_proj", everywhere},
    {WeightRole::v_proj, Role::v_weight, Role::v_weight, Role::v_output, "self_attn.v_proj", everywhere},
    {WeightRole::q_norm, Role::q_norm_input, Role::q_norm_weight, Role::q_norm_output, "self_attn.q_norm", everywhere},
    {WeightRole::k_norm, Role::k_norm_input, Role::k_norm_weight, Role::k_norm_output, "self_attn.k_norm", everywhere},
}};
constexpr std::array<WeightSites, 2> after_attention{{
    {WeightRole::o_proj, Role::o_weight, Role::o_weight, Role::o_output, "self_attn.o_proj", everywhere},
    {WeightRole::post_attention_norm, Role::attention_branch_norm_input, Role::attention_branch_norm_weight, Role::attention_branch_norm_output,
     "attention_branch_norm", everywhere},
}};
constexpr std::array<WeightSites, 3> before_activation{{
    {WeightRole::mlp_norm, Role::mlp_norm_input, Role::mlp_norm_weight, Role::mlp_norm_output, "post_attention_layernorm", everywhere},
    {WeightRole::gate_proj, Role::gate_weight, Role::gate_weight, Role::gate_output, "mlp.gate_proj", everywhere},
    {WeightRole::up_proj, Role::up_weight, Role::up_weight, Role::up_output, "mlp.up_proj", everywhere},
}};
constexpr std::array<WeightSites, 2> after_activation{{
    {WeightRole::down_proj, Role::down_input, Role::down_weight, Role::down_output, "mlp.down_proj", everywhere},
    {WeightRole::post_mlp_norm, Role::mlp_branch_norm_input, Role::mlp_branch_norm_weight, Role::mlp_branch_norm_output, "mlp_branch_norm", everywhere},
}};
constexpr std::array<WeightSites, 3> closing{{
    {WeightRole::final_norm, Role::final_norm_input, Role::final_norm_weight, Role::final_norm_output, "norm", integer_only},
    {WeightRole::project_out, Role::project_out_weight, Role::project_out_weight, Role::project_out_output, "project_out", integer_only},
    {WeightRole::lm_head, Role::lm_head_weight, Role::lm_head_weight, Role::lm_head_output, "lm_head", integer_only},
}};

/// Writes the catalogue down in the order of the forward pass.
class Catalogue {
public:
    Catalogue(const ModelDescription& model, std::vector<Site>& sites) : model_(model), a_(model.architecture()), sites_(sites) {}

    void write()
    {
        for (const auto& entry : opening) weight_sites(entry);
        activation(Role::residual_embedding, "residual_embedding", a_.hidden, integer_only);
        for (layer_ = 0; layer_ < a_.layers; ++layer_) {
            path_ = "layers." + std::to_string(layer_) + ".";
            layer();
        }
        layer_ = -1;
        path_.clear();
        for (const auto& entry : closing) weight_sites(entry);
    }

private:
    void layer()
    {
        const auto queries = a_.query_width();
        for (const auto& entry : before_attention) weight_sites(entry);
        activation(Role::qk_input, "self_attn.qk.input", queries, everywhere);
        activation(Role::qk_input2, "self_attn.qk.input2", queries, everywhere);
        activation(Role::qk_output, "self_attn.qk.output", a_.heads, simulated_only);
        activation(Role::pv_input, "self_attn.pv.input", a_.heads, everywhere).integer_scale = 1.0f / 65536;
        activation(Role::pv_input2, "self_attn.pv.input2", queries, everywhere);
        activation(Role::pv_output, "self_attn.pv.output", queries, everywhere);
        for (const auto& entry : after_attention) weight_sites(entry);
        if (!a_.block.parallel) activation(Role::residual_attention, "residual_attention", a_.hidden, integer_only);  // parallel: one sum
        for (const auto& entry : before_activation) weight_sites(entry);
        if (a_.activation == Activation::silu) activation(Role::activation_sigmoid, "mlp.act.input2", a_.ffn, simulated_only);
        activation(Role::activation_output, "mlp.act.output", a_.ffn, simulated_only);
        for (const auto& entry : after_activation) weight_sites(entry);
        activation(Role::residual_mlp, "residual_mlp", a_.hidden, integer_only);
    }

    Site& add(Role role, std::string_view name, SiteKind kind, std::int64_t channels, Levels levels)
    {
        Site site;
        site.id = static_cast<SiteId>(sites_.size());
        site.name = path_ + std::string(name);
        site.kind = kind;
        site.role = role;
        site.layer = layer_;
        site.channels = channels;
        site.levels = levels;
        return sites_.emplace_back(std::move(site));
    }

    Site& activation(Role role, std::string_view name, std::int64_t channels, Levels levels) { return add(role, name, SiteKind::activation, channels, levels); }

    void weight_sites(const WeightSites& entry)
    {
        if (!model_.weight(entry.weight, layer_)) return;
        const auto shape = model_.shape(entry.weight, layer_);
        const auto name = std::string(entry.name);
        // A norm works on all of q or k, whatever the shape of its weight.
        const auto width = entry.weight == WeightRole::q_norm ? a_.query_width() : entry.weight == WeightRole::k_norm ? a_.key_width() : 0;
        if (entry.input != entry.weight_site) activation(entry.input, name + ".input", width ? width : shape.back(), entry.levels);
        auto& site = add(entry.weight_site, name + ".weight", SiteKind::weight, shape.back(), entry.levels);
        site.rows = shape.size() == 2 ? shape.front() : 1;
        site.weight_role = entry.weight;
        if (entry.output != entry.weight_site) activation(entry.output, name + ".output", width ? width : shape.front(), entry.levels);
    }

    const ModelDescription& model_;
    const Architecture& a_;
    std::vector<Site>& sites_;
    std::int64_t layer_ = -1;
    std::string path_;
};

/// "{a,b}c" → "ac", "bc"; nested braces and several of them multiply.
void expand_braces(const std::string& pattern, std::vector<std::string>& out)
{
    constexpr std::size_t limit = 4096;
    const auto open = pattern.find('{');
    if (open == std::string::npos || out.size() >= limit) {
        out.push_back(pattern);
        return;
    }
    std::vector<std::size_t> cuts{open};
    int depth = 0;
    std::size_t close = open;
    for (; close < pattern.size(); ++close) {
        if (pattern[close] == '{')
            ++depth;
        else if (pattern[close] == '}' && --depth == 0)
            break;
        else if (pattern[close] == ',' && depth == 1)
            cuts.push_back(close);
    }
    if (close == pattern.size()) throw bad_input("site pattern", pattern, "has an open { without its }");
    cuts.push_back(close);
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i)
        expand_braces(pattern.substr(0, open) + pattern.substr(cuts[i] + 1, cuts[i + 1] - cuts[i] - 1) + pattern.substr(close + 1), out);
}

bool glob_matches(std::string_view pattern, std::string_view text) noexcept
{
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*') {
            ++p, ++t;
        } else if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

/// Levenshtein distance.
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) diagonal = std::exchange(row[j + 1], std::min({row[j + 1] + 1, row[j] + 1, diagonal + (a[i] != b[j])}));
    }
    return row.back();
}

std::string nearest_names(std::span<const std::string> names, std::string_view pattern)
{
    std::vector<std::pair<std::size_t, const std::string*>> ranked;
    for (const auto& name : names)
        if (!name.starts_with("layers.") || name.starts_with("layers.0.")) ranked.emplace_back(distance(pattern.substr(0, 200), name), &name);
    const auto shown = std::min<std::size_t>(3, ranked.size());
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(shown), ranked.end());
    std::string text;
    for (std::size_t i = 0; i < shown; ++i) text += (i ? ", " : "") + *ranked[i].second;
    return text;
}

}  // namespace

bool matches_site_name(std::string_view pattern, std::string_view name)
{
    std::vector<std::string> alternatives;
    expand_braces(std::string(pattern), alternatives);
    return std::any_of(alternatives.begin(), alternatives.end(), [&](const auto& glob) { return glob_matches(glob, name); });
}

std::vector<std::size_t> match_site_names(std::string_view pattern, std::span<const std::string> names)
{
    std::vector<std::string> alternatives;
    expand_braces(std::string(pattern), alternatives);
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < names.size(); ++i)
        if (std::any_of(alternatives.begin(), alternatives.end(), [&](const auto& glob) { return glob_matches(glob, names[i]); })) found.push_back(i);
    if (found.empty()) throw bad_input("site pattern", pattern, "matches no site; near names: " + nearest_names(names, pattern));
    return found;
}

SiteCatalogue::SiteCatalogue(const ModelDescription& model)
{
    Catalogue(model, sites_).write();
    by_role_.assign(static_cast<std::size_t>(model.architecture().layers + 1) * role_count, no_site);
    for (const auto& site : sites_) {
        by_name_.emplace(site.name, site.id);
        by_role_[static_cast<std::size_t>(site.layer + 1) * role_count + static_cast<std::size_t>(site.role)] = site.id;
    }
}

SiteId SiteCatalogue::find(std::string_view name) const noexcept
{
    const auto found = by_name_.find(std::string(name));
    return found == by_name_.end() ? no_site : found->second;
}

SiteId SiteCatalogue::find(SiteRole role, std::int64_t layer) const noexcept
{
    const auto at = static_cast<std::size_t>(layer + 1) * role_count + static_cast<std::size_t>(role);
    return layer >= -1 && at < by_role_.size() ? by_role_[at] : no_site;
}

std::vector<SiteId> SiteCatalogue::match(std::string_view pattern) const
{
    std::vector<std::string> names;
    for (const auto& site : sites_) names.push_back(site.name);
    std::vector<SiteId> ids;
    for (const auto index : match_site_names(pattern, names)) ids.push_back(sites_[index].id);
    return ids;
}

}  // namespace bitwright
