// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/results/results_page.h"

#include "core/workspace/marks.h"
#include "views/desk/dense_table.h"
#include "views/desk/empty_state.h"
#include "views/desk/formats.h"
#include "views/desk/theme.h"

#include <QCheckBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QJsonArray>
#include <QLabel>
#include <QLineEdit>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace bitwright::views {

ResultsPage::ResultsPage(Desk& desk, QWidget* parent)
    : Page(parent),
      desk_(desk),
      stack_(new QStackedWidget(this)),
      filter_(new QLineEdit(this)),
      archived_(new QCheckBox(tr("Archived too"), this)),
      count_(new QLabel(this)),
      table_(new QTableView(this)),
      splitter_(new QSplitter(Qt::Vertical, this)),
      details_(new ResultDetailsPane(desk, this)),
      message_(new MessageLine(this))
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(stack_);
    stack_->addWidget(new EmptyState(tr("Everything measured stands here: perplexity at each level, speed and memory on each device, with the conditions it was measured under.\n\n"
                                        "Nothing measured yet."),
                                     tr("Measure this recipe here"), [this] { Q_EMIT desk_.page_wanted(QStringLiteral("devices")); }, {}, {}, this));
    auto* body = new QWidget(this);
    auto* rows = new QVBoxLayout(body);
    rows->setContentsMargins(8, 8, 8, 8);
    rows->setSpacing(8);
    auto* bar = new QHBoxLayout;
    bar->setSpacing(8);
    filter_->setPlaceholderText(tr("Filter: rtn  level:integer  ppl<50  tag:garden  -is:aborted"));
    filter_->setAccessibleName(tr("Filter of results"));
    filter_->setClearButtonEnabled(true);
    count_->setAccessibleName(tr("How many results are shown"));
    bar->addWidget(filter_, 1);
    bar->addWidget(count_);
    bar->addWidget(archived_);
    rows->addLayout(bar);
    message_->float_over(*this);
    build_table();
    splitter_->addWidget(table_);
    splitter_->addWidget(details_);
    splitter_->setStretchFactor(0, 3);
    splitter_->setStretchFactor(1, 2);
    splitter_->setChildrenCollapsible(false);
    rows->addWidget(splitter_, 1);
    stack_->addWidget(body);
    add_actions();
    connect(filter_, &QLineEdit::textChanged, this, &ResultsPage::refilter);
    connect(archived_, &QCheckBox::toggled, this, &ResultsPage::refilter);
    connect(&desk_, &Desk::results_changed, this, [this] {
        dirty_ = true;
        if (isVisible()) read();
    });
    connect(&model_, &ResultsModel::tags_edited, this, [this](const QString& result, const QStringList& tags) {
        std::vector<std::string> words;
        for (const auto& tag : tags) words.push_back(tag.toStdString());
        Reference reference;
        (void)parse_reference(result.toStdString(), reference);
        store([reference, words](Workspace& workspace) { tag_result(workspace, reference, words); }, QStringList{QStringLiteral("runs"), QStringLiteral("tag"), result} + tags);
    });
    connect(&model_, &ResultsModel::note_edited, this, [this](const QString& result, const QString& note) {
        Reference reference;
        (void)parse_reference(result.toStdString(), reference);
        store([reference, words = note.toStdString()](Workspace& workspace) { note_result(workspace, reference, words.empty() ? std::nullopt : std::optional(words)); },
              QStringList{QStringLiteral("runs"), QStringLiteral("note"), result, note});
    });
}

void ResultsPage::build_table()
{
    table_->setModel(&proxy_);
    table_->setAccessibleName(tr("Results"));
    table_->setSortingEnabled(true);
    table_->sortByColumn(ResultsModel::created, Qt::DescendingOrder);
    make_dense(*table_);
    table_->setEditTriggers(QAbstractItemView::EditKeyPressed | QAbstractItemView::DoubleClicked | QAbstractItemView::SelectedClicked);
    table_->setAlternatingRowColors(true);
    table_->setWordWrap(false);
    table_->setTextElideMode(Qt::ElideMiddle);
    table_->setContextMenuPolicy(Qt::CustomContextMenu);
    table_->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    auto* header = table_->horizontalHeader();
    header->setSectionsMovable(true);
    header->setMinimumSectionSize(24);
    static constexpr std::array<int, ResultsModel::columns> widths{24, 160, 132, 68, 76, 84, 72, 140, 132, 96, 208, 96, 144, 96};
    for (int i = 0; i < ResultsModel::columns; ++i) table_->setColumnWidth(i, widths[static_cast<std::size_t>(i)]);
    header->setContextMenuPolicy(Qt::ActionsContextMenu);
    for (int i = ResultsModel::method; i < ResultsModel::columns; ++i) {
        auto* shown = new QAction(model_.headerData(i, Qt::Horizontal, Qt::DisplayRole).toString(), header);
        shown->setCheckable(true);
        shown->setChecked(true);
        connect(shown, &QAction::toggled, this, [this, i](bool on) { table_->setColumnHidden(i, !on); });
        header->addAction(shown);
    }
    connect(table_, &QWidget::customContextMenuRequested, this, &ResultsPage::show_menu);
    connect(table_, &QTableView::clicked, this, [this](const QModelIndex& index) {
        if (index.column() == ResultsModel::star) star();
    });
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &ResultsPage::show_details);
}

