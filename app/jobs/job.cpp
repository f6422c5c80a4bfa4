// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/job.h"

namespace bitwright {

ActiveJob::ActiveJob(JobEnvironment& environment, const std::string& kind, const std::string& key) : environment_(environment)
{
    row_ = begin_job(environment.workspace, kind, key, environment.command, environment.fresh, resumed_);
    if (environment.on_begin) environment.on_begin(row_);
    environment_.progress.listen([this](const Progress& progress) {
        const auto now = std::chrono::steady_clock::now();
        if (now - last_beat_ < std::chrono::seconds(2)) return;
        last_beat_ = now;
        beat(environment_.workspace, row_.id, progress.stage, progress.done, progress.total);
    });
}

ActiveJob::~ActiveJob() { environment_.progress.listen({}); }

}  // namespace bitwright
