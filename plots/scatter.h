// SPDX-License-Identifier: GPL-3.0-or-later
// Quality against cost: a point for each recipe, both axes the smaller the better, the Pareto front as a line.
// Mouse: hover says the point's sentence, click selects, double click activates. Keys: ←/→ walk the points by x, Enter activates.
// Threading: GUI thread.
#pragma once

#include "plots/chart.h"

#include <limits>
#include <memory>
#include <vector>

namespace bitwright::plots {

struct ScatterPoint {
    QString name;                 ///< label, when there is room
    double x = 0, y = 0;          ///< not finite: not shown
    int category = 0;
    double y_low = std::numeric_limits<double>::quiet_NaN(), y_high = std::numeric_limits<double>::quiet_NaN();  ///< interval
    QString sentence;             ///< on hover; empty: name and values
    bool faded = false;           ///< stale, or not comparable: takes no part in the front
};

struct ScatterAxes {
    QString x, y, x_unit, y_unit;
    bool logarithmic_x = false, logarithmic_y = false;
};

class ScatterView : public Chart {
    Q_OBJECT
public:
    explicit ScatterView(QWidget* parent = nullptr);
    ~ScatterView() override;

    void setAxes(ScatterAxes axes);
    void setPoints(std::vector<ScatterPoint> points);
    [[nodiscard]] const std::vector<ScatterPoint>& points() const noexcept;
    void setFrontShown(bool on);
    /// −1: none. Emits nothing.
    void setSelected(int point);
    [[nodiscard]] int selected() const noexcept;
    /// Where a point lies in this widget.
    [[nodiscard]] QPointF positionOf(int point) const;

    [[nodiscard]] bool isEmpty() const override;
    [[nodiscard]] QString csv() const override;  ///< name, x, y, low, high, whether on the front

Q_SIGNALS:
    void pointSelected(int point);
    void pointActivated(int point);

protected:
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void restyle() override;
    void fitY() override;
    [[nodiscard]] std::pair<double, double> extent() const override;

private:
    struct State;
    void rebuild();
    void placeLabels();
    void select(int point);
    [[nodiscard]] int pointNear(QPointF position) const;
    [[nodiscard]] QString sentenceOf(int point) const;
    [[nodiscard]] std::vector<int> front() const;

    std::unique_ptr<State> state_;
};

}  // namespace bitwright::plots
