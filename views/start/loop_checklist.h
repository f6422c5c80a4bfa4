// SPDX-License-Identifier: GPL-3.0-or-later
// The loop as a quiet list: open · calibrate · look · tune · optimize · measure · compare; what is done is ticked, and with a workspace open each step goes there.
// Threading: UI thread; facts are read on the interactive lane.
#pragma once

#include "views/desk/desk.h"
#include "views/start/loop_facts.h"

#include <QAbstractButton>
#include <QWidget>

#include <functional>
#include <vector>

namespace bitwright::views {

class LoopStep : public QAbstractButton {
    Q_OBJECT
public:
    LoopStep(const QString& title, const QString& what, QWidget* parent);
    void set(bool done, bool available);
    [[nodiscard]] bool done() const noexcept { return done_; }
    [[nodiscard]] QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    QString what_;
    bool done_ = false, available_ = false;
};

class LoopChecklist : public QWidget {
    Q_OBJECT
public:
    explicit LoopChecklist(Desk& desk, QWidget* parent = nullptr);
    void refresh();

private:
    void show_facts(const LoopFacts& facts);
    void note_look();
    Desk& desk_;
    LoopFacts facts_;
    std::vector<LoopStep*> steps_;
};

}  // namespace bitwright::views
