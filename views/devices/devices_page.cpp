// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/devices/devices_page.h"

#include "views/desk/dense_table.h"
#include "views/desk/formats.h"
#include "views/desk/theme.h"
#include "views/devices/device_cards.h"
#include "views/devices/plan_form.h"
#include "views/devices/timeline_view.h"

#include <QComboBox>
#include <QEvent>
#include <QGridLayout>
#include <QGroupBox>
#include <QHeaderView>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
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
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    row->addWidget(cards_, 1);
    row->addWidget(build_sheets());
    column->addLayout(row);
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
    connect(&desk_, &Desk::settings_changed, this, &DevicesPage::adb_chosen);
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

/// What concerns phones and needs a sheet of its own.
QWidget* DevicesPage::build_sheets()
{
    auto* box = new QWidget(this);
    auto* column = new QVBoxLayout(box);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(4);
    const auto button = [&](const QString& text, const QString& words, void (DevicesPage::*sheet)()) {
        auto* one = new QPushButton(text, box);
        one->setToolTip(words);
        connect(one, &QPushButton::clicked, this, sheet);
        column->addWidget(one);
    };
    button(tr("C&onnect…"), tr("A phone over Wi-Fi: by its address, or paired with a code"), &DevicesPage::show_connect);
    button(tr("Se&lf-test…"), tr("What only a real phone can prove, tried on the chosen one, item by item"), &DevicesPage::show_self_test);
    button(tr("Other ru&ntimes…"), tr("llama.cpp, QNN, Genie, ExecuTorch, LiteRT, ONNX Runtime: their scripts, and what they measured"), &DevicesPage::show_runtimes);
    column->addStretch();
    return box;
}

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
    auto* area = new QScrollArea(card_);  // however many facts there are: what stands beside and below stays where it is
    auto* inside = new QWidget(area);
    auto* lines = new QVBoxLayout(inside);
    lines->setContentsMargins(0, 0, 0, 0);
    facts_ = new QGridLayout;
    facts_->setHorizontalSpacing(16);
    facts_->setVerticalSpacing(2);
    facts_->setColumnStretch(1, 1);
    lines->addLayout(facts_);
    lines->addStretch();
    area->setWidget(inside);
    area->setWidgetResizable(true);
    area->setFrameShape(QFrame::NoFrame);
    area->viewport()->setAutoFillBackground(false);
    inside->setAutoFillBackground(false);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    area->setAccessibleName(tr("Facts"));
    area->setObjectName(QStringLiteral("facts"));
    column->addWidget(area, 1);
    return card_;
}

QGroupBox* DevicesPage::build_plan()
{
    auto* plan = new QGroupBox(tr("Plan of a measurement"), this);
    auto* column = new QVBoxLayout(plan);
    auto* form = new QGridLayout;
    form->setHorizontalSpacing(8);
    form->setVerticalSpacing(4);
    form->setColumnStretch(1, 1);
    const auto choice = [&](int row, const QString& text, const QString& name, QLabel*& label) {
        auto* box = new QComboBox(plan);
        box->setAccessibleName(name);
        box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        box->setMinimumContentsLength(20);
        label = new QLabel(text, plan);
        label->setBuddy(box);
        form->addWidget(label, row, 0);
        form->addWidget(box, row, 1);
        return box;
    };
    QLabel* label = nullptr;
    recipe_ = choice(0, tr("&Recipe"), tr("Recipe to measure"), label);
    against_ = choice(1, tr("&Against"), tr("Recipe to measure it against"), against_label_);
    against_->setToolTip(tr("Measures both in turns, A B B A, so that heat and battery hit both alike, and gives the differences of the pairs"));
    column->addLayout(form);
    plan_ = new PlanForm(desk_.settings().threads > 0 ? desk_.settings().threads : std::max(1, QThread::idealThreadCount()), plan);
    column->addWidget(plan_);
    auto* buttons = new QHBoxLayout;
    start_ = new QPushButton(tr("&Measure"), plan);
    start_->setDefault(true);
    start_->setToolTip(tr("Exports the recipe as a package (once), brings it to the chosen device and runs it there with integer arithmetic only"));
    evaluate_ = new QPushButton(tr("&Evaluate at the integer level"), plan);
    evaluate_->setToolTip(tr("Perplexity of the package, on the windows this model was evaluated on before"));
    script_ = new QPushButton(tr("Cop&y script"), plan);
    script_->setToolTip(tr("Copies what would be done on the phone as a script with adb; nothing is done"));
    connect(script_, &QPushButton::clicked, this, &DevicesPage::copy_script);
    buttons->addWidget(start_, 1);
    buttons->addWidget(script_);
    buttons->addWidget(evaluate_, 2);
    column->addLayout(buttons);
    column->addStretch();
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
    samples_->setMinimumWidth(130);
    timeline_ = new TimelineView(box);
    timeline_->set_style(plot_style(desk_.settings().sequence));
    connect(timeline_, &TimelineView::export_failed, this, [this](const QString& sentence) { message_->show_error(sentence); });
    auto* pictures = new QHBoxLayout;
    pictures->setSpacing(8);
    pictures->addWidget(samples_, 2);
    pictures->addWidget(timeline_, 5);
    column->addLayout(pictures, 1);
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
    if (event->type() != QEvent::PaletteChange) return;
    samples_->setStyle(plot_style(desk_.settings().sequence));
    timeline_->set_style(plot_style(desk_.settings().sequence));
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
    const QSignalBlocker blocker(recipe_), other(against_);
    const auto before = recipe_->currentData(), against = against_->currentData();
    recipe_->clear();
    against_->clear();
    against_->addItem(tr("nothing: one recipe alone"), 0);
    const auto head = desk_.revisions().head();
    for (const auto& revision : desk_.revisions().all()) {
        const auto id = revision->stored.load();
        if (id == 0) continue;
        const auto name = revision->row.name ? QString::fromStdString(*revision->row.name) : QString::fromStdString(to_string(Reference{"recipe", id}));
        const bool open = head && head->stored.load() == id;
        const auto shown = open && revision->row.revision == 1 ? tr("%1 (open)").arg(name) : open ? tr("%1, revision %2 (open)").arg(name).arg(revision->row.revision) : revision->row.revision > 1 ? tr("%1, revision %2").arg(name).arg(revision->row.revision) : name;
        recipe_->addItem(shown, static_cast<qlonglong>(id));
        against_->addItem(shown, static_cast<qlonglong>(id));
        if (open && !before.isValid()) recipe_->setCurrentIndex(recipe_->count() - 1);
    }
    if (const int index = recipe_->findData(before); before.isValid() && index >= 0) recipe_->setCurrentIndex(index);
    if (const int index = against_->findData(against); against.isValid() && index >= 0) against_->setCurrentIndex(index);
    if (recipe_->count() == 0) recipe_->setPlaceholderText(tr("no recipe yet: make one in Optimize"));
    enable_buttons();
}

void DevicesPage::enable_buttons()
{
    const bool any = recipe_->count() > 0;
    const auto& device = cards_->chosen();
    start_->setEnabled(any && device.ready && !measuring(device.serial));
    evaluate_->setEnabled(any);
    script_->setEnabled(any && !device.serial.isEmpty());
}

}  // namespace bitwright::views
