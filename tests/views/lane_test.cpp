// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/test_desk.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>

namespace bitwright {
namespace {

using test::wait_until;

TEST(WorkerLane, TheNewestOfATagWinsAndAThousandRequestsEndInOne)
{
    WorkerLane lane("test");
    QObject receiver;
    std::atomic<int> worked{0};
    int last = -1, continued = 0;
    std::binary_semaphore gate(0);
    lane.post(&receiver, {}, [&](const Control&) -> views::Lane::Continuation { gate.acquire(); return {}; });
    for (int i = 0; i < 1000; ++i)
        lane.post(&receiver, QStringLiteral("preview"), [&, i](const Control&) -> views::Lane::Continuation {
            ++worked;
            return [&, i] { last = i; ++continued; };
        });
    EXPECT_EQ(lane.waiting(), 2U);
    gate.release();
    ASSERT_TRUE(wait_until([&] { return lane.waiting() == 0 && last >= 0; }));
    EXPECT_EQ(worked, 1);
    EXPECT_EQ(continued, 1);
    EXPECT_EQ(last, 999);
}

TEST(WorkerLane, WhatRunsIsCancelledByANewerOneAndTheCancelledOneTellsNobody)
{
    WorkerLane lane("test");
    QObject receiver;
    std::atomic<bool> started{false};
    bool failed = false, first = false, second = false;
    const auto fail = [&](const QString&) { failed = true; };
    lane.post(&receiver, QStringLiteral("x"), [&](const Control& control) -> views::Lane::Continuation {
        started = true;
        for (;;) {
            control.check();
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return [&] { first = true; };
    }, fail);
    ASSERT_TRUE(wait_until([&] { return started.load(); }));
    lane.post(&receiver, QStringLiteral("x"), [&](const Control&) -> views::Lane::Continuation { return [&] { second = true; }; }, fail);
    ASSERT_TRUE(wait_until([&] { return second; }));
    EXPECT_FALSE(first);
    EXPECT_FALSE(failed);
}

TEST(WorkerLane, AnErrorIsASentenceAndTheLaneGoesOn)
{
    WorkerLane lane("test");
    QObject receiver;
    QString sentence;
    bool after = false;
    lane.post(&receiver, {}, [](const Control&) -> views::Lane::Continuation { throw bad_input("a.json", "bits", "17 is too many; use 2 to 16"); }, [&](const QString& s) { sentence = s; });
    lane.post(&receiver, {}, [&](const Control&) -> views::Lane::Continuation { return [&] { after = true; }; });
    ASSERT_TRUE(wait_until([&] { return after; }));
    EXPECT_EQ(sentence.toStdString(), "a.json: bits: 17 is too many; use 2 to 16");
}

TEST(WorkerLane, NothingContinuesAfterItsReceiverIsGone)
{
    WorkerLane lane("test");
    bool continued = false, other = false;
    QObject alive;
    auto receiver = std::make_unique<QObject>();
    lane.post(receiver.get(), {}, [&](const Control&) -> views::Lane::Continuation { return [&] { continued = true; }; });
    ASSERT_TRUE([&] { for (int i = 0; i < 2000 && lane.waiting() > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1)); return lane.waiting() == 0; }());
    receiver.reset();
    lane.post(&alive, {}, [&](const Control&) -> views::Lane::Continuation { return [&] { other = true; }; });
    ASSERT_TRUE(wait_until([&] { return other; }));
    EXPECT_FALSE(continued);
}

TEST(WorkerLane, AStoreFinishesWhatWaitsAndAnotherLaneDropsIt)
{
    std::atomic<int> stored{0}, previewed{0};
    QObject receiver;
    {
        WorkerLane store("store", true), preview("preview");
        for (int i = 0; i < 50; ++i) {
            store.post(&receiver, {}, [&](const Control&) -> views::Lane::Continuation { std::this_thread::sleep_for(std::chrono::milliseconds(1)); ++stored; return {}; });
            preview.post(&receiver, {}, [&](const Control& control) -> views::Lane::Continuation { while (true) { control.check(); std::this_thread::sleep_for(std::chrono::milliseconds(1)); } ++previewed; return {}; });
        }
    }
    EXPECT_EQ(stored, 50);
    EXPECT_EQ(previewed, 0);
}

}  // namespace
}  // namespace bitwright
