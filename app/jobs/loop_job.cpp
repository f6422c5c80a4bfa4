// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/loop_job.h"

#include "app/jobs/calibrate_job.h"
#include "app/jobs/layer_errors_job.h"
#include "app/jobs/local_machine.h"
#include "app/jobs/measure_job.h"
#include "app/jobs/package_job.h"
#include "app/jobs/quantize_job.h"
#include "core/numerics/method_list.h"
#include "core/runtime/hash.h"
#include "core/workspace/device_runs.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace bitwright {
namespace {

std::string lower(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

std::string key_of(const OpenedModel& model, const LoopRequest& request)
{
    std::string text = "loop " + model.model().checkpoint->identity() + " " + request.windows.hash() + " " + request.scoring.definition + " " +
                       request.scoring.windows.hash() + " " + std::to_string(request.steps) + " " + std::to_string(request.seed);
    for (const auto& arm : request.arms) text += " " + arm.name;
    if (!request.integer) text += " simulated";
    for (const auto& bits : request.bits) text += " " + to_string(bits);
    return sha256_hex(text);
}

/// Whether this package was measured like this on this computer already.
bool measured(const Workspace& workspace, std::int64_t package, const MeasureRequest& request)
{
    const auto runs = list_runs(workspace, false);
    return std::any_of(runs.begin(), runs.end(), [&](const RunRow& run) {
        return run.package == package && !run.aborted && !get_device_run(workspace, run.id) && run.prompt_tokens == request.prompt_tokens && run.generated == request.generate &&
               run.repeats == request.repeats;
    });
}

void run_integer_level(JobEnvironment& environment, OpenedModel& model, const Recipe& recipe, const LoopRequest& request)
{
    const auto path = package_of(environment, model, recipe);
    const auto package = Package::open(path);
    const auto evaluated = evaluate_package(environment, package, request.threads, request.scoring);
    const auto context = package->graph().context;
    MeasureRequest measurement{path, std::min(request.prompt_tokens, std::max<std::int64_t>(1, context / 2)), 0, request.repeats, 1, request.threads};
    measurement.generate = std::min(request.generate, context - measurement.prompt_tokens);
    if (environment.fresh || !measured(environment.workspace, *evaluated.row.package, measurement)) (void)measure_local(environment, measurement);
}

}  // namespace

BitWidths parse_bits(const std::string& text)
{
    BitWidths bits;
    const auto* end = text.data() + text.size();
    if (text.size() < 4 || (text[0] != 'W' && text[0] != 'w')) throw usage_error("--bits " + text + ": write it like W4A8");
    const auto weights = std::from_chars(text.data() + 1, end, bits.weights);
    if (weights.ec != std::errc() || weights.ptr == end || (*weights.ptr != 'A' && *weights.ptr != 'a'))
        throw usage_error("--bits " + text + ": write it like W4A8");
    const auto activations = std::from_chars(weights.ptr + 1, end, bits.activations);
    if (activations.ec != std::errc() || activations.ptr != end) throw usage_error("--bits " + text + ": write it like W4A8");
    return bits;
}

std::string to_string(const BitWidths& bits) { return "W" + std::to_string(bits.weights) + "A" + std::to_string(bits.activations); }

const std::vector<std::string>& usual_methods()
{
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for (const MethodInfo& method : method_list())
            if (method.usual) all.emplace_back(method.name);
        return all;
    }();
    return names;
}

std::vector<LoopArm> arms_of(const std::vector<std::string>& methods)
{
    std::vector<LoopArm> arms;
    for (const auto& method : methods) arms.push_back({method, method, {}});
    return arms;
}

std::vector<LoopArm> ablation_arms()
{
    const auto learning = [](const std::string& what, const std::string& scope) { return std::map<std::string, std::string>{{"learn", what}, {"scope", scope}}; };
    return {
        {"smoothquant-static", "smoothquant-static", {{"semantics", "authors"}}},
        {"start", "smoothquant-edge", {{"semantics", "authors"}}},  // of everything below but omniquant-static
        {"let", "mobilequant-paper", learning("let", "end-to-end")},
        {"lwc", "mobilequant-paper", learning("lwc", "end-to-end")},
        {"ranges", "mobilequant-paper", learning("ranges", "end-to-end")},
        {"let-lwc", "mobilequant-paper", learning("let,lwc", "end-to-end")},
        {"let-lwc-ranges", "mobilequant-paper", learning("let,lwc,ranges", "end-to-end")},
        {"blocks-let-lwc", "omniquant-edge", learning("let,lwc", "blocks")},
        {"blocks-let-lwc-ranges", "omniquant-edge", learning("let,lwc,ranges", "blocks")},
        {"omniquant-static", "omniquant-static", {}},
    };
}

LoopOutcome run_loop(JobEnvironment& environment, OpenedModel& model, const LoopRequest& request)
{
    environment.reuse_finished = true;
    return run_job(environment, "loop", key_of(model, request), [&](ActiveJob& job) {
        LoopOutcome outcome;
        const auto stage = [&](const std::string& name) { environment.progress({name, 0, 0, false, 0}); };
        CalibrateRequest calibration;
        calibration.windows = request.windows;
        calibration.text = request.text;
        stage("calibrate");
        const auto calibrated = calibrate(environment, model, calibration).row;
        stage("float");
        (void)evaluate_model(environment, model, nullptr, {}, Placement::paper, request.scoring);
        for (const auto& bits : request.bits) {
            for (const auto& arm : request.arms) {
                const auto name = arm.name + "-" + lower(to_string(bits));
                QuantizeRequest wanted;
                wanted.method.method = arm.method;
                wanted.method.options = arm.options;
                wanted.method.weight_bits = bits.weights, wanted.method.activation_bits = bits.activations;
                wanted.method.seed = request.seed;
                if (const MethodInfo* info = find_method(arm.method); info && info->optimizes) wanted.method.options["steps"] = std::to_string(request.steps);
                wanted.calibration = calibrated;
                wanted.name = name;
                stage(name);
                const auto quantized = quantize(environment, model, wanted);
                if (quantized.paused_at) throw Cancelled();  // asked to pause: the loop goes on with this method later
                const auto id = quantized.row.id;
                outcome.recipes.push_back(id);
                const auto recipe = load_recipe(environment.workspace, id);
                stage(name + ", simulated");
                (void)evaluate_model(environment, model, &recipe, id, Placement::paper, request.scoring);
                stage(name + ", error per layer");
                (void)store_layer_errors(environment, model, recipe, id, request.scoring, request.error_windows);
                if (!request.integer) continue;
                stage(name + ", integer");
                try {
                    run_integer_level(environment, model, recipe, request);
                } catch (const Error& error) {
                    if (error.kind() != ErrorKind::bad_input) throw;
                    outcome.notes.push_back(name + ": no integer level: " + error.what());  // a family or scheme the integer engine does not have yet
                }
            }
        }
        end_job(environment.workspace, job.row().id, JobState::done, {});
        return outcome;
    });
}

}  // namespace bitwright
