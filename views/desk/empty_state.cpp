// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desk/empty_state.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>

namespace bitwright::views {

EmptyState::EmptyState(const QString& sentence, const QString& step, std::function<void()> run, const QString& other, std::function<void()> run_other, QWidget* parent)
    : QWidget(parent)
{
    auto* column = new QVBoxLayout(this);
    column->setSpacing(16);
    column->addStretch(2);
    auto* text = new QLabel(sentence, this);
    text->setWordWrap(true);
    text->setAlignment(Qt::AlignHCenter);
    text->setFixedWidth(std::min(560, text->fontMetrics().size(0, sentence).width() + 8));  // a wrapping label's own hint is too narrow for its text
    column->addWidget(text, 0, Qt::AlignHCenter);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    row->addStretch();
    const auto add = [&](const QString& label, std::function<void()> action, bool quiet) {
        if (label.isEmpty()) return;
        auto* button = new QPushButton(label, this);
        button->setFlat(quiet);
        button->setDefault(!quiet);
        connect(button, &QPushButton::clicked, this, [action = std::move(action)] { action(); });
        row->addWidget(button);
    };
    add(step, std::move(run), false);
    add(other, std::move(run_other), true);
    row->addStretch();
    column->addLayout(row);
    column->addStretch(3);
}

}  // namespace bitwright::views
