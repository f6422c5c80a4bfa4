// SPDX-License-Identifier: GPL-3.0-or-later
// How a long operation is watched and stopped. Core jobs are blocking functions that take a Control; only the caller knows threads.
// Threading: request_* may be called from any thread; check(), pause_requested() and report() from the working thread.
#pragma once

#include "core/runtime/error.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace bitwright {

/// One report of progress. `total` 0 means unknown. `value` is the quantity to plot (a loss, a perplexity so far), if any.
struct Progress {
    std::string stage;
    std::int64_t done = 0;
    std::int64_t total = 0;
    bool has_value = false;
    double value = 0;
};

class Control {
public:
    Control() = default;
    explicit Control(std::function<void(const Progress&)> sink) : sink_(std::move(sink)) {}
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;

    void request_cancel() noexcept { cancel_.store(true, std::memory_order_relaxed); }
    void request_pause() noexcept { pause_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool cancel_requested() const noexcept { return cancel_.load(std::memory_order_relaxed); }
    [[nodiscard]] bool pause_requested() const noexcept { return pause_.load(std::memory_order_relaxed); }

    /// Throws Cancelled if a cancel was requested. Call it at least every 100 ms of work.
    void check() const
    {
        if (cancel_requested()) throw Cancelled();
    }
    void report(const Progress& progress) const
    {
        if (sink_) sink_(progress);
    }

private:
    std::atomic<bool> cancel_{false};
    std::atomic<bool> pause_{false};
    std::function<void(const Progress&)> sink_;
};

}  // namespace bitwright
