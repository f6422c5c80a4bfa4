// SPDX-License-Identifier: GPL-3.0-or-later
// Compiled with -O3: these loops run over every weight of a model.
#include "core/recipe/slices.h"
#include "core/recipe/transforms.h"

#include "core/runtime/error.h"

#include <array>

namespace bitwright {
namespace {

std::size_t rows_of(const Shape& shape) { return shape.empty() ? 1 : static_cast<std::size_t>(shape[0]); }

void divide_rows(MaterializedWeight& w, const std::vector<float>& s, const LegalPair& pair)
{
    const std::size_t rows = rows_of(w.shape), cols = w.weight.size() / rows;
    const bool tied = pair.pair == "q_k";
    for (std::size_t r = 0; r < rows; ++r) {
        const float divisor = s[tied ? static_cast<std::size_t>(tied_index(pair, static_cast<std::int64_t>(r))) : r];
        float* row = w.weight.data() + r * cols;
        for (std::size_t c = 0; c < cols; ++c) row[c] /= divisor;
        if (!w.bias.empty()) w.bias[r] /= divisor;
    }
}

void multiply_rows(MaterializedWeight& w, const std::vector<float>& s)
{
    const std::size_t rows = rows_of(w.shape), cols = w.weight.size() / rows;
    for (std::size_t r = 0; r < rows; ++r) {
        float* row = w.weight.data() + r * cols;
        for (std::size_t c = 0; c < cols; ++c) row[c] *= s[r];
        if (!w.bias.empty()) w.bias[r] *= s[r];
    }
}

void multiply_columns(MaterializedWeight& w, const std::vector<float>& s, const LegalPair& pair)
{
    const std::size_t rows = rows_of(w.shape), cols = w.weight.size() / rows;
    std::vector<float> repeated;
    if (pair.repeat > 1) {
        repeated.resize(cols);
        for (std::size_t c = 0; c < cols; ++c) repeated[c] = s[static_cast<std::size_t>(tied_index(pair, static_cast<std::int64_t>(c)))];
    }
    const float* factor = pair.repeat > 1 ? repeated.data() : s.data();
    for (std::size_t r = 0; r < rows; ++r) {
        float* row = w.weight.data() + r * cols;
        for (std::size_t c = 0; c < cols; ++c) row[c] *= factor[c];
    }
}

const SiteDecision* decision_of(const Recipe& recipe, const Site& site)
{
    const auto found = recipe.sites.find(site.name);
    return found == recipe.sites.end() ? nullptr : &found->second;
}

Error misfit(const std::string& field, const std::string& what) { return bad_input("recipe", field, what + "; validate the recipe against this model"); }

class Materializer {
public:
    Materializer(const Model& model, const Recipe& recipe, const Site& site, MaterializedWeight& weight)
        : model_(model), recipe_(recipe), site_(site), weight_(weight)
    {
    }

    void operator()(const ScalePair& scaling) const
    {
        if (scaling.layer != site_.layer) return;
        const auto pair = legal_pair(model_, scaling.pair, scaling.layer);
        const std::string field = scaling.pair + " of layer " + std::to_string(scaling.layer);
        if (!pair) throw misfit(field, "is no scale pair of this model");
        if (!scaling.scale || std::ssize(*scaling.scale) != pair->channels) {
            throw misfit(field, "has " + std::to_string(scaling.scale ? scaling.scale->size() : 0) + " scales where the model has " +
                                    std::to_string(pair->channels) + " channels");
        }
        if (pair->producer == site_.id) divide_rows(weight_, *scaling.scale, *pair);
        if (std::find(pair->consumers.begin(), pair->consumers.end(), site_.id) == pair->consumers.end()) return;
        if (pair->pair == "q_k")
            multiply_rows(weight_, *scaling.scale);
        else
            multiply_columns(weight_, *scaling.scale, *pair);
    }

    void operator()(const Clip& clip) const
    {
        if (clip.site != site_.name) return;
        const SiteDecision* decision = decision_of(recipe_, site_);
        const Slices slices(decision ? decision->scheme : Scheme{}, weight_.shape);
        if (!clip.min || !clip.max || clip.min->size() != slices.count() || clip.max->size() != slices.count()) {
            throw misfit(clip.site, "its clip does not have one pair of numbers per slice");
        }
        slices.for_each_run([&](std::size_t slice, std::size_t begin, std::size_t end) {
            const float low = (*clip.min)[slice], high = (*clip.max)[slice];
            for (std::size_t i = begin; i < end; ++i) weight_.weight[i] = std::min(std::max(weight_.weight[i], low), high);
        });
    }

