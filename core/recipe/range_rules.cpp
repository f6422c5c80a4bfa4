// SPDX-License-Identifier: GPL-3.0-or-later
// Compiled with -O3: mse reads every weight of a model some fifty times.
#include "core/recipe/range_rules.h"

#include "core/recipe/grid.h"
#include "core/recipe/observed_values.h"
#include "core/recipe/slices.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"

#include <array>
#include <charconv>
#include <unordered_map>

namespace bitwright {
namespace {

struct Bounds {
    float min = 0, max = 0;
};

/// Least squares over shrink factors, as the header says. `error(grid)` is the squared error of a grid.
template <typename Error>
Bounds least_squares(Bounds extremes, const Scheme& scheme, Semantics semantics, const Error& error)
{
    const float fixed = std::clamp(0.0f, extremes.min, extremes.max);
    const auto shrunk = [&](double a, double b) {
        return Bounds{static_cast<float>(fixed + a * (extremes.min - fixed)), static_cast<float>(fixed + b * (extremes.max - fixed))};
    };
    double best_a = 1, best_b = 1;
    const auto cost = [&](double a, double b) {
        const Bounds bounds = shrunk(a, b);
        return error(grid_of(bounds.min, bounds.max, scheme, semantics));
    };
    double least = cost(1, 1);
    const auto try_at = [&](double a, double b) {
        const double value = cost(a, b);
        if (value < least) {
            least = value;
            best_a = a;
            best_b = b;
            return true;
        }
        return value < 4 * least;
    };
    for (const auto& [one, other] : {std::pair{true, true}, {true, false}, {false, true}}) {
        if (scheme.symmetric && one != other) continue;
        for (int step = 1; step <= 20; ++step) {
            const double t = 1 - 0.04 * step;
            if (!try_at(one ? t : 1, other ? t : 1)) break;
        }
    }
    for (const double step : {0.04, 0.02, 0.01, 0.005}) {
        for (bool better = true; better;) {
            const double before = least, a = best_a, b = best_b;
            for (const double d : {-step, step}) {
                if (scheme.symmetric) {
                    if (a + d > 0 && a + d <= 1) try_at(a + d, a + d);
                    continue;
                }
                if (a + d > 0 && a + d <= 1) try_at(a + d, b);
                if (b + d > 0 && b + d <= 1) try_at(a, b + d);
            }
            better = least < before;
        }
    }
    return shrunk(best_a, best_b);
}

/// Sum of squared errors over values: 64 float lanes within a block of 4,096, double between blocks.
double squared_error(std::span<const float> values, const Grid& grid) noexcept
{
    constexpr std::size_t lanes = 64, block = 4096;
    const Grid local = grid;
    double sum = 0;
    for (std::size_t start = 0; start < values.size(); start += block) {
        const std::size_t end = std::min(values.size(), start + block);
        std::array<float, lanes> lane{};
        std::size_t i = start;
        for (; i + lanes <= end; i += lanes) {
            for (std::size_t j = 0; j < lanes; ++j) {
                const float x = values[i + j], d = fake_quantize(x, local) - x;
                lane[j] += d * d;
            }
        }
        for (; i < end; ++i) {
            const float d = fake_quantize(values[i], local) - values[i];
            lane[0] += d * d;
        }
        for (const float partial : lane) sum += partial;
    }
    return sum;
}

Range channel_range(const SiteStatistics& s, const Site& site, const Scheme& scheme, const RangeRule& rule)
{
    if (rule.kind != RangeKind::minmax) {
        throw usage_error(site.name + ": ranges per " + std::string(name_of(scheme.granularity)) + " come from the channels' extremes; use --range minmax");
    }
    if (scheme.granularity == Granularity::channel || site.role == SiteRole::qk_output || site.role == SiteRole::pv_input) {
        return {numbers(s.channel_min), numbers(s.channel_max), {}, {}, in_words(rule)};
    }
    throw usage_error(site.name + ": ranges per head are known for attention scores and probabilities only; use granularity=tensor or channel");
}

Range constant_range(float min, float max) { return {numbers({min}), numbers({max}), {}, {}, "by definition"}; }

Range range_of_activation(const Site& site, const Scheme& scheme, Semantics semantics, const SiteStatistics* seen, const Statistics& statistics,
                          const RangeRule& rule)
{
    if (auto range = observed_range(seen, site, scheme, semantics, rule)) return *std::move(range);
    throw bad_input("statistics " + statistics.key().substr(0, 12), site.name, "was not observed; calibrate this model again");
}

/// A table of rows that no transform touches: its extremes need no more than a block of it in memory.
bool can_stream(const Model& model, const Recipe& recipe, const Site& site, const Scheme& scheme, const RangeRule& rule)
{
    if (rule.kind == RangeKind::mse || (scheme.granularity != Granularity::tensor && scheme.granularity != Granularity::row)) return false;
    if (site.role != SiteRole::embedding_weight && site.role != SiteRole::lm_head_weight) return false;
    const auto source = model.description->weight(site.weight_role, site.layer);
    const bool plain = source && !source->transposed && !source->stacked && source->count == 0 && source->add == 0;
    return plain && std::none_of(recipe.transforms.begin(), recipe.transforms.end(), [&](const Transform& transform) {
               const auto* clip = std::get_if<Clip>(&transform);
               const auto* codes = std::get_if<Codes>(&transform);
               const auto* scaling = std::get_if<ScalePair>(&transform);  // of the whole model: a rotation, or the final norm folded
               return (clip && clip->site == site.name) || (codes && codes->site == site.name) || (scaling && scaling->layer < 0);
           });
}

Range streamed_extremes(const Model& model, const Site& site, const Scheme& scheme, const Control& control)
{
    const Shape shape = model.description->shape(site.weight_role, site.layer);
    const std::string tensor = model.description->weight(site.weight_role, site.layer)->tensor;
    const std::int64_t step = std::max<std::int64_t>(1, (std::int64_t{1} << 20) / shape[1]);
    std::vector<float> block, low, high;
    Scheme rows = scheme;
    rows.granularity = Granularity::row;
    for (std::int64_t at = 0; at < shape[0]; at += step) {
        control.check();
        const Shape part{std::min(step, shape[0] - at), shape[1]};
        block.resize(static_cast<std::size_t>(element_count(part)));
        model.checkpoint->read_float(tensor, static_cast<std::size_t>(at * shape[1]), block);
        const Range range = slice_extremes(Slices(rows, part), block);
        low.insert(low.end(), range.min->begin(), range.min->end());
        high.insert(high.end(), range.max->begin(), range.max->end());
    }
    if (scheme.granularity == Granularity::tensor) {
        low = {*std::min_element(low.begin(), low.end())};
        high = {*std::max_element(high.begin(), high.end())};
    }
    return {numbers(std::move(low)), numbers(std::move(high)), {}, {}, "min-max"};
}

}  // namespace

RangeRule parse_range_rule(std::string_view text)
{
    if (text == "minmax") return {};
    if (text == "mse") return {RangeKind::mse, 100};
    constexpr std::string_view prefix = "percentile:";
    RangeRule rule{RangeKind::percentile, 0};
    if (text.substr(0, prefix.size()) == prefix) {
        const auto number = text.substr(prefix.size());
        const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), rule.percent);
        if (fault == std::errc{} && end == number.data() + number.size() && rule.percent > 0 && rule.percent <= 100) return rule;
    }
    throw usage_error("range \"" + std::string(text) + "\" is unknown; use minmax, percentile:P with 0 < P ≤ 100 (the share of values kept), or mse");
}

