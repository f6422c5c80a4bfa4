// SPDX-License-Identifier: GPL-3.0-or-later
// One optimization while it runs and after: loss with the held-out one and its best step, learning rates, drift of scales, clips and ranges by kind of site.
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"

#include <QWidget>

class QLabel;

namespace bitwright::plots {
class CurvesView;
class SmallMultiples;
}  // namespace bitwright::plots

namespace bitwright::views {

class RunView : public QWidget {
    Q_OBJECT
public:
    explicit RunView(Desk& desk, QWidget* parent = nullptr);
    void show_job(std::int64_t number);  ///< 0: none
    [[nodiscard]] std::int64_t job() const noexcept { return job_; }
    void refresh();  ///< what came since the last time
    void restyle();

private:
    void start_over();
    void show_drift();
    void show_rates_of(const StepRecord& first, bool rounds);

    Desk& desk_;
    plots::CurvesView *loss_, *rates_;
    plots::SmallMultiples* drift_;
    QLabel* caption_;
    std::int64_t job_ = 0;
    std::size_t shown_ = 0;        ///< steps of the trace in the plots
    std::size_t drift_shown_ = 0;  ///< steps of the trace the drift panels know
    std::shared_ptr<const Trace> trace_;
    std::vector<double StepRecord::*> rates_shown_;  ///< the curves of rates_, in order
    std::vector<std::vector<QString>> panel_names_;  ///< learned value of each line
};

}  // namespace bitwright::views