void ResultsPage::activated()
{
    if (dirty_) read();
}

void ResultsPage::showEvent(QShowEvent* event)
{
    Page::showEvent(event);
    activated();
}

void ResultsPage::read()
{
    dirty_ = false;
    const auto workspace = desk_.workspace();
    if (!workspace) return take({});
    desk_.lanes().interactive.post(this, QStringLiteral("results.read"), [this, workspace](const Control&) -> Lane::Continuation {
        auto rows = std::make_shared<std::vector<ResultRow>>(read_results(*workspace));
        return [this, workspace, rows] {
            if (workspace == desk_.workspace()) take(std::move(*rows));
        };
    }, [this](const QString& sentence) { message_->show_error(sentence, tr("Read again"), [this] { read(); }); });
}

void ResultsPage::take(std::vector<ResultRow> rows)
{
    const auto current = selected();
    model_.set_rows(std::move(rows));
    stack_->setCurrentIndex(model_.rowCount() == 0 ? 0 : 1);
    refilter();
    int row = current.empty() ? -1 : model_.find(current.front().reference);
    const auto index = row < 0 ? proxy_.index(0, ResultsModel::name) : proxy_.mapFromSource(model_.index(row, ResultsModel::name));
    if (index.isValid()) table_->setCurrentIndex(index);
    show_details();
}

void ResultsPage::refilter()
{
    proxy_.set_filter(filter_->text(), archived_->isChecked());
    const auto& unknown = proxy_.filter().unknown();
    if (!unknown.isEmpty()) {
        message_->show_error(tr("“%1” names no column; write method:, level:, tag:, device:, note:, is: with a word, or ppl, prefill, decode, memory, windows with < or >").arg(unknown.join(QLatin1Char(' '))));
    } else if (message_->property("filter").toBool()) {
        message_->dismiss();
    }
    message_->setProperty("filter", !unknown.isEmpty());
    const int all = model_.rowCount(), shown = proxy_.rowCount();
    count_->setText(tr("%1 of %2").arg(count(shown), count(all)));
}

void ResultsPage::show_details()
{
    const auto index = proxy_.mapToSource(table_->currentIndex());
    if (!index.isValid() || !desk_.workspace()) return details_->clear();
    details_->show_result(model_.row(index.row()));
}

std::vector<ResultRow> ResultsPage::selected() const
{
    std::vector<ResultRow> rows;
    auto indexes = table_->selectionModel()->selectedRows();
    std::ranges::sort(indexes, {}, [](const QModelIndex& index) { return index.row(); });
    for (const auto& index : indexes) rows.push_back(model_.row(proxy_.mapToSource(index).row()));
    return rows;
}

std::vector<ResultRow> ResultsPage::to_copy() const
{
    auto rows = selected();
    return rows.size() > 1 ? rows : proxy_.shown();
}

void ResultsPage::store(std::function<void(Workspace&)> change, const QStringList& command)
{
    desk_.actions().set_command_line(command + QStringList{QStringLiteral("-w"), desk_.workspace_path()});
    desk_.lanes().store.post(this, {}, [workspace = desk_.workspace(), change = std::move(change)](const Control&) -> Lane::Continuation {
        change(*workspace);
        return {};
    }, [this](const QString& sentence) {
        message_->show_error(sentence);
        read();  // what is stored, not what was wished
    });
}

QJsonObject ResultsPage::state() const
{
    QJsonArray hidden;
    for (int i = 0; i < ResultsModel::columns; ++i)
        if (table_->isColumnHidden(i)) hidden.append(i);
    return {{QStringLiteral("filter"), filter_->text()},
            {QStringLiteral("archived"), archived_->isChecked()},
            {QStringLiteral("sort"), proxy_.sortColumn()},
            {QStringLiteral("descending"), proxy_.sortOrder() == Qt::DescendingOrder},
            {QStringLiteral("hidden"), hidden},
            {QStringLiteral("tab"), details_->currentIndex()},
            {QStringLiteral("header"), QString::fromLatin1(table_->horizontalHeader()->saveState().toBase64())},
            {QStringLiteral("splitter"), QString::fromLatin1(splitter_->saveState().toBase64())}};
}

void ResultsPage::restore(const QJsonObject& state)
{
    filter_->setText(state[QStringLiteral("filter")].toString());
    archived_->setChecked(state[QStringLiteral("archived")].toBool());
    details_->setCurrentIndex(state[QStringLiteral("tab")].toInt());
    table_->horizontalHeader()->restoreState(QByteArray::fromBase64(state[QStringLiteral("header")].toString().toLatin1()));
    splitter_->restoreState(QByteArray::fromBase64(state[QStringLiteral("splitter")].toString().toLatin1()));
    const int sort = state[QStringLiteral("sort")].toInt(ResultsModel::created);
    if (sort >= 0 && sort < ResultsModel::columns) table_->sortByColumn(sort, state[QStringLiteral("descending")].toBool(true) ? Qt::DescendingOrder : Qt::AscendingOrder);
    for (const auto hidden : state[QStringLiteral("hidden")].toArray()) {
        const int column = hidden.toInt();
        if (column >= ResultsModel::method && column < ResultsModel::columns) table_->horizontalHeader()->actions()[column - ResultsModel::method]->setChecked(false);
    }
}

}  // namespace bitwright::views
