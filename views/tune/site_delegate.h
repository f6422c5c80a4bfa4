// SPDX-License-Identifier: GPL-3.0-or-later
// Editors of the table of sites: bits, symmetry and granularity offer what core/recipe/legality allows at that site, and say why the rest is left out.
// Threading: UI thread.
#pragma once

#include <QStyledItemDelegate>

namespace bitwright::views {

class SiteDelegate : public QStyledItemDelegate {
    Q_OBJECT
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    QWidget* createEditor(QWidget* parent, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    void setEditorData(QWidget* editor, const QModelIndex& index) const override;
    void setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const override;
    void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

}  // namespace bitwright::views
