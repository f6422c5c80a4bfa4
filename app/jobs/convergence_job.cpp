// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/convergence_job.h"

#include "app/jobs/local_machine.h"
#include "core/runtime/hash.h"
#include "core/statistics/calibration.h"

namespace bitwright {

std::vector<SiteConvergence> measure_convergence(JobEnvironment& environment, OpenedModel& model, const CalibrationRow& calibration)
{
    auto& workspace = environment.workspace;
    const auto reference = to_string(Reference{"calibration", calibration.id});
    if (!calibration.transforms.empty()) throw bad_input(reference, "", "was observed after a recipe's transforms; take a calibration of the plain model");
    if (calibration.model != model.row(workspace, environment.control)) throw bad_input(reference, "", "is of another model; open the model it is of");
    return run_job(environment, "convergence", sha256_hex("convergence " + calibration.key), [&](ActiveJob& job) {
        const auto windows = load_calibration_windows(workspace, calibration);
        const auto known = environment.fresh ? 0 : static_cast<std::int64_t>(get_window_ranges(workspace, calibration.id).size());
        CalibrateOptions options;
        options.semantics = semantics_of(load_calibration_statistics(workspace, calibration));
        options.reservoir_rows = 0;
        for (std::int64_t w = known; w < windows.count; ++w) {
            environment.progress({"windows", w, windows.count, false, 0});
            const TokenWindows one{1, windows.length, {windows.window(w), windows.window(w) + windows.length}, windows.origin};
            std::vector<WindowRange> ranges;
            for (const auto& site : opened_numerics().calibrate(model.model(), nullptr, one, options, environment.control).sites) ranges.push_back({site.site, site.min, site.max});
            put_window_ranges(workspace, calibration.id, w, ranges);
        }
        end_job(workspace, job.row().id, JobState::done, reference);
        return site_convergence(workspace, calibration.id);
    });
}

}  // namespace bitwright
