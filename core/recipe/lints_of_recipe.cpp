// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/lints_of_recipe.h"

#include "core/recipe/grid.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bitwright {
namespace {

constexpr double stale_ratio = 1.1;         ///< a range that was fitted to other data: 10 % off what is seen now
constexpr double wasted_kv = 1.5;           ///< a layer's keys fill less than two thirds of the range they share
constexpr double coarse_logit = 0.1;        ///< a step of attention's logits, after 1/√d, that moves a probability by a tenth
constexpr float authors_floor = 1e-5F;

std::string rounded(double value)
{
    std::array<char, 32> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%.3g", value);
    return buffer.data();
}
std::string exact(float value)
{
    std::array<char, 32> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%.9g", static_cast<double>(value));
    return buffer.data();
}

class RecipeLinter {
public:
    RecipeLinter(const Model& model, const Recipe& recipe, const Statistics& statistics, const ObservedSites& seen, const ObservedSites& plain, std::vector<Lint>& found)
        : model_(model), recipe_(recipe), statistics_(statistics), seen_(seen), plain_(plain), found_(found)
    {
    }

    void run()
    {
        for (const Site& site : model_.sites->sites()) {
            const auto decision = recipe_.sites.find(site.name);
            if (site.kind != SiteKind::activation || decision == recipe_.sites.end() || decision->second.scheme.kind != SchemeKind::uniform || decision->second.scheme.dynamic) continue;
            const auto& [scheme, range] = decision->second;
            const auto* s = find(seen_, site.name);
            if (s) dead_channels(site, *s);
            if (scheme.granularity != Granularity::tensor || !range.min || range.min->size() != 1 || !range.max || range.max->size() != 1) continue;
            const float low = range.min->front(), high = range.max->front();
            if (!range.scale && !(high > low)) {
                empty_range(site, low, s);
                continue;
            }
            if (s && s->max > s->min) stale_range(site, range, *s);
            if (site.role == SiteRole::qk_output) coarse_logits(site, decision->second, s);
            scale_floor(site, scheme, range);
        }
        kv_range();
        long_calibration();
    }

private:
    static const SiteStatistics* find(const ObservedSites& sites, const std::string& name)
    {
        const auto found = sites.find(name);
        return found == sites.end() ? nullptr : found->second;
    }
    Lint& add(LintRule rule, const Site& site, std::string what)
    {
        Lint lint;
        lint.rule = rule;
        lint.site = site.id;
        lint.what = std::move(what);
        lint.pattern = site.name;
        return found_.emplace_back(std::move(lint));
    }

    /// A range that a rule took from the plain model although the recipe scales this tensor.
    void stale_range(const Site& site, const Range& range, const SiteStatistics& s)
    {
        const auto* before = find(plain_, site.name);
        if (!before || range.scale || range.source == "learned" || range.source == "by hand") return;
        const auto width = [](float low, float high) { return static_cast<double>(std::max(high, 0.0F)) - std::min(low, 0.0F); };
        const double now = width(s.min, s.max), then = width(before->min, before->max), given = width(range.min->front(), range.max->front());
        const double scaled = std::max(now / then, then / now);
        if (!(then > 0) || !(now > 0) || scaled < stale_ratio || std::fabs(given - then) > std::fabs(given - now)) return;
        Lint& lint = add(LintRule::stale_range, site, "the range is that of the tensor before the recipe's transforms, which made it " + rounded(now / then) + "× as wide");
        lint.evidence = {{"width given", given, ""}, {"width before the transforms", then, ""}, {"width now", now, ""}};
        lint.edit = {{"range", "minmax"}};
    }

    void dead_channels(const Site& site, const SiteStatistics& s)
    {
        const auto dead = std::ranges::count(s.channel_abs_max, 0.0F);
        if (dead == 0 || s.channel_abs_max.empty()) return;
        const bool all = dead == static_cast<std::ptrdiff_t>(s.channel_abs_max.size());
        Lint& lint = add(LintRule::dead_channels, site, all ? "nothing but zeros was observed here" : std::to_string(dead) + " of " + std::to_string(s.channel_abs_max.size()) + " channels were 0 in every calibration token");
        lint.evidence = {{"dead channels", static_cast<double>(dead), ""}, {"channels", static_cast<double>(s.channel_abs_max.size()), ""}};
        lint.advice = all ? "calibrate on text that reaches this part of the model, or leave the site float" : "calibrate on more or other text; if they stay 0, the weights that read them are not needed";
    }

    void empty_range(const Site& site, float value, const SiteStatistics* s)
    {
        Lint& lint = add(LintRule::empty_range, site, "its range has no width: every value becomes " + rounded(value));
        lint.evidence = {{"min = max", value, ""}};
        if (s && s->max > s->min) lint.edit = {{"min", exact(s->min)}, {"max", exact(s->max)}};
        else lint.advice = "calibrate on other text, or leave the site float";
    }

    /// mobilequant §8.2: a mask of −40,000 inside a 16-bit range leaves steps of 0.6 between logits.
    void coarse_logits(const Site& site, const SiteDecision& decision, const SiteStatistics* s)
    {
        const double step = grid_of(decision.range, 0, decision.scheme, recipe_.semantics).scale * model_.architecture().attention_scale;
        if (step <= coarse_logit || !s || !(s->max > s->min)) return;
        const double data = static_cast<double>(s->max) - s->min, given = static_cast<double>(decision.range.max->front()) - decision.range.min->front();
        if (given < 2 * data) return;  // the logits themselves are that large
        Lint& lint = add(LintRule::coarse_logits, site, "attention's logits move in steps of " + rounded(step) + ": the range holds more than they reach, as with a mask inside it");
        lint.evidence = {{"step after scaling", step, ""}, {"range to data", given / data, "×"}};
        lint.edit = {{"min", exact(s->min)}, {"max", exact(s->max)}};
    }

