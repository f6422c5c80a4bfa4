// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/jobs/job_details.h"

#include "views/desk/theme.h"
#include "views/jobs/job_words.h"

#include <QApplication>
#include <QClipboard>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QVBoxLayout>

namespace bitwright::views {

JobDetails::JobDetails(Desk& desk, JobsModel& model, QWidget* parent)
    : QWidget(parent), desk_(desk), model_(model), title_(new QLabel(this)), state_(new QLabel(this)), pause_(new QPushButton(this)), resume_(new QPushButton(this)),
      cancel_(new QPushButton(this)), copy_(new QPushButton(this)), products_(new QWidget(this)), products_row_(new QHBoxLayout(products_)), log_(new QPlainTextEdit(this))
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(12, 8, 8, 8);
    column->setSpacing(6);
    QFont bold = title_->font();
    bold.setWeight(QFont::DemiBold);
    title_->setFont(bold);
    for (auto* label : {title_, state_}) {
        label->setTextFormat(Qt::PlainText);
        label->setWordWrap(true);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
        column->addWidget(label);
    }
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    const auto button = [&](QPushButton* push, const char* name, const QString& text, auto run) {
        push->setObjectName(QStringLiteral("details_") + QLatin1String(name));
        push->setText(text);
        push->setIcon(icon(QLatin1String(name)));
        row->addWidget(push);
        connect(push, &QPushButton::clicked, this, [this, run] {
            if (const auto* job = model_.at(model_.row_of(number_))) run(Job(*job));
        });
    };
    button(pause_, "pause", tr("Pause"), [this](const Job& job) { desk_.jobs().pause(job.number); });
    button(resume_, "resume", tr("Resume"), [this](const Job& job) { model_.resume(job); });
    button(cancel_, "cancel", tr("Cancel"), [this](const Job& job) { model_.cancel(job); });
    button(copy_, "copy", tr("Copy command"), [this](const Job& job) {
        desk_.actions().set_command_line(job.arguments);
        QApplication::clipboard()->setText(desk_.actions().command_line());
    });
    row->addStretch();
    column->addLayout(row);
    products_row_->setContentsMargins({});
    products_row_->setSpacing(8);
    column->addWidget(products_);
    log_->setReadOnly(true);
    log_->setFrameShape(QFrame::NoFrame);
    log_->setTabChangesFocus(true);
    log_->setAccessibleName(tr("Log of the job"));
    log_->setMinimumHeight(40);
    column->addWidget(log_, 1);
    column->addStretch();  // without a log the rest stays at the top
}

void JobDetails::show_job(const Job* job)
{
    number_ = job ? job->number : 0;
    if (!job) {
        for (auto* child : findChildren<QWidget*>(QString(), Qt::FindDirectChildrenOnly)) child->hide();
        return;
    }
    title_->show();
    state_->show();
    title_->setText(job->title);
    QString words = progress_words(*job);
    if (job->number < 0) words.replace(phase_words(JobPhase::paused), tr("unfinished"));
    if (words.isEmpty()) words = phase_words(job->phase);
    if (!job->message.isEmpty()) words += QLatin1Char('\n') + job->message;
    state_->setText(words);
    state_->setStyleSheet(job->phase == JobPhase::failed ? QStringLiteral("color: %1").arg(signal_colours().error.name()) : QString());
    for (auto* push : {pause_, resume_, cancel_, copy_}) push->show();  // each keeps its place
    pause_->setEnabled(job->phase == JobPhase::running);
    const bool again = job->phase == JobPhase::failed || job->phase == JobPhase::cancelled;
    resume_->setText(again ? tr("Try again") : tr("Resume"));
    resume_->setEnabled(again || job->phase == JobPhase::paused);
    cancel_->setText(job->number < 0 ? tr("Give up") : tr("Cancel"));
    cancel_->setEnabled(!is_over(job->phase) && job->phase != JobPhase::cancelling);
    copy_->setEnabled(!job->arguments.isEmpty());
    show_products(*job);
    const QString log = job->log.join(QLatin1Char('\n'));
    if (log_->toPlainText() != log) {
        auto* bar = log_->verticalScrollBar();
        const bool at_end = bar->value() == bar->maximum();
        log_->setPlainText(log);
        if (at_end) bar->setValue(bar->maximum());
    }
    log_->setVisible(!log.isEmpty());
}

void JobDetails::show_products(const Job& job)
{
    const auto found = made_in(job, desk_.workspace_path()) ? references_in(job.result) : std::vector<Reference>();
    const QString out = job.result.is_object() && job.result.contains("out") && job.result["out"].is_string() ? QString::fromStdString(job.result["out"].get<std::string>()) : QString();
    QString shown = QString::number(job.number) + out;
    for (const auto& reference : found) shown += QString::fromStdString(to_string(reference));
    products_->setVisible(!found.empty() || !out.isEmpty());
    if (shown == products_shown_) return;
    products_shown_ = shown;
    while (auto* item = products_row_->takeAt(0)) {
        if (item->widget()) item->widget()->deleteLater();
        delete item;
    }
    constexpr std::size_t most = 4;  // a loop makes a dozen: the newest are the ones to go to, the pages list them all
    for (std::size_t i = found.size() > most ? found.size() - most : 0; i < found.size(); ++i) {
        auto* push = new QPushButton(QString::fromStdString(to_string(found[i])), products_);
        push->setObjectName(push->text());
        push->setAccessibleName(tr("Go to %1").arg(push->text()));
        connect(push, &QPushButton::clicked, this, [this, reference = found[i]] { go_to(reference); });
        products_row_->addWidget(push);
    }
    if (!out.isEmpty()) {
        auto* path = new QLabel(out, products_);
        path->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
        products_row_->addWidget(path);
    }
    products_row_->addStretch();
}

void JobDetails::go_to(const Reference& reference)
{
    if (reference.kind == "calibration") {
        desk_.use_calibration(reference.id);
        Q_EMIT desk_.page_wanted(QStringLiteral("explore"));
    } else if (reference.kind == "recipe") {
        desk_.revisions().adopt(reference.id);  // one undo goes back
        Q_EMIT desk_.page_wanted(QStringLiteral("tune"));
    } else {
        Q_EMIT desk_.page_wanted(QStringLiteral("results"));
    }
}

}  // namespace bitwright::views
