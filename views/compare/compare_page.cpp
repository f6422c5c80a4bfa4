// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/compare/compare_page.h"

#include "views/compare/compare_plots.h"
#include "views/desk/empty_state.h"
#include "views/desk/theme.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QJsonArray>
#include <QLabel>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QToolButton>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace bitwright::views {
namespace {

constexpr int id_role = Qt::UserRole, kind_role = Qt::UserRole + 1;
enum ItemKind { model_item, recipe_item, run_item };

QTreeWidgetItem* item_of(const QString& text, ItemKind kind, qint64 id, Qt::CheckState state)
{
    auto* item = new QTreeWidgetItem({text});
    item->setData(0, id_role, id);
    item->setData(0, kind_role, kind);
    item->setCheckState(0, state);
    item->setToolTip(0, text);
    item->setSizeHint(0, {0, 22});
    return item;
}

QJsonArray array_of(const QSet<qint64>& ids)
{
    QJsonArray array;
    for (const auto id : ids) array.append(id);
    return array;
}

}  // namespace

ComparePage::ComparePage(Desk& desk, QWidget* parent)
    : Page(parent),
      desk_(desk),
      stack_(new QStackedWidget(this)),
      tree_(new QTreeWidget(this)),
      baseline_(new QComboBox(this)),
      table_(new QTableView(this)),
      across_(new QSplitter(Qt::Horizontal, this)),
      down_(new QSplitter(Qt::Vertical, this)),
      plots_(new ComparePlots(desk.settings(), this)),
      message_(new MessageLine(this))
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(stack_);
    stack_->addWidget(new EmptyState(tr("Here recipes stand side by side: perplexity, size and speed with their differences to a baseline, error per layer, and which of them are worth "
                                        "their cost.\n\nNothing measured yet."),
                                     tr("Measure this recipe here"), [this] { Q_EMIT desk_.page_wanted(QStringLiteral("devices")); }, {}, {}, this));
    build();
    add_actions();
    connect(&desk_, &Desk::results_changed, this, [this] {
        dirty_ = true;
        if (isVisible()) read_tree();
    });
    connect(tree_, &QTreeWidget::itemChanged, this, [this](QTreeWidgetItem* item) {
        if (filling_) return;
        const auto id = item->data(0, id_role).toLongLong();
        const bool on = item->checkState(0) == Qt::Checked;
        if (item->data(0, kind_role).toInt() == recipe_item) on ? (void)unchecked_.remove(id) : (void)unchecked_.insert(id);
        if (item->data(0, kind_role).toInt() == run_item) {
            on ? (void)chosen_runs_.insert(id) : (void)chosen_runs_.remove(id);
            if (on && item->parent()->checkState(0) != Qt::Checked) item->parent()->setCheckState(0, Qt::Checked);
        }
        gather();
    });
    connect(baseline_, &QComboBox::activated, this, [this] {
        request_.baseline = baseline_->currentData().toString().toStdString();
        gather();
    });
    connect(plots_, &ComparePlots::layers_wanted, this, &ComparePage::compute_layers);
    connect(plots_, &ComparePlots::export_failed, this, [this](const QString& sentence) { message_->show_error(sentence); });
    connect(plots_, &ComparePlots::recipe_selected, this, [this](qint64 recipe, const QString& level) {
        const auto& rows = model_.report().rows;
        for (std::size_t i = 0; i < rows.size(); ++i)
            if (rows[i].recipe == recipe && rows[i].level == level.toStdString()) table_->selectRow(static_cast<int>(i));
    });
}

