// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/workers.h"

#include <algorithm>
#include <sched.h>

namespace bitwright {
namespace {

constexpr std::uint32_t closed = UINT32_MAX;  ///< a first index that no loop reaches
constexpr int spins = 400;  // some ten microseconds: the time between two loops of a decoded token

void pause() noexcept
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/// Waits until `value` is not `old` any more.
void wait_while(const std::atomic<std::uint32_t>& value, std::uint32_t old) noexcept
{
    for (int i = 0; i < spins; ++i) {
        if (value.load(std::memory_order_acquire) != old) return;
        pause();
    }
    value.wait(old, std::memory_order_acquire);
}

void keep_to(std::uint64_t processors) noexcept
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < 64; ++i)
        if (processors >> i & 1) CPU_SET(i, &set);
    if (processors != 0) (void)sched_setaffinity(0, sizeof set, &set);  // a wish: processors that are not there change nothing
}

}  // namespace

Workers::Workers(int threads, std::uint64_t processors)
{
    for (int i = 1; i < threads; ++i)
        threads_.emplace_back([this, processors] {
            keep_to(processors);
            serve();
        });
}

Workers::~Workers()
{
    stop_.store(true);
    loop_.fetch_add(1);
    loop_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void Workers::run(std::int64_t count, std::int64_t grain, const Body& body)
{
    if (threads_.empty() || count <= grain) {
        if (count > 0) body(0, count);
        return;
    }
    const std::uint32_t loop = loop_.load(std::memory_order_relaxed) + 1;
    claim_.store(static_cast<std::uint64_t>(loop) << 32 | closed, std::memory_order_relaxed);  // who saw the old loop's end and reads the new count must not claim with it
    body_.store(&body, std::memory_order_release);
    count_.store(static_cast<std::uint32_t>(count), std::memory_order_release);
    grain_.store(static_cast<std::uint32_t>(std::max<std::int64_t>(1, grain)), std::memory_order_release);
    left_.store(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
    claim_.store(static_cast<std::uint64_t>(loop) << 32, std::memory_order_release);
    loop_.store(loop, std::memory_order_release);
    loop_.notify_all();
    take();
    for (std::uint32_t left = left_.load(std::memory_order_acquire); left != 0; left = left_.load(std::memory_order_acquire)) wait_while(left_, left);
}

void Workers::take()
{
    std::uint64_t claim = claim_.load(std::memory_order_acquire);
    while (true) {
        const Body* body = body_.load(std::memory_order_acquire);
        const std::uint32_t count = count_.load(std::memory_order_acquire), grain = grain_.load(std::memory_order_acquire), first = static_cast<std::uint32_t>(claim);
        if (first >= count) return;
        const std::uint32_t last = std::min(count, first + grain);
        if (!claim_.compare_exchange_weak(claim, (claim >> 32 << 32) + last, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
        (*body)(first, last);  // claimed: the loop cannot end before this range is done, so what was read belongs to it
        if (left_.fetch_sub(last - first, std::memory_order_acq_rel) == last - first) left_.notify_all();
        claim = claim_.load(std::memory_order_acquire);
    }
}

void Workers::serve()
{
    std::uint32_t seen = 0;
    while (true) {
        wait_while(loop_, seen);
        if (stop_.load()) return;
        seen = loop_.load(std::memory_order_acquire);
        take();
    }
}

}  // namespace bitwright
