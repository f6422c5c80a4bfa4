// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/plot.h"

#include <QAccessible>
#include <QContextMenuEvent>
#include <QMenu>
#include <QPainter>

namespace bitwright::plots {

Plot::Plot(QWidget* parent) : QWidget(parent), style_(default_style(false)), empty_text_(tr("Nothing measured yet"))
{
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    setAttribute(Qt::WA_OpaquePaintEvent);
}

void Plot::setStyle(const Style& style)
{
    style_ = style;
    styleChanged();
}

void Plot::setEmptyText(const QString& text)
{
    empty_text_ = text;
    if (isEmpty()) update();
}

void Plot::setTitle(const QString& title)
{
    if (accessibleName() == title_) setAccessibleName(title);
    title_ = title;
    titleChanged();
}

bool Plot::paintEmpty(QPainter& painter, QSize size) const
{
    painter.fillRect(QRect(QPoint(0, 0), size), style_.background);
    if (!isEmpty()) return false;
    painter.setFont(style_.font);
    painter.setPen(style_.muted_text);
    painter.drawText(QRect(QPoint(0, 0), size).adjusted(16, 8, -16, -8), Qt::AlignCenter | Qt::TextWordWrap, empty_text_);
    return true;
}

void Plot::announceValue(const QString& text)
{
    setAccessibleDescription(text);
    if (!QAccessible::isActive()) return;
    QAccessibleValueChangeEvent event(this, text);
    QAccessible::updateAccessibility(&event);
}

void Plot::contextMenuEvent(QContextMenuEvent* event)
{
    if (isEmpty()) return;
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    add_export_actions(*menu, *this, *this, [this](const QString& path) { Q_EMIT exported(path); }, [this](const QString& why) { Q_EMIT exportFailed(why); });
    menu->popup(event->globalPos());
    event->accept();
}

}  // namespace bitwright::plots
