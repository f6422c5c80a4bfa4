// SPDX-License-Identifier: GPL-3.0-or-later
// MobileQuant as Bitwright does it: closed-form scales and least-squares ranges, then end-to-end steps on the divergence of the model's own distributions. From
// 8 bits on the steps learn scales, clips and ranges and GPTQ comes last; below, GPTQ comes first and the steps learn the rounding. Every ingredient has its
// switch (bitwright_options.h). What is kept is the step with the lowest held-out divergence.
#include "core/numerics/methods/bitwright_options.h"
#include "core/numerics/methods/checkpoint.h"
#include "core/numerics/methods/distillation.h"
#include "core/numerics/methods/forecast.h"
#include "core/numerics/methods/journal.h"
#include "core/numerics/methods/optimizer.h"
#include "core/numerics/methods/resources.h"
#include "core/numerics/methods/tunable.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace bitwright {
namespace {

using Clock = std::chrono::steady_clock;
using Values = std::vector<std::vector<float>>;  // by parameter

TokenWindows last_windows(const TokenWindows& windows, std::int64_t count)
{
    TokenWindows last = windows;
    last.count = count;
    last.ids.assign(windows.ids.end() - count * windows.length, windows.ids.end());
    return last;
}

class BitwrightRun {
public:
    BitwrightRun(MethodContext& context, const BitwrightOptions& options, const MethodOptions& given)
        : context_(context),
          request_(context.request),
          options_(options),
          given_(given),
          training_(first_windows(request_.calibration, request_.calibration.count - options.holdout_windows)),
          holdout_(request_.holdout ? *request_.holdout : last_windows(request_.calibration, options.holdout_windows)),
          cpu_(process_cpu_seconds()),
          journal_(request_, context.control, options.steps(), state_.log)
    {
        const std::string key = request_key(request_, given.json());
        if (!request_.resume_from.empty()) state_ = load_checkpoint(request_.resume_from, key);
        state_.request = key;
        resumed_ = !request_.resume_from.empty();
    }

    MethodOutcome run()
    {
        if (!resumed_) state_.start = goes_on() ? went_before() : closed_form();
        goal_ = std::make_unique<Distillation>(request_.model, options_.common.semantics, training_,
                                               DistillationOptions{.slice = options_.slice, .batch = options_.batch, .seed = request_.seed}, context_.control);
        if (resumed_) journal_.replay();
        if (state_.step < options_.transform_steps) {
            enter({.transforms = options_.lr_transforms > 0, .clipping = options_.lr_clipping > 0, .ranges = options_.lr_ranges > 0}, {});
            if (!learn(options_.transform_steps)) return outcome(MethodState::paused, current());
            state_.start = leave();
        }
        const bool rounding = options_.rounding_steps > 0;
        if (resumed_ && state_.step >= options_.transform_steps && rounding) {
            enter({.ranges = options_.lr_late_ranges > 0}, latents_of_checkpoint());
        } else if (const Latents before = rounding && options_.transform_steps == 0 ? latents_of_codes(state_.start) : Latents(); !before.empty()) {
            enter({.ranges = options_.lr_late_ranges > 0}, before);
        } else if (options_.gptq) {
            Recipe solved = state_.start;
            const Latents latents = add_gptq(solved, request_.model, training_, options_.gptq_options, context_.control);
            if (rounding) {
                state_.start = std::move(solved);
                enter({.ranges = options_.lr_late_ranges > 0}, latents);
            } else {
                take_if_better(std::move(solved));
            }
        }
        if (rounding) {
            if (!learn(options_.steps())) return outcome(MethodState::paused, current());
            state_.start = leave();
        }
        MethodOutcome done = outcome(MethodState::done, state_.start);
        done.holdout_loss_after = final_loss_;
        return done;
    }

private:
    /// A recipe of this method, for the same bits, is gone on from: its scales, ranges and codes are the start. Of any other one only the transforms are.
    [[nodiscard]] bool goes_on() const
    {
        if (!request_.from || request_.from->made_by.method != request_.method) return false;
        return std::ranges::all_of(request_.model.sites->sites(), [&](const Site& site) {
            if (!is_layer_linear(site.role)) return true;
            const auto decided = request_.from->sites.find(site.name);
            return decided != request_.from->sites.end() && decided->second.scheme.bits == request_.weight_bits && decided->second.scheme.symmetric == request_.symmetric_weights;
        });
    }

    Recipe went_before() const
    {
        Recipe recipe = *request_.from;
        recipe.parent = recipe_hash(recipe);
        if (options_.transform_steps > 0 || options_.rounding_steps == 0)  // codes are made after the scales, and learned only where steps are
            forget_codes(recipe, [](const std::string&) { return true; });
        return recipe;
    }

