// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/history_panel.h"

#include "views/tune/revision_list.h"

#include <QFileDialog>
#include <QLabel>
#include <QListView>
#include <QMenu>
#include <QPlainTextEdit>
#include <QToolButton>
#include <QVBoxLayout>

namespace bitwright::views {

HistoryPanel::HistoryPanel(Desk& desk, QWidget* parent) : QWidget(parent), desk_(desk), model_(new RevisionListModel(desk.revisions(), this))
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(4);
    auto* title = new QLabel(tr("History"), this);
    title->setContentsMargins(8, 4, 8, 0);
    column->addWidget(title);

    list_ = new QListView(this);
    list_->setModel(model_);
    list_->setItemDelegate(new RevisionDelegate(list_));
    list_->setUniformItemSizes(true);
    list_->setFrameShape(QFrame::NoFrame);
    list_->setEditTriggers(QAbstractItemView::EditKeyPressed);
    list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    list_->setContextMenuPolicy(Qt::CustomContextMenu);
    list_->setAccessibleName(tr("History of recipes"));
    list_->setAccessibleDescription(tr("Enter opens a revision, F2 names it"));
    list_->setMinimumWidth(200);
    title->setBuddy(list_);
    column->addWidget(list_, 1);

    comparison_ = new QWidget(this);
    auto* below = new QVBoxLayout(comparison_);
    below->setContentsMargins(0, 0, 0, 0);
    below->setSpacing(0);
    auto* head = new QHBoxLayout;
    head->setContentsMargins(8, 0, 0, 0);
    compared_ = new QLabel(comparison_);
    auto* close = new QToolButton(comparison_);
    close->setText(QStringLiteral("×"));
    close->setAutoRaise(true);
    close->setAccessibleName(tr("Close the comparison"));
    connect(close, &QToolButton::clicked, comparison_, &QWidget::hide);
    head->addWidget(compared_, 1);
    head->addWidget(close);
    below->addLayout(head);
    differences_ = new QPlainTextEdit(comparison_);
    differences_->setReadOnly(true);
    differences_->setFrameShape(QFrame::NoFrame);
    differences_->setTabChangesFocus(true);
    differences_->setAccessibleName(tr("Differences in words"));
    below->addWidget(differences_);
    comparison_->hide();
    column->addWidget(comparison_, 1);

    connect(list_, &QListView::activated, this, [this] { desk_.revisions().adopt(chosen()); });
    connect(list_, &QWidget::customContextMenuRequested, this, &HistoryPanel::show_menu);
    connect(&desk_.revisions(), &Revisions::changed, this, &HistoryPanel::go_to_head);
    go_to_head();
}

void HistoryPanel::go_to_head()
{
    const int row = model_->head_row();
    if (row < 0 || list_->hasFocus()) return;
    list_->setCurrentIndex(model_->index(row));
}

std::int64_t HistoryPanel::chosen() const
{
    const auto current = list_->currentIndex();
    return current.isValid() ? model_->revision(current.row()).row.id : 0;
}

void HistoryPanel::show_menu(const QPoint& at)
{
    const auto row = chosen();
    if (row == 0) return;
    const bool open = list_->currentIndex().data(RevisionListModel::is_head_role).toBool();
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    if (!open) {
        menu->addAction(tr("Open this revision"), this, [this, row] { desk_.revisions().adopt(row); });
        menu->addAction(tr("Compare with the open one"), this, [this, row] { compare(row); });
        menu->addAction(tr("Branch from here"), this, [this, row] {
            desk_.revisions().adopt(row);
            desk_.say(tr("Edits now branch from recipe:%1; the revisions after it stay in the history").arg(row));
        });
    }
    menu->addAction(tr("Name…"), this, [this] { list_->edit(list_->currentIndex()); });
    menu->addAction(tr("Export to a file…"), this, [this, row] {
        const auto file = QFileDialog::getSaveFileName(this, tr("Export recipe:%1").arg(row), QStringLiteral("recipe-%1.safetensors").arg(row), tr("Recipes (*.safetensors)"));
        if (!file.isEmpty()) export_to(row, file);
    });
    menu->popup(list_->viewport()->mapToGlobal(at));
}

void HistoryPanel::compare(std::int64_t row)
{
    const auto open = desk_.recipe();
    const auto workspace = desk_.workspace();
    if (!open || !workspace) return;
    desk_.lanes().interactive.post(this, QStringLiteral("tune.compare"), [this, open, workspace, row](const Control&) -> Lane::Continuation {
        const auto text = decisions_in_words(load_recipe(*workspace, row), *open);
        return [this, row, text] {
            compared_->setText(tr("recipe:%1 → open").arg(row));
            differences_->setPlainText(text.isEmpty() ? tr("They decide the same.") : text.join(QLatin1Char('\n')));
            comparison_->show();
        };
    }, [this](const QString& sentence) { desk_.fail(sentence); });
}

QString HistoryPanel::comparison() const { return comparison_->isHidden() ? QString() : differences_->toPlainText(); }

void HistoryPanel::export_to(std::int64_t row, const QString& file)
{
    const QStringList arguments{QStringLiteral("export"), QStringLiteral("--recipe"), QStringLiteral("recipe:%1").arg(row), QStringLiteral("--format"), QStringLiteral("recipe"),
                                QStringLiteral("--out"), file, QStringLiteral("-w"), desk_.workspace_path()};
    desk_.jobs().submit(tr("Export recipe:%1").arg(row), arguments);
    desk_.actions().set_command_line(arguments);
}

}  // namespace bitwright::views
