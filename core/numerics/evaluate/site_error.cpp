// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/evaluate/site_error.h"

#include "core/numerics/decoder/sweep.h"
#include "core/numerics/decoder/weights.h"
#include "core/numerics/quantize/simulate_tap.h"
#include "core/recipe/linear_inputs.h"
#include "core/recipe/quantization_tally.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/linear.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace bitwright {
namespace {

void tally_parallel(QuantizationTally& sums, const at::Tensor& values, const Grid& grid)
{
    const at::Tensor x = values.contiguous();
    constexpr std::int64_t piece = 1 << 18;
    const std::int64_t n = x.numel(), pieces = (n + piece - 1) / piece;
    std::vector<QuantizationTally> parts(static_cast<std::size_t>(pieces));
    at::parallel_for(0, pieces, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            tally(parts[static_cast<std::size_t>(i)], {x.const_data_ptr<float>() + i * piece, static_cast<std::size_t>(std::min(piece, n - i * piece))}, grid);
        }
    });
    for (const QuantizationTally& part : parts) sums.merge(part);  // in order: the number of threads changes nothing
}

double sum_of_squares(const at::Tensor& x) { return x.square().sum(at::kDouble).item<double>(); }

/// The float forward, watched: the tensors themselves pass unchanged.
class SiteErrorTap final : public Tap {
public:
    SiteErrorTap(const Model& model, const Recipe& recipe, const std::vector<SiteId>& sites)
        : model_(model), recipe_(recipe), simulate_(model, recipe, Placement::full)
    {
        for (const SiteId id : sites) {
            if (!simulate_.wants((*model.sites)[id])) continue;  // float
            measured_.insert(id);
            if (has_output_error(model, id)) inputs_.emplace(output_error_input(model, id), -1);
        }
        for (const Site& site : model.sites->sites()) {
            const auto read = site.kind == SiteKind::weight ? inputs_.find(input_of_linear(model, site.id)) : inputs_.end();
            if (read != inputs_.end()) read->second = std::max(read->second, stage_of(site));
        }
    }

    void enter(std::int64_t window) noexcept { window_ = window; }
    /// The window has passed a stage (numbered as in sweep.h): inputs that no later stage reads are dropped.
    void leave(std::int64_t stage)
    {
        std::erase_if(seen_, [&](const auto& entry) { return entry.first.second == window_ && inputs_.at(entry.first.first) <= stage; });
        if (stage == stage_) return;
        stage_ = stage;
        weights_.clear();
    }

    [[nodiscard]] bool wants(const Site& site) const override
    {
        return site.kind == SiteKind::activation && (measured_.contains(site.id) || inputs_.contains(site.id));
    }
    at::Tensor activation(const Site& site, const at::Tensor& x) override
    {
        if (!wants(site)) return x;
        if (measured_.contains(site.id)) tally_site(site, x.to(at::kFloat));
        if (inputs_.contains(site.id)) seen_[{site.id, window_}] = {x, simulate_.wants(site) ? simulate_.activation(site, x) : at::Tensor()};
        return x;
    }
    at::Tensor weight(const Site& site, const at::Tensor& w) override
    {
        const SiteId input = input_of_linear(model_, site.id);
        const auto found = seen_.find({input, window_});
        const bool of_input = measured_.contains(input), of_weight = measured_.contains(site.id);
        if (found == seen_.end() || (!of_input && !of_weight)) return w;
        const auto& [x, x_quantized] = found->second;
        const at::Tensor w_quantized = simulate_.wants(site) ? quantized_weight(site, w) : at::Tensor(), outputs = at::linear(x, w);
        const double signal = sum_of_squares(outputs);
        std::optional<double> both;
        if (x_quantized.defined() && w_quantized.defined()) both = sum_of_squares(at::linear(x_quantized, w_quantized) - outputs);
        if (of_input) products_[input].add(site.id, signal, sum_of_squares(at::linear(x_quantized - x, w)), both);
        if (of_weight) products_[site.id].add(site.id, signal, sum_of_squares(at::linear(x, w_quantized - w)), both);
        return w;
    }

