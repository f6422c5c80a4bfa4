// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/lints.h"

#include "core/recipe/grid.h"
#include "core/recipe/lints_of_recipe.h"
#include "core/recipe/observed_values.h"
#include "core/recipe/quantization_tally.h"
#include "core/recipe/preview.h"
#include "core/recipe/range_rules.h"
#include "core/recipe/transformed_statistics.h"
#include "core/recipe/transforms.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <unordered_map>

namespace bitwright {
namespace {

constexpr double most_saturation = 0.01, most_zeroed = 0.5, widest_range = 2, largest_scale = 1e3, nearly_symmetric = 0.1, negligible_db = 0.5, least_gain_db = 0.1;

std::string text(double value)
{
    std::array<char, 32> buffer{};
    return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), static_cast<float>(value)).ptr};
}
std::string rounded(double value, int digits)
{
    std::array<char, 32> buffer{};
    return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general, digits).ptr};
}

class Linter {
public:
    Linter(const Model& model, const Recipe& recipe, const Statistics& statistics, const NpuProfile* npu) : model_(model), recipe_(recipe), statistics_(statistics), npu_(npu)
    {
        for (const SiteStatistics& s : statistics.sites) seen_[s.site] = &s;
        if (!statistics.transforms.empty()) return;
        plain_ = seen_;
        transformed_ = transformed_sites(model, recipe, statistics);
        for (const SiteStatistics& s : transformed_) seen_[s.site] = &s;
    }

    std::vector<Lint> run()
    {
        for (const LegalPair& pair : legal_pairs(model_)) {
            if (pair.activation != no_site) pairs_.emplace(pair.activation, pair);
        }
        for (const Site& site : model_.sites->sites()) {
            const auto decision = recipe_.sites.find(site.name);
            if (decision == recipe_.sites.end() || decision->second.scheme.kind != SchemeKind::uniform) continue;
            if (site.kind == SiteKind::weight) weight(site, decision->second.scheme);
            else activation(site, decision->second);
        }
        scale_pairs();
        find_recipe_lints(model_, recipe_, statistics_, seen_, plain_, found_);
        if (npu_) find_npu_lints(model_, recipe_, *npu_, found_);
        std::stable_sort(found_.begin(), found_.end(), [](const Lint& a, const Lint& b) { return a.site != b.site ? a.site < b.site : a.rule < b.rule; });
        return std::move(found_);
    }

private:
    Lint& add(LintRule rule, const Site& site, std::string what)
    {
        Lint lint;
        lint.rule = rule;
        lint.site = site.id;
        lint.what = std::move(what);
        lint.pattern = site.name;
        return found_.emplace_back(std::move(lint));
    }

    void weight(const Site& site, const Scheme& scheme)
    {
        if (scheme.granularity != Granularity::tensor || scheme.bits > 4 || is_norm(site.weight_role)) return;
        Lint& lint = add(LintRule::weight_tensor, site, "one grid of " + std::to_string(1 << scheme.bits) + " codes serves all " + std::to_string(site.rows) + " rows");
        lint.evidence = {{"bits", static_cast<double>(scheme.bits), ""}, {"rows", static_cast<double>(site.rows), ""}};
        lint.edit = {{"granularity", "row"}};
    }

    void activation(const Site& site, const SiteDecision& decision)
    {
        const auto found = seen_.find(site.name);
        const Scheme& scheme = decision.scheme;
        const Numbers& given = decision.range.scale ? decision.range.scale : decision.range.min;
        if (found == seen_.end() || scheme.dynamic || scheme.granularity != Granularity::tensor || !given || given->size() != 1) return;
        const SiteStatistics& s = *found->second;
        offenders(site, scheme, s);
        if (s.count == 0) return;
        const Grid grid = grid_of(decision.range, 0, scheme, recipe_.semantics);
        const ObservedValues values(s);
        const auto sqnr = [&](const Grid& g) { return decibels(values.count() * (s.mean * s.mean + s.sigma * s.sigma), values.squared_error(g)); };
        const auto now = sqnr(grid);
        const auto gain_of = [&](const Grid& g) {
            const auto then = sqnr(g);
            return now && then && std::isfinite(*now) && std::isfinite(*then) ? std::optional(*then - *now) : std::nullopt;
        };
        saturation(site, scheme, s, values.counts(grid), values.count(), gain_of);
        zeros(site, decision, s, gain_of);
        wasted_range(site, scheme, s, grid, gain_of);
        symmetric(site, decision, s, gain_of);
    }

