// SPDX-License-Identifier: GPL-3.0-or-later
// An empty page says what it is for and offers the one next step as a button.
// Threading: UI thread.
#pragma once

#include <QWidget>

#include <functional>

namespace bitwright::views {

class EmptyState : public QWidget {
    Q_OBJECT
public:
    /// @param other a quieter second way ("Choose another text…"), or "".
    EmptyState(const QString& sentence, const QString& step, std::function<void()> run, const QString& other = {}, std::function<void()> run_other = {},
               QWidget* parent = nullptr);
};

}  // namespace bitwright::views