std::string in_words(const RangeRule& rule)
{
    if (rule.kind == RangeKind::minmax) return "min-max";
    if (rule.kind == RangeKind::mse) return "mse";
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), rule.percent).ptr;
    return "percentile " + std::string(text.data(), end);
}

Range activation_range(const SiteStatistics& s, const Site& site, const Scheme& scheme, Semantics semantics, const RangeRule& rule)
{
    if (scheme.granularity != Granularity::tensor) return channel_range(s, site, scheme, rule);
    Bounds bounds{s.min, s.max};
    if (rule.kind == RangeKind::percentile) {
        const double cut = (1 - rule.percent / 100) / 2;
        bounds = {static_cast<float>(s.quantile(cut)), static_cast<float>(s.quantile(1 - cut))};
    } else if (rule.kind == RangeKind::mse) {
        const ObservedValues observed(s);
        bounds = least_squares(bounds, scheme, semantics, [&](const Grid& grid) { return observed.squared_error(grid); });
    }
    return {numbers({bounds.min}), numbers({bounds.max}), {}, {}, in_words(rule)};
}

std::optional<Range> observed_range(const SiteStatistics* seen, const Site& site, const Scheme& scheme, Semantics semantics, const RangeRule& rule)
{
    const bool sigmoid = site.role == SiteRole::activation_sigmoid;
    if ((sigmoid && semantics == Semantics::authors) || (!seen && (sigmoid || site.role == SiteRole::pv_input))) return constant_range(0, 1);
    if (!seen || seen->count == 0) return std::nullopt;
    return activation_range(*seen, site, scheme, semantics, rule);
}

