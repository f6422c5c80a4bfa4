// SPDX-License-Identifier: GPL-3.0-or-later
// MobileQuant (Tan et al. 2024, arXiv 2408.13933) end to end as published: from a SmoothQuant-Edge start, scales (LET), weight clipping (LWC) and activation
// ranges (LRL) of all layers are learned together, batch 1, windows in their order (mobilequant §5.1). OmniQuant (Shao et al. 2024, arXiv 2308.13137) under
// static ranges is the same run layer by layer without the ranges (§5.2); what is learned and in which scope are options, so that each ablation is one run.
#include "core/numerics/methods/block_wise.h"
#include "core/numerics/methods/checkpoint.h"
#include "core/numerics/methods/end_to_end.h"
#include "core/numerics/methods/forecast.h"
#include "core/numerics/methods/journal.h"
#include "core/numerics/methods/optimizer.h"
#include "core/numerics/methods/recipe_steps.h"
#include "core/numerics/methods/resources.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

namespace bitwright {
namespace {

/// The published recipes: three cosine schedules and the SmoothQuant exponent of the start.
struct Preset {
    std::string_view name;
    CosineSchedule let, lwc, lrl;
    double alpha;
};
constexpr std::array<Preset, 9> presets{{
    {"w8a8-tinyllama", {1e-3, 1e-4}, {1e-2, 1e-3}, {1e-6, 1e-7}, 0.5},
    {"w8a8-stablelm", {1e-3, 1e-3}, {1e-2, 5e-3}, {1e-7, 1e-7}, 0.6},
    {"w8a8-gemma", {1e-3, 1e-3}, {5e-3, 5e-3}, {1e-6, 1e-7}, 0.5},
    {"w4a8-tinyllama", {1e-3, 1e-4}, {1e-2, 1e-3}, {1e-6, 1e-7}, 0.5},
    {"w4a8-stablelm", {1e-3, 5e-4}, {5e-3, 1e-3}, {1e-6, 1e-7}, 0.6},
    {"w4a8-gemma", {1e-3, 1e-3}, {5e-3, 5e-3}, {5e-6, 1e-6}, 0.5},
    {"w4a8-sym-tinyllama", {1e-3, 1e-4}, {1e-3, 1e-4}, {1e-6, 1e-7}, 0.5},
    {"w4a8-sym-stablelm", {1e-3, 5e-4}, {5e-3, 1e-3}, {1e-8, 1e-8}, 0.6},
    {"w4a8-sym-gemma", {1e-3, 1e-3}, {5e-4, 5e-4}, {1e-7, 1e-8}, 0.5},
}};

/// The published recipes of the block-wise baseline; ranges where they are learned. 4-bit symmetric weights: none published, the end-to-end rates.
constexpr std::array<Preset, 6> block_presets{{
    {"w8a8-tinyllama", {1e-3, 1e-3}, {1e-2, 1e-2}, {1e-5, 5e-6}, 0.5},
    {"w8a8-stablelm", {1e-3, 1e-3}, {1e-2, 1e-2}, {1e-6, 1e-7}, 0.6},
    {"w8a8-gemma", {5e-3, 5e-3}, {1e-2, 5e-3}, {1e-6, 1e-7}, 0.5},
    {"w4a8-tinyllama", {1e-3, 1e-4}, {1e-2, 1e-3}, {1e-6, 1e-7}, 0.5},
    {"w4a8-stablelm", {1e-3, 5e-4}, {5e-3, 1e-3}, {1e-6, 1e-7}, 0.6},
    {"w4a8-gemma", {1e-3, 1e-3}, {5e-3, 5e-3}, {5e-6, 1e-6}, 0.5},
}};
constexpr CosineSchedule clipping_of_static_w4{1e-3, 1e-4};

struct PaperOptions {
    CommonOptions common;
    Learned learned;
    bool block_wise = false, edge = true;
    CosineSchedule let, lwc, lrl;
    double alpha = 0.5;
    std::int64_t steps = 0;
    std::string recompute;
};

/// Where a step lies: block-wise runs have a schedule per layer.
struct Place {
    std::int64_t layer = -1, step = 0, steps = 0;  ///< layer −1: all; step of `steps` in it
};

Place place_of(std::int64_t step, const PaperOptions& options, std::int64_t layers)
{
    if (!options.block_wise) return {-1, step, options.steps};
    std::int64_t layer = 0;
    const auto first = [&](std::int64_t l) { return l * options.steps / layers; };
    while (first(layer + 1) <= step) ++layer;
    return {layer, step - first(layer), first(layer + 1) - first(layer)};
}

Learned read_learned(MethodOptions& options, const MethodRequest& request, const std::string& usual)
{
    const std::string text = options.text("learn", usual);
    Learned learned{false, false, false, true};
    for (std::size_t from = 0; from <= text.size();) {
        const std::size_t to = std::min(text.find(',', from), text.size());
        const std::string word = text.substr(from, to - from);
        if (word == "let") learned.let = true;
        else if (word == "lwc") learned.lwc = true;
        else if (word == "ranges") learned.lrl = true;
        else throw usage_error(request.method + ": option learn=" + text + " is a list of let, lwc and ranges, as in learn=let,lwc");
        from = to + 1;
    }
    return learned;
}

PaperOptions read_options(MethodOptions& options, const MethodRequest& request)
{
    PaperOptions out;
    const bool omniquant = request.method.starts_with("omniquant");
    out.common = read_common(options, request, Semantics::authors);
    out.block_wise = options.word("scope", omniquant ? "blocks" : "end-to-end", {"blocks", "end-to-end"}) == "blocks";
    out.edge = options.word("pairs", request.method == "omniquant-static" ? "static" : "edge", {"edge", "static"}) == "edge";
    out.learned = read_learned(options, request, omniquant ? "let,lwc" : "let,lwc,ranges");
    out.learned.up_down = out.edge;
    std::vector<std::string> names;
    for (const Preset& preset : presets) names.emplace_back(preset.name);
    const std::string usual = request.weight_bits >= 8 ? "w8a8-tinyllama" : request.symmetric_weights ? "w4a8-sym-tinyllama" : "w4a8-tinyllama";
    const std::string name = options.word("preset", usual, names);
    const auto named = [&](const Preset& p) { return p.name == name; };
    const auto block = std::find_if(block_presets.begin(), block_presets.end(), named);
    Preset preset = out.block_wise && block != block_presets.end() ? *block : *std::find_if(presets.begin(), presets.end(), named);
    if (out.block_wise && !out.edge && request.weight_bits < 8) preset.lwc = clipping_of_static_w4;
    const auto schedule = [&](const std::string& group, const CosineSchedule& published) {
        const double start = options.number("lr_" + group, published.start, 0, 1);
        return CosineSchedule{start, options.number("min_lr_" + group, std::min(published.end, start), 0, 1)};
    };
    out.let = schedule("let", preset.let);
    out.lwc = schedule("lwc", preset.lwc);
    out.lrl = schedule("lrl", preset.lrl);
    out.alpha = options.number("alpha", preset.alpha, 0, 1);
    const std::int64_t epochs = options.integer("epochs", out.block_wise ? 20 : 60, 0, 1'000'000), scopes = out.block_wise ? request.model.architecture().layers : 1;
    out.steps = options.integer("steps", epochs * scopes * request.calibration.count, 0, 1'000'000'000);
    out.recompute = options.word("recompute", "auto", {"auto", "on", "off"});
    options.finish();
    return out;
}

void demand_same_bits(const MethodRequest& request)
{
    for (const Site& site : request.model.sites->sites()) {
        const auto found = request.from->sites.find(site.name);
        if (!is_layer_linear(site.role) || found == request.from->sites.end()) continue;
        if (found->second.scheme.kind == SchemeKind::uniform && found->second.scheme.bits != request.weight_bits)
            throw usage_error(request.method + ": the start recipe has " + std::to_string(found->second.scheme.bits) + "-bit weights where " +
                              std::to_string(request.weight_bits) + " bits were asked for; give the same bits");
    }
}

/// The given recipe as it is, or SmoothQuant-Edge with ranges of the smoothed model.
Recipe start_recipe(MethodContext& context, const PaperOptions& options)
{
    const MethodRequest& request = context.request;
    if (request.from) {
        validate(*request.from, request.model);
        demand_same_bits(request);
        Recipe start = *request.from;
        start.parent = recipe_hash(*request.from);
        start.semantics = options.common.semantics;
        return start;
    }
    Recipe start = fresh_recipe(request, options.common);
    add_smoothquant(start, request.model, observe(context, start), options.alpha, options.edge, context.control);
    set_ranges(start, request.model, observe(context, start), options.common.range, context.control);
    return start;
}

// --- memory ------------------------------------------------------------------------------------------------------------------------------------------

bool recomputes(const PaperOptions& options, const MethodRequest& request)
{
    if (options.block_wise) return true;  // a layer at a time it is
    if (options.recompute != "auto") return options.recompute == "on";
    const std::uint64_t available = available_memory_bytes();
    return available != 0 && memory_parts(request, EndToEndOptions{}.target_bytes).peak(false) > available / 10 * 8;
}

// --- one run -----------------------------------------------------------------------------------------------------------------------------------------

using Clock = std::chrono::steady_clock;

class PaperRun {
public:
    PaperRun(MethodContext& context, const PaperOptions& options, const MethodOptions& given)
        : context_(context), request_(context.request), options_(options), given_(given), key_(request_key(request_, given.json())),
          cpu_(process_cpu_seconds())
    {
        if (request_.resume_from.empty()) {
            state_.start = start_recipe(context_, options_);
        } else {
            state_ = load_checkpoint(request_.resume_from, key_);
        }
        state_.request = key_;
        goal_ = std::make_unique<EndToEnd>(request_.model, state_.start, request_.calibration, EndToEndOptions{.recompute = recomputes(options_, request_), .learned = options_.learned}, context_.control);
        restore_parameters();
        if (options_.block_wise)
            blocks_ = std::make_unique<BlockWise>(request_.model, goal_->learnables(), request_.calibration, state_.start.semantics, EndToEndOptions{}.target_bytes, context_.control);
    }

    MethodOutcome run()
    {
        if (!state_.holdout_loss_before) state_.holdout_loss_before = timed_holdout_loss();
        journal_.loss_before = state_.holdout_loss_before;
        journal_.replay();
        while (state_.step < options_.steps) {
            context_.control.check();
            if (context_.control.pause_requested()) {
                keep();
                return outcome(MethodState::paused, goal_->learnables().recipe());
            }
            step();
            if (state_.step % std::max<std::int64_t>(1, request_.checkpoint_every_steps) == 0 && state_.step < options_.steps) keep();
        }
        goal_->learnables().truncate_scales();
        Recipe recipe = goal_->learnables().recipe();
        const auto after = state_.log.empty() ? state_.holdout_loss_before : state_.log.back().holdout_loss;
        blocks_.reset();
        goal_.reset();  // the calibration below needs its memory
        add_unlearned_ranges(recipe);
        MethodOutcome done = outcome(MethodState::done, std::move(recipe));
        done.holdout_loss_after = after;
        return done;
    }

private:
    void restore_parameters()
    {
        auto& learnables = goal_->learnables().learnables();
        if (state_.parameters.empty()) {
            for (const Learnable& learnable : learnables) {
                const auto size = static_cast<std::size_t>(learnable.value.numel());
                state_.parameters.push_back({learnable.name, {}, {std::vector<float>(size), std::vector<float>(size)}});
            }
            return;
        }
        bool fits = state_.parameters.size() == learnables.size();
        for (std::size_t i = 0; fits && i < learnables.size(); ++i) {
            const auto& kept = state_.parameters[i];
            const auto size = static_cast<std::size_t>(learnables[i].value.numel());
            fits = kept.name == learnables[i].name && kept.value.size() == size && kept.moments.first.size() == size && kept.moments.second.size() == size;
            if (fits) std::copy(kept.value.begin(), kept.value.end(), learnables[i].value.mutable_data_ptr<float>());
        }
        if (!fits) throw bad_input(request_.resume_from, "parameters", "do not fit this model and recipe; start afresh");
    }

    void step()
    {
        const double cpu = process_cpu_seconds();
        const auto began = Clock::now();
        const std::int64_t number = state_.step;
        const Place place = place_of(number, options_, request_.model.architecture().layers);
        const std::int64_t window = place.step % request_.calibration.count;
        const auto rate = [&](bool learned, const CosineSchedule& schedule) { return learned ? schedule.at(place.step, place.steps) : 0.0; };
        StepRecord record{.step = number, .sample = window, .loss = blocks_ ? blocks_->loss_and_gradients(place.layer, window) : goal_->loss_and_gradients(window)};
        record.gradient_norm = goal_->gradient_norm();
        record.lr_let = rate(options_.learned.let, options_.let);
        record.lr_lwc = rate(options_.learned.lwc, options_.lwc);
        record.lr_lrl = rate(options_.learned.lrl, options_.lrl);
        if (!std::isfinite(record.loss) || !std::isfinite(record.gradient_norm)) {
            throw failure(request_.method + ": the loss is not finite at step " + std::to_string(number) + " (window " + std::to_string(window) +
                          "); use smaller learning rates (lr_let, lr_lwc, lr_lrl) or look at that window" +
                          (saved_ ? "; the checkpoint of step " + std::to_string(*saved_) + " in " + request_.checkpoint_path + " is good" : ""));
        }
        auto& learnables = goal_->learnables().learnables();
        for (std::size_t i = 0; i < learnables.size(); ++i) {
            at::Tensor& value = learnables[i].value;
            const at::Tensor& gradient = value.grad();
            if (!gradient.defined()) continue;
            const at::Tensor dense = gradient.contiguous();
            const auto size = static_cast<std::size_t>(value.numel());
            const LearnableGroup group = learnables[i].group;
            adamw_update({value.mutable_data_ptr<float>(), size}, {dense.const_data_ptr<float>(), size}, state_.parameters[i].moments,
                         group == LearnableGroup::let ? record.lr_let : group == LearnableGroup::lwc ? record.lr_lwc : record.lr_lrl, place.step + 1);
        }
        record.seconds = std::chrono::duration<double>(Clock::now() - began).count();
        ++state_.step;
        state_.step_seconds += process_cpu_seconds() - cpu;
        if (state_.step == options_.steps) goal_->learnables().truncate_scales();
        if (journal_.wants_holdout(state_.step)) record.holdout_loss = timed_holdout_loss();
        journal_.add(record, [this] { return goal_->learnables().drift(); });
    }

    void keep()
    {
        if (request_.checkpoint_path.empty()) return;
        const auto& learnables = goal_->learnables().learnables();
        for (std::size_t i = 0; i < learnables.size(); ++i) {
            const float* values = learnables[i].value.const_data_ptr<float>();
            state_.parameters[i].value.assign(values, values + learnables[i].value.numel());
        }
        MethodCheckpoint snapshot = state_;
        snapshot.current = goal_->learnables().recipe();
        sign(snapshot.current, request_, given_, state_.step);
        snapshot.cpu_seconds = state_.cpu_seconds + process_cpu_seconds() - cpu_;
        save_checkpoint(snapshot, request_.checkpoint_path);
        saved_ = state_.step;
    }

    std::optional<double> timed_holdout_loss()
    {
        return journal_.timed([this] { return holdout_loss(); });
    }

    std::optional<double> holdout_loss()
    {
        if (!request_.holdout || request_.holdout->count == 0) return std::nullopt;
        double sum = 0;
        for (std::int64_t window = 0; window < request_.holdout->count; ++window) {
            context_.control.report({"held-out loss", window, request_.holdout->count});
            sum += goal_->loss(*request_.holdout, window);
        }
        return sum / static_cast<double>(request_.holdout->count);
    }

    /// Sites the paper does not quantize get ranges of the transformed model.
    void add_unlearned_ranges(Recipe& recipe)
    {
        Recipe ranged = recipe;
        set_ranges(ranged, request_.model, observe(context_, recipe), options_.common.range, context_.control);
        for (const Site& site : request_.model.sites->sites()) {
            const auto found = recipe.sites.find(site.name);
            const bool seen = site.layer >= 0 && site.levels.simulated;  // by the optimizer: a range it did not learn is the start's
            if (found == recipe.sites.end() || site.kind == SiteKind::weight || found->second.range.scale || seen) continue;
            found->second.range = ranged.sites.at(site.name).range;
        }
    }

    MethodOutcome outcome(MethodState state, Recipe recipe)
    {
        sign(recipe, request_, given_, state_.step);
        return journal_.outcome(state, std::move(recipe), state_.cpu_seconds + process_cpu_seconds() - cpu_, state_.step_seconds);
    }

    MethodContext& context_;
    const MethodRequest& request_;
    const PaperOptions& options_;
    const MethodOptions& given_;
    std::string key_;
    double cpu_;  ///< process CPU seconds when this run began
    MethodCheckpoint state_;
    Journal journal_{request_, context_.control, options_.steps, state_.log};
    std::unique_ptr<EndToEnd> goal_;    ///< of block-wise runs: the twin and its held-out loss
    std::unique_ptr<BlockWise> blocks_;  ///< null: end to end
    std::optional<std::int64_t> saved_;  ///< step of the last checkpoint of this process
};

}  // namespace

void read_mobilequant_options(MethodOptions& options, const MethodRequest& request) { (void)read_options(options, request); }

MethodOutcome run_mobilequant_paper(MethodContext& context)
{
    MethodOptions given(context.request);
    const PaperOptions options = read_options(given, context.request);
    return PaperRun(context, options, given).run();
}

MethodForecast forecast_mobilequant_paper(const MethodRequest& request)
{
    MethodOptions given(request);
    const PaperOptions options = read_options(given, request);
    const bool recompute = recomputes(options, request);
    MemoryParts parts = memory_parts(request, EndToEndOptions{}.target_bytes);
    std::string kept = in_mebibytes(parts.targets) + " of targets" + (parts.targets ? "" : " (computed in every step)");
    if (options.block_wise) {
        const std::int64_t floats = request.calibration.count * request.calibration.length * request.model.architecture().hidden;
        parts.targets = 2 * std::min(sizeof(float) * static_cast<std::uint64_t>(floats), static_cast<std::uint64_t>(EndToEndOptions{}.target_bytes));
        kept = in_mebibytes(parts.targets) + " for what a layer reads and what it is to give";
    }
    MethodForecast forecast = forecast_of(parts.peak(recompute));
    forecast.steps = options.steps;
    forecast.explanation = in_mebibytes(parts.weights) + " of float weights, " + in_mebibytes(parts.layer_graph) + " per layer for the backward pass, " +
                           (recompute ? "one layer at a time" + std::string(options.block_wise ? "" : " (layers are computed again)") : "all " + std::to_string(parts.layers) + " layers at once") + ", " +
                           kept + ", " + in_mebibytes(parts.mapped) + " of the mapped checkpoint; the first steps tell the time";
    return forecast;
}

MethodForecast forecast_closed_form(const MethodRequest& request)
{
    const MemoryParts parts = memory_parts(request, 0);
    MethodForecast forecast = forecast_of(parts.peak_of_calibration());
    forecast.explanation = in_mebibytes(parts.calibrating) + " for float weights and one window, " + in_mebibytes(parts.mapped) +
                           " of the mapped checkpoint; shorter windows need less";
    return forecast;
}

}  // namespace bitwright
