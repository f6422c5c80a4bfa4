// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/workers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace bitwright::test {
namespace {

TEST(Workers, EveryIndexExactlyOnceInLoopsThatFollowEachOther)
{
    for (const int threads : {1, 2, 3, 8}) {
        Workers workers(threads);
        std::vector<int> times;  // plain: a range written twice at once is a race that the thread sanitizer sees
        for (int loop = 0; loop < 300; ++loop) {
            const std::int64_t count = loop % 37 + (loop % 50 == 0 ? 5000 : 0), grain = loop % 5 + 1;
            times.assign(static_cast<std::size_t>(count), 0);
            workers.run(count, grain, [&](std::int64_t first, std::int64_t last) {
                ASSERT_TRUE(last - first <= grain || workers.threads() == 1);
                for (std::int64_t i = first; i < last; ++i) times[static_cast<std::size_t>(i)] += 1;
            });
            ASSERT_EQ(std::accumulate(times.begin(), times.end(), std::int64_t{0}), count);
            ASSERT_EQ(std::count(times.begin(), times.end(), 1), count);
        }
    }
}

TEST(Workers, ProcessorsThatAreNotThereChangeNothing)
{
    Workers workers(3, std::uint64_t{1} << 63);
    std::atomic<std::int64_t> sum = 0;
    workers.run(1000, 7, [&](std::int64_t first, std::int64_t last) { sum += last - first; });
    EXPECT_EQ(sum, 1000);
}

}  // namespace
}  // namespace bitwright::test
