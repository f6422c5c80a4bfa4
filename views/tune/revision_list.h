// SPDX-License-Identifier: GPL-3.0-or-later
// The history as a list: two lines a revision, its branch drawn before it.
// Threading: UI thread.
#pragma once

#include "views/desk/revisions.h"
#include "views/tune/revision_graph.h"

#include <QAbstractListModel>
#include <QStyledItemDelegate>

namespace bitwright::views {

class RevisionListModel : public QAbstractListModel {
    Q_OBJECT
public:
    enum Role { id_role = Qt::UserRole, is_head_role };

    explicit RevisionListModel(Revisions& revisions, QObject* parent = nullptr);
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : static_cast<int>(rows_.size()); }
    /// Display: number, name and words; edit: the name.
    [[nodiscard]] QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    [[nodiscard]] Qt::ItemFlags flags(const QModelIndex& index) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role = Qt::EditRole) override;  ///< names the revision
    [[nodiscard]] const Revision& revision(int row) const { return *rows_[static_cast<std::size_t>(row)]; }
    [[nodiscard]] const GraphRow& graph(int row) const { return graph_[static_cast<std::size_t>(row)]; }
    [[nodiscard]] QString caption(int row) const;  ///< "14:03 · By hand"
    [[nodiscard]] int head_row() const;            ///< −1: none

private:
    void read();
    Revisions& revisions_;
    std::vector<std::shared_ptr<Revision>> rows_;
    std::vector<GraphRow> graph_;
};

class RevisionDelegate : public QStyledItemDelegate {
    Q_OBJECT
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

}  // namespace bitwright::views