    [[nodiscard]] SiteError result(SiteId id, std::int64_t tokens, const Control& control) const
    {
        const Site& site = (*model_.sites)[id];
        SiteError error;
        error.site = id;
        if (!measured_.contains(id)) return error;
        const auto& [scheme, range] = recipe_.sites.at(site.name);
        if (site.kind == SiteKind::weight) {
            error.figures = preview_weight(sample_weight(model_, &recipe_, id, 0), scheme, range, recipe_.semantics, control);
        } else if (const auto found = tallies_.find(id); found != tallies_.end()) {
            error.figures = preview_of(found->second, Provenance::windows);
            error.figures.codes = std::int64_t{1} << scheme.bits;
            const Numbers& given = range.scale ? range.scale : range.min;
            if (!scheme.dynamic && given->size() == 1) error.figures.grid = grid_of(range, 0, scheme, recipe_.semantics);
        }
        if (const auto found = products_.find(id); found != products_.end()) {
            const Products& sums = found->second;
            std::int64_t outputs = 0;
            for (const SiteId linear : sums.linears) outputs += (*model_.sites)[linear].rows;
            error.outputs.alone = output_error_of(sums.alone, sums.signal, tokens, outputs);
            if (sums.has_both) error.outputs.both = output_error_of(sums.both, sums.signal, tokens, outputs);
        }
        return error;
    }

private:
    struct Seen {
        at::Tensor x, quantized;  ///< quantized undefined: float by the recipe
    };
    /// Squared outputs and squared errors of the linears behind a site.
    struct Products {
        double alone = 0, both = 0, signal = 0;
        bool has_both = false;
        std::set<SiteId> linears;

        void add(SiteId linear, double squared, double error, std::optional<double> error_of_both)
        {
            linears.insert(linear);
            signal += squared;
            alone += error;
            both += error_of_both.value_or(error);
            has_both = has_both || error_of_both;
        }
    };

    std::int64_t stage_of(const Site& linear) const
    {
        if (linear.layer >= 0) return linear.layer;
        return linear.role == SiteRole::project_in_weight ? -1 : model_.architecture().layers;
    }
    const at::Tensor& quantized_weight(const Site& site, const at::Tensor& w)
    {
        at::Tensor& kept = weights_[site.id];
        if (!kept.defined()) kept = simulate_.weight(site, w);
        return kept;
    }

    void tally_site(const Site& site, const at::Tensor& x)
    {
        const auto& [scheme, range] = recipe_.sites.at(site.name);
        QuantizationTally& sums = tallies_[site.id];
        const auto grid_over = [&](const float* values, std::int64_t n) {
            const auto [least, most] = std::minmax_element(values, values + n);
            return grid_of(*least, *most, scheme, recipe_.semantics);
        };
        const Numbers& given = range.scale ? range.scale : range.min;
        std::vector<Grid> grids;
        if (!scheme.dynamic) {
            for (std::size_t i = 0; i < given->size(); ++i) grids.push_back(grid_of(range, i, scheme, recipe_.semantics));
        } else if (scheme.granularity != Granularity::token) {
            const at::Tensor all = x.contiguous();
            grids.push_back(grid_over(all.const_data_ptr<float>(), all.numel()));
        }
        if (site.role == SiteRole::qk_output || site.role == SiteRole::pv_input) {
            tally_matrix(sums, site, x[0].contiguous(), grids, grid_over);
            return;
        }
        const at::Tensor rows = (x.dim() == 4 ? x[0].transpose(0, 1).flatten(1) : x[0]).contiguous();
        if (grids.empty()) {
            for (std::int64_t t = 0; t < rows.size(0); ++t) {
                const float* row = rows.const_data_ptr<float>() + t * rows.size(1);
                tally(sums, {row, static_cast<std::size_t>(rows.size(1))}, grid_over(row, rows.size(1)));
            }
            return;
        }
        const auto slices = static_cast<std::int64_t>(grids.size());
        const at::Tensor sliced = slices == 1 ? rows.unsqueeze(0) : rows.unflatten(1, {slices, -1}).transpose(0, 1).contiguous();
        for (std::int64_t i = 0; i < slices; ++i) tally_parallel(sums, sliced[i], grids[static_cast<std::size_t>(i)]);
    }

