// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/range_search.h"

#include "core/numerics/methods/layer_walk.h"
#include "core/numerics/quantize/simulate_tap.h"
#include "core/recipe/range_rules.h"
#include "core/recipe/slices.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mse_loss.h>
#include <c10/core/GradMode.h>

#include <algorithm>

namespace bitwright {
namespace {

// A tap whose grids can be tried and kept.
class TrialTap final : public Tap {
public:
    explicit TrialTap(Tap& inner) : inner_(inner) {}
    at::Tensor activation(const Site& site, const at::Tensor& x) override
    {
        const auto found = tried_.find(site.id);
        if (found == tried_.end()) return inner_.activation(site, x);
        return fake_quantize(x, found->second.scale, found->second.offset, found->second.limits);
    }
    [[nodiscard]] bool wants(const Site& site) const override { return inner_.wants(site); }
    [[nodiscard]] Quantizer quantizer(const Site& site) const override
    {
        const auto found = tried_.find(site.id);
        return found == tried_.end() ? inner_.quantizer(site) : found->second;
    }
    void put(SiteId site, const Range& range, const Scheme& scheme, Semantics semantics)
    {
        const Grid grid = grid_of(range, 0, scheme, semantics);
        tried_[site] = {at::full({1}, grid.scale), at::full({1}, grid.offset), code_limits(scheme.bits, scheme.symmetric)};
    }

private:
    Tap& inner_;
    std::map<SiteId, Quantizer> tried_;
};

// (w − ŵ) H (w − ŵ)ᵀ by slice.
class WeightError {
public:
    WeightError(const MaterializedWeight& weight, const at::Tensor& hessian, const Scheme& scheme, Semantics semantics)
        : weight_(weight), hessian_(hessian.to(at::kFloat)), scheme_(scheme), semantics_(semantics), slices_(scheme, weight.shape)
    {
    }
    [[nodiscard]] std::vector<double> of(const Range& range) const
    {
        const std::vector<Grid> grids = weight_grids({scheme_, range}, weight_.shape, weight_.weight, semantics_);
        at::Tensor left = at::empty(weight_.shape, at::kFloat);
        float* out = left.mutable_data_ptr<float>();
        slices_.for_each_run([&](std::size_t slice, std::size_t begin, std::size_t end) {
            const Grid grid = grids[slice];
            for (std::size_t i = begin; i < end; ++i) out[i] = weight_.weight[i] - fake_quantize(weight_.weight[i], grid);
        });
        const std::int64_t rows = weight_.shape[0], cols = weight_.shape[1];
        const std::int64_t width = scheme_.granularity == Granularity::group ? scheme_.group_size : cols;
        at::Tensor errors = at::empty({rows, cols / width}, at::kDouble);
        for (std::int64_t from = 0; from < cols; from += width) {
            const at::Tensor part = left.narrow(1, from, width), block = hessian_.narrow(0, from, width).narrow(1, from, width);
            errors.select(1, from / width).copy_((at::matmul(part, block) * part).sum(1, false, at::kDouble));
        }
        if (slices_.count() == 1) errors = errors.sum().reshape({1});
        const at::Tensor flat = errors.contiguous();
        return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
    }

private:
    const MaterializedWeight& weight_;
    at::Tensor hessian_;
    const Scheme scheme_;
    Semantics semantics_;
    Slices slices_;
};

struct Bounds {
    std::vector<float> low, high;
    [[nodiscard]] Range range(const char* source) const { return {numbers(low), numbers(high), nullptr, nullptr, source}; }
};

Bounds bounds_of(const Range& range) { return {*range.min, *range.max}; }

std::vector<float> times(std::vector<float> values, double factor)
{
    for (float& v : values) v = static_cast<float>(v * factor);
    return values;
}

constexpr const char* source = "least output error";

bool searched(const Site& site, const Recipe& recipe, std::int64_t layer)
{
    const auto found = recipe.sites.find(site.name);
    if (site.layer != layer || site.kind != SiteKind::activation || !site.levels.simulated || found == recipe.sites.end()) return false;
    const Scheme& scheme = found->second.scheme;
    return scheme.kind == SchemeKind::uniform && !scheme.dynamic && scheme.granularity == Granularity::tensor && scheme.bits <= 8 && found->second.range.min;
}

std::vector<Range> candidates_of(const SiteStatistics& seen, const Site& site, const SiteDecision& decision, Semantics semantics, const RangeSearch& search)
{
    std::vector<Range> out;
    for (const RangeRule& rule : {RangeRule{}, RangeRule{RangeKind::percentile, 99.99}, RangeRule{RangeKind::percentile, 99.9}, RangeRule{RangeKind::mse, 100}})
        if (auto range = observed_range(&seen, site, decision.scheme, semantics, rule)) out.push_back(*std::move(range));
    if (search.candidates == RangeSearch::Candidates::clips && !out.empty()) {
        const Bounds widest = bounds_of(out.front());
        for (std::int64_t i = search.clips - 1; i > 0; --i) {
            const double share = static_cast<double>(i) / static_cast<double>(search.clips);
            out.push_back(Bounds{times(widest.low, share), times(widest.high, share)}.range(source));
        }
    }
    return out;
}

}  // namespace

Range least_output_error(const MaterializedWeight& weight, const at::Tensor& hessian, const Scheme& scheme, Semantics semantics, const Range& start,
                         const RangeSearch& search, const Control& control)
{
    const c10::NoGradGuard no_grad;
    if (scheme.granularity == Granularity::channel) return start;
    const WeightError error(weight, hessian, scheme, semantics);
    Bounds best = bounds_of(start);
    std::vector<double> least = error.of(start);
    const auto attempt = [&](const Bounds& bounds) {
        control.check();
        const std::vector<double> now = error.of(bounds.range(source));
        for (std::size_t i = 0; i < now.size(); ++i) {
            if (!(now[i] < least[i])) continue;
            least[i] = now[i];
            best.low[i] = bounds.low[i];
            best.high[i] = bounds.high[i];
        }
    };
    const Bounds widest = bounds_of(slice_extremes(Slices(scheme, weight.shape), weight.weight));
    attempt(widest);
    attempt(bounds_of(weight_range(weight.weight, weight.shape, scheme, semantics, {RangeKind::mse, 100}, control)));
    if (search.candidates == RangeSearch::Candidates::rules) return best.range(source);
    const auto shares = [&](const auto& attempted) {
        for (std::int64_t i = search.clips - 1; i > 0; --i) attempt(attempted(static_cast<double>(i) / static_cast<double>(search.clips)));
    };
    shares([&](double share) { return Bounds{times(widest.low, share), times(widest.high, share)}; });
    if (scheme.symmetric) return best.range(source);
    shares([&, low = best.low](double share) { return Bounds{low, times(widest.high, share)}; });
    shares([&, high = best.high](double share) { return Bounds{times(widest.low, share), high}; });
    return best.range(source);
}

namespace {

class RangeWalk {
public:
    RangeWalk(Recipe& recipe, const Model& model, const Statistics& statistics, const TokenWindows& slices, const RangeSearch& search, const Control& control)
        : recipe_(recipe), start_(recipe), model_(model), statistics_(statistics), search_(search), control_(control), simulated_(model, start_, Placement::paper),
          walk_(model, start_, simulated_, slices, control), plain_(model, &start_), floating_(model, plain_, {.semantics = start_.semantics, .control = &control})
    {
    }
    void layer(std::int64_t layer)
    {
        walk_.enter(layer);
        if (search_.weights) weights(layer);
        if (search_.activations) activations(layer);
        walk_.advance(tap_);
    }

private:
    void weights(std::int64_t layer)
    {
        CaptureTap capture(tap_);
        const std::vector<LinearInput> linears = open_linears(model_, start_, layer);
        for (const LinearInput& linear : linears) capture.hessians[linear.input];
        (void)walk_.outputs(capture);
        for (const auto& [site, input] : linears) {
            const at::Tensor& hessian = capture.hessians[input];
            SiteDecision& decision = recipe_.sites.at(site->name);
            const bool left = !search_.attention_scores && (site->role == SiteRole::q_weight || site->role == SiteRole::k_weight);
            if (left || !hessian.defined() || !decision.range.min) continue;
            MaterializedWeight weight = materialize(model_, &start_, site->id);
            decision.range = least_output_error(weight, hessian, decision.scheme, start_.semantics, decision.range, search_, control_);
            const std::vector<Grid> grids = weight_grids(decision, weight.shape, weight.weight, start_.semantics);
            Slices(decision.scheme, weight.shape).for_each_run([&](std::size_t slice, std::size_t begin, std::size_t end) {
                for (std::size_t i = begin; i < end; ++i) weight.weight[i] = fake_quantize(weight.weight[i], grids[slice]);
            });
            walk_.replace(site->weight_role, at::from_blob(weight.weight.data(), weight.shape, at::kFloat).clone());
        }
    }