    void offenders(const Site& site, const Scheme& scheme, const SiteStatistics& s)
    {
        const auto pair = pairs_.find(site.id);
        if (pair == pairs_.end() || scheme.bits > 8) return;
        const bool used = std::any_of(recipe_.transforms.begin(), recipe_.transforms.end(), [&](const Transform& t) {
            const auto* scaling = std::get_if<ScalePair>(&t);
            return scaling && scaling->pair == pair->second.pair && scaling->layer == pair->second.layer;
        });
        const auto channels = find_offenders(s);
        if (used || channels.empty()) return;
        Lint& lint = add(LintRule::offenders, site,
                         std::to_string(channels.size()) + " of " + std::to_string(site.channels) + " channels take up to " + rounded(channels.front().ratio, 3) +
                             "× the median channel's range");
        lint.evidence = {{"offending channels", static_cast<double>(channels.size()), ""},
                         {"largest channel", static_cast<double>(channels.front().channel), ""},
                         {"its absolute maximum", channels.front().value, ""},
                         {"ratio to the median channel", channels.front().ratio, "×"}};
        lint.advice = "let a method use the scale pair " + pair->second.pair + " of layer " + std::to_string(pair->second.layer);
    }

    template <typename Gain>
    void saturation(const Site& site, const Scheme& scheme, const SiteStatistics& s, const ObservedValues::Counts& counts, double all, const Gain& gain_of)
    {
        const double share = (counts.clipped_low + counts.clipped_high) / all;
        if (share <= most_saturation) return;
        const Range better = activation_range(s, site, scheme, recipe_.semantics, {RangeKind::mse, 100});
        const auto gain = gain_of(grid_of(better, 0, scheme, recipe_.semantics));
        if (!gain || *gain < least_gain_db) return;  // clipped on purpose
        Lint& lint = add(LintRule::saturation, site, rounded(100 * share, 3) + " % of the values are clipped");
        lint.evidence = {{"saturation", 100 * share, "%"}, {"below", 100 * counts.clipped_low / all, "%"}, {"above", 100 * counts.clipped_high / all, "%"}};
        lint.gain_db = gain;
        lint.edit = {{"min", text(better.min->front())}, {"max", text(better.max->front())}};
    }

    template <typename Gain>
    void zeros(const Site& site, const SiteDecision& decision, const SiteStatistics& s, const Gain& gain_of)
    {
        if (decision.scheme.bits >= 16) return;
        const auto zeroed = preview_activation(s, site, decision.scheme, decision.range, recipe_.semantics).zeroed;
        if (!zeroed || zeroed->value <= most_zeroed) return;
        Lint& lint = add(LintRule::zeros, site, rounded(100 * zeroed->value, 3) + " % of the values are not 0 but get its code");
        lint.evidence = {{"zeroed", 100 * zeroed->value, "%"}, {"bits", static_cast<double>(decision.scheme.bits), ""}};
        if (decision.range.min) {
            Scheme wide = decision.scheme;
            wide.bits = 16;
            lint.gain_db = gain_of(grid_of(decision.range, 0, wide, recipe_.semantics));
        }
        lint.edit = {{"bits", "16"}};
    }

