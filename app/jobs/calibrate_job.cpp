// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/calibrate_job.h"

#include "app/jobs/local_machine.h"
#include "core/statistics/calibration.h"
#include "core/workspace/models.h"

namespace bitwright {

CalibrateOutcome calibrate(JobEnvironment& environment, OpenedModel& model, const CalibrateRequest& request)
{
    auto& workspace = environment.workspace;
    const Recipe* recipe = request.recipe ? &*request.recipe : nullptr;
    auto options = request.options;
    if (request.held_out) options.held_out = request.held_out->hash();
    const auto key = calibration_header(model.model(), recipe, request.windows, options).key();
    if (auto found = find_calibration(workspace, key)) return {std::move(*found), true};
    return run_job(environment, "calibrate", key, [&](ActiveJob& job) {
        const auto conditions = numeric_conditions(request.options.seed);  // the load before it began
        auto& numerics = opened_numerics();
        require_memory("a calibration", forecast_calibration(numerics, model.model(), request.windows));
        const auto statistics = numerics.calibrate(model.model(), recipe, request.windows, options, environment.control);
        const auto model_row = model.row(workspace, environment.control);
        const auto text = request.text ? std::optional(put_text(workspace, *request.text)) : std::nullopt;
        const auto id = put_calibration(workspace, model_row, request.windows, text, statistics, put_conditions(workspace, conditions), request.held_out ? &*request.held_out : nullptr);
        end_job(workspace, job.row().id, JobState::done, to_string(Reference{"calibration", id}));
        return CalibrateOutcome{get_calibration(workspace, id), false};
    });
}

}  // namespace bitwright
