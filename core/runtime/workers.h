// SPDX-License-Identifier: GPL-3.0-or-later
// A fixed set of threads that share out the indices of one loop at a time. Which thread takes which index is left to chance, so a body must write only what belongs
// to its indices; then the number of threads changes no result.
// Threading: run() is called by the owning thread only; it returns when every index is done. Bodies must not throw.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace bitwright {

class Workers {
public:
    /// `threads` ≥ 1, the calling thread included.
    explicit Workers(int threads);
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// Calls body(first, last) for ranges of at most `grain` that together cover [0, count).
    void run(std::int64_t count, std::int64_t grain, const std::function<void(std::int64_t, std::int64_t)>& body);

private:
    void serve();
    void take();

    std::mutex mutex_;
    std::condition_variable wake_, idle_;
    const std::function<void(std::int64_t, std::int64_t)>* body_ = nullptr;
    std::int64_t next_ = 0, count_ = 0, grain_ = 1;
    std::uint64_t round_ = 0;
    int busy_ = 0;
    bool stop_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace bitwright
