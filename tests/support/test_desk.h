// SPDX-License-Identifier: GPL-3.0-or-later
// A desk without a window for tests of pages: real lanes, a real workspace in a temporary folder, and a job queue that runs nothing but remembers.
// Threading: UI thread.
#pragma once

#include "app/desk/worker_lane.h"
#include "views/desk/desk.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QWidget>

#include <functional>

namespace bitwright::test {

/// Runs the event loop until `condition` holds. @return whether it did within `milliseconds`.
inline bool wait_until(const std::function<bool()>& condition, int milliseconds = 10000)
{
    QElapsedTimer timer;
    timer.start();
    while (!condition()) {
        if (timer.elapsed() > milliseconds) return false;
        QCoreApplication::processEvents(QEventLoop::AllEvents, 10);
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
    }
    return true;
}

/// Remembers what was submitted; a test ends jobs by hand.
class RecordingQueue : public views::JobQueue {
public:
    std::int64_t submit(const QString& title, const QStringList& arguments) override
    {
        views::Job job;
        job.number = static_cast<std::int64_t>(all.size()) + 1;
        job.title = title;
        job.arguments = arguments;
        all.insert(all.begin(), job);
        Q_EMIT changed(job.number);
        return job.number;
    }
    std::int64_t hold(const QString& title, const QStringList& arguments) override
    {
        const auto number = submit(title, arguments);
        set(number, views::JobPhase::paused);
        return number;
    }
    void pause(std::int64_t number) override { set(number, views::JobPhase::paused); }
    void resume(std::int64_t number) override { set(number, views::JobPhase::queued); }
    void cancel(std::int64_t number) override { set(number, views::JobPhase::cancelled); }
    [[nodiscard]] std::vector<views::Job> jobs() const override { return all; }
    [[nodiscard]] std::optional<views::Job> job(std::int64_t number) const override
    {
        for (const auto& job : all)
            if (job.number == number) return job;
        return std::nullopt;
    }
    [[nodiscard]] std::shared_ptr<const views::Trace> trace(std::int64_t) const override { return current_trace; }
    [[nodiscard]] std::shared_ptr<const Timeline> timeline(std::int64_t) const override { return current_timeline; }

    void set(std::int64_t number, views::JobPhase phase)
    {
        for (auto& job : all)
            if (job.number == number) job.phase = phase;
        Q_EMIT changed(number);
        if (views::is_over(phase)) Q_EMIT finished(number);
    }
    std::vector<views::Job> all;
    std::shared_ptr<const views::Trace> current_trace;
    std::shared_ptr<const Timeline> current_timeline;
};

struct TestDesk {
    QTemporaryDir folder;
    QWidget window;
    WorkerLane interactive{"interactive"}, store{"store", true}, compute{"compute"};
    RecordingQueue jobs;
    views::Actions actions{&window};
    views::Settings settings;
    views::Desk desk{views::Lanes{interactive, store, compute}, jobs, actions, settings};

    [[nodiscard]] QString path(const QString& name) const { return folder.filePath(name); }
    [[nodiscard]] bool idle() const { return interactive.waiting() == 0 && store.waiting() == 0 && compute.waiting() == 0; }
    /// Lets lanes and event loop come to rest.
    bool settle() { return wait_until([&] { return idle(); }) && (QCoreApplication::processEvents(), true); }
};

}  // namespace bitwright::test
