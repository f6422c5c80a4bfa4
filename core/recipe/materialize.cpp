// SPDX-License-Identifier: GPL-3.0-or-later
// Compiled with -O3: these loops run over every weight of a model.
#include "core/recipe/rotations.h"
#include "core/recipe/slices.h"
#include "core/recipe/transforms.h"
#include "core/recipe/weight_rows.h"

#include "core/runtime/error.h"
#include "core/runtime/random.h"

#include <array>
#include <numeric>

namespace bitwright {
namespace {

std::size_t rows_of(const Shape& shape) { return shape.empty() ? 1 : static_cast<std::size_t>(shape[0]); }

/// Which rows of the weight are in memory: all, or those listed.
using Rows = std::span<const std::int64_t>;
std::size_t row_number(Rows rows, std::size_t i) { return rows.empty() ? i : static_cast<std::size_t>(rows[i]); }

void divide_rows(MaterializedWeight& w, Rows kept, const std::vector<float>& s, const LegalPair& pair)
{
    const std::size_t rows = rows_of(w.shape), cols = w.weight.size() / rows;
    const bool tied = pair.pair == "q_k";
    for (std::size_t r = 0; r < rows; ++r) {
        const std::size_t number = row_number(kept, r);
        const float divisor = s[tied ? static_cast<std::size_t>(tied_index(pair, static_cast<std::int64_t>(number))) : number];
        float* row = w.weight.data() + r * cols;
        for (std::size_t c = 0; c < cols; ++c) row[c] /= divisor;
        if (!w.bias.empty()) w.bias[r] /= divisor;
    }
}

void multiply_rows(MaterializedWeight& w, Rows kept, const std::vector<float>& s)
{
    const std::size_t rows = rows_of(w.shape), cols = w.weight.size() / rows;
    for (std::size_t r = 0; r < rows; ++r) {
        const float factor = s[row_number(kept, r)];
        float* row = w.weight.data() + r * cols;
        for (std::size_t c = 0; c < cols; ++c) row[c] *= factor;
        if (!w.bias.empty()) w.bias[r] *= factor;
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
    /// @param kept the rows that `weight` holds, its shape says how many; empty: all.
    Materializer(const Model& model, const Recipe& recipe, const Site& site, MaterializedWeight& weight, Rows kept)
        : model_(model), recipe_(recipe), site_(site), weight_(weight), kept_(kept)
    {
    }

    void operator()(const ScalePair& scaling) const
    {
        if (is_rotation(scaling)) return turn(scaling);
        if (scaling.layer != site_.layer) return;
        const auto pair = legal_pair(model_, scaling.pair, scaling.layer);
        const std::string field = scaling.pair + " of layer " + std::to_string(scaling.layer);
        if (!pair) throw misfit(field, "is no scale pair of this model");
        if (!scaling.scale || std::ssize(*scaling.scale) != pair->channels) {
            throw misfit(field, "has " + std::to_string(scaling.scale ? scaling.scale->size() : 0) + " scales where the model has " +
                                    std::to_string(pair->channels) + " channels");
        }
        if (pair->producer == site_.id) divide_rows(weight_, kept_, *scaling.scale, *pair);
        if (std::find(pair->consumers.begin(), pair->consumers.end(), site_.id) == pair->consumers.end()) return;
        if (pair->pair == "q_k")
            multiply_rows(weight_, kept_, *scaling.scale);
        else
            multiply_columns(weight_, *scaling.scale, *pair);
    }

    void operator()(const Clip& clip) const
    {
        if (clip.site != site_.name) return;
        const SiteDecision* decision = decision_of(recipe_, site_);
        const Scheme scheme = decision ? decision->scheme : Scheme{};
        const std::size_t count = Slices(scheme, whole_shape()).count();
        if (!clip.min || !clip.max || clip.min->size() != count || clip.max->size() != count) {
            throw misfit(clip.site, "its clip does not have one pair of numbers per slice");
        }
        const Slices slices(scheme, weight_.shape);
        slices.for_each_run([&](std::size_t own, std::size_t begin, std::size_t end) {
            const std::size_t slice = slice_number(slices, own);
            const float low = (*clip.min)[slice], high = (*clip.max)[slice];
            for (std::size_t i = begin; i < end; ++i) weight_.weight[i] = std::min(std::max(weight_.weight[i], low), high);
        });
    }

    void operator()(const Codes& fixed) const
    {
        if (fixed.site != site_.name) return;
        const SiteDecision* decision = decision_of(recipe_, site_);
        if (!decision) throw misfit(fixed.site, "has codes but no scheme");
        const Shape whole = whole_shape();
        if (!fixed.codes || std::ssize(*fixed.codes) != element_count(whole)) throw misfit(fixed.site, "does not have one code per weight");
        const auto grids = weight_grids(*decision, whole, weight_.weight, recipe_.semantics);
        const std::size_t cols = weight_.weight.size() / rows_of(weight_.shape);
        const Slices slices(decision->scheme, weight_.shape);
        slices.for_each_run([&](std::size_t own, std::size_t begin, std::size_t end) {
            const Grid& grid = grids[slice_number(slices, own)];
            for (std::size_t i = begin; i < end; ++i) {
                const std::int16_t code = (*fixed.codes)[kept_.empty() ? i : row_number(kept_, i / cols) * cols + i % cols];
                weight_.weight[i] = (static_cast<float>(code) - grid.offset) * grid.scale;
            }
        });
    }

private:
    void turn(const ScalePair& turned) const
    {
        const auto rotation = legal_rotation(model_, turned.pair, turned.layer);
        if (!rotation) throw misfit(turned.pair, "is no rotation of this model");
        if (!turned.scale || std::ssize(*turned.scale) != rotation->size * rotation->size) throw misfit(turned.pair, "has another size than this model");
        rotate(weight_, site_.id, *rotation, turned.scale);
    }
    Shape whole_shape() const { return kept_.empty() ? weight_.shape : model_.description->shape(site_.weight_role, site_.layer); }
    /// Of a slice of the rows in memory, its number in the whole weight.
    std::size_t slice_number(const Slices& slices, std::size_t own) const
    {
        if (kept_.empty() || !slices.of_rows()) return own;
        const std::size_t per_row = slices.count() / kept_.size();
        return row_number(kept_, own / per_row) * per_row + own % per_row;
    }

    const Model& model_;
    const Recipe& recipe_;
    const Site& site_;
    MaterializedWeight& weight_;
    Rows kept_;
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
        const Materializer apply(model, *recipe, site, result, {});
        for (const Transform& transform : recipe->transforms) std::visit(apply, transform);
    }
    return result;
}

std::vector<std::int64_t> choose_rows(std::int64_t rows, std::int64_t wanted, std::uint64_t seed)
{
    std::vector<std::int64_t> chosen(static_cast<std::size_t>(rows));
    std::iota(chosen.begin(), chosen.end(), std::int64_t{0});
    if (wanted >= rows) return chosen;
    Random random(seed);
    const auto count = static_cast<std::size_t>(std::max<std::int64_t>(wanted, 0));
    for (std::size_t i = 0; i < count; ++i) std::swap(chosen[i], chosen[i + static_cast<std::size_t>(random.below(chosen.size() - i))]);
    chosen.resize(count);
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

bool reads_some_rows(const Model& model, const Recipe* recipe, SiteId weight_site)
{
    const Site& site = (*model.sites)[weight_site];
    const auto source = site.kind == SiteKind::weight ? model.description->weight(site.weight_role, site.layer) : std::nullopt;
    if (!source || source->transposed || source->stacked != 0 || model.description->shape(site.weight_role, site.layer).size() != 2) return false;
    return !recipe || std::ranges::none_of(recipe->transforms, [&](const Transform& transform) {
        if (const ScalePair* turned = rotation_in(transform)) {
            const auto rotation = legal_rotation(model, turned->pair, turned->layer);
            return rotation && mixes_rows(*rotation, site.id);
        }
        const auto* codes = std::get_if<Codes>(&transform);
        const SiteDecision* decision = codes && codes->site == site.name ? decision_of(*recipe, site) : nullptr;
        return decision && !decision->range.scale && !decision->range.min;
    });
}

std::vector<float> materialize_rows(const Model& model, const Recipe* recipe, SiteId weight_site, std::span<const std::int64_t> rows)
{
    if (rows.empty()) return {};
    const Site& site = (*model.sites)[weight_site];
    if (!reads_some_rows(model, recipe, weight_site)) {
        MaterializedWeight whole = materialize(model, recipe, weight_site);
        if (whole.shape.size() < 2) return std::move(whole.weight);
        const std::int64_t cols = whole.shape[1];
        std::vector<float> part;
        part.reserve(rows.size() * static_cast<std::size_t>(cols));
        for (const std::int64_t row : rows) part.insert(part.end(), whole.weight.begin() + row * cols, whole.weight.begin() + (row + 1) * cols);
        return part;
    }
    const auto source = model.description->weight(site.weight_role, site.layer);
    const std::int64_t width = model.description->shape(site.weight_role, site.layer)[1];
    const auto cols = static_cast<std::size_t>(width);
    MaterializedWeight part;
    part.shape = {std::ssize(rows), width};
    part.weight.resize(rows.size() * cols);
    for (std::size_t i = 0; i < rows.size();) {  // rows that follow each other are read together
        std::size_t end = i + 1;
        while (end < rows.size() && rows[end] == rows[end - 1] + 1 && (source->count == 0 || rows[end] % source->run != 0)) ++end;
        const std::int64_t stored = source->count == 0 ? rows[i] : source->start + rows[i] / source->run * source->stride + rows[i] % source->run;
        model.checkpoint->read_float(source->tensor, static_cast<std::size_t>(stored) * cols, std::span(part.weight).subspan(i * cols, (end - i) * cols));
        i = end;
    }
    if (source->add != 0) {
        for (float& value : part.weight) value += static_cast<float>(source->add);
    }
    if (recipe) {
        const Materializer apply(model, *recipe, site, part, rows);
        for (const Transform& transform : recipe->transforms) std::visit(apply, transform);
    }
    return std::move(part.weight);
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
