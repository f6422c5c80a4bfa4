// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/optimize/optimize_page.h"

#include "views/desk/empty_state.h"
#include "views/optimize/method_form.h"
#include "views/optimize/run_list.h"
#include "views/optimize/run_view.h"

#include <QEvent>
#include <QScrollArea>
#include <QSplitter>
#include <QStackedWidget>
#include <QVBoxLayout>

namespace bitwright::views {

OptimizePage::OptimizePage(Desk& desk, QWidget* parent) : Page(parent), desk_(desk)
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(8, 8, 8, 8);
    stack_ = new QStackedWidget;
    column->addWidget(stack_);
    stack_->addWidget(new EmptyState(tr("A method needs a calibration: which values every layer sees. Then it can round, smooth, or learn scales and ranges end to end."), tr("Calibrate…"),
                                     [this] { Q_EMIT desk_.calibration_wanted(); }));
    auto* split = new QSplitter;
    form_ = new MethodForm(desk);
    run_ = new RunView(desk);
    list_ = new RunList(desk);
    auto* scroll = new QScrollArea;
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidgetResizable(true);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setWidget(form_);
    scroll->setMinimumWidth(248);
    list_->setMinimumWidth(176);
    beside_ = new QSplitter;
    beside_->addWidget(run_);
    beside_->addWidget(list_);
    beside_->setStretchFactor(0, 1);
    beside_->setChildrenCollapsible(false);
    split->addWidget(scroll);
    split->addWidget(beside_);
    split->setStretchFactor(1, 1);
    split->setSizes({256, 640});
    split->setChildrenCollapsible(false);
    stack_->addWidget(split);

    connect(form_, &MethodForm::start_wanted, this, &OptimizePage::start);
    connect(list_, &RunList::chosen, run_, &RunView::show_job);
    connect(list_, &RunList::fork_wanted, this, [this](std::int64_t recipe) {
        form_->start_from(recipe);
        desk_.say(tr("The form on the left starts from this step now: choose what to do differently, then press Start."));
    });
    connect(&desk.jobs(), &JobQueue::changed, this, [this](std::int64_t number) {
        if (number == run_->job() && isVisible()) run_->refresh();
    });
    const auto soon = [this] {
        dirty_ = true;
        if (isVisible()) refresh();
    };
    connect(&desk, &Desk::model_changed, this, soon);
    connect(&desk, &Desk::statistics_changed, this, soon);
    connect(&desk, &Desk::calibrations_changed, this, soon);
    connect(&desk.revisions(), &Revisions::list_changed, this, soon);
    connect(&desk, &Desk::workspace_changed, run_, [this] { run_->show_job(0); });
    desk.actions().add(QStringLiteral("optimize.start"), tr("Optimize"), tr("Start the chosen method"), QKeySequence(Qt::CTRL | Qt::Key_Return), [this] { start(); }, this);
}

void OptimizePage::activated()
{
    if (dirty_) refresh();
    run_->refresh();
}

void OptimizePage::refresh()
{
    dirty_ = false;
    stack_->setCurrentIndex(desk_.calibration() ? 1 : 0);
    form_->refresh();
}

void OptimizePage::start()
{
    const auto arguments = form_->arguments();
    if (arguments.isEmpty()) return;
    desk_.actions().set_command_line(arguments);
    const auto number = desk_.jobs().submit(form_->title(), arguments);
    list_->select(number);
    run_->show_job(number);
}

void OptimizePage::resizeEvent(QResizeEvent* event)
{
    Page::resizeEvent(event);
    const auto wanted = width() < 860 ? Qt::Vertical : Qt::Horizontal;  // three columns need room; else the queue lies under the curves
    if (beside_->orientation() == wanted) return;
    beside_->setOrientation(wanted);
    beside_->setSizes(wanted == Qt::Vertical ? QList<int>{440, 200} : QList<int>{480, 192});
}

QJsonObject OptimizePage::state() const { return {{QStringLiteral("form"), form_->state()}}; }
void OptimizePage::restore(const QJsonObject& state) { form_->restore(state.value(QStringLiteral("form")).toObject()); }

void OptimizePage::changeEvent(QEvent* event)
{
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::ApplicationPaletteChange) run_->restyle();
    Page::changeEvent(event);
}

}  // namespace bitwright::views
