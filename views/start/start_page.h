// SPDX-License-Identifier: GPL-3.0-or-later
// The start page: recent workspaces, a place to drop a model on, the sample, and the loop with what is done of it.
// Invariants: the whole page takes drops; what goes wrong while it opens something is said on the page.
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"
#include "views/desk/page.h"

#include <optional>

class QFrame;
class QLabel;
class QProgressBar;
class QPushButton;

namespace bitwright::views {

class LoopChecklist;
class MessageLine;
class RecentWorkspaces;

class StartPage : public Page {
    Q_OBJECT
public:
    explicit StartPage(Desk& desk, QWidget* parent = nullptr);
    [[nodiscard]] QString id() const override { return QStringLiteral("start"); }
    [[nodiscard]] QString title() const override { return tr("Start"); }
    void activated() override;

    void choose_model();      ///< asks for a folder
    void choose_workspace();  ///< asks for a file
    void open_sample();
    /// Makes the sample's outlier copy first when it is not there yet.
    void open_sample_copy();

protected:
    void changeEvent(QEvent* event) override;

private:
    void open(const QString& path);
    void begin(const QString& what);
    void end();
    void recolour();
    [[nodiscard]] QWidget* make_drop_place();
    [[nodiscard]] QWidget* make_sample();

    Desk& desk_;
    MessageLine* message_;
    QLabel* opening_;
    QProgressBar* progress_;
    QFrame* drop_place_ = nullptr;
    QPushButton* copy_ = nullptr;
    RecentWorkspaces* recent_;
    LoopChecklist* checklist_;
    bool hovered_ = false, busy_ = false;
    std::optional<std::int64_t> copying_;  ///< the job that makes the outlier copy
};

}  // namespace bitwright::views