void ComparePage::build()
{
    auto* body = new QWidget(this);
    auto* column = new QVBoxLayout(body);
    column->setContentsMargins(8, 8, 8, 8);
    column->setSpacing(8);
    auto* bar = new QHBoxLayout;
    bar->setSpacing(8);
    auto* label = new QLabel(tr("&Baseline"), body);
    label->setBuddy(baseline_);
    baseline_->setAccessibleName(tr("Baseline: the others are set against it"));
    baseline_->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    baseline_->setMinimumContentsLength(16);
    auto* all = new QToolButton(body);
    all->setText(tr("All"));
    all->setAutoRaise(true);
    all->setAccessibleName(tr("Choose all recipes"));
    auto* none = new QToolButton(body);
    none->setText(tr("None"));
    none->setAutoRaise(true);
    none->setAccessibleName(tr("Choose no recipe"));
    auto* save = new QPushButton(tr("Save report…"), body);
    save->setToolTip(tr("HTML with everything inside it; Markdown or CSV when the name ends in .md or .csv"));
    bar->addWidget(new QLabel(tr("Choose"), body));
    bar->addWidget(all);
    bar->addWidget(none);
    bar->addSpacing(16);
    bar->addWidget(label);
    bar->addWidget(baseline_);
    bar->addStretch();
    auto* playground = new QPushButton(tr("Playground…"), body);
    playground->setToolTip(tr("The float model and the open recipe continue a text beside each other"));
    connect(playground, &QPushButton::clicked, this, [this] {
        if (auto* action = desk_.actions().find(QStringLiteral("desk.playground"))) action->trigger();
    });
    bar->addWidget(playground);
    bar->addWidget(save);
    column->addLayout(bar);
    message_->float_over(*this);

    tree_->setHeaderHidden(true);
    tree_->setAccessibleName(tr("Recipes and runs to compare"));
    tree_->setIndentation(14);
    tree_->setUniformRowHeights(true);
    tree_->setTextElideMode(Qt::ElideMiddle);
    tree_->setMinimumWidth(120);
    table_->setModel(&model_);
    table_->setItemDelegate(new ComparisonDelegate(table_));
    table_->setAccessibleName(tr("Comparison"));
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table_->setShowGrid(false);
    table_->setAlternatingRowColors(true);
    table_->setTabKeyNavigation(false);
    table_->verticalHeader()->hide();
    table_->horizontalHeader()->setHighlightSections(false);
    table_->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    table_->setContextMenuPolicy(Qt::ActionsContextMenu);
    down_->addWidget(table_);
    down_->addWidget(plots_);
    down_->setStretchFactor(0, 3);
    down_->setStretchFactor(1, 2);
    down_->setChildrenCollapsible(false);
    across_->addWidget(tree_);
    across_->addWidget(down_);
    across_->setStretchFactor(1, 1);
    across_->setSizes({208, 480});
    column->addWidget(across_, 1);
    stack_->addWidget(body);
    connect(all, &QToolButton::clicked, this, [this] { check_all(Qt::Checked); });
    connect(none, &QToolButton::clicked, this, [this] { check_all(Qt::Unchecked); });
    connect(save, &QPushButton::clicked, this, &ComparePage::ask_where_to_save);
}

void ComparePage::activated()
{
    if (dirty_) read_tree();
}

void ComparePage::showEvent(QShowEvent* event)
{
    Page::showEvent(event);
    activated();
}

void ComparePage::read_tree()
{
    dirty_ = false;
    const auto workspace = desk_.workspace();
    if (!workspace) return fill({});
    desk_.lanes().interactive.post(this, QStringLiteral("compare.choices"), [this, workspace](const Control&) -> Lane::Continuation {
        auto choices = read_choices(*workspace);
        return [this, workspace, choices = std::move(choices)] {
            if (workspace == desk_.workspace()) fill(choices);
        };
    }, [this](const QString& sentence) { message_->show_error(sentence); });
}

void ComparePage::fill(const std::vector<ModelChoice>& choices)
{
    filling_ = true;
    tree_->clear();
    for (const auto& model : choices) {
        auto* top = new QTreeWidgetItem({model.name});
        top->setData(0, kind_role, model_item);
        top->setFlags(Qt::ItemIsEnabled);
        top->setToolTip(0, model.name);
        top->setSizeHint(0, {0, 22});
        for (const auto& recipe : model.recipes) {
            auto* item = item_of(recipe.name, recipe_item, recipe.id, unchecked_.contains(recipe.id) ? Qt::Unchecked : Qt::Checked);
            if (recipe.runs.size() > 1)
                for (const auto& run : recipe.runs) item->addChild(item_of(run.title, run_item, run.id, chosen_runs_.contains(run.id) ? Qt::Checked : Qt::Unchecked));
            top->addChild(item);
        }
        tree_->addTopLevelItem(top);
        top->setExpanded(true);
    }
    filling_ = false;
    stack_->setCurrentIndex(choices.empty() ? 0 : 1);
    gather();
}

void ComparePage::check_all(Qt::CheckState state)
{
    filling_ = true;
    for (int m = 0; m < tree_->topLevelItemCount(); ++m)
        for (int r = 0; r < tree_->topLevelItem(m)->childCount(); ++r) {
            auto* item = tree_->topLevelItem(m)->child(r);
            item->setCheckState(0, state);
            const auto id = item->data(0, id_role).toLongLong();
            state == Qt::Checked ? (void)unchecked_.remove(id) : (void)unchecked_.insert(id);
        }
    filling_ = false;
    gather();
}

