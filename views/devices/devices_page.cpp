// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/devices/devices_page.h"

#include "core/workspace/local_machine.h"
#include "views/desk/dense_table.h"
#include "views/desk/formats.h"
#include "views/desk/theme.h"

#include <QComboBox>
#include <QEvent>
#include <QFormLayout>
#include <QGridLayout>
#include <QGroupBox>
#include <QHeaderView>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QTableView>
#include <QThread>
#include <QVBoxLayout>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace bitwright::views {
namespace {

QSpinBox* number_box(int low, int high, int value, const QString& name, QWidget* parent)
{
    auto* box = new QSpinBox(parent);
    box->setRange(low, high);
    box->setValue(value);
    box->setAccessibleName(name);
    box->setGroupSeparatorShown(true);
    box->setAlignment(Qt::AlignRight);
    return box;
}

/// "16305152 kB" of /proc/meminfo.
QString memory_in_words(const std::string& text)
{
    const auto kilobytes = std::strtoull(text.c_str(), nullptr, 10);
    return kilobytes > 0 ? bytes(kilobytes * 1024) : QString::fromStdString(text);
}

}  // namespace

DevicesPage::DevicesPage(Desk& desk, QWidget* parent) : Page(parent), desk_(desk), samples_(new plots::CurvesView(this)), message_(new MessageLine(this)), table_(new QTableView(this))
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(8, 8, 8, 8);
    column->setSpacing(8);
    column->addWidget(message_);
    auto* top = new QHBoxLayout;
    top->setSpacing(8);
    top->addWidget(build_card(), 1);
    top->addWidget(build_plan());
    column->addLayout(top);
    column->addWidget(build_runs(), 1);
    add_actions();
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

QGroupBox* DevicesPage::build_card()
{
    auto* card = new QGroupBox(tr("This computer"), this);
    auto* column = new QVBoxLayout(card);
    facts_ = new QGridLayout;
    facts_->setHorizontalSpacing(16);
    facts_->setVerticalSpacing(2);
    facts_->setColumnStretch(1, 1);
    column->addLayout(facts_);
    column->addStretch();
    return card;
}

QGroupBox* DevicesPage::build_plan()
{
    auto* plan = new QGroupBox(tr("Plan of a measurement"), this);
    auto* column = new QVBoxLayout(plan);
    auto* form = new QFormLayout;
    form->setHorizontalSpacing(16);
    form->setVerticalSpacing(4);
    recipe_ = new QComboBox(plan);
    recipe_->setAccessibleName(tr("Recipe to measure"));
    recipe_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    recipe_->setMinimumContentsLength(20);
    prompt_ = number_box(1, 1'000'000, 64, tr("Prompt tokens"), plan);
    generate_ = number_box(0, 1'000'000, 16, tr("Generated tokens"), plan);
    repeats_ = number_box(1, 1000, 5, tr("Repeats"), plan);
    warmup_ = number_box(0, 100, 1, tr("Warm-up runs"), plan);
    threads_ = number_box(1, 256, desk_.settings().threads > 0 ? desk_.settings().threads : std::max(1, QThread::idealThreadCount()), tr("Threads"), plan);
    generate_->setSpecialValueText(tr("prefill only"));
    warmup_->setToolTip(tr("Runs before the measured ones: caches and clocks settle"));
    form->addRow(tr("&Recipe"), recipe_);
    form->addRow(tr("&Prompt tokens"), prompt_);
    form->addRow(tr("&Generated tokens"), generate_);
    form->addRow(tr("Repea&ts"), repeats_);
    form->addRow(tr("&Warm-up runs"), warmup_);
    form->addRow(tr("T&hreads"), threads_);
    column->addLayout(form);
    auto* buttons = new QHBoxLayout;
    start_ = new QPushButton(tr("&Measure"), plan);
    start_->setDefault(true);
    start_->setToolTip(tr("Exports the recipe as a package (once), then runs it with integer arithmetic only"));
    evaluate_ = new QPushButton(tr("&Evaluate at the integer level"), plan);
    evaluate_->setToolTip(tr("Perplexity of the package, on the windows this model was evaluated on before"));
    buttons->addWidget(start_);
    buttons->addWidget(evaluate_);
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
    table_->setAccessibleName(tr("Last runs on this computer"));
    make_dense(*table_);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table_->setAlternatingRowColors(true);
    table_->setTextElideMode(Qt::ElideMiddle);
    table_->horizontalHeader()->setStretchLastSection(true);
    for (const int hidden : {ResultsModel::star, ResultsModel::method, ResultsModel::level, ResultsModel::perplexity, ResultsModel::tags, ResultsModel::note}) table_->setColumnHidden(hidden, true);
    for (const auto& [shown, width] : {std::pair<int, int>{ResultsModel::name, 176}, {ResultsModel::prefill, 150}, {ResultsModel::decode, 128}, {ResultsModel::memory, 104}, {ResultsModel::measured_on, 200}})
        table_->setColumnWidth(shown, width);
    column->addWidget(table_, 1);
    connect(cancel_, &QPushButton::clicked, this, [this] {
        if (job_) desk_.jobs().cancel(*job_);
    });
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &DevicesPage::show_samples);
    connect(table_, &QTableView::doubleClicked, this, [this] { Q_EMIT desk_.page_wanted(QStringLiteral("results")); });
    return box;
}

