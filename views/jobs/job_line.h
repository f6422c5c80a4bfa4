// SPDX-License-Identifier: GPL-3.0-or-later
// One line that always tells what is running: title · step 412/1024 · loss 1.66 · 3 min left [pause] [cancel] … "2 jobs ▴".
// Threading: UI thread.
#pragma once

#include "views/jobs/jobs_model.h"

#include <QWidget>

class QLabel;
class QProgressBar;
class QToolButton;

namespace bitwright::views {

class JobLine : public QWidget {
    Q_OBJECT
public:
    JobLine(Desk& desk, JobsModel& model, QWidget* parent = nullptr);
    void set_unfolded(bool unfolded);
    /// The job it tells of: what runs, else what waits, else what ended last in this session.
    [[nodiscard]] const Job* shown() const;

Q_SIGNALS:
    void unfold_wanted();

protected:
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void refresh();
    void elide();
    Desk& desk_;
    JobsModel& model_;
    QLabel *icon_, *text_;
    QProgressBar* bar_;
    QToolButton *pause_, *resume_, *cancel_, *more_;
    QString whole_, icon_name_;
    bool unfolded_ = false;
};

}  // namespace bitwright::views
