// SPDX-License-Identifier: GPL-3.0-or-later
// QuaRot (Ashkboos et al. 2024, arXiv 2404.00456) and SpinQuant (Liu et al. 2024, arXiv 2405.16406) as far as a static graph goes: R1 and R2 folded into the
// weights, random Hadamard or learned; the online rotations R3 and R4 are left out, so down_proj's input keeps its outliers and up→down is smoothed instead.
#include "core/numerics/methods/checkpoint.h"
#include "core/numerics/methods/distillation.h"
#include "core/numerics/methods/forecast.h"
#include "core/numerics/methods/gptq.h"
#include "core/numerics/methods/journal.h"
#include "core/numerics/methods/range_search.h"
#include "core/numerics/methods/resources.h"
#include "core/numerics/methods/rotation_learning.h"
#include "core/numerics/methods/scale_rules.h"
#include "core/recipe/rotations.h"

#include <chrono>
#include <cmath>

namespace bitwright {
namespace {

using Clock = std::chrono::steady_clock;

struct RotationOptions {
    RangeChoice ranges;
    bool residual = true, heads = true, gptq = false;
    ScaleRules scales;
    RangeRule weight_range;
    GptqOptions gptq_options;
    std::int64_t steps = 0, batch = 4, slice = 128;
    double rate = 0;
};

RotationOptions read_options(MethodOptions& options, const MethodRequest& request)
{
    const bool learned = request.method == "spinquant", low = request.weight_bits < 8;
    RotationOptions out{.ranges = read_range_choice(options, request, "mse")};
    out.residual = options.word("residual", "on", {"on", "off"}) == "on";
    out.heads = options.word("heads", "on", {"on", "off"}) == "on";
    out.scales.up_down = read_scale_rule(options, "up_down", low ? "outliers:2" : "alpha:0.75");
    out.scales.q_k = false;
    out.weight_range = parse_range_rule(options.text("weight_range", low ? "mse" : "minmax"));
    out.gptq = options.word("gptq", "on", {"on", "off"}) == "on";
    out.gptq_options = read_gptq_options(options, low ? "search" : "fixed", 32);
    if (learned) {
        out.steps = options.integer("steps", 100, 0, 1'000'000'000);
        out.rate = options.number("lr_rotation", 1.5, 0, 1000);
        out.batch = options.integer("batch", out.batch, 1, 4096);
        out.slice = options.integer("slice", out.slice, 2, 1'000'000);
    }
    options.finish();
    if (!out.residual && !out.heads) throw usage_error(request.method + ": both rotations are off; set residual=on or heads=on");
    return out;
}

class RotationRun {
public:
    RotationRun(MethodContext& context, const RotationOptions& options, const MethodOptions& given)
        : context_(context), request_(context.request), options_(options), given_(given), cpu_(process_cpu_seconds()), journal_(request_, context.control, options.steps, state_.log)
    {
        if (options_.residual)
            if (const std::string obstacle = rotation_obstacle(request_.model, "rotate_residual"); !obstacle.empty())
                throw bad_input(request_.model.checkpoint->folder().string(), "architecture", obstacle + "; set residual=off, or use a method without rotations");
        const std::string key = request_key(request_, given.json());
        if (!request_.resume_from.empty()) {
            state_ = load_checkpoint(request_.resume_from, key);
        } else {
            state_.start = rotated();
        }
        state_.request = key;
    }

    MethodOutcome run()
    {
        Recipe recipe = state_.start;
        if (options_.steps > 0 && !learn(recipe)) return journal_outcome(MethodState::paused, std::move(recipe));
        const Statistics seen = choose_ranges(context_, recipe, options_.ranges);
        if (options_.ranges.common.range_search.empty()) set_ranges_by_width(recipe, request_.model, seen, options_.ranges.common.range, options_.weight_range, context_.control);
        if (options_.gptq) (void)add_gptq(recipe, request_.model, request_.calibration, options_.gptq_options, context_.control);
        if (options_.steps > 0) {
            MethodOutcome done = journal_outcome(MethodState::done, std::move(recipe));
            done.holdout_loss_after = last_loss_;
            return done;
        }
        sign(recipe, request_, given_, 0);
        return closed_form_outcome(std::move(recipe), cpu_);
    }

private:
    // Up→down first, then what a rotation needs, then random Hadamards.
    Recipe rotated()
    {
        Recipe recipe = fresh_recipe(request_, options_.ranges.common);
        add_scale_pairs(recipe, request_.model, observe(context_, recipe), options_.scales, context_.control);
        if (options_.residual) {
            fold_norms(recipe, request_.model);
            add(recipe, "rotate_residual", -1);
        }
        for (std::int64_t layer = 0; options_.heads && layer < request_.model.architecture().layers; ++layer) add(recipe, "rotate_heads", layer);
        return recipe;
    }
    void add(Recipe& recipe, std::string_view place, std::int64_t layer)
    {
        if (const auto legal = legal_rotation(request_.model, place, layer))
            recipe.transforms.emplace_back(ScalePair{legal->place, layer, numbers(random_hadamard(legal->size, request_.seed * 1'000'003 + static_cast<std::uint64_t>(layer + 1)))});
    }

    /// @return false: paused. `recipe` holds the rotations as they are.
    bool learn(Recipe& recipe)
    {
        RotationLearning twin(request_.model, state_.start, request_.activation_bits);
        Distillation goal(request_.model, state_.start.semantics, request_.calibration, {.slice = options_.slice, .batch = options_.batch, .seed = request_.seed}, context_.control);
        Decoder quantized(request_.model, twin, {.semantics = state_.start.semantics, .control = &context_.control});
        const auto held_out = [&]() -> std::optional<double> {
            if (!request_.holdout || request_.holdout->count == 0) return std::nullopt;
            context_.control.report({"held-out loss", state_.step, options_.steps});
            return goal.held_out(quantized, twin, *request_.holdout);
        };
        if (!state_.parameters.empty()) twin.restore(state_.parameters, request_.resume_from);
        state_.parameters.clear();
        if (!state_.holdout_loss_before) state_.holdout_loss_before = journal_.timed(held_out);
        journal_.loss_before = last_loss_ = state_.holdout_loss_before;
        journal_.replay();
        const auto keep = [&] {
            if (request_.checkpoint_path.empty()) return;
            MethodCheckpoint snapshot = state_;
            snapshot.parameters = twin.parameters();
            snapshot.current = recipe = twin.recipe();
            for (const Site& site : request_.model.sites->sites()) snapshot.current.sites.erase(site.name);  // no ranges yet: those of the end
            sign(snapshot.current, request_, given_, state_.step);
            snapshot.cpu_seconds = state_.cpu_seconds + process_cpu_seconds() - cpu_;
            save_checkpoint(snapshot, request_.checkpoint_path);
        };
        while (state_.step < options_.steps) {
            context_.control.check();
            if (context_.control.pause_requested()) {
                keep();
                recipe = twin.recipe();
                recipe.sites.clear();
                return false;
            }
            const double cpu = process_cpu_seconds();
            const auto began = Clock::now();
            StepRecord record{.step = state_.step, .sample = goal.first_sample(state_.step), .loss = goal.loss_and_gradients(quantized, twin, state_.step)};
            record.lr_let = options_.rate * (1 - static_cast<double>(state_.step) / static_cast<double>(options_.steps));  // linear decay, as SpinQuant trains
            record.gradient_norm = twin.step(record.lr_let);
            if (!std::isfinite(record.loss) || !std::isfinite(record.gradient_norm))
                throw failure(request_.method + ": the loss is not finite at step " + std::to_string(state_.step) + "; use a smaller lr_rotation");
            record.seconds = std::chrono::duration<double>(Clock::now() - began).count();
            ++state_.step;
            state_.step_seconds += process_cpu_seconds() - cpu;
            if (journal_.wants_holdout(state_.step)) record.holdout_loss = last_loss_ = journal_.timed(held_out);
            journal_.add(record, [] { return std::vector<Drift>(); });
            if (state_.step % std::max<std::int64_t>(1, request_.checkpoint_every_steps) == 0 && state_.step < options_.steps) keep();
        }
        recipe = twin.recipe();
        return true;
    }

    MethodOutcome journal_outcome(MethodState state, Recipe recipe)
    {
        sign(recipe, request_, given_, state_.step);
        return journal_.outcome(state, std::move(recipe), state_.cpu_seconds + process_cpu_seconds() - cpu_, state_.step_seconds);
    }

    MethodContext& context_;
    const MethodRequest& request_;
    const RotationOptions& options_;
    const MethodOptions& given_;
    double cpu_;
    MethodCheckpoint state_;
    Journal journal_;
    std::optional<double> last_loss_;
};

}  // namespace

void read_rotation_options(MethodOptions& options, const MethodRequest& request) { (void)read_options(options, request); }

MethodOutcome run_rotation(MethodContext& context)
{
    MethodOptions given(context.request);
    const RotationOptions options = read_options(given, context.request);
    return RotationRun(context, options, given).run();
}

MethodForecast forecast_rotation(const MethodRequest& request)
{
    MethodOptions given(request);
    const RotationOptions options = read_options(given, request);
    const Architecture& a = request.model.architecture();
    const MemoryParts parts = memory_parts(request, 0);
    const std::uint64_t graph = static_cast<std::uint64_t>(a.layers) * layer_graph_bytes(a, options.batch, std::min(options.slice, request.calibration.length));
    // the float model twice, and turned, with its gradient
    MethodForecast forecast = options.steps > 0 ? forecast_of(MemoryParts::process + parts.mapped + 4 * parts.weights + graph) : forecast_closed_form(request);
    forecast.steps = options.steps;
    if (options.steps > 0) forecast.explanation = in_mebibytes(parts.weights) + " of float weights, four times (plain, folded, turned, gradient), " + in_mebibytes(graph) + " for the backward pass";
    const std::string obstacle = options.residual ? rotation_obstacle(request.model, "rotate_residual") : "";
    if (!obstacle.empty()) forecast.explanation = "will be refused: this model " + obstacle;
    return forecast;
}

}  // namespace bitwright
