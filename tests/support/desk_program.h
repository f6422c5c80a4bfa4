// SPDX-License-Identifier: GPL-3.0-or-later
// Everything main() makes, inside a test or a benchmark: the window a user sees, with real lanes and jobs that really run.
// Threading: UI thread.
#pragma once

#include "app/desk/command_queue.h"
#include "app/desk/main_window.h"
#include "app/desk/worker_lane.h"

#include <memory>
#include <string>

namespace bitwright::test {

struct DeskProgram {
    WorkerLane interactive{"interactive"}, store{"store", true};
    std::unique_ptr<WorkerLane> compute = std::make_unique<WorkerLane>("compute");
    CommandQueue jobs{*compute};
    views::Settings settings;
    MainWindow window;
    views::Actions actions{&window};
    views::Desk desk{views::Lanes{interactive, store, *compute}, jobs, actions, settings};
    DeskProgram()
    {
        window.furnish(desk);
        window.resize(1280, 800);
        window.show();
    }
    ~DeskProgram()
    {
        window.close();
        compute.reset();
    }
    template <typename T>
    [[nodiscard]] T* find(const char* name = nullptr) const
    {
        return name ? window.findChild<T*>(QLatin1String(name)) : window.findChild<T*>();
    }
    [[nodiscard]] bool idle() const { return interactive.waiting() == 0 && store.waiting() == 0; }
    [[nodiscard]] bool finished() const
    {
        for (const auto& job : jobs.jobs())
            if (!views::is_over(job.phase)) return false;
        return true;
    }
    [[nodiscard]] std::string failure() const
    {
        for (const auto& job : jobs.jobs())
            if (job.phase == views::JobPhase::failed) return job.title.toStdString() + ": " + job.message.toStdString();
        return {};
    }
};

}  // namespace bitwright::test
