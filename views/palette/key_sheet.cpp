// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/palette/key_sheet.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QScrollArea>
#include <QScrollBar>
#include <QShowEvent>
#include <QVBoxLayout>

#include <algorithm>

namespace bitwright::views {
namespace {

struct Line {
    QString text, keys;
};
struct Group {
    QString title;
    std::vector<Line> lines;
};

/// What no action stands for: keys that every list, page and plot takes.
Group common()
{
    return {KeySheet::tr("Everywhere"),
            {{KeySheet::tr("Leave, close"), QStringLiteral("Esc")},
             {KeySheet::tr("Next, previous place"), KeySheet::tr("Tab, Shift+Tab")},
             {KeySheet::tr("Edit the cell"), KeySheet::tr("F2, Enter")}}};
}

std::vector<Group> groups_of(const Actions& actions)
{
    std::vector<Group> groups;
    for (const auto& entry : actions.entries()) {
        const auto keys = entry.action->shortcut().toString(QKeySequence::NativeText);
        if (keys.isEmpty()) continue;
        auto group = std::ranges::find(groups, entry.group, &Group::title);
        if (group == groups.end()) group = groups.insert(groups.end(), {entry.group, {}});
        group->lines.push_back({entry.title, keys});
    }
    groups.push_back(common());
    return groups;
}

QWidget* card(const Group& group, QWidget* parent)
{
    auto* card = new QWidget(parent);
    card->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Maximum);
    auto* grid = new QGridLayout(card);
    grid->setContentsMargins(0, 0, 0, 16);
    grid->setHorizontalSpacing(16);
    grid->setVerticalSpacing(4);
    grid->setColumnStretch(0, 1);
    auto* title = new QLabel(group.title, card);
    QFont bold = title->font();
    bold.setWeight(QFont::DemiBold);
    title->setFont(bold);
    grid->addWidget(title, 0, 0, 1, 2);
    int row = 1;
    for (const auto& line : group.lines) {
        grid->addWidget(new QLabel(line.text, card), row, 0);
        auto* keys = new QLabel(line.keys, card);
        keys->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
        keys->setForegroundRole(QPalette::PlaceholderText);
        grid->addWidget(keys, row++, 1);
    }
    return card;
}

}  // namespace

KeySheet::KeySheet(Desk& desk, QWidget* window) : QDialog(window), desk_(desk), area_(new QScrollArea(this))
{
    setWindowTitle(tr("Keys"));
    setModal(false);
    resize(800, 560);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins({});
    area_->setWidgetResizable(true);
    area_->setFrameShape(QFrame::NoFrame);
    area_->setAccessibleName(tr("Keys by group"));
    column->addWidget(area_);
    desk_.actions().add(QStringLiteral("desk.keys"), tr("Desk"), tr("Keys"), QKeySequence(QStringLiteral("?")), [this] {
        show();
        raise();
        activateWindow();
    });
}

void KeySheet::showEvent(QShowEvent* event)
{
    refresh();
    QDialog::showEvent(event);
}

void KeySheet::refresh()
{
    auto* content = new QWidget;
    auto* row = new QHBoxLayout(content);
    row->setContentsMargins(24, 24, 24, 8);
    row->setSpacing(40);
    QVBoxLayout* columns[] = {new QVBoxLayout, new QVBoxLayout};
    std::size_t heights[] = {0, 0};
    for (const auto& group : groups_of(desk_.actions())) {
        const int shorter = heights[1] < heights[0];
        columns[shorter]->addWidget(card(group, content), 0, Qt::AlignTop);
        heights[shorter] += group.lines.size() + 2;
    }
    for (auto* column : columns) {
        column->setSpacing(0);
        column->addStretch(1);
        row->addLayout(column, 1);
    }
    area_->setWidget(content);
    area_->setMinimumWidth(content->minimumSizeHint().width() + area_->verticalScrollBar()->sizeHint().width());
}

}  // namespace bitwright::views