void DevicesPage::activated()
{
    read_facts();
    fill_recipes();
    if (dirty_) read_runs();
}

void DevicesPage::showEvent(QShowEvent* event)
{
    Page::showEvent(event);
    activated();
}

void DevicesPage::changeEvent(QEvent* event)
{
    Page::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) samples_->setStyle(plot_style(desk_.settings().sequence));
}

void DevicesPage::read_facts()
{
    desk_.lanes().interactive.post(this, QStringLiteral("devices.facts"), [this](const Control&) -> Lane::Continuation {
        const auto conditions = local_conditions("", {}, {});
        return [this, conditions] {
            while (auto* item = facts_->takeAt(0)) {
                delete item->widget();
                delete item;
            }
            const auto add = [&](const QString& name, const QString& value, const QString& why = {}) {
                auto* label = new QLabel(name, this);
                label->setForegroundRole(QPalette::PlaceholderText);
                auto* text = new QLabel(value, this);
                text->setWordWrap(true);
                text->setTextInteractionFlags(Qt::TextSelectableByMouse);
                text->setToolTip(why);
                text->setAccessibleName(name);
                const int row = facts_->rowCount();
                facts_->addWidget(label, row, 0, Qt::AlignTop);
                facts_->addWidget(text, row, 1);
            };
            const auto facts = nlohmann::json::parse(conditions.device_facts);
            const auto fact = [&](const char* key) { return facts.contains(key) ? QString::fromStdString(facts[key].is_string() ? facts[key].get<std::string>() : facts[key].dump()) : not_measured; };
            add(tr("Processor"), fact("processor"));
            add(tr("Processors"), fact("processors"));
            add(tr("Memory"), facts.contains("memory") ? memory_in_words(facts["memory"].get<std::string>()) : not_measured);
            add(tr("Instruction sets"), fact("instruction sets"));
            add(tr("System"), fact("system"));
            add(tr("Load now"), number(conditions.load_average, 2), tr("Processes that want to run, average of the last minute: what else runs disturbs a measurement"));
            add(tr("Temperature"), conditions.temperature_c ? tr("%1 °C").arg(number(*conditions.temperature_c)) : tr("not readable here"), tr("This system shows programs no sensor of the processor"));
            add(tr("Power source"), conditions.power_source ? QString::fromStdString(*conditions.power_source) : tr("no battery or mains sensor"));
            add(tr("Energy"), tr("not measurable here: the computer's counters, where there are any, count everything that runs on it"));
        };
    }, [this](const QString& sentence) { message_->show_error(sentence); });
}

void DevicesPage::read_runs()
{
    dirty_ = false;
    const auto workspace = desk_.workspace();
    if (!workspace) return model_.set_rows({});
    desk_.lanes().interactive.post(this, QStringLiteral("devices.runs"), [this, workspace](const Control&) -> Lane::Continuation {
        auto rows = std::make_shared<std::vector<ResultRow>>(read_results(*workspace));
        return [this, workspace, rows] {
            if (workspace != desk_.workspace()) return;
            model_.set_rows(std::move(*rows));
            if (proxy_.rowCount() > 0 && !cancel_->isVisible()) table_->setCurrentIndex(proxy_.index(0, ResultsModel::name));
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
    const bool any = recipe_->count() > 0;
    start_->setEnabled(any);
    evaluate_->setEnabled(any);
    if (!any) recipe_->setPlaceholderText(tr("no recipe yet: make one in Optimize"));
}

}  // namespace bitwright::views