    // One site after the other, the others as they stand.
    void activations(std::int64_t layer)
    {
        Tap none;
        wanted_.clear();
        for (const at::Tensor& x : walk_.inputs()) wanted_.push_back(floating_.layer(layer, x, none));
        double least = error();
        for (const Site& site : model_.sites->sites()) {
            if (!searched(site, recipe_, layer) || shares_a_grid(site)) continue;
            const SiteStatistics* seen = statistics_.find(site.name);
            if (!seen || seen->count == 0) continue;
            std::vector<std::string> readers{site.name};  // of one grid
            for (const Site& other : model_.sites->sites())
                if (other.shares == site.id && searched(other, recipe_, layer) && shares_a_grid(other)) readers.push_back(other.name);
            const SiteDecision& decision = recipe_.sites.at(site.name);
            Range best = decision.range;
            const auto put = [&](const Range& range) {
                for (const std::string& reader : readers) tap_.put(model_.sites->find(reader), range, decision.scheme, start_.semantics);
            };
            for (const Range& candidate : candidates_of(*seen, site, decision, start_.semantics, search_)) {
                put(candidate);
                const double now = error();
                if (!(now < least)) continue;
                least = now;
                best = candidate;
            }
            put(best);
            for (const std::string& reader : readers) recipe_.sites.at(reader).range = best;
        }
    }

