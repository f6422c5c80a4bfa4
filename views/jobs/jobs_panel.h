// SPDX-License-Identifier: GPL-3.0-or-later
// The bottom of the window: the line that always tells what is running, and above it, when unfolded, the list of jobs with the details of one.
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"

#include <QWidget>

class QTableView;

namespace bitwright::views {

class JobDetails;
class JobLine;
class JobsModel;

class JobsPanel : public QWidget {
    Q_OBJECT
public:
    explicit JobsPanel(Desk& desk, QWidget* parent = nullptr);
    [[nodiscard]] bool unfolded() const;
    void unfold(bool unfolded);

protected:
    void keyPressEvent(QKeyEvent* event) override;

private:
    void show_chosen();
    JobsModel* model_;
    JobLine* line_;
    QWidget* list_;
    QTableView* table_;
    JobDetails* details_;
};

}  // namespace bitwright::views
