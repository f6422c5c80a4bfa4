// SPDX-License-Identifier: GPL-3.0-or-later
// What a device did over time: tracks one below the other (tokens/s, temperature, frequency, power) on one time axis, runs as bands behind them.
// Live: append() and openBand/closeBand cost no rebuild; the view follows the newest value unless the user has zoomed.
// Threading: GUI thread.
#pragma once

#include "plots/chart.h"

#include <memory>
#include <vector>

namespace bitwright::plots {

struct TimelineTrack {
    QString name, unit;                   ///< "decode", "tokens/s"
    std::vector<double> seconds, values;  ///< same length, seconds ascending; NaN: a gap
    int category = 0;
    bool steps = false;                   ///< each value holds until the next; otherwise points joined by lines
    double low = 0;                       ///< y starts here unless values are lower; NaN: at the lowest value (temperature)
};

struct TimelineBand {
    double from = 0, to = 0;              ///< seconds; to < from: still running
    QString name;                         ///< "warm-up", "run 3", "cooling"
    int category = -1;                    ///< −1: muted (warm-up, cooling)
};

class TimelineView : public Chart {
    Q_OBJECT
public:
    explicit TimelineView(QWidget* parent = nullptr);
    ~TimelineView() override;

    void setTracks(std::vector<TimelineTrack> tracks);
    [[nodiscard]] const std::vector<TimelineTrack>& tracks() const noexcept;
    void append(int track, double second, double value);  ///< throws std::out_of_range for a track that is not there
    void setBands(std::vector<TimelineBand> bands);
    [[nodiscard]] const std::vector<TimelineBand>& bands() const noexcept;
    void openBand(double second, const QString& name, int category = -1);
    void closeBand(double second);
    void clear();

    [[nodiscard]] bool isEmpty() const override;
    [[nodiscard]] QString csv() const override;  ///< visible values: track, unit, second, value, band
    [[nodiscard]] QSize minimumSizeHint() const override { return {240, 100}; }

Q_SIGNALS:
    void bandClicked(int band);

protected:
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void restyle() override;
    void fitY() override;
    [[nodiscard]] std::pair<double, double> extent() const override;
    [[nodiscard]] QCPAxisRect& plotArea() const override;
    [[nodiscard]] std::vector<QCPAxis*> timeAxes() const override;

private:
    struct State;
    void drawBands();
    [[nodiscard]] int bandAt(double second) const;

    std::unique_ptr<State> state_;
};

}  // namespace bitwright::plots
