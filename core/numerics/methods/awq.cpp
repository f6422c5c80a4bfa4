// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/awq.h"

#include "core/numerics/methods/layer_walk.h"
#include "core/numerics/methods/range_search.h"
#include "core/numerics/methods/resources.h"
#include "core/numerics/quantize/fake_quantize.h"
#include "core/recipe/slices.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace bitwright {
namespace {

/// Keeps the rows that pass at the sites asked for.
class RowsTap final : public Tap {
public:
    at::Tensor activation(const Site& site, const at::Tensor& x) override
    {
        if (const auto found = rows.find(site.id); found != rows.end()) found->second.push_back(x.reshape({-1, x.size(-1)}));
        return x;
    }
    [[nodiscard]] bool wants(const Site& site) const override { return rows.contains(site.id); }

    std::map<SiteId, std::vector<at::Tensor>> rows;
};

at::Tensor quantized_weight(const at::Tensor& weight, const Scheme& scheme, Semantics semantics)
{
    const Shape shape = weight.sizes().vec();
    const at::Tensor dense = weight.contiguous();
    const std::span<const float> values(dense.const_data_ptr<float>(), static_cast<std::size_t>(dense.numel()));
    const std::vector<Grid> grids = weight_grids({scheme, {}}, shape, values, semantics);
    at::Tensor out = at::empty(shape, at::kFloat);
    float* to = out.mutable_data_ptr<float>();
    Slices(scheme, shape).for_each_run([&](std::size_t slice, std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) to[i] = fake_quantize(values[i], grids[slice]);
    });
    return out;
}

// Scales of the pair spread over the readers' input channels.
at::Tensor by_channel(const LegalPair& pair, const std::vector<float>& scales, std::int64_t channels)
{
    at::Tensor out = at::empty({channels}, at::kFloat);
    for (std::int64_t c = 0; c < channels; ++c) out.mutable_data_ptr<float>()[c] = scales[static_cast<std::size_t>(tied_index(pair, c))];
    return out;
}

// Mean |x| over tokens and over the channels that share a scale.
std::vector<float> mean_by_scale(const LegalPair& pair, const at::Tensor& x)
{
    const at::Tensor mean = x.abs().mean(0).contiguous();
    std::vector<float> out(static_cast<std::size_t>(pair.channels));
    for (std::int64_t c = 0; c < mean.numel(); ++c) out[static_cast<std::size_t>(tied_index(pair, c))] += mean.const_data_ptr<float>()[c] / static_cast<float>(pair.repeat);
    return out;
}

struct Options {
    RangeChoice ranges;
    AwqOptions awq;
    bool clip = true;
};

Options read_options(MethodOptions& options, const MethodRequest& request)
{
    Options out{read_range_choice(options, request, "mse"), {}, true};
    out.awq.grid = options.integer("awq_grid", out.awq.grid, 1, 1000);
    out.awq.windows = out.ranges.search.windows;
    out.clip = options.word("clip", "on", {"on", "off"}) == "on";
    options.finish();
    return out;
}

}  // namespace

double scaled_output_error(const at::Tensor& x, const std::vector<ScaledReader>& readers, const at::Tensor& scales, const Scheme* input, Semantics semantics)
{
    const c10::NoGradGuard no_grad;
    at::Tensor given = x / scales;
    if (input) {
        const Grid grid = grid_of(given.min().item<float>(), given.max().item<float>(), *input, semantics);
        given = fake_quantize(given, at::full({1}, grid.scale), at::full({1}, grid.offset), code_limits(input->bits, input->symmetric));
    }
    double sum = 0;
    for (const ScaledReader& reader : readers) {
        const at::Tensor left = at::matmul(x, reader.weight.t()) - at::matmul(given, quantized_weight(reader.weight * scales, reader.scheme, semantics).t());
        sum += left.square().sum(at::kDouble).item<double>();
    }
    return sum;
}

