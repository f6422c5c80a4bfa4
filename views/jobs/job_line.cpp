// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/jobs/job_line.h"

#include "views/desk/theme.h"
#include "views/jobs/job_words.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QToolButton>

#include <algorithm>

namespace bitwright::views {

JobLine::JobLine(Desk& desk, JobsModel& model, QWidget* parent)
    : QWidget(parent), desk_(desk), model_(model), icon_(new QLabel(this)), text_(new QLabel(this)), bar_(new QProgressBar(this)), pause_(new QToolButton(this)),
      resume_(new QToolButton(this)), cancel_(new QToolButton(this)), more_(new QToolButton(this))
{
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(8, 2, 8, 2);
    row->setSpacing(8);
    text_->setTextFormat(Qt::PlainText);
    text_->setMinimumWidth(1);
    bar_->setTextVisible(false);
    bar_->setFixedSize(120, 6);
    bar_->setAccessibleName(tr("Progress"));
    const auto button = [&](QToolButton* tool, const char* name, const QString& text, auto run) {
        tool->setObjectName(QLatin1String(name));
        tool->setIcon(icon(QLatin1String(name)));
        tool->setToolTip(text);
        tool->setAccessibleName(text);
        tool->setAutoRaise(true);
        tool->setFocusPolicy(Qt::StrongFocus);
        connect(tool, &QToolButton::clicked, this, [this, run] {
            if (const auto* job = shown()) run(Job(*job));
        });
    };
    button(pause_, "pause", tr("Pause"), [this](const Job& job) { desk_.jobs().pause(job.number); });
    button(resume_, "resume", tr("Resume"), [this](const Job& job) { model_.resume(job); });
    button(cancel_, "cancel", tr("Cancel"), [this](const Job& job) { model_.cancel(job); });
    more_->setObjectName(QStringLiteral("unfold"));
    more_->setAutoRaise(true);
    more_->setFocusPolicy(Qt::StrongFocus);
    connect(more_, &QToolButton::clicked, this, &JobLine::unfold_wanted);
    row->addWidget(icon_);
    row->addWidget(text_, 1);
    row->addWidget(bar_);
    for (auto* tool : {pause_, resume_, cancel_}) row->addWidget(tool);
    row->addSpacing(8);
    row->addWidget(more_);
    setFixedHeight(32);
    connect(&model_, &JobsModel::changed, this, &JobLine::refresh);
    refresh();
}

const Job* JobLine::shown() const
{
    const auto& jobs = model_.jobs();
    const auto rank = [](const Job& job) {
        switch (job.phase) {
        case JobPhase::running:
        case JobPhase::pausing:
        case JobPhase::cancelling: return 4;
        case JobPhase::queued: return 3;
        case JobPhase::paused: return job.number > 0 ? 2 : job.arguments.isEmpty() ? 0 : 1;
        default: return 1;
        }
    };
    const auto best = std::ranges::max_element(jobs, {}, rank);  // the first of equals: the newest
    if (best == jobs.end() || (best->number < 0 && best->arguments.isEmpty())) return nullptr;
    return &*best;
}

void JobLine::set_unfolded(bool unfolded)
{
    unfolded_ = unfolded;
    refresh();
}

void JobLine::refresh()
{
    const auto* job = shown();
    const auto phase = job ? job->phase : JobPhase::done;
    const bool running = job && !is_over(phase);
    QString name;
    if (job) {
        const QString progress = progress_words(*job);
        whole_ = progress.isEmpty() ? job->title : job->title + QStringLiteral(" · ") + progress;
        if (job->number < 0) whole_ = tr("Unfinished from before: %1").arg(whole_);
        if (phase == JobPhase::failed && !job->message.isEmpty()) whole_ = tr("%1 failed: %2").arg(job->title, job->message);
        name = phase == JobPhase::failed ? QStringLiteral("error") : phase == JobPhase::done ? QStringLiteral("ok") : phase == JobPhase::paused ? QStringLiteral("pause") : QString();
        if (running && phase != JobPhase::paused) name = QStringLiteral("resume");
    } else {
        whole_ = tr("Nothing is running");
    }
    if (name != icon_name_) {
        icon_name_ = name;
        icon_->setPixmap(name.isEmpty() ? QPixmap() : icon(name).pixmap(16, 16));
    }
    icon_->setVisible(!name.isEmpty());
    text_->setForegroundRole(job ? QPalette::WindowText : QPalette::PlaceholderText);
    elide();
    bar_->setVisible(running && (job->total > 0 || phase == JobPhase::running));
    bar_->setRange(0, running && job->total > 0 ? 1000 : 0);
    if (running && job->total > 0) bar_->setValue(static_cast<int>(1000 * job->done / job->total));
    for (auto* tool : {pause_, resume_, cancel_}) tool->setVisible(running);  // three places that do not move while it runs
    pause_->setEnabled(phase == JobPhase::running);
    resume_->setEnabled(phase == JobPhase::paused);
    cancel_->setEnabled(running && phase != JobPhase::cancelling);
    const auto n = static_cast<int>(model_.jobs().size());
    more_->setVisible(n > 0 || unfolded_);
    more_->setText((n == 1 ? tr("1 job") : tr("%1 jobs").arg(n)) + (unfolded_ ? QStringLiteral(" ▾") : QStringLiteral(" ▴")));
    more_->setToolTip(unfolded_ ? tr("Fold the list of jobs") : tr("Unfold the list of jobs"));
    more_->setAccessibleName(more_->text());
}

void JobLine::elide()
{
    text_->setText(text_->fontMetrics().elidedText(whole_, Qt::ElideRight, std::max(40, text_->width())));
    text_->setToolTip(whole_);
    text_->setAccessibleName(whole_);
}

void JobLine::resizeEvent(QResizeEvent* event)
{
    QWidget::resizeEvent(event);
    elide();
}

void JobLine::changeEvent(QEvent* event)
{
    if (event->type() == QEvent::PaletteChange && !icon_name_.isEmpty()) icon_->setPixmap(icon(icon_name_).pixmap(16, 16));
    QWidget::changeEvent(event);
}

}  // namespace bitwright::views
