// SPDX-License-Identifier: GPL-3.0-or-later
// A fixed set of threads that share out the indices of one loop at a time. Which thread takes which index is left to chance, so a body must write only what belongs
// to its indices; then the number of threads changes no result.
// A thread takes one range after another, so that one whose processor is busy with something else holds up no more than the range it is in; who waits spins for some
// microseconds and then sleeps, which lets the system run that thread here instead.
// Threading: run() is called by the owning thread only; it returns when every index is done. Bodies must not throw.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace bitwright {

class Workers {
public:
    using Body = std::function<void(std::int64_t, std::int64_t)>;

    /// `threads` ≥ 1, the calling thread included. `processors`: the only ones the helping threads may use, bit i for processor i (the caller places itself); 0: any.
    explicit Workers(int threads, std::uint64_t processors = 0);
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    [[nodiscard]] int threads() const noexcept { return static_cast<int>(threads_.size()) + 1; }
    /// Calls body(first, last) for ranges of at most `grain` that together cover [0, count). Precondition: count < 2^31.
    void run(std::int64_t count, std::int64_t grain, const Body& body);

private:
    void serve();
    void take();

    // One loop. The fields change only while no range of it is open; a range is claimed by moving `claim_`, which names the loop it belongs to.
    std::atomic<const Body*> body_ = nullptr;
    std::atomic<std::uint32_t> count_ = 0, grain_ = 1;
    std::atomic<std::uint64_t> claim_ = 0;      ///< loop number × 2^32 + first index not claimed
    std::atomic<std::uint32_t> loop_ = 0;       ///< the number, again, to sleep on
    std::atomic<std::uint32_t> left_ = 0;       ///< indices not done
    std::atomic<bool> stop_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace bitwright
