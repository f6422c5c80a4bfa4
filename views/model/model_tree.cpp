// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/model/model_tree.h"

#include "views/desk/message_line.h"
#include "views/desk/theme.h"
#include "views/model/model_header.h"

#include <QApplication>
#include <QClipboard>
#include <QDir>
#include <QFileDialog>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QTreeView>
#include <QVBoxLayout>

namespace bitwright::views {

ModelTree::ModelTree(Desk& desk, QWidget* parent)
    : QWidget(parent), desk_(desk), model_(new ModelTreeModel(this)), filter_(new ModelTreeFilter(*model_, this)), message_(new MessageLine(this)), words_(new QLineEdit(this)),
      view_(new QTreeView(this)), empty_(new QLabel(this))
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins({});
    column->setSpacing(0);
    column->addWidget(new ModelHeader(desk, this));
    column->addWidget(message_);
    words_->setPlaceholderText(tr("Filter: down_proj layer:4-12"));
    words_->setAccessibleName(tr("Filter the sites by words in their names"));
    words_->setClearButtonEnabled(true);
    words_->addAction(icon(QStringLiteral("filter")), QLineEdit::LeadingPosition);
    column->addWidget(words_);
    view_->setModel(filter_);
    view_->setAccessibleName(tr("Sites of the model"));
    view_->setUniformRowHeights(true);
    view_->setFrameShape(QFrame::NoFrame);
    view_->setIndentation(11);
    view_->setSelectionMode(QAbstractItemView::ExtendedSelection);
    view_->setAllColumnsShowFocus(true);
    view_->setContextMenuPolicy(Qt::CustomContextMenu);
    auto* header = view_->header();
    header->setStretchLastSection(false);
    header->setMinimumSectionSize(30);
    header->setSectionResizeMode(ModelTreeModel::name, QHeaderView::Stretch);
    for (int section = ModelTreeModel::offenders; section < ModelTreeModel::columns; ++section) header->setSectionResizeMode(section, QHeaderView::Interactive);
    header->resizeSection(ModelTreeModel::offenders, fontMetrics().horizontalAdvance(QStringLiteral("● 88")) + 8);
    header->resizeSection(ModelTreeModel::bits, fontMetrics().horizontalAdvance(QStringLiteral("8–16")) + 8);
    for (int section = ModelTreeModel::shape; section < ModelTreeModel::columns; ++section) header->hideSection(section);
    header->setContextMenuPolicy(Qt::CustomContextMenu);
    column->addWidget(view_, 1);
    empty_->setAlignment(Qt::AlignCenter);
    empty_->setWordWrap(true);
    empty_->setForegroundRole(QPalette::PlaceholderText);
    empty_->setContentsMargins(16, 16, 16, 16);
    column->addWidget(empty_, 1);

    connect(words_, &QLineEdit::textChanged, &desk_.selection(), &SelectionModel::set_filter);
    connect(words_, &QLineEdit::returnPressed, view_, qOverload<>(&QWidget::setFocus));
    connect(&desk_.selection(), &SelectionModel::filter_changed, this, &ModelTree::filter);
    connect(&desk_.selection(), &SelectionModel::changed, this, &ModelTree::follow);
    connect(view_->selectionModel(), &QItemSelectionModel::selectionChanged, this, &ModelTree::tell);
    connect(view_, &QTreeView::customContextMenuRequested, this, &ModelTree::show_menu);
    connect(header, &QHeaderView::customContextMenuRequested, this, &ModelTree::show_columns_menu);
    connect(&desk_, &Desk::model_changed, this, &ModelTree::set_model);
    connect(&desk_, &Desk::statistics_changed, this, &ModelTree::count_offenders);
    connect(&desk_, &Desk::recipe_changed, this, [this] { model_->set_recipe(desk_.recipe()); });
    connect(&desk_, &Desk::model_missing, this, [this](const QString& folder) {
        message_->show_error(tr("The model is not at %1 any more.").arg(QDir::toNativeSeparators(folder)), tr("Locate…"), [this] { locate(); });
    });
    add_actions();
    set_model();
}

void ModelTree::add_actions()
{
    auto& actions = desk_.actions();
    actions.add(QStringLiteral("model.filter"), tr("Model"), tr("Filter the tree"), QKeySequence(Qt::Key_Slash), [this] { words_->setFocus(Qt::ShortcutFocusReason); }, view_);
    const auto add = [&](const char* id, const QString& text, const QKeySequence& keys, std::function<void()> run) {
        menu_.push_back(actions.add(QLatin1String(id), tr("Model"), text, keys, std::move(run), view_));
    };
    add("model.copy_name", tr("Copy name"), QKeySequence::Copy, [this] { QApplication::clipboard()->setText(selected_sites().join(QLatin1Char('\n'))); });
    add("model.explore", tr("Show in Explore"), Qt::Key_Return, [this] { Q_EMIT desk_.page_wanted(QStringLiteral("explore")); });
    add("model.tune", tr("Show in Tune"), QKeySequence(QStringLiteral("Shift+Return")), [this] { Q_EMIT desk_.page_wanted(QStringLiteral("tune")); });
}

