// SPDX-License-Identifier: GPL-3.0-or-later
// The queue of optimizations and what came out of the chosen one: pause, resume, cancel, adopt, look at a paused step, fork from it.
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"

#include <QWidget>

class QLabel;
class QListWidget;
class QPushButton;

namespace bitwright::views {

class RunList : public QWidget {
    Q_OBJECT
public:
    explicit RunList(Desk& desk, QWidget* parent = nullptr);
    [[nodiscard]] std::int64_t current() const;
    void select(std::int64_t number);

Q_SIGNALS:
    void chosen(std::int64_t number);
    void fork_wanted(std::int64_t recipe);

private:
    void refresh();
    void show_card();
    void keep_step(bool fork);
    void evaluate_adopted();
    [[nodiscard]] QString perplexities_of(std::int64_t recipe) const;

    Desk& desk_;
    QListWidget* list_;
    QLabel* card_;
    QWidget* buttons_;
    QPushButton *pause_, *resume_, *cancel_, *adopt_, *compare_, *evaluate_, *keep_, *fork_;
    std::int64_t evaluate_next_ = 0;  ///< recipe that was asked to be evaluated and is being opened
    std::vector<std::pair<std::int64_t, bool>> keeping_;  ///< import jobs under way, and whether to fork from what they bring
};

}  // namespace bitwright::views
