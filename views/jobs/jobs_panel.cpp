// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/jobs/jobs_panel.h"

#include "views/desk/dense_table.h"
#include "views/jobs/job_details.h"
#include "views/jobs/job_line.h"
#include "views/jobs/jobs_model.h"

#include <QFrame>
#include <QHeaderView>
#include <QKeyEvent>
#include <QSplitter>
#include <QTableView>
#include <QVBoxLayout>

namespace bitwright::views {

JobsPanel::JobsPanel(Desk& desk, QWidget* parent) : QWidget(parent), model_(new JobsModel(desk, this)), line_(new JobLine(desk, *model_, this)), table_(new QTableView(this))
{
    auto* splitter = new QSplitter(Qt::Horizontal, this);
    list_ = splitter;
    details_ = new JobDetails(desk, *model_, splitter);
    table_->setModel(model_);
    table_->setAccessibleName(tr("Jobs"));
    table_->setFrameShape(QFrame::NoFrame);
    make_dense(*table_);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    auto* header = table_->horizontalHeader();
    header->setSectionResizeMode(JobsModel::title, QHeaderView::Stretch);
    for (const int section : {JobsModel::state, JobsModel::progress, JobsModel::time}) header->setSectionResizeMode(section, QHeaderView::ResizeToContents);
    splitter->addWidget(table_);
    splitter->addWidget(details_);
    splitter->setStretchFactor(0, 3);
    splitter->setStretchFactor(1, 2);
    splitter->setChildrenCollapsible(false);
    splitter->setMinimumHeight(176);
    splitter->hide();
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins({});
    column->setSpacing(0);
    auto* edge = new QFrame(this);
    edge->setFrameShape(QFrame::HLine);
    edge->setFrameShadow(QFrame::Plain);
    edge->setForegroundRole(QPalette::Mid);
    column->addWidget(edge);
    column->addWidget(list_, 1);
    column->addWidget(line_);
    connect(line_, &JobLine::unfold_wanted, this, [this] { unfold(!unfolded()); });
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &JobsPanel::show_chosen);
    connect(model_, &JobsModel::changed, this, [this] {
        if (unfolded() && !table_->currentIndex().isValid() && model_->rowCount() > 0) table_->selectRow(0);
        show_chosen();
    });
    desk.actions().add(QStringLiteral("jobs.unfold"), tr("Jobs"), tr("Show or hide the jobs"), QKeySequence(QStringLiteral("Ctrl+J")), [this] { unfold(!unfolded()); });
    const auto with_shown = [this](auto run) {
        return [this, run] {
            if (const auto* job = line_->shown()) run(Job(*job));
        };
    };
    desk.actions().add(QStringLiteral("jobs.pause"), tr("Jobs"), tr("Pause or resume the running job"), QKeySequence(QStringLiteral("Ctrl+Shift+P")), with_shown([this, &desk](const Job& job) {
                           if (job.phase == JobPhase::running) desk.jobs().pause(job.number);
                           if (job.phase == JobPhase::paused) model_->resume(job);
                       }));
    desk.actions().add(QStringLiteral("jobs.cancel"), tr("Jobs"), tr("Cancel the running job"), {}, with_shown([this](const Job& job) {
                           if (!is_over(job.phase)) model_->cancel(job);
                       }));
}

bool JobsPanel::unfolded() const { return !list_->isHidden(); }

void JobsPanel::unfold(bool unfolded)
{
    list_->setVisible(unfolded);
    line_->set_unfolded(unfolded);
    if (!unfolded) return;
    model_->read_stored();
    if (!table_->currentIndex().isValid() && model_->rowCount() > 0) table_->selectRow(0);
    show_chosen();
    table_->setFocus();
}

void JobsPanel::show_chosen()
{
    if (unfolded()) details_->show_job(model_->at(table_->currentIndex().row()));
}

void JobsPanel::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Escape && unfolded())
        unfold(false);
    else
        QWidget::keyPressEvent(event);
}

}  // namespace bitwright::views