    [[nodiscard]] Latents latents_of_codes(const Recipe& recipe) const
    {
        Latents latents;
        for (const Transform& transform : recipe.transforms)
            if (const auto* codes = std::get_if<Codes>(&transform)) latents[request_.model.sites->find(codes->site)].assign(codes->codes->begin(), codes->codes->end());
        return latents;
    }

    Recipe closed_form()
    {
        MethodRequest observed = request_;
        observed.calibration = first_windows(training_, options_.range_windows);
        MethodContext context{observed, context_.numerics, context_.control};
        Recipe recipe = fresh_recipe(request_, options_.common);
        if (options_.row_grids && !request_.weight_scheme)
            for (const Site& site : request_.model.sites->sites())
                if (is_layer_linear(site.role)) recipe.sites.at(site.name).scheme.granularity = Granularity::row;
        Statistics seen = observe(context, recipe);
        const std::size_t before = recipe.transforms.size();
        add_scale_pairs(recipe, request_.model, seen, options_.scales, context_.control);
        if (recipe.transforms.size() != before) seen = observe(context, recipe);
        set_ranges_by_width(recipe, request_.model, seen, options_.common.range, options_.weight_range, context_.control);
        return recipe;
    }

    // After the steps GPTQ may move codes for better or worse; held-out windows decide. Without steps before it there is nothing to fall back to.
    void take_if_better(Recipe solved)
    {
        if (holdout_.count > 0 && options_.transform_steps > 0) {
            TunableModel twin(request_.model, solved, {}, {});
            Decoder quantized(request_.model, twin, {options_.common.semantics, false, &context_.control});
            const double loss = goal_->held_out(quantized, twin, holdout_);
            if (final_loss_ && loss >= *final_loss_) return;
            final_loss_ = loss;
        }
        state_.start = std::move(solved);
    }

    // --- a stage: a twin of state_.start, learned -------------------------------------------------------------------------------------------------------

    void enter(const Tuning& tuning, const Latents& latents)
    {
        rounding_ = !latents.empty();
        first_step_ = rounding_ ? options_.transform_steps : 0;
        twin_ = std::make_unique<TunableModel>(request_.model, state_.start, tuning, latents);
        quantized_ = std::make_unique<Decoder>(request_.model, *twin_, DecoderOptions{options_.common.semantics, false, &context_.control});
        best_loss_.reset();
        without_better_ = 0;
        if (resumed_ && !state_.parameters.empty()) return restore();
        state_.parameters.clear();
        moments_.assign(twin_->parameters().size(), {});
        mean_ = best_ = values();
        check();
        if (!state_.holdout_loss_before) state_.holdout_loss_before = best_loss_;
        journal_.loss_before = state_.holdout_loss_before;
    }

    /// @return false: paused before the stage's last step
    bool learn(std::int64_t until)
    {
        const std::int64_t every = std::max<std::int64_t>(1, (until - first_step_ + options_.checks - 1) / options_.checks);
        while (state_.step < until && !(options_.patience > 0 && without_better_ >= options_.patience)) {
            context_.control.check();
            if (context_.control.pause_requested()) {
                keep();
                return false;
            }
            step(until, every);
            if (state_.step % std::max<std::int64_t>(1, request_.checkpoint_every_steps) == 0 && state_.step < until) keep();
        }
        state_.step = until;  // after an early stop, too
        return true;
    }