    template <typename Gain>
    void wasted_range(const Site& site, const Scheme& scheme, const SiteStatistics& s, const Grid& grid, const Gain& gain_of)
    {
        const Grid tight = grid_of(s.min, s.max, scheme, recipe_.semantics);
        const double ratio = static_cast<double>(grid.scale) / tight.scale;
        if (!(ratio > widest_range)) return;
        Lint& lint = add(LintRule::wasted_range, site, "the range is " + rounded(ratio, 3) + "× as wide as the data");
        lint.evidence = {{"range to data", ratio, "×"}, {"smallest value", s.min, ""}, {"largest value", s.max, ""}};
        lint.gain_db = gain_of(tight);
        lint.edit = {{"min", text(s.min)}, {"max", text(s.max)}};
    }

    template <typename Gain>
    void symmetric(const Site& site, const SiteDecision& decision, const SiteStatistics& s, const Gain& gain_of)
    {
        if (decision.scheme.symmetric || decision.scheme.bits > 8 || !decision.range.min) return;
        const float low = decision.range.min->front(), high = decision.range.max->front();
        const double most = std::max(std::fabs(low), std::fabs(high));
        if (!(low < 0) || !(high > 0) || std::fabs(static_cast<double>(low) + high) > nearly_symmetric * most) return;
        Scheme scheme = decision.scheme;
        scheme.symmetric = true;
        const auto gain = gain_of(grid_of(low, high, scheme, recipe_.semantics));
        if (!gain || *gain < -negligible_db) return;
        Lint& lint = add(LintRule::asymmetric, site, "the range lies symmetric about 0, so its zero point gains next to nothing");
        lint.evidence = {{"min", low, ""}, {"max", high, ""}, {"mean", s.mean, ""}};
        lint.gain_db = gain;
        lint.edit = {{"symmetric", "true"}};
    }

    void scale_pairs()
    {
        for (const Transform& transform : recipe_.transforms) {
            const auto* scaling = std::get_if<ScalePair>(&transform);
            const auto pair = scaling && scaling->scale ? legal_pair(model_, scaling->pair, scaling->layer) : std::nullopt;
            if (!pair) continue;
            double least = INFINITY, most = 0;
            for (const float s : *scaling->scale) {
                least = std::min<double>(least, std::fabs(s));
                most = std::max<double>(most, std::fabs(s));
            }
            if (most <= largest_scale && least >= 1 / largest_scale) continue;
            Lint& lint = add(LintRule::scale_explosion, (*model_.sites)[pair->activation != no_site ? pair->activation : pair->producer], "the scale pair " + pair->pair + " reaches from " + rounded(least, 3) + " to " + rounded(most, 3));
            lint.evidence = {{"smallest scale", least, ""}, {"largest scale", most, ""}};
            lint.advice = "make the pair again with a lower alpha or learning rate";
        }
    }

    const Model& model_;
    const Recipe& recipe_;
    std::vector<SiteStatistics> transformed_;
    const Statistics& statistics_;
    const NpuProfile* npu_;
    ObservedSites seen_, plain_;
    std::unordered_map<SiteId, LegalPair> pairs_;
    std::vector<Lint> found_;
};

}  // namespace

std::string_view name_of(LintRule rule) noexcept
{
    switch (rule) {
        case LintRule::offenders: return "offenders";
        case LintRule::saturation: return "saturation";
        case LintRule::zeros: return "zeros";
        case LintRule::wasted_range: return "wasted range";
        case LintRule::scale_explosion: return "scale explosion";
        case LintRule::weight_tensor: return "weight per tensor";
        case LintRule::asymmetric: return "asymmetric";
        case LintRule::stale_range: return "stale range";
        case LintRule::kv_range: return "one cache range";
        case LintRule::coarse_logits: return "coarse logits";
        case LintRule::scale_floor: return "scale floor";
        case LintRule::dead_channels: return "dead channels";
        case LintRule::empty_range: return "empty range";
        case LintRule::long_calibration: return "long calibration";
        case LintRule::not_on_npu: return "not on NPU";
    }
    return "";
}

std::vector<Lint> find_lints(const Model& model, const Recipe& recipe, const Statistics& statistics, const NpuProfile* npu) { return Linter(model, recipe, statistics, npu).run(); }

}  // namespace bitwright