void ComparePage::gather()
{
    request_.recipes.clear();
    request_.runs.clear();
    bool everything = true;
    for (int m = 0; m < tree_->topLevelItemCount(); ++m)
        for (int r = 0; r < tree_->topLevelItem(m)->childCount(); ++r) {
            const auto* item = tree_->topLevelItem(m)->child(r);
            if (item->checkState(0) != Qt::Checked) {
                everything = false;
                continue;
            }
            request_.recipes.push_back(item->data(0, id_role).toLongLong());
            for (int c = 0; c < item->childCount(); ++c)
                if (item->child(c)->checkState(0) == Qt::Checked) request_.runs.push_back(item->child(c)->data(0, id_role).toLongLong());
        }
    const int turn = ++turn_;
    const auto workspace = desk_.workspace();
    if (request_.recipes.empty() || !workspace) {
        model_.set_report({});
        plots_->set_comparison({});
        if (workspace && tree_->topLevelItemCount() > 0) message_->show_note(tr("Choose at least one recipe; it is set against the float model, or against another one."));
        return;
    }
    if (everything && request_.runs.empty()) request_.recipes.clear();  // as the command line without references
    desk_.lanes().interactive.post(this, QStringLiteral("compare.gather"), [this, workspace, turn, request = request_](const Control&) mutable -> Lane::Continuation {
        auto comparison = std::make_shared<const Comparison>(compare_chosen(*workspace, request));
        return [this, turn, comparison, baseline = request.baseline] {
            if (turn != turn_) return;
            request_.baseline = baseline;
            take(*comparison);
        };
    }, [this](const QString& sentence) {
        model_.set_report({});
        plots_->set_comparison({});
        message_->show_error(sentence);
    });
}

void ComparePage::take(const Comparison& comparison)
{
    without_layers_ = comparison.without_layers;
    model_.set_report(comparison.report);
    plots_->set_comparison(comparison);
    fill_baselines();
    const int height = table_->itemDelegate()->sizeHint({}, model_.index(0, 0)).height();
    table_->verticalHeader()->setDefaultSectionSize(std::max(36, height));
    table_->resizeColumnsToContents();
    for (int column = 1; column < model_.columnCount(); ++column) table_->setColumnWidth(column, table_->columnWidth(column) + 12);  // the baseline's figures are bold
    const int wanted = table_->columnWidth(0), others = table_->horizontalHeader()->length() - wanted;  // names take what the figures leave
    table_->setColumnWidth(0, std::clamp(table_->viewport()->width() - others, 120, std::max(200, wanted)));
    desk_.actions().set_command_line(command_line({}));
}

void ComparePage::fill_baselines()
{
    const QSignalBlocker blocker(baseline_);
    baseline_->clear();
    const auto& report = model_.report();
    QSet<QString> seen;
    for (const auto& row : report.rows) {
        const auto name = QString::fromStdString(row.name);
        if (seen.contains(name)) continue;
        seen.insert(name);
        baseline_->addItem(row.level == "float" ? method_title(QStringLiteral("float")) : name, name);
    }
    baseline_->setCurrentIndex(baseline_->findData(QString::fromStdString(report.rows[report.baseline].name)));
}

QJsonObject ComparePage::state() const
{
    return {{QStringLiteral("unchecked"), array_of(unchecked_)},
            {QStringLiteral("runs"), array_of(chosen_runs_)},
            {QStringLiteral("baseline"), QString::fromStdString(request_.baseline)},
            {QStringLiteral("tab"), plots_->currentIndex()},
            {QStringLiteral("cost"), plots_->cost()},
            {QStringLiteral("across"), QString::fromLatin1(across_->saveState().toBase64())},
            {QStringLiteral("down"), QString::fromLatin1(down_->saveState().toBase64())}};
}

void ComparePage::restore(const QJsonObject& state)
{
    unchecked_.clear();
    chosen_runs_.clear();
    for (const auto id : state[QStringLiteral("unchecked")].toArray()) unchecked_.insert(id.toInteger());
    for (const auto id : state[QStringLiteral("runs")].toArray()) chosen_runs_.insert(id.toInteger());
    request_.baseline = state[QStringLiteral("baseline")].toString().toStdString();
    plots_->setCurrentIndex(state[QStringLiteral("tab")].toInt());
    plots_->set_cost(state[QStringLiteral("cost")].toInt());
    across_->restoreState(QByteArray::fromBase64(state[QStringLiteral("across")].toString().toLatin1()));
    down_->restoreState(QByteArray::fromBase64(state[QStringLiteral("down")].toString().toLatin1()));
    dirty_ = true;
    if (isVisible()) read_tree();
}

}  // namespace bitwright::views
