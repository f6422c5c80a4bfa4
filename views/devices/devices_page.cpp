// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/devices/devices_page.h"

#include "views/desk/dense_table.h"
#include "views/desk/formats.h"
#include "views/desk/theme.h"
#include "views/devices/device_cards.h"
#include "views/devices/plan_form.h"

#include <QComboBox>
#include <QEvent>
#include <QGridLayout>
#include <QGroupBox>
#include <QHeaderView>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QSignalBlocker>
#include <QTableView>
#include <QThread>
#include <QVBoxLayout>

#include <algorithm>

namespace bitwright::views {

DevicesPage::DevicesPage(Desk& desk, QWidget* parent) : Page(parent), desk_(desk), cards_(new DeviceCards(this)), problem_(new QLabel(this)), samples_(new plots::CurvesView(this)), message_(new MessageLine(this)), table_(new QTableView(this))
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(8, 8, 8, 8);
    column->setSpacing(8);
    column->addWidget(message_);
    column->addWidget(cards_);
    problem_->setWordWrap(true);
    problem_->setTextFormat(Qt::PlainText);
    problem_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    problem_->setAccessibleName(tr("Why no phones can be seen"));
    problem_->hide();
    column->addWidget(problem_);
    auto* top = new QHBoxLayout;
    top->setSpacing(8);
    top->addWidget(build_card(), 1);
    top->addWidget(build_plan());
    column->addLayout(top);
    column->addWidget(build_runs(), 1);
    add_actions();
    refresh_cards();
    device_chosen();
    connect(cards_, &DeviceCards::chosen_changed, this, &DevicesPage::device_chosen);
    connect(cards_, &DeviceCards::action_clicked, this, &DevicesPage::toggle_demo);
    connect(&desk_, &Desk::results_changed, this, [this] {
        dirty_ = true;
        if (isVisible()) read_runs();
    });
    connect(&desk_.revisions(), &Revisions::list_changed, this, [this] {
        if (isVisible()) fill_recipes();
    });
    connect(&desk_.revisions(), &Revisions::changed, this, [this] {
        if (isVisible()) fill_recipes();
    });
    connect(&desk_.jobs(), &JobQueue::changed, this, &DevicesPage::follow);
    connect(&desk_.jobs(), &JobQueue::finished, this, &DevicesPage::follow);
    connect(samples_, &plots::Plot::exportFailed, this, [this](const QString& sentence) { message_->show_error(sentence); });
}

DevicesPage::~DevicesPage() = default;

QGroupBox* DevicesPage::build_card()
{
    card_ = new QGroupBox(this);
    auto* column = new QVBoxLayout(card_);
    next_step_ = new QLabel(card_);
    next_step_->setWordWrap(true);
    next_step_->setTextFormat(Qt::PlainText);
    next_step_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    next_step_->setAccessibleName(tr("Next step"));
    column->addWidget(next_step_);
    facts_ = new QGridLayout;
    facts_->setHorizontalSpacing(16);
    facts_->setVerticalSpacing(2);
    facts_->setColumnStretch(1, 1);
    column->addLayout(facts_);
    column->addStretch();
    // as high as its facts before they are read, so that nothing below moves when they come
    constexpr int lines = 10;
    card_->setMinimumHeight(lines * (card_->fontMetrics().height() + facts_->verticalSpacing()) + 3 * card_->fontMetrics().height());
    return card_;
}

QGroupBox* DevicesPage::build_plan()
{
    auto* plan = new QGroupBox(tr("Plan of a measurement"), this);
    auto* column = new QVBoxLayout(plan);
    auto* form = new QHBoxLayout;
    form->setSpacing(8);
    recipe_ = new QComboBox(plan);
    recipe_->setAccessibleName(tr("Recipe to measure"));
    recipe_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    recipe_->setMinimumContentsLength(20);
    auto* label = new QLabel(tr("&Recipe"), plan);
    label->setBuddy(recipe_);
    form->addWidget(label);
    form->addWidget(recipe_, 1);
    column->addLayout(form);
    plan_ = new PlanForm(desk_.settings().threads > 0 ? desk_.settings().threads : std::max(1, QThread::idealThreadCount()), plan);
    column->addWidget(plan_);
    column->addStretch();
    auto* buttons = new QHBoxLayout;
    start_ = new QPushButton(tr("&Measure"), plan);
    start_->setDefault(true);
    start_->setToolTip(tr("Exports the recipe as a package (once), brings it to the chosen device and runs it there with integer arithmetic only"));
    evaluate_ = new QPushButton(tr("&Evaluate at the integer level"), plan);
    evaluate_->setToolTip(tr("Perplexity of the package, on the windows this model was evaluated on before"));
    buttons->addWidget(start_, 1);
    buttons->addWidget(evaluate_, 2);
    column->addLayout(buttons);
    connect(start_, &QPushButton::clicked, this, &DevicesPage::start);
    connect(evaluate_, &QPushButton::clicked, this, &DevicesPage::evaluate_integer);
    return plan;
}