std::vector<float> awq_scales(const std::vector<float>& mean, double exponent)
{
    std::vector<float> scales(mean.size(), 1.0F);
    double low = 0, high = 0;
    for (std::size_t c = 0; c < mean.size(); ++c) {
        if (!(mean[c] > 0)) continue;
        const double s = std::max(std::pow(static_cast<double>(mean[c]), exponent), 1e-4);
        scales[c] = static_cast<float>(s);
        low = low > 0 ? std::min(low, s) : s;
        high = std::max(high, s);
    }
    if (!(low > 0)) return scales;
    const double middle = std::sqrt(low * high);
    for (std::size_t c = 0; c < mean.size(); ++c)
        if (mean[c] > 0) scales[c] = static_cast<float>(static_cast<double>(scales[c]) / middle);
    return scales;
}

void add_awq(Recipe& recipe, const Model& model, const TokenWindows& calibration, const AwqOptions& options, const Control& control)
{
    const c10::NoGradGuard no_grad;
    constexpr std::array<std::string_view, 4> order{"up_down", "v_o", "norm_qkv", "norm_mlp"};
    const Recipe start = recipe;
    RowsTap tap;
    LayerWalk walk(model, start, tap, cut(calibration, options.windows, options.slice), control);  // equivalent scales leave these inputs, but for their own factor
    for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer) {
        control.report({"AWQ scales", layer, model.architecture().layers});
        walk.enter(layer);
        std::vector<LegalPair> pairs;
        for (const std::string_view name : order)
            if (auto pair = legal_pair(model, name, layer)) pairs.push_back(*std::move(pair));
        for (const LegalPair& pair : pairs) tap.rows[pair.activation];
        walk.advance(tap);
        for (const LegalPair& pair : pairs) {
            const auto& seen = tap.rows[pair.activation];
            std::vector<ScaledReader> readers;
            for (const SiteId consumer : pair.consumers) {
                const SiteDecision& decision = recipe.sites.at((*model.sites)[consumer].name);
                if (decision.scheme.kind != SchemeKind::uniform) continue;
                const MaterializedWeight weight = materialize(model, &recipe, consumer);
                readers.push_back({at::tensor(weight.weight).view(weight.shape), decision.scheme});
            }
            if (seen.empty() || readers.empty()) continue;
            const at::Tensor x = at::cat(seen);
            const auto decision = recipe.sites.find((*model.sites)[pair.activation].name);
            const bool narrow = decision != recipe.sites.end() && decision->second.scheme.kind == SchemeKind::uniform && decision->second.scheme.bits <= 8 &&
                                decision->second.scheme.granularity == Granularity::tensor;
            const std::vector<float> mean = mean_by_scale(pair, x);
            std::vector<float> best;
            double least = scaled_output_error(x, readers, at::full({x.size(1)}, 1.0F), narrow ? &decision->second.scheme : nullptr, start.semantics);
            for (std::int64_t i = 1; i < options.grid; ++i) {
                control.check();
                std::vector<float> scales = awq_scales(mean, static_cast<double>(i) / static_cast<double>(options.grid));
                const double now = scaled_output_error(x, readers, by_channel(pair, scales, x.size(1)), narrow ? &decision->second.scheme : nullptr, start.semantics);
                if (!(now < least)) continue;
                least = now;
                best = std::move(scales);
            }
            if (!best.empty()) recipe.transforms.emplace_back(ScalePair{pair.pair, layer, numbers(std::move(best))});
        }
        tap.rows.clear();
    }
}

void read_awq_options(MethodOptions& options, const MethodRequest& request) { (void)read_options(options, request); }

MethodOutcome run_awq(MethodContext& context)
{
    const double cpu = process_cpu_seconds();
    const MethodRequest& request = context.request;
    MethodOptions options(request);
    const Options read = read_options(options, request);
    Recipe recipe = fresh_recipe(request, read.ranges.common);
    add_awq(recipe, request.model, request.calibration, read.awq, context.control);
    const Statistics seen = choose_ranges(context, recipe, read.ranges);
    if (read.clip && read.ranges.common.range_search.empty()) {
        RangeSearch clipping = read.ranges.search;
        clipping.activations = clipping.attention_scores = false;
        search_ranges(recipe, request.model, seen, request.calibration, clipping, context.control);
    }
    sign(recipe, request, options, 0);
    return closed_form_outcome(std::move(recipe), cpu);
}

}  // namespace bitwright
