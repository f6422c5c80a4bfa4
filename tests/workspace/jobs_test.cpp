// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/jobs.h"
#include "tests/support/shared_data.h"

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <fstream>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

/// A child begins the job, does `work` with it, says so, and is killed.
void killed_job(const fs::path& path, const std::string& key, void (*work)(Workspace&, const JobRow&))
{
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        Workspace workspace(path);
        bool resumed = false;
        const auto job = begin_job(workspace, "evaluate", key, R"({"argv": ["evaluate"]})", false, resumed);
        work(workspace, job);
        if (::write(ready[1], "x", 1) != 1) ::_exit(1);
        ::pause();
        ::_exit(0);
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    {
        const Workspace workspace(path);
        EXPECT_EQ(list_jobs(workspace).front().state, JobState::running);
        EXPECT_EQ(list_jobs(workspace).front().process, child);
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST(Jobs, AKilledJobShowsAsInterruptedAndTheSameCommandContinuesIt)
{
    const auto path = test::scratch("jobs") / "w.bitwright";
    killed_job(path, "k", [](Workspace& workspace, const JobRow& job) {
        const ScoredWindow scores[] = {{1.5, 3}, {2.5, 3}};
        put_scored_windows(workspace, job.id, 0, scores);
        std::ofstream(checkpoint_path(workspace, job)) << "state";
        beat(workspace, job.id, "windows", 2, 9);
    });
    Workspace workspace(path);
    const auto found = list_jobs(workspace).front();
    EXPECT_EQ(found.state, JobState::interrupted);
    EXPECT_EQ(found.progress_done, 2);
    EXPECT_EQ(found.progress_total, 9);
    bool resumed = false;
    const auto other = begin_job(workspace, "evaluate", "another key", "{}", false, resumed);
    EXPECT_FALSE(resumed);
    const auto job = begin_job(workspace, "evaluate", "k", "{}", false, resumed);
    EXPECT_TRUE(resumed);
    EXPECT_EQ(job.id, found.id);
    EXPECT_EQ(job.state, JobState::running);
    ASSERT_EQ(scored_windows(workspace, job.id).size(), 2U);
    EXPECT_EQ(scored_windows(workspace, job.id)[1].nll, 2.5);
    EXPECT_TRUE(fs::exists(checkpoint_path(workspace, job)));
    end_job(workspace, job.id, JobState::done, "evaluation:1");
    EXPECT_TRUE(scored_windows(workspace, job.id).empty());
    EXPECT_FALSE(fs::exists(workspace.data_folder())) << "nothing of a finished job stays";
    EXPECT_EQ(find_done_job(workspace, "k")->result, "evaluation:1");
    EXPECT_NE(other.id, job.id);
}

TEST(Jobs, FreshStartsAgainAndRemovesTheOldCheckpoint)
{
    const auto path = test::scratch("jobs-fresh") / "w.bitwright";
    killed_job(path, "k", [](Workspace& workspace, const JobRow& job) { std::ofstream(checkpoint_path(workspace, job)) << "state"; });
    Workspace workspace(path);
    const auto old = list_jobs(workspace).front();
    bool resumed = true;
    const auto job = begin_job(workspace, "evaluate", "k", "{}", true, resumed);
    EXPECT_FALSE(resumed);
    EXPECT_NE(job.id, old.id);
    EXPECT_EQ(get_job(workspace, old.id).state, JobState::cancelled);
    EXPECT_FALSE(fs::exists(workspace.data_folder()));
}

TEST(Jobs, ASecondProcessMayNotDoTheSame)
{
    const auto path = test::scratch("jobs-twice") / "w.bitwright";
    Workspace workspace(path);
    bool resumed = false;
    const auto job = begin_job(workspace, "evaluate", "k", "{}", false, resumed);
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            Workspace again(path);
            bool taken = false;
            (void)begin_job(again, "evaluate", "k", "{}", false, taken);
            ::_exit(0);
        } catch (const Error& error) {
            ::_exit(std::string(error.what()).find("does this already in process") != std::string::npos ? 42 : 1);
        }
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 42);
    EXPECT_EQ(get_job(workspace, job.id).state, JobState::running);
}

TEST(Jobs, CancellingAnInterruptedJobLeavesNothingBehind)
{
    const auto path = test::scratch("jobs-cancel") / "w.bitwright";
    killed_job(path, "k", [](Workspace& workspace, const JobRow& job) { std::ofstream(checkpoint_path(workspace, job)) << "state"; });
    Workspace workspace(path);
    const auto id = list_jobs(workspace).front().id;
    cancel_job(workspace, id);
    EXPECT_EQ(get_job(workspace, id).state, JobState::cancelled);
    EXPECT_FALSE(fs::exists(workspace.data_folder()));
    EXPECT_THROW(cancel_job(workspace, id), Error);
    EXPECT_THROW((void)get_job(workspace, 99), Error);
}

}  // namespace
}  // namespace bitwright