QWidget* DevicesPage::build_runs()
{
    auto* box = new QWidget(this);
    auto* column = new QVBoxLayout(box);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(8);
    auto* live = new QHBoxLayout;
    state_ = new QLabel(tr("Nothing is being measured."), box);
    state_->setWordWrap(true);
    state_->setTextFormat(Qt::PlainText);
    state_->setAccessibleName(tr("State of the measurement"));
    progress_ = new QProgressBar(box);
    progress_->setAccessibleName(tr("Repeats done"));
    progress_->setMaximumWidth(200);
    progress_->setTextVisible(false);
    progress_->setMaximumHeight(10);
    progress_->hide();
    cancel_ = new QPushButton(tr("Cancel"), box);
    cancel_->setAccessibleName(tr("Cancel the measurement"));
    cancel_->hide();
    live->addWidget(state_, 1);
    live->addWidget(progress_);
    live->addWidget(cancel_);
    column->addLayout(live);
    samples_->setTitle(tr("Speed of each repeat"));
    samples_->setAccessibleName(tr("Speed of each repeat"));
    samples_->setAxes({.x = tr("repeat"), .y = tr("speed"), .y_unit = tr("tokens/s"), .counts = true});
    samples_->setEmptyText(tr("Nothing measured yet: plan a measurement above, its repeats appear here as they arrive"));
    samples_->setStyle(plot_style(desk_.settings().sequence));
    column->addWidget(samples_, 1);
    proxy_.set_filter(QStringLiteral("kind:run"), false);
    table_->setModel(&proxy_);
    make_dense(*table_);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table_->setAlternatingRowColors(true);
    table_->setTextElideMode(Qt::ElideMiddle);
    table_->horizontalHeader()->setStretchLastSection(false);
    for (const int hidden : {ResultsModel::star, ResultsModel::method, ResultsModel::level, ResultsModel::perplexity, ResultsModel::tags, ResultsModel::note}) table_->setColumnHidden(hidden, true);
    for (const auto& [shown, width] : {std::pair<int, int>{ResultsModel::name, 128}, {ResultsModel::prefill, 136}, {ResultsModel::decode, 128}, {ResultsModel::memory, 96}, {ResultsModel::measured_on, 200}})
        table_->setColumnWidth(shown, width);
    table_->horizontalHeader()->setSectionResizeMode(ResultsModel::name, QHeaderView::Stretch);
    column->addWidget(table_, 1);
    connect(cancel_, &QPushButton::clicked, this, [this] {
        if (const auto* running = measurement()) desk_.jobs().cancel(running->job);
    });
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &DevicesPage::show_samples);
    connect(table_, &QTableView::doubleClicked, this, [this] { Q_EMIT desk_.page_wanted(QStringLiteral("results")); });
    return box;
}

void DevicesPage::activated()
{
    read_local_facts();
    fill_recipes();
    if (dirty_) read_runs();
}

void DevicesPage::showEvent(QShowEvent* event)
{
    Page::showEvent(event);
    listen();
    activated();
}

void DevicesPage::changeEvent(QEvent* event)
{
    Page::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) samples_->setStyle(plot_style(desk_.settings().sequence));
}

void DevicesPage::read_runs()
{
    dirty_ = false;
    const auto workspace = desk_.workspace();
    if (!workspace) {
        rows_.clear();
        return show_runs();
    }
    desk_.lanes().interactive.post(this, QStringLiteral("devices.runs"), [this, workspace](const Control&) -> Lane::Continuation {
        auto rows = std::make_shared<std::vector<ResultRow>>(read_results(*workspace));
        return [this, workspace, rows] {
            if (workspace != desk_.workspace()) return;
            rows_ = std::move(*rows);
            show_runs();
        };
    }, [this](const QString& sentence) { message_->show_error(sentence); });
}

void DevicesPage::fill_recipes()
{
    const QSignalBlocker blocker(recipe_);
    const auto before = recipe_->currentData();
    recipe_->clear();
    const auto head = desk_.revisions().head();
    for (const auto& revision : desk_.revisions().all()) {
        const auto id = revision->stored.load();
        if (id == 0) continue;
        const auto name = revision->row.name ? QString::fromStdString(*revision->row.name) : QString::fromStdString(to_string(Reference{"recipe", id}));
        const bool open = head && head->stored.load() == id;
        recipe_->addItem(open && revision->row.revision == 1 ? tr("%1 (open)").arg(name) : open ? tr("%1, revision %2 (open)").arg(name).arg(revision->row.revision) : revision->row.revision > 1 ? tr("%1, revision %2").arg(name).arg(revision->row.revision) : name,
                         static_cast<qlonglong>(id));
        if (open && !before.isValid()) recipe_->setCurrentIndex(recipe_->count() - 1);
    }
    if (const int index = recipe_->findData(before); before.isValid() && index >= 0) recipe_->setCurrentIndex(index);
    if (recipe_->count() == 0) recipe_->setPlaceholderText(tr("no recipe yet: make one in Optimize"));
    enable_buttons();
}

void DevicesPage::enable_buttons()
{
    const bool any = recipe_->count() > 0;
    const auto& device = cards_->chosen();
    start_->setEnabled(any && device.ready && !measuring(device.serial));
    evaluate_->setEnabled(any);
}

}  // namespace bitwright::views