    void step(std::int64_t until, std::int64_t every)
    {
        const double cpu = process_cpu_seconds();
        const auto began = Clock::now();
        const std::int64_t number = state_.step, in_stage = number - first_step_;
        const auto rate = [&](double start) { return CosineSchedule{start, 0}.at(in_stage, until - first_step_); };
        twin_->refresh();
        StepRecord record{.step = number, .sample = goal_->first_sample(number), .loss = goal_->loss_and_gradients(*quantized_, *twin_, number)};
        twin_->collect();
        auto& parameters = twin_->parameters();
        double square = 0;
        for (const TunableParameter& parameter : parameters)
            for (const float g : parameter.gradient) square += static_cast<double>(g) * static_cast<double>(g);
        record.gradient_norm = std::sqrt(square);
        if (!std::isfinite(record.loss) || !std::isfinite(record.gradient_norm))
            throw failure(request_.method + ": the loss is not finite at step " + std::to_string(number) + "; use smaller learning rates (lr_transforms, lr_ranges, lr_rounding)" +
                          (saved_ ? "; the checkpoint of step " + std::to_string(*saved_) + " in " + request_.checkpoint_path + " is good" : ""));
        record.lr_let = rounding_ ? 0 : rate(options_.lr_transforms);
        record.lr_lwc = rate(rounding_ ? options_.lr_rounding : options_.lr_clipping);
        record.lr_lrl = rate(rounding_ ? options_.lr_late_ranges : options_.lr_ranges);
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            const TunableGroup group = parameters[i].group;
            const double lr = group == TunableGroup::transforms ? record.lr_let : group == TunableGroup::ranges ? record.lr_lrl : record.lr_lwc;
            adamw_update(parameters[i].value, parameters[i].gradient, moments_[i], lr, in_stage + 1);
            // a mean whose memory grows with the steps: the start weighs nothing
            const auto decay = static_cast<float>(std::min(options_.average, static_cast<double>(in_stage) / static_cast<double>(in_stage + 10)));
            if (options_.average > 0)
                for (std::size_t k = 0; k < mean_[i].size(); ++k) mean_[i][k] = decay * mean_[i][k] + (1 - decay) * parameters[i].value[k];
        }
        record.seconds = std::chrono::duration<double>(Clock::now() - began).count();
        ++state_.step;
        state_.step_seconds += process_cpu_seconds() - cpu;
        if (state_.step == until || (in_stage + 1) % every == 0) record.holdout_loss = check();
        else if (journal_.wants_holdout(state_.step)) record.holdout_loss = journal_.timed([this] { return loss_of(candidate()); });
        journal_.add(record, [this] { return twin_->drift(); });
    }

    // The best step's values become the recipe; without held-out windows the last one's.
    Recipe leave()
    {
        put(best_loss_ ? best_ : candidate());
        Recipe recipe = twin_->recipe();
        final_loss_ = best_loss_;
        quantized_.reset();
        twin_.reset();
        state_.parameters.clear();
        resumed_ = false;
        return recipe;
    }

    [[nodiscard]] Values values() const
    {
        Values out;
        for (const TunableParameter& parameter : twin_->parameters()) out.push_back(parameter.value);
        return out;
    }
    void put(const Values& values)
    {
        for (std::size_t i = 0; i < values.size(); ++i) twin_->parameters()[i].value = values[i];
        twin_->refresh();
    }
    /// What would be kept if this were the last step.
    [[nodiscard]] Values candidate() const { return options_.average > 0 ? mean_ : values(); }

    std::optional<double> loss_of(const Values& candidate)
    {
        if (holdout_.count == 0) return std::nullopt;
        context_.control.report({"held-out check", state_.step, options_.steps()});
        const Values now = values();
        put(candidate);
        const double loss = goal_->held_out(*quantized_, *twin_, holdout_);
        put(now);
        return loss;
    }

    std::optional<double> check()
    {
        Values tried = candidate();
        const auto loss = journal_.timed([&] { return loss_of(tried); });
        if (!loss) return loss;
        const bool better = !best_loss_ || *loss < *best_loss_;
        without_better_ = better ? 0 : without_better_ + 1;
        if (better) {
            best_loss_ = loss;
            best_ = std::move(tried);
        }
        return loss;
    }

    // --- checkpoints ---------------------------------------------------------------------------------------------------------------------------------------

    Recipe current()
    {
        const Values now = values();
        put(best_loss_ ? best_ : candidate());
        Recipe recipe = twin_->recipe();
        put(now);
        return recipe;
    }

