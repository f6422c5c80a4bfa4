// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/devices/timeline_view.h"

#include <QHBoxLayout>

namespace bitwright::views {
namespace {

void add_line(std::vector<plots::Curve>& curves, const Timeline::Line& line, const QString& name, int category)
{
    if (line.empty()) return;
    plots::Curve curve;
    curve.name = name;
    curve.category = category;
    curve.x = line.seconds;
    curve.y = line.values;
    curves.push_back(std::move(curve));
}

}  // namespace

TimelineView::TimelineView(QWidget* parent) : QWidget(parent)
{
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(8);
    temperature_ = add(tr("Temperature"), tr("temperature"), QStringLiteral("°C"));
    clock_ = add(tr("Clocks"), tr("clock"), QStringLiteral("MHz"));
    power_ = add(tr("Power from the battery"), tr("power"), QStringLiteral("W"));
    show_timeline({});
}

plots::CurvesView* TimelineView::add(const QString& title, const QString& y, const QString& unit)
{
    auto* plot = new plots::CurvesView(this);
    plot->setTitle(title);
    plot->setAccessibleName(tr("%1 while it was measured").arg(title));
    plot->setAxes({.x = tr("time"), .y = y, .x_unit = QStringLiteral("s"), .y_unit = unit});
    plot->setMinimumWidth(130);  // three of them and the repeats share a row
    layout()->addWidget(plot);
    connect(plot, &plots::Plot::exportFailed, this, &TimelineView::export_failed);
    return plot;
}

void TimelineView::show_timeline(const Timeline& timeline)
{
    std::vector<plots::Curve> temperature, clock, power;
    add_line(temperature, timeline.battery_c, tr("battery"), 1);
    add_line(temperature, timeline.hottest_c, tr("hottest zone"), 5);
    add_line(clock, timeline.fastest_mhz, tr("fastest core"), 2);
    add_line(clock, timeline.mean_mhz, tr("mean"), 4);
    add_line(power, timeline.watts, tr("battery"), 3);
    const bool any = !timeline.empty();
    temperature_->setEmptyText(any ? tr("This phone tells no temperature") : tr("Temperature while a phone computes"));
    clock_->setEmptyText(any ? tr("This phone tells no clocks") : tr("Clocks while a phone computes"));
    power_->setEmptyText(!any ? tr("Power while a phone computes") : timeline.no_power.empty() ? tr("This phone tells no power") : tr("No power: %1").arg(QString::fromStdString(timeline.no_power)));
    temperature_->setCurves(std::move(temperature));
    clock_->setCurves(std::move(clock));
    power_->setCurves(std::move(power));
}

void TimelineView::set_style(const plots::Style& style)
{
    for (auto* plot : {temperature_, clock_, power_}) plot->setStyle(style);
}

}  // namespace bitwright::views