    /// [heads, queries, keys], what the mask leaves of it. One grid, one per head, or (none given) one per row.
    template <typename GridOver>
    void tally_matrix(QuantizationTally& sums, const Site& site, const at::Tensor& x, const std::vector<Grid>& grids, const GridOver& grid_over) const
    {
        const std::int64_t heads = x.size(0), queries = x.size(1), keys = x.size(2), window = model_.architecture().attention.at(static_cast<std::size_t>(site.layer)).window;
        const bool masked_too = recipe_.semantics == Semantics::authors;
        for (std::int64_t h = 0; h < heads; ++h) {
            for (std::int64_t q = 0; q < queries; ++q) {
                const std::int64_t end = masked_too ? keys : q + 1, first = masked_too || window <= 0 ? 0 : std::max<std::int64_t>(0, q + 1 - window);
                const float* row = x.const_data_ptr<float>() + (h * queries + q) * keys;
                const Grid grid = grids.empty() ? grid_over(row, keys) : grids[grids.size() == 1 ? 0 : static_cast<std::size_t>(h)];
                tally(sums, {row + first, static_cast<std::size_t>(end - first)}, grid);
            }
        }
    }

    const Model model_;
    const Recipe& recipe_;
    SimulateTap simulate_;
    std::set<SiteId> measured_;
    std::map<SiteId, std::int64_t> inputs_;  ///< that linears of measured sites read, and the last stage with such a linear
    std::int64_t window_ = 0, stage_ = -2;
    std::map<std::pair<SiteId, std::int64_t>, Seen> seen_;  ///< by input and window
    std::map<SiteId, at::Tensor> weights_;                  ///< quantized, of the present stage
    std::map<SiteId, QuantizationTally> tallies_;
    std::map<SiteId, Products> products_;
};

}  // namespace

std::vector<SiteError> measure_sites(const Model& model, const Recipe& recipe, const std::vector<SiteId>& sites, const TokenWindows& windows, const Control& control)
{
    if (windows.count < 1 || windows.length < 1) throw bad_input(windows.origin, "", "holds no window of tokens; give at least one");
    SiteErrorTap tap(model, recipe, sites);
    CheckpointWeights weights(model, &recipe);
    Decoder decoder(model, weights, {.semantics = recipe.semantics, .control = &control});
    const std::int64_t layers = model.architecture().layers;
    SweepHooks hooks;
    hooks.last_stage = -1;
    for (const SiteId id : sites) {
        const Site& site = (*model.sites)[id];
        hooks.last_stage = std::max(hooks.last_stage, site.layer >= 0 ? site.layer : layers);
        for (const SiteId linear : linears_reading(model, id)) hooks.last_stage = std::max(hooks.last_stage, (*model.sites)[linear].layer >= 0 ? (*model.sites)[linear].layer : layers);
    }
    Progress progress{"site errors", 0, windows.count * (hooks.last_stage + 2)};
    hooks.enter = [&](std::int64_t window) { tap.enter(window); };
    hooks.leave = [&](std::int64_t stage, std::int64_t, const at::Tensor& hidden) {
        if (stage == layers) static_cast<void>(decoder.logits(hidden, tap));
        tap.leave(stage);
        ++progress.done;
        control.report(progress);
    };
    sweep(decoder, tap, windows, 0, windows.count, windows.length, hooks);
    std::vector<SiteError> errors;
    for (const SiteId id : sites) {
        control.check();
        errors.push_back(tap.result(id, windows.count * windows.length, control));
    }
    return errors;
}

}  // namespace bitwright