    void keep()
    {
        if (request_.checkpoint_path.empty()) return;
        const auto& parameters = twin_->parameters();
        MethodCheckpoint snapshot = state_;
        for (std::size_t i = 0; i < parameters.size(); ++i) snapshot.parameters.push_back({parameters[i].name, parameters[i].value, moments_[i]});
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            if (options_.average > 0) snapshot.parameters.push_back({"mean/" + parameters[i].name, mean_[i], {}});
            snapshot.parameters.push_back({"best/" + parameters[i].name, best_[i], {}});
        }
        snapshot.best_loss = best_loss_;
        snapshot.checks_without_better = without_better_;
        snapshot.current = current();
        sign(snapshot.current, request_, given_, state_.step);
        snapshot.cpu_seconds = state_.cpu_seconds + process_cpu_seconds() - cpu_;
        save_checkpoint(snapshot, request_.checkpoint_path);
        saved_ = state_.step;
    }

    [[nodiscard]] const MethodCheckpoint::Parameter& kept(const std::string& name, std::size_t size) const
    {
        const auto found = std::find_if(state_.parameters.begin(), state_.parameters.end(), [&](const auto& parameter) { return parameter.name == name; });
        if (found == state_.parameters.end() || found->value.size() != size)
            throw bad_input(request_.resume_from, name, "does not fit this model and recipe; start afresh");
        return *found;
    }

    void restore()
    {
        moments_.clear();
        mean_.clear();
        best_.clear();
        for (TunableParameter& parameter : twin_->parameters()) {
            const auto& found = kept(parameter.name, parameter.value.size());
            parameter.value = found.value;
            moments_.push_back(found.moments);
            mean_.push_back(options_.average > 0 ? kept("mean/" + parameter.name, parameter.value.size()).value : found.value);
            best_.push_back(kept("best/" + parameter.name, parameter.value.size()).value);
        }
        without_better_ = state_.checks_without_better;
        best_loss_ = state_.best_loss;
        journal_.loss_before = state_.holdout_loss_before;
        state_.parameters.clear();
    }

    [[nodiscard]] Latents latents_of_checkpoint() const
    {
        Latents latents;
        for (const auto& parameter : state_.parameters)
            if (parameter.name.ends_with(".latent") && parameter.name.find('/') == std::string::npos)
                latents[request_.model.sites->find(parameter.name.substr(0, parameter.name.size() - 7))] = parameter.value;
        return latents;
    }

    MethodOutcome outcome(MethodState state, Recipe recipe)
    {
        sign(recipe, request_, given_, state_.step);
        return journal_.outcome(state, std::move(recipe), state_.cpu_seconds + process_cpu_seconds() - cpu_, state_.step_seconds);
    }

    MethodContext& context_;
    const MethodRequest& request_;
    const BitwrightOptions& options_;
    const MethodOptions& given_;
    TokenWindows training_, holdout_;
    double cpu_;  ///< process CPU seconds when this run began
    MethodCheckpoint state_;
    Journal journal_;
    bool resumed_ = false;
    std::unique_ptr<Distillation> goal_;
    std::unique_ptr<TunableModel> twin_;
    std::unique_ptr<Decoder> quantized_;
    bool rounding_ = false;
    std::int64_t first_step_ = 0;
    std::vector<Moments> moments_;
    Values mean_, best_;
    std::optional<double> best_loss_, final_loss_;
    std::int64_t without_better_ = 0;
    std::optional<std::int64_t> saved_;  ///< step of the last checkpoint of this process
};

}  // namespace

void read_bitwright_mode_options(MethodOptions& options, const MethodRequest& request) { (void)read_bitwright_options(options, request); }

MethodOutcome run_bitwright_mode(MethodContext& context)
{
    MethodOptions given(context.request);
    const BitwrightOptions options = read_bitwright_options(given, context.request);
    return BitwrightRun(context, options, given).run();
}

MethodForecast forecast_bitwright_mode(const MethodRequest& request)
{
    MethodOptions given(request);
    const BitwrightOptions options = read_bitwright_options(given, request);
    const Architecture& a = request.model.architecture();
    const MemoryParts parts = memory_parts(request, 0);
    const std::int64_t slice = std::min(options.slice, request.calibration.length);
    const std::uint64_t all_weights = parts.weights, layer_weights = all_weights - sizeof(float) * static_cast<std::uint64_t>(a.vocab * a.embedding_width);
    // beside two float models: on the grid and its gradient; with the rounding also latents, gradient, two moments, mean, best and a candidate
    const std::uint64_t learned = layer_weights * (options.rounding_steps > 0 ? 9 : 2);
    const std::uint64_t graph = static_cast<std::uint64_t>(a.layers) * layer_graph_bytes(a, options.batch, slice);
    const std::uint64_t logits = std::min<std::uint64_t>(std::uint64_t{16} << 20, sizeof(float) * static_cast<std::uint64_t>(options.batch * slice * a.vocab));
    const std::uint64_t stepping = options.steps() > 0 ? 2 * all_weights + learned + graph + 3 * logits : 0;
    const auto squares = static_cast<std::uint64_t>(a.ffn * a.ffn + 3 * a.hidden * a.hidden) * sizeof(double);
    const std::int64_t read = std::min(options.gptq_options.windows, request.calibration.count) * request.calibration.length;
    const std::uint64_t solving = options.gptq ? 2 * all_weights + 3 * squares + sizeof(float) * static_cast<std::uint64_t>(read * a.hidden) : 0;
    MethodForecast forecast = forecast_of(MemoryParts::process + parts.mapped + std::max({parts.calibrating, stepping, solving}));
    forecast.steps = options.steps();
    forecast.explanation = in_mebibytes(all_weights) + " of float weights, twice, " + in_mebibytes(graph) + " for the backward pass, " + in_mebibytes(learned) +
                           " for what is learned, " + in_mebibytes(parts.mapped) + " of the mapped checkpoint; the first steps tell the time";
    return forecast;
}

}  // namespace bitwright
