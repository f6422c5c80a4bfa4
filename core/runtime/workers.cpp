// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/workers.h"

#include <algorithm>

namespace bitwright {

Workers::Workers(int threads)
{
    for (int i = 1; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

Workers::~Workers()
{
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void Workers::run(std::int64_t count, std::int64_t grain, const std::function<void(std::int64_t, std::int64_t)>& body)
{
    if (threads_.empty() || count <= grain) {
        if (count > 0) body(0, count);
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        body_ = &body;
        next_ = 0;
        count_ = count;
        grain_ = grain;
        busy_ = static_cast<int>(threads_.size());
        ++round_;
    }
    wake_.notify_all();
    take();
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return busy_ == 0; });
}

void Workers::take()
{
    while (true) {
        std::int64_t first = 0, last = 0;
        {
            const std::lock_guard lock(mutex_);
            if (next_ >= count_) return;
            first = next_;
            last = next_ = std::min(count_, first + grain_);
        }
        (*body_)(first, last);
    }
}

void Workers::serve()
{
    std::uint64_t seen = 0;
    while (true) {
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [&] { return stop_ || round_ != seen; });
            if (stop_) return;
            seen = round_;
        }
        take();
        {
            const std::lock_guard lock(mutex_);
            if (--busy_ == 0) idle_.notify_one();
        }
    }
}

}  // namespace bitwright