Range weight_range(std::span<const float> weight, const Shape& shape, const Scheme& scheme, Semantics semantics, const RangeRule& rule, const Control& control)
{
    const Slices slices(scheme, shape);
    Range range = slice_extremes(slices, weight);
    if (rule.kind != RangeKind::mse) return range;

    std::vector<float> low = *range.min, high = *range.max;
    const auto fit = [&](std::size_t slice, std::span<const float> values) {
        const Bounds bounds = least_squares({low[slice], high[slice]}, scheme, semantics, [&](const Grid& grid) {
            control.check();
            return squared_error(values, grid);
        });
        low[slice] = bounds.min;
        high[slice] = bounds.max;
    };
    if (scheme.granularity == Granularity::channel) {
        std::vector<std::vector<float>> columns(slices.count());
        slices.for_each_run([&](std::size_t slice, std::size_t begin, std::size_t) { columns[slice].push_back(weight[begin]); });
        for (std::size_t i = 0; i < columns.size(); ++i) fit(i, columns[i]);
    } else {
        slices.for_each_run([&](std::size_t slice, std::size_t begin, std::size_t end) { fit(slice, weight.subspan(begin, end - begin)); });
    }
    return {numbers(std::move(low)), numbers(std::move(high)), {}, {}, in_words(rule)};
}

void set_ranges(Recipe& recipe, const Model& model, const Statistics& statistics, const RangeRule& rule, const Control& control)
{
    std::unordered_map<std::string_view, const SiteStatistics*> seen;
    for (const auto& s : statistics.sites) seen.emplace(s.site, &s);
    const auto find = [&](const Site& site) {
        auto found = seen.find(site.name);
        if (found == seen.end() && site.shares != no_site) found = seen.find((*model.sites)[site.shares].name);
        return found == seen.end() ? nullptr : found->second;
    };
    for (auto& [name, decision] : recipe.sites) {
        control.check();
        const SiteId id = model.sites->find(name);
        if (id == no_site) throw bad_input("recipe", name, "is no site of this model; use the model it was made for");
        const Site& site = (*model.sites)[id];
        decision.range = {};
        if (decision.scheme.kind == SchemeKind::floating || decision.scheme.dynamic) continue;
        if (site.kind == SiteKind::activation) {
            decision.range = range_of_activation(site, decision.scheme, recipe.semantics, find(site), statistics, rule);
        } else {
            if (can_stream(model, recipe, site, decision.scheme, rule)) {
                decision.range = streamed_extremes(model, site, decision.scheme, control);
            } else {
                const MaterializedWeight weight = materialize(model, &recipe, id);
                decision.range = weight_range(weight.weight, weight.shape, decision.scheme, recipe.semantics, rule, control);
            }
            if (const auto source = model.description->weight(site.weight_role, site.layer)) model.checkpoint->release(source->tensor);
        }
    }
}

}  // namespace bitwright
