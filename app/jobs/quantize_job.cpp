// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/quantize_job.h"

#include "app/jobs/local_machine.h"
#include "core/runtime/hash.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

std::string key_of(const OpenedModel& model, const QuantizeRequest& request)
{
    const auto& method = request.method;
    nlohmann::json scheme;
    if (method.weight_scheme) scheme = {name_of(method.weight_scheme->granularity), method.weight_scheme->group_size};
    return sha256_hex(nlohmann::json{
        {"quantize", model.model().checkpoint->identity()},
        {"calibration", request.calibration.key},
        {"holdout", method.holdout ? method.holdout->hash() : ""},
        {"from", method.from ? recipe_hash(*method.from) : ""},
        {"method", method.method},
        {"bits", {method.weight_bits, method.activation_bits}},
        {"symmetric", method.symmetric_weights},
        {"scheme", scheme},
        {"options", method.options},
        {"name", request.name.value_or("")},
        {"seed",
         method.seed}}.dump());
}

}  // namespace

QuantizeOutcome quantize(JobEnvironment& environment, OpenedModel& model, QuantizeRequest request)
{
    auto& workspace = environment.workspace;
    if (!request.method.holdout) request.method.holdout = load_held_out_windows(workspace, request.calibration);
    const auto key = key_of(model, request);
    Reference done;
    if (environment.reuse_finished && !environment.fresh)
        if (const auto job = find_done_job(workspace, key); job && job->result && parse_reference(*job->result, done))
            return {get_recipe_row(workspace, done.id), false, true, {}};

    const auto statistics = load_calibration_statistics(workspace, request.calibration);
    auto& method = request.method;
    method.model = model.model();
    method.calibration = load_calibration_windows(workspace, request.calibration);
    method.statistics = statistics.transforms.empty() ? &statistics : nullptr;
    auto& numerics = opened_numerics();
    require_memory(method.method, numerics.forecast(method));  // finds wrong options, too: no job begins with them

    return run_job(environment, "quantize", key, [&](ActiveJob& job) {
        method.checkpoint_path = checkpoint_path(workspace, job.row()).string();
        if (job.resumed() && fs::exists(method.checkpoint_path)) method.resume_from = method.checkpoint_path;
        const auto conditions = numeric_conditions(method.seed);  // the load before it began
        auto outcome = numerics.run(method, environment.control);
        if (outcome.state == MethodState::paused) {
            end_job(workspace, job.row().id, JobState::paused, {});
            return QuantizeOutcome{{}, job.resumed(), false, std::move(outcome.recipe)};
        }
        if (outcome.recipe.model_hash.empty()) outcome.recipe.model_hash = model.content_hash(environment.control);

        RecipeRow row;
        row.model = model.row(workspace, environment.control);
        row.calibration = request.calibration.id;
        row.conditions = put_conditions(workspace, conditions);
        row.name = request.name;
        if (request.from) row.parent = request.from->id;
        row.steps = outcome.steps;
        row.cpu_seconds = outcome.cpu_seconds;
        if (std::isfinite(outcome.seconds_per_step)) row.seconds_per_step = outcome.seconds_per_step;
        if (outcome.peak_rss_bytes > 0) row.peak_rss_bytes = static_cast<std::int64_t>(outcome.peak_rss_bytes);
        const auto id = put_recipe(workspace, outcome.recipe, row, job.row().id);
        return QuantizeOutcome{get_recipe_row(workspace, id), job.resumed(), false, {}};
    });
}

}  // namespace bitwright
