// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/jobs/jobs_model.h"

#include "views/desk/formats.h"
#include "views/desk/theme.h"
#include "views/jobs/job_words.h"

#include <QColor>

#include <algorithm>

namespace bitwright::views {

JobsModel::JobsModel(Desk& desk, QObject* parent) : QAbstractTableModel(parent), desk_(desk)
{
    connect(&desk_.jobs(), &JobQueue::changed, this, &JobsModel::take);
    connect(&desk_.jobs(), &JobQueue::finished, this, &JobsModel::read_stored);
    connect(&desk_, &Desk::workspace_changed, this, [this] {
        stored_.clear();
        rebuild();
        read_stored();
    });
    rebuild();
}

int JobsModel::row_of(std::int64_t number) const
{
    const auto found = std::ranges::find(jobs_, number, &Job::number);
    return found == jobs_.end() ? -1 : static_cast<int>(found - jobs_.begin());
}

void JobsModel::take(std::int64_t number)
{
    const int row = row_of(number);
    const auto job = desk_.jobs().job(number);
    if (row < 0 || !job) return rebuild();
    auto& known = jobs_[static_cast<std::size_t>(row)];
    const bool began = known.row != job->row;
    known = *job;
    Q_EMIT dataChanged(index(row, 0), index(row, columns - 1));
    if (began) return rebuild();  // its row in the workspace is no job of an earlier session any more
    Q_EMIT changed();
}

void JobsModel::rebuild()
{
    auto all = desk_.jobs().jobs();
    for (const auto& job : stored_)
        if (std::ranges::none_of(all, [&](const Job& known) { return known.row == job.row && known.row; })) all.push_back(job);
    const bool same = std::ranges::equal(all, jobs_, {}, &Job::number, &Job::number);
    if (same) {
        jobs_ = std::move(all);
        if (!jobs_.empty()) Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, columns - 1));
    } else if (all.size() == jobs_.size() + 1 && std::ranges::equal(std::ranges::subrange(all.begin() + 1, all.end()), jobs_, {}, &Job::number, &Job::number)) {
        beginInsertRows({}, 0, 0);
        jobs_ = std::move(all);
        endInsertRows();
    } else {
        beginResetModel();
        jobs_ = std::move(all);
        endResetModel();
    }
    Q_EMIT changed();
}

void JobsModel::read_stored()
{
    if (!desk_.workspace()) return;
    desk_.lanes().interactive.post(this, QStringLiteral("jobs.stored"), [this, workspace = desk_.workspace()](const Control&) -> Lane::Continuation {
        std::vector<Job> unfinished;
        for (const auto& row : list_jobs(*workspace))
            if (row.state == JobState::interrupted || row.state == JobState::paused) unfinished.push_back(stored_job(row));
        return [this, workspace, unfinished = std::move(unfinished)]() mutable {
            if (workspace != desk_.workspace()) return;
            stored_ = std::move(unfinished);
            rebuild();
        };
    }, [this](const QString& sentence) { desk_.fail(sentence); });
}

void JobsModel::resume(const Job& job)
{
    if (job.number > 0) return desk_.jobs().resume(job.number);
    if (job.arguments.isEmpty()) return desk_.fail(tr("%1: its command is not in the workspace; start it anew").arg(job.title));
    desk_.actions().set_command_line(job.arguments);
    std::erase_if(stored_, [&](const Job& known) { return known.number == job.number; });
    (void)desk_.jobs().submit(job.title, job.arguments);
    rebuild();
}

void JobsModel::cancel(const Job& job)
{
    if (job.number > 0) return desk_.jobs().cancel(job.number);
    desk_.lanes().store.post(this, {}, [this, workspace = desk_.workspace(), id = -job.number](const Control&) -> Lane::Continuation {
        cancel_job(*workspace, id);
        return [this] { read_stored(); };
    }, [this](const QString& sentence) { desk_.fail(sentence); });
}

QVariant JobsModel::data(const QModelIndex& index, int role) const
{
    const auto* job = at(index.row());
    if (!job) return {};
    if (role == Qt::TextAlignmentRole) return index.column() == time ? int(Qt::AlignRight | Qt::AlignVCenter) : int(Qt::AlignLeft | Qt::AlignVCenter);
    if (role == Qt::ToolTipRole) return job->message.isEmpty() ? QVariant() : job->message;
    if (role == Qt::ForegroundRole && index.column() == state) {
        if (job->phase == JobPhase::failed) return signal_colours().error;
        if (job->phase == JobPhase::done) return signal_colours().good;
        if (job->phase == JobPhase::cancelled) return signal_colours().stale;
        return {};
    }
    if (role != Qt::DisplayRole) return {};
    switch (index.column()) {
    case title: return job->title;
    case state: return job->number < 0 ? tr("unfinished") : phase_words(job->phase);
    case progress: return is_over(job->phase) || job->stage.isEmpty() ? QString() : stage_words(*job);
    case time:
        if (job->phase == JobPhase::running && job->remaining_seconds) return tr("%1 left").arg(duration(*job->remaining_seconds));
        return job->elapsed_seconds > 0 ? duration(job->elapsed_seconds) : not_measured;
    default: return {};
    }
}

QVariant JobsModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole) return section == time ? int(Qt::AlignRight | Qt::AlignVCenter) : int(Qt::AlignLeft | Qt::AlignVCenter);
    if (role != Qt::DisplayRole) return {};
    switch (section) {
    case title: return tr("Job");
    case state: return tr("State");
    case progress: return tr("Progress");
    case time: return tr("Time");
    default: return {};
    }
}

}  // namespace bitwright::views