void ModelTree::set_model()
{
    if (desk_.model()) message_->dismiss();
    following_ = true;
    model_->set_recipe(desk_.recipe());
    model_->set_model(desk_.model());
    following_ = false;
    const bool any = desk_.model().has_value();
    view_->setVisible(any);
    words_->setVisible(any);
    empty_->setVisible(!any);
    empty_->setText(desk_.model_row() ? tr("Locate the model to see its sites.") : tr("The sites of a model stand here once one is open."));
    view_->expandToDepth(0);
    count_offenders();
    follow(desk_.selection().current());
}

void ModelTree::count_offenders()
{
    const auto statistics = desk_.statistics();
    if (!statistics) return model_->set_offenders({});
    desk_.lanes().interactive.post(this, QStringLiteral("model.offenders"), [this, statistics](const Control& control) -> Lane::Continuation {
        std::map<std::string, int> counts;
        for (const auto& site : statistics->sites) {
            control.check();
            if (const auto found = find_offenders(site).size()) counts[site.site] = static_cast<int>(found);
        }
        return [this, statistics, counts = std::move(counts)] {
            if (statistics == desk_.statistics()) model_->set_offenders(counts);
        };
    });
}

void ModelTree::filter(const QString& words)
{
    if (words_->text() != words) words_->setText(words);
    following_ = true;
    const QString fault = filter_->set_words(words);
    words_->setToolTip(fault.isEmpty() ? tr("Words that a site must satisfy: parts of its name, kind:down_proj, layer:4-12, bits:8, -kind:norm …") : fault);
    words_->setStyleSheet(fault.isEmpty() ? QString() : QStringLiteral("color: %1").arg(signal_colours().error.name()));
    words_->setAccessibleDescription(words_->toolTip());
    if (filter_->active())
        view_->expandAll();
    else {
        view_->collapseAll();
        view_->expandToDepth(0);
    }
    following_ = false;
    follow(desk_.selection().current());
}

void ModelTree::follow(const Selection& selection)
{
    if (following_) return;
    following_ = true;
    auto* chosen = view_->selectionModel();
    QItemSelection rows;
    const auto add = [&](const QModelIndex& source) {
        const auto index = filter_->mapFromSource(source);
        if (index.isValid()) rows.select(index, index.siblingAtColumn(ModelTreeModel::columns - 1));
        return index;
    };
    QModelIndex current;
    for (const auto& site : selection.sites)
        if (site != selection.site) (void)add(model_->index_of(site));
    if (!selection.site.isEmpty())
        current = add(model_->index_of(selection.site));
    else if (selection.layer >= 0)
        current = add(model_->index_of_layer(selection.layer));
    chosen->select(rows, QItemSelectionModel::ClearAndSelect | QItemSelectionModel::Rows);
    if (current.isValid()) {
        chosen->setCurrentIndex(current, QItemSelectionModel::NoUpdate);
        for (auto up = current.parent(); up.isValid(); up = up.parent()) view_->expand(up);
        view_->scrollTo(current);
    }
    following_ = false;
}

QStringList ModelTree::selected_sites() const
{
    QStringList names;
    for (const auto& index : view_->selectionModel()->selectedRows())
        if (const auto* site = model_->site(filter_->mapToSource(index))) names << QString::fromStdString(site->name);
    return names;
}

void ModelTree::tell()
{
    if (following_) return;
    const auto index = filter_->mapToSource(view_->currentIndex());
    const auto* node = index.isValid() ? model_->node(index) : nullptr;
    if (!node || !view_->selectionModel()->isSelected(view_->currentIndex())) return;
    Selection selection;
    selection.layer = node->layer;
    if (const auto* site = model_->site(index)) {
        selection.site = QString::fromStdString(site->name);
        const auto& before = desk_.selection().current();
        if (before.site == selection.site) selection.channel = before.channel;
    }
    const auto sites = selected_sites();
    if (sites.size() > 1) selection.sites = sites;
    if (selection.site.isEmpty() && !sites.isEmpty()) selection.site = sites.front();
    following_ = true;  // what comes back is what is shown
    desk_.selection().set(selection);
    following_ = false;
}

void ModelTree::show_menu(const QPoint& at)
{
    QMenu menu;
    for (auto* action : menu_) {
        if (action->objectName() == QLatin1String("model.copy_name") && selected_sites().isEmpty()) continue;
        menu.addAction(action);
    }
    if (auto* calibrate = desk_.actions().find(QStringLiteral("desk.calibrate"))) menu.addAction(calibrate);
    menu.exec(view_->viewport()->mapToGlobal(at));
}

void ModelTree::show_columns_menu(const QPoint& at)
{
    QMenu menu;
    auto* header = view_->header();
    for (int section = ModelTreeModel::offenders; section < ModelTreeModel::columns; ++section) {
        auto* action = menu.addAction(model_->headerData(section, Qt::Horizontal, Qt::DisplayRole).toString());
        action->setCheckable(true);
        action->setChecked(!header->isSectionHidden(section));
        connect(action, &QAction::toggled, header, [header, section](bool shown) { header->setSectionHidden(section, !shown); });
    }
    menu.exec(header->mapToGlobal(at));
}

void ModelTree::locate()
{
    auto* dialog = new QFileDialog(this, tr("Where does the model lie now?"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::Directory);
    dialog->setOption(QFileDialog::ShowDirsOnly);
    connect(dialog, &QFileDialog::fileSelected, &desk_, &Desk::locate_model);
    dialog->open();
}

}  // namespace bitwright::views