    [[nodiscard]] bool shares_a_grid(const Site& site) const
    {
        if (site.shares == no_site) return false;
        const Site& first = (*model_.sites)[site.shares];
        return searched(first, recipe_, site.layer) && recipe_.sites.at(first.name).scheme == recipe_.sites.at(site.name).scheme;
    }
    [[nodiscard]] double error()
    {
        const std::vector<at::Tensor> given = walk_.outputs(tap_);
        double sum = 0;
        for (std::size_t i = 0; i < given.size(); ++i) sum += at::mse_loss(given[i], wanted_[i]).item<double>();
        return sum;
    }

    Recipe& recipe_;
    const Recipe start_;
    const Model& model_;
    const Statistics& statistics_;
    const RangeSearch& search_;
    const Control& control_;
    SimulateTap simulated_;
    TrialTap tap_{simulated_};
    LayerWalk walk_;
    CheckpointWeights plain_;
    Decoder floating_;
    std::vector<at::Tensor> wanted_;  ///< outputs of the layer in float, on the inputs it gets
};

}  // namespace

void search_ranges(Recipe& recipe, const Model& model, const Statistics& statistics, const TokenWindows& calibration, const RangeSearch& search, const Control& control)
{
    const c10::NoGradGuard no_grad;
    RangeWalk walk(recipe, model, statistics, cut(calibration, search.windows, search.slice), search, control);
    for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer) {
        control.report({"ranges by output error", layer, model.architecture().layers});
        walk.layer(layer);
    }
}

RangeChoice read_range_choice(MethodOptions& options, const MethodRequest& request, const std::string& range)
{
    RangeChoice out{read_common(options, request, Semantics::bitwright, range, true), {}};
    if (out.common.range_search == "best") out.search.candidates = RangeSearch::Candidates::rules;
    out.search.windows = options.integer("search_windows", out.search.windows, 1, 1'000'000);
    out.search.clips = options.integer("search_clips", out.search.clips, 2, 1000);
    return out;
}

Statistics choose_ranges(MethodContext& context, Recipe& recipe, const RangeChoice& choice)
{
    const MethodRequest& request = context.request;
    Statistics seen = observe(context, recipe);
    set_ranges(recipe, request.model, seen, choice.common.range, context.control);
    if (!choice.common.range_search.empty()) search_ranges(recipe, request.model, seen, request.calibration, choice.search, context.control);
    return seen;
}

}  // namespace bitwright
