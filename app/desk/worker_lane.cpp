// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desk/worker_lane.h"

#include <QCoreApplication>
#include <QMetaObject>

#include <pthread.h>

namespace bitwright {

WorkerLane::WorkerLane(const char* name, bool finish_all) : finish_all_(finish_all), thread_([this] { run(); })
{
    pthread_setname_np(thread_.native_handle(), name);
}

WorkerLane::~WorkerLane()
{
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
        if (!finish_all_) {
            queue_.clear();
            if (running_) running_->control.request_cancel();
        }
    }
    wake_.notify_one();
    thread_.join();
}

void WorkerLane::post(QObject* receiver, const QString& tag, Work work, Failed failed)
{
    auto request = std::make_shared<Request>();
    request->receiver = receiver;
    request->tag = tag;
    request->work = std::move(work);
    request->failed = std::move(failed);
    {
        const std::lock_guard lock(mutex_);
        const auto supersede = [&](const std::shared_ptr<Request>& older) {
            if (tag.isEmpty() || older->tag != tag || older->receiver != receiver) return false;
            older->superseded = true;
            older->control.request_cancel();
            return true;
        };
        std::erase_if(queue_, supersede);
        if (running_) supersede(running_);
        queue_.push_back(std::move(request));
    }
    wake_.notify_one();
}

std::size_t WorkerLane::waiting() const
{
    const std::lock_guard lock(mutex_);
    return queue_.size() + (running_ ? 1 : 0);
}

void WorkerLane::run()
{
    for (;;) {
        std::shared_ptr<Request> request;
        {
            std::unique_lock lock(mutex_);
            running_.reset();
            wake_.wait(lock, [&] { return ending_ || !queue_.empty(); });
            if (queue_.empty()) return;
            request = running_ = std::move(queue_.front());
            queue_.pop_front();
        }
        try {
            if (auto continuation = request->work(request->control)) deliver(request, std::move(continuation));
        } catch (const Cancelled&) {
        } catch (const std::exception& error) {
            if (request->failed) deliver(request, [failed = request->failed, sentence = QString::fromUtf8(error.what())] { failed(sentence); });
        }
    }
}

void WorkerLane::deliver(const std::shared_ptr<Request>& request, std::function<void()> continuation)
{
    // by way of the application object: the receiver may be gone when the UI thread comes to it
    if (QCoreApplication* application = QCoreApplication::instance())
        QMetaObject::invokeMethod(application, [request, continuation = std::move(continuation)] {
            if (request->receiver && !request->superseded) continuation();
        }, Qt::QueuedConnection);
}

}  // namespace bitwright
