// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/explore/choice.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QToolButton>

namespace bitwright::views {
namespace {

/// As wide as its text.
class Segment : public QToolButton {
public:
    using QToolButton::QToolButton;
    [[nodiscard]] QSize sizeHint() const override { return {fontMetrics().horizontalAdvance(text()) + 16, fontMetrics().height() + 8}; }
    [[nodiscard]] QSize minimumSizeHint() const override { return sizeHint(); }
};

}  // namespace

Choice::Choice(const QString& name, const QStringList& items, QWidget* parent) : QWidget(parent), buttons_(new QButtonGroup(this))
{
    setAccessibleName(name);
    setToolTip(name);
    // Fusion's checked look is too faint in a dark palette
    setStyleSheet(QStringLiteral("QToolButton { border: 1px solid palette(mid); background: palette(button); color: palette(button-text); }"
                                 "QToolButton:checked { background: palette(highlight); color: palette(highlighted-text); border-color: palette(highlight); }"
                                 "QToolButton:focus { border: 2px solid palette(window-text); }"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    for (int i = 0; i < items.size(); ++i) {
        auto* button = new Segment(this);
        button->setText(items[i]);
        button->setCheckable(true);
        button->setChecked(i == 0);
        button->setFocusPolicy(Qt::StrongFocus);
        button->setAccessibleName(tr("%1: %2").arg(name, items[i]));
        buttons_->addButton(button, i);
        row->addWidget(button);
    }
    connect(buttons_, &QButtonGroup::idClicked, this, &Choice::chosen);
}

int Choice::current() const { return buttons_->checkedId(); }

void Choice::set_current(int index)
{
    if (auto* button = buttons_->button(index)) button->setChecked(true);
}

void Choice::set_item_shown(int index, bool shown)
{
    if (auto* button = buttons_->button(index)) button->setVisible(shown);
}

}  // namespace bitwright::views
