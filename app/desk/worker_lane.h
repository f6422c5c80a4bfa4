// SPDX-License-Identifier: GPL-3.0-or-later
// A lane with a thread of its own. The newest request of a tag wins; a lane that ends cancels what runs, drops what waits, and joins.
// Threading: as views/desk/lane.h; waiting() from any thread.
#pragma once

#include "views/desk/lane.h"

#include <QPointer>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

namespace bitwright {

class WorkerLane : public views::Lane {
public:
    /// @param finish_all the store: at the end, what waits is still done instead of dropped.
    explicit WorkerLane(const char* name, bool finish_all = false);
    ~WorkerLane() override;
    void post(QObject* receiver, const QString& tag, Work work, Failed failed = {}) override;
    [[nodiscard]] std::size_t waiting() const;  ///< requests not finished yet, the running one included

private:
    struct Request {
        QPointer<QObject> receiver;
        QString tag;
        Work work;
        Failed failed;
        Control control;
        std::atomic<bool> superseded{false};
    };
    void run();
    static void deliver(const std::shared_ptr<Request>& request, std::function<void()> continuation);

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::shared_ptr<Request>> queue_;
    std::shared_ptr<Request> running_;
    bool ending_ = false, finish_all_;
    std::thread thread_;
};

}  // namespace bitwright
