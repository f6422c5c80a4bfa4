// SPDX-License-Identifier: GPL-3.0-or-later
// What every plot widget has in common: a Style, a text while there is nothing to show, a context menu that exports. Members of widgets are named the way Qt
// names its own (setStyle beside setFont); free functions and plain structs the way Bitwright does.
// Threading: GUI thread.
#pragma once

#include "plots/export.h"
#include "plots/style.h"

#include <QWidget>

class QPainter;

namespace bitwright::plots {

class Plot : public QWidget, public Exportable {
    Q_OBJECT
public:
    explicit Plot(QWidget* parent = nullptr);

    using QWidget::setStyle;
    void setStyle(const Style& style);
    [[nodiscard]] const Style& plotStyle() const noexcept { return style_; }

    /// Shown in the middle as long as there is nothing to show: "Nothing measured yet".
    void setEmptyText(const QString& text);
    [[nodiscard]] const QString& emptyText() const noexcept { return empty_text_; }
    [[nodiscard]] virtual bool isEmpty() const = 0;

    /// Title of exports and first part of the accessible name.
    void setTitle(const QString& title);
    [[nodiscard]] const QString& title() const noexcept { return title_; }

    [[nodiscard]] QString exportTitle() const override { return title_; }
    [[nodiscard]] QSize exportSize() const override { return size().expandedTo({1, 1}); }

Q_SIGNALS:
    void exported(const QString& path);
    /// One sentence, to be shown in place.
    void exportFailed(const QString& sentence);

protected:
    virtual void styleChanged() { update(); }
    virtual void titleChanged() { update(); }
    /// Background and, when empty, the text. True if the plot is empty and nothing more is to be painted.
    bool paintEmpty(QPainter& painter, QSize size) const;
    /// What a screen reader says now; also the accessible object's description.
    void announceValue(const QString& text);
    void contextMenuEvent(QContextMenuEvent* event) override;

private:
    Style style_;
    QString empty_text_, title_;
};

}  // namespace bitwright::plots
