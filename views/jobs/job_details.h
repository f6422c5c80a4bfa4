// SPDX-License-Identifier: GPL-3.0-or-later
// One job in full: what it is doing or why it failed, its buttons, what it produced (a click goes there), its command and log.
// Threading: UI thread.
#pragma once

#include "views/jobs/jobs_model.h"

#include <QWidget>

class QHBoxLayout;
class QLabel;
class QPlainTextEdit;
class QPushButton;

namespace bitwright::views {

class JobDetails : public QWidget {
    Q_OBJECT
public:
    JobDetails(Desk& desk, JobsModel& model, QWidget* parent = nullptr);
    void show_job(const Job* job);  ///< null: none chosen

private:
    void show_products(const Job& job);
    void go_to(const Reference& reference);
    Desk& desk_;
    JobsModel& model_;
    std::int64_t number_ = 0;
    QLabel *title_, *state_;
    QPushButton *pause_, *resume_, *cancel_, *copy_;
    QWidget* products_;
    QHBoxLayout* products_row_;
    QString products_shown_;
    QPlainTextEdit* log_;
};

}  // namespace bitwright::views
