// SPDX-License-Identifier: GPL-3.0-or-later
// The jobs of the desk: commands of the command line, run one after another on the compute lane; what a phone does, on a lane of that phone's own, beside it.
// Invariants: a state only moves along JobPhase's arrows; the end of the program pauses what can be continued and loses nothing.
// Threading: UI thread, but for what Shared guards.
#pragma once

#include "app/desk/worker_lane.h"
#include "core/runtime/control.h"
#include "views/desk/job_queue.h"

#include <QTimer>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>

namespace bitwright {

class CommandQueue : public views::JobQueue {
    Q_OBJECT
public:
    explicit CommandQueue(views::Lane& compute, QObject* parent = nullptr);
    ~CommandQueue() override;

    std::int64_t submit(const QString& title, const QStringList& arguments) override;
    std::int64_t hold(const QString& title, const QStringList& arguments) override;
    void pause(std::int64_t number) override;
    void resume(std::int64_t number) override;
    void cancel(std::int64_t number) override;
    [[nodiscard]] std::vector<views::Job> jobs() const override;
    [[nodiscard]] std::optional<views::Job> job(std::int64_t number) const override;
    [[nodiscard]] std::shared_ptr<const views::Trace> trace(std::int64_t number) const override;
    [[nodiscard]] std::shared_ptr<const Timeline> timeline(std::int64_t number) const override;

    /// Asks everything to stop where it can be continued: an optimization at its next step, or (`now`) at its last checkpoint. What waits is paused. Returns at
    /// once; the lanes are at rest soon after, and the compute lane has to be gone before the queue is.
    void shut_down(bool now = false);
    /// Jobs that phones' lanes have not finished yet.
    [[nodiscard]] std::size_t waiting_for_phones() const;

private:
    struct Entry;
    std::shared_ptr<Entry> add(const QString& title, const QStringList& arguments);
    void start(const std::shared_ptr<Entry>& entry);
    void work(const std::shared_ptr<Entry>& entry);
    void finish(const std::shared_ptr<Entry>& entry, int code);
    void announce();  ///< what the working thread reported since the last time
    [[nodiscard]] std::shared_ptr<Entry> find(std::int64_t number) const;
    [[nodiscard]] views::Lane& lane_of(const QStringList& arguments);

    views::Lane& compute_;
    std::vector<std::shared_ptr<Entry>> entries_;  ///< oldest first
    QTimer announcing_;
    std::map<QString, std::unique_ptr<WorkerLane>> phones_;  ///< by serial, made with the first job of each
};

}  // namespace bitwright