    void operator()(const Codes& fixed) const
    {
        if (fixed.site != site_.name) return;
        const SiteDecision* decision = decision_of(recipe_, site_);
        if (!decision) throw misfit(fixed.site, "has codes but no scheme");
        if (!fixed.codes || fixed.codes->size() != weight_.weight.size()) throw misfit(fixed.site, "does not have one code per weight");
        const auto grids = weight_grids(*decision, weight_.shape, weight_.weight, recipe_.semantics);
        Slices(decision->scheme, weight_.shape).for_each_run([&](std::size_t slice, std::size_t begin, std::size_t end) {
            const Grid& grid = grids[slice];
            for (std::size_t i = begin; i < end; ++i) weight_.weight[i] = (static_cast<float>((*fixed.codes)[i]) - grid.offset) * grid.scale;
        });
    }

private:
    const Model& model_;
    const Recipe& recipe_;
    const Site& site_;
    MaterializedWeight& weight_;
};

struct Extremes {
    float min = 0, max = 0;
};

/// In lanes, because the compiler may not reorder a running minimum of floats; 64, because it unrolls fewer instead of using vectors.
Extremes extremes(const float* values, std::size_t count)
{
    constexpr std::size_t lanes = 64;
    std::array<float, lanes> low, high;
    low.fill(values[0]);
    high.fill(values[0]);
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        for (std::size_t j = 0; j < lanes; ++j) {
            const float value = values[i + j];
            low[j] = value < low[j] ? value : low[j];
            high[j] = value > high[j] ? value : high[j];
        }
    }
    for (; i < count; ++i) {
        low[0] = std::min(low[0], values[i]);
        high[0] = std::max(high[0], values[i]);
    }
    return {*std::min_element(low.begin(), low.end()), *std::max_element(high.begin(), high.end())};
}

}  // namespace

MaterializedWeight materialize(const Model& model, const Recipe* recipe, SiteId weight_site)
{
    const Site& site = (*model.sites)[weight_site];
    if (site.kind != SiteKind::weight) throw bad_input("recipe", site.name, "is no weight");
    const auto source = model.description->weight(site.weight_role, site.layer);
    if (!source) throw bad_input(model.checkpoint->folder().string(), site.name, "has no weight in this family");
    MaterializedWeight result;
    result.shape = model.description->shape(site.weight_role, site.layer);
    result.weight = read_weight(*model.checkpoint, *source);
    if (const auto bias = model.description->bias(site.weight_role, site.layer)) result.bias = read_weight(*model.checkpoint, *bias);
    if (recipe) {
        const Materializer apply(model, *recipe, site, result);
        for (const Transform& transform : recipe->transforms) std::visit(apply, transform);
    }
    return result;
}

std::vector<Grid> weight_grids(const SiteDecision& decision, const Shape& shape, std::span<const float> weight, Semantics semantics)
{
    const Slices slices(decision.scheme, shape);
    const Range range = decision.range.scale || decision.range.min ? decision.range : slice_extremes(slices, weight);
    std::vector<Grid> grids(slices.count());
    for (std::size_t i = 0; i < grids.size(); ++i) grids[i] = grid_of(range, i, decision.scheme, semantics);
    if (decision.scheme.bits == 16 && !decision.scheme.symmetric) {
        for (Grid& grid : grids) {
            grid.offset -= 32768;
            grid.qmin -= 32768;
            grid.qmax -= 32768;
        }
    }
    return grids;
}

Range slice_extremes(const Slices& slices, std::span<const float> weight)
{
    std::vector<float> low(slices.count()), high(slices.count());
    std::vector<bool> seen(slices.count());
    slices.for_each_run([&](std::size_t slice, std::size_t begin, std::size_t end) {
        const Extremes run = extremes(weight.data() + begin, end - begin);
        low[slice] = seen[slice] ? std::min(low[slice], run.min) : run.min;
        high[slice] = seen[slice] ? std::max(high[slice], run.max) : run.max;
        seen[slice] = true;
    });
    return {numbers(std::move(low)), numbers(std::move(high)), {}, {}, "min-max"};
}

QuantizedWeight quantize_weight(const Model& model, const Recipe& recipe, SiteId weight_site)
{
    const Site& site = (*model.sites)[weight_site];
    const SiteDecision* decision = decision_of(recipe, site);
    if (!decision || decision->scheme.kind != SchemeKind::uniform)
        throw bad_input("recipe", site.name, "has no uniform scheme, so it has no codes; give it one");
    MaterializedWeight weight = materialize(model, &recipe, weight_site);
    QuantizedWeight result;
    result.grids = weight_grids(*decision, weight.shape, weight.weight, recipe.semantics);
    result.codes.resize(weight.weight.size());
    Slices(decision->scheme, weight.shape).for_each_run([&](std::size_t slice, std::size_t begin, std::size_t end) {
        const Grid grid = result.grids[slice];
        const float* values = weight.weight.data();
        std::int16_t* codes = result.codes.data();
        for (std::size_t i = begin; i < end; ++i) codes[i] = static_cast<std::int16_t>(round_half_even(code_of(values[i], grid)));
    });
    result.shape = std::move(weight.shape);
    result.bias = std::move(weight.bias);
    return result;
}

}  // namespace bitwright
