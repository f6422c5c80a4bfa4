// SPDX-License-Identifier: GPL-3.0-or-later
// Time of a piece of work in a benchmark: best of some rounds, wall clock and processor time of the whole process.
#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>

namespace bitwright::bench {

inline double wall() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
inline double processor()
{
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Best {
    double wall_seconds = 1e30, processor_seconds = 1e30;

    template <typename Work>
    void run(const Work& work)
    {
        const double w = wall(), p = processor();
        work();
        wall_seconds = std::min(wall_seconds, wall() - w);
        processor_seconds = std::min(processor_seconds, processor() - p);
    }
};

}  // namespace bitwright::bench