    /// mobilequant §1.5: scales below 1e-5 are raised to it.
    void scale_floor(const Site& site, const Scheme& scheme, const Range& range)
    {
        if (recipe_.semantics != Semantics::authors || scheme.bits < 16 || range.scale) return;
        const double span = static_cast<double>(range.max->front()) - range.min->front(), codes = std::exp2(scheme.bits) - 1;
        if (span / codes >= authors_floor) return;
        Lint& lint = add(LintRule::scale_floor, site, "the authors' floor of 1e-5 under scales leaves this range only " + rounded(span / authors_floor) + " of its " + rounded(codes + 1) + " codes");
        lint.evidence = {{"width", span, ""}, {"codes used at most", span / authors_floor, ""}};
        lint.advice = "make the recipe in Bitwright's semantics, which have no floor";
    }

    /// mobilequant §7.3: one range for the keys of all layers, one for the values.
    void kv_range()
    {
        for (const SiteRole role : {SiteRole::qk_input2, SiteRole::pv_input2}) {
            std::vector<const Site*> sites;
            const Range* first = nullptr;
            bool one = true;
            for (std::int64_t layer = 0; layer < model_.architecture().layers; ++layer) {
                const SiteId id = model_.sites->find(role, layer);
                const auto decision = id == no_site ? recipe_.sites.end() : recipe_.sites.find((*model_.sites)[id].name);
                if (decision == recipe_.sites.end() || !decision->second.range.min || decision->second.range.min->size() != 1) return;
                const Range& range = decision->second.range;
                if (first && (*range.min != *first->min || *range.max != *first->max)) one = false;
                if (!first) first = &range;
                sites.push_back(&(*model_.sites)[id]);
            }
            if (!one || sites.size() < 2) continue;
            for (const Site* site : sites) {
                const auto* s = find(seen_, site->name);
                const double given = static_cast<double>(first->max->front()) - first->min->front(), data = s ? static_cast<double>(s->max) - s->min : 0;
                if (!(data > 0) || given < wasted_kv * data) continue;
                Lint& lint = add(LintRule::kv_range, *site, "one range serves the cache of all layers; this layer fills " + rounded(100 * data / given) + " % of it");
                lint.evidence = {{"shared range to this layer's data", given / data, "×"}, {"layers", static_cast<double>(sites.size()), ""}};
                lint.gain_db = 20 * std::log10(given / data);
                lint.edit = {{"min", exact(s->min)}, {"max", exact(s->max)}};
            }
        }
    }

    void long_calibration()
    {
        const auto context = model_.architecture().max_positions;
        if (context <= 0 || statistics_.length <= context) return;
        Lint lint;
        lint.rule = LintRule::long_calibration;
        lint.what = "the calibration's windows have " + std::to_string(statistics_.length) + " tokens, the model was made for " + std::to_string(context) + ": later positions widen the ranges";
        lint.evidence = {{"window", static_cast<double>(statistics_.length), "tokens"}, {"context", static_cast<double>(context), "tokens"}};
        lint.advice = "calibrate with --length " + std::to_string(context) + " or less";
        found_.push_back(std::move(lint));
    }

    const Model& model_;
    const Recipe& recipe_;
    const Statistics& statistics_;
    const ObservedSites &seen_, &plain_;
    std::vector<Lint>& found_;
};

}  // namespace

void find_recipe_lints(const Model& model, const Recipe& recipe, const Statistics& statistics, const ObservedSites& seen, const ObservedSites& plain, std::vector<Lint>& found)
{
    RecipeLinter(model, recipe, statistics, seen, plain, found).run();
}

void find_npu_lints(const Model& model, const Recipe& recipe, const NpuProfile& npu, std::vector<Lint>& found)
{
    for (const Site& site : model.sites->sites()) {
        const auto decision = recipe.sites.find(site.name);
        if (decision == recipe.sites.end() || decision->second.scheme.kind == SchemeKind::floating) continue;
        const Scheme& scheme = decision->second.scheme;
        const auto fault = npu_fault(npu, model, recipe, site, scheme);
        if (fault.empty()) continue;
        Lint lint;
        lint.rule = LintRule::not_on_npu;
        lint.site = site.id;
        lint.what = fault;
        lint.pattern = site.name;
        lint.evidence = {{"bits", static_cast<double>(scheme.bits), ""}};
        if (const auto legal = nearest_scheme(npu, model, recipe, site, scheme)) {
            if (scheme.kind != SchemeKind::uniform) lint.edit.emplace_back("kind", "uniform");
            if (legal->bits != scheme.bits) lint.edit.emplace_back("bits", std::to_string(legal->bits));
            if (legal->symmetric != scheme.symmetric) lint.edit.emplace_back("symmetric", legal->symmetric ? "true" : "false");
            if (legal->dynamic != scheme.dynamic) lint.edit.emplace_back("dynamic", legal->dynamic ? "true" : "false");
            if (legal->granularity != scheme.granularity || legal->group_size != scheme.group_size)
                lint.edit.emplace_back("granularity", std::string(name_of(legal->granularity)) + (legal->granularity == Granularity::group ? ":" + std::to_string(legal->group_size) : ""));
        } else {
            lint.advice = "change the bits of the tensor it reads, or choose another NPU";
        }
        found.push_back(std::move(lint));
    }
}

}  // namespace bitwright
