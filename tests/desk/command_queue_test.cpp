// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desk/command_queue.h"
#include "core/workspace/jobs.h"
#include "tests/support/test_desk.h"

#include <QTemporaryDir>
#include <gtest/gtest.h>

namespace bitwright {
namespace {

using test::wait_until;
using views::JobPhase;

class CommandQueue : public ::testing::Test {
protected:
    const QString sample = QStringLiteral(BITWRIGHT_SOURCE_DIR "/resources/models/Bitwright-Sample-2M");
    QTemporaryDir folder;
    const QString workspace = folder.filePath(QStringLiteral("w.bitwright"));

    [[nodiscard]] QStringList mobilequant(int steps) const
    {
        return {QStringLiteral("quantize"), sample, QStringLiteral("--text"), sample + QStringLiteral("/texts/calibration.txt"), QStringLiteral("--samples"), QStringLiteral("2"), QStringLiteral("--length"),
                QStringLiteral("32"), QStringLiteral("--seed"), QStringLiteral("1"), QStringLiteral("--method"), QStringLiteral("mobilequant-paper"), QStringLiteral("--weights"), QStringLiteral("8"),
                QStringLiteral("--activations"), QStringLiteral("8"), QStringLiteral("--steps"), QString::number(steps), QStringLiteral("-w"), workspace};
    }
    static JobPhase phase(const bitwright::CommandQueue& queue, std::int64_t number) { return queue.job(number)->phase; }
};

TEST_F(CommandQueue, AnswersWithTheCommandsObjectAndFailsWithOneSentence)
{
    auto lane = std::make_unique<WorkerLane>("compute");
    bitwright::CommandQueue queue(*lane);
    std::vector<std::int64_t> finished;
    QObject::connect(&queue, &views::JobQueue::finished, [&](std::int64_t number) { finished.push_back(number); });
    const auto good = queue.submit(QStringLiteral("Inspect"), {QStringLiteral("inspect"), sample});
    const auto bad = queue.submit(QStringLiteral("Inspect"), {QStringLiteral("inspect"), folder.path()});
    const auto wrong = queue.submit(QStringLiteral("Nothing"), {QStringLiteral("inspekt")});
    ASSERT_TRUE(wait_until([&] { return finished.size() == 3; }));
    EXPECT_EQ(finished, (std::vector<std::int64_t>{good, bad, wrong}));
    EXPECT_EQ(phase(queue, good), JobPhase::done);
    EXPECT_EQ(queue.job(good)->result.at("family"), "llama");
    EXPECT_EQ(phase(queue, bad), JobPhase::failed);
    EXPECT_TRUE(queue.job(bad)->message.contains(QStringLiteral("config.json"))) << queue.job(bad)->message.toStdString();
    EXPECT_EQ(phase(queue, wrong), JobPhase::failed);
    EXPECT_FALSE(queue.job(wrong)->message.isEmpty());
    lane.reset();
}

TEST_F(CommandQueue, AnOptimizationPausesAtAStepAndGoesOn)
{
    auto lane = std::make_unique<WorkerLane>("compute");
    bitwright::CommandQueue queue(*lane);
    const auto number = queue.submit(QStringLiteral("MobileQuant"), mobilequant(40));
    ASSERT_TRUE(wait_until([&] { return queue.trace(number) && queue.trace(number)->steps.size() >= 3; }, 60000));
    EXPECT_TRUE(queue.job(number)->row);
    queue.pause(number);
    EXPECT_EQ(phase(queue, number), JobPhase::pausing);
    ASSERT_TRUE(wait_until([&] { return phase(queue, number) == JobPhase::paused; }, 60000)) << queue.job(number)->message.toStdString();
    const auto steps = queue.trace(number)->steps.size();
    EXPECT_LT(steps, 40U);
    queue.resume(number);
    ASSERT_TRUE(wait_until([&] { return phase(queue, number) == JobPhase::done; }, 60000)) << queue.job(number)->message.toStdString();
    EXPECT_EQ(queue.trace(number)->steps.size(), 40U);
    for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(queue.trace(number)->steps[i]->record.step, static_cast<std::int64_t>(i));
    EXPECT_EQ(queue.job(number)->result.at("steps"), 40);
    lane.reset();
}

TEST_F(CommandQueue, CancelledIsNotFailedAndLeavesNoCheckpoint)
{
    auto lane = std::make_unique<WorkerLane>("compute");
    bitwright::CommandQueue queue(*lane);
    const auto number = queue.submit(QStringLiteral("MobileQuant"), mobilequant(4000));
    const auto waiting = queue.submit(QStringLiteral("Inspect"), {QStringLiteral("inspect"), sample});
    ASSERT_TRUE(wait_until([&] { return queue.trace(number) && !queue.trace(number)->steps.empty(); }, 60000));
    queue.cancel(waiting);
    EXPECT_EQ(phase(queue, waiting), JobPhase::cancelled);
    queue.cancel(number);
    ASSERT_TRUE(wait_until([&] { return phase(queue, number) == JobPhase::cancelled; }, 60000));
    EXPECT_TRUE(queue.job(number)->message.isEmpty());
    lane.reset();
    const Workspace stored(workspace.toStdString());
    for (const auto& row : list_jobs(stored))
        if (row.kind == "quantize") {
            EXPECT_EQ(row.state, JobState::cancelled);
            EXPECT_FALSE(row.checkpoint);
        }
}

TEST_F(CommandQueue, TheEndOfTheProgramPausesAndTheNextSessionGoesOn)
{
    {
        auto lane = std::make_unique<WorkerLane>("compute");
        bitwright::CommandQueue queue(*lane);
        const auto number = queue.submit(QStringLiteral("MobileQuant"), mobilequant(60));
        ASSERT_TRUE(wait_until([&] { return queue.trace(number) && queue.trace(number)->steps.size() >= 2; }, 60000));
        queue.shut_down();
        lane.reset();
    }
    {
        const Workspace stored(workspace.toStdString());
        const auto rows = list_jobs(stored);
        ASSERT_FALSE(rows.empty());
        EXPECT_EQ(rows.front().kind, "quantize");
        EXPECT_EQ(rows.front().state, JobState::paused);
        EXPECT_TRUE(rows.front().checkpoint);
    }
    auto lane = std::make_unique<WorkerLane>("compute");
    bitwright::CommandQueue queue(*lane);
    const auto number = queue.submit(QStringLiteral("MobileQuant"), mobilequant(60));
    ASSERT_TRUE(wait_until([&] { return views::is_over(phase(queue, number)); }, 60000));
    EXPECT_EQ(phase(queue, number), JobPhase::done) << queue.job(number)->message.toStdString();
    EXPECT_EQ(queue.job(number)->result.at("resumed"), true);
    lane.reset();
}

TEST_F(CommandQueue, APhonesJobDoesNotWaitForTheComputeLane)
{
    auto lane = std::make_unique<WorkerLane>("compute");
    bitwright::CommandQueue queue(*lane);
    const auto computing = queue.submit(QStringLiteral("MobileQuant"), mobilequant(4000));
    ASSERT_TRUE(wait_until([&] { return phase(queue, computing) == JobPhase::running; }, 60000));
    const QStringList measure{QStringLiteral("measure"), QStringLiteral("--package"), folder.filePath(QStringLiteral("none")), QStringLiteral("--prompt-tokens"), QStringLiteral("5"),
                              QStringLiteral("--generate"), QStringLiteral("1"), QStringLiteral("--repeats"), QStringLiteral("1"), QStringLiteral("--threads"), QStringLiteral("1"),
                              QStringLiteral("-w"), workspace, QStringLiteral("--device")};
    const auto here = queue.submit(QStringLiteral("Measure"), measure + QStringList{QStringLiteral("local")});
    const auto one = queue.submit(QStringLiteral("Measure"), measure + QStringList{QStringLiteral("one")});
    const auto other = queue.submit(QStringLiteral("Measure"), measure + QStringList{QStringLiteral("other")});
    ASSERT_TRUE(wait_until([&] { return views::is_over(phase(queue, one)) && views::is_over(phase(queue, other)); }, 60000));
    EXPECT_EQ(phase(queue, computing), JobPhase::running);
    EXPECT_EQ(phase(queue, here), JobPhase::queued);
    EXPECT_TRUE(wait_until([&] { return queue.waiting_for_phones() == 0; }));
    queue.cancel(here);
    queue.cancel(computing);
    lane.reset();
}

}  // namespace
}  // namespace bitwright
