// SPDX-License-Identifier: GPL-3.0-or-later
// Heat, clocks and power of a phone beside one another, over the seconds of a measurement. A quantity that the phone does not tell says so in its place.
// Threading: UI thread.
#pragma once

#include "device_bridge/run/timeline.h"
#include "plots/curves.h"

#include <QWidget>

namespace bitwright::views {

class TimelineView : public QWidget {
    Q_OBJECT
public:
    explicit TimelineView(QWidget* parent = nullptr);
    void show_timeline(const Timeline& timeline);
    void set_style(const plots::Style& style);
    [[nodiscard]] const plots::CurvesView& temperature() const noexcept { return *temperature_; }
    [[nodiscard]] const plots::CurvesView& clock() const noexcept { return *clock_; }
    [[nodiscard]] const plots::CurvesView& power() const noexcept { return *power_; }

Q_SIGNALS:
    void export_failed(const QString& sentence);

private:
    plots::CurvesView* add(const QString& title, const QString& y, const QString& unit);
    plots::CurvesView *temperature_, *clock_, *power_;
};

}  // namespace bitwright::views
