// SPDX-License-Identifier: GPL-3.0-or-later
// Named curves over one x axis: loss over steps, error over layers. Category colours with their markers, names at the curves' ends, NaN leaves a gap, an
// optional band around a curve, a marked x ("best step 212"). Appending is cheap (10⁵ points); replots are queued, at most one per frame.
// Mouse: as Chart; hover shows the values there; a click takes the nearest point within 8 pixels. Keys: ←/→ walk the points of the current curve, ↑/↓ change
// the curve, Enter activates.
// Threading: GUI thread.
#pragma once

#include "plots/chart.h"

#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace bitwright::plots {

struct Curve {
    QString name;
    std::vector<double> x, y;      ///< same length, x ascending; NaN in y: not measured
    int category = 0;              ///< Style::category, category_marker
    std::vector<double> low, high; ///< band around the curve; empty: none
    bool faded = false;            ///< stale figures
    bool dashed = false;
};

struct CurveAxes {
    QString x, y, x_unit, y_unit;
    bool logarithmic = false;                                           ///< y
    double y_low = std::numeric_limits<double>::quiet_NaN();            ///< fixed ends of y; NaN: what is visible decides
    double y_high = std::numeric_limits<double>::quiet_NaN();
    bool counts = false;  ///< x counts (layers, steps): no ticks between whole numbers
};

struct CurveMarker {
    double x = 0;
    QString text;
};

class CurvesView : public Chart {
    Q_OBJECT
public:
    explicit CurvesView(QWidget* parent = nullptr);
    ~CurvesView() override;

    void setAxes(CurveAxes axes);
    void setLogarithmic(bool on);
    void setCurves(std::vector<Curve> curves);
    /// Index of the new curve.
    int addCurve(Curve curve);
    [[nodiscard]] const std::vector<Curve>& curves() const noexcept;
    /// x not less than the curve's last. Throws std::out_of_range for a curve that is not there.
    void append(int curve, double x, double y);
    void setMarker(std::optional<CurveMarker> marker);
    void clear() { setCurves({}); }
    /// The point that keys and clicks last chose; −1, −1: none.
    [[nodiscard]] std::pair<int, int> currentPoint() const noexcept;
    void setCurrentPoint(int curve, int index);
    /// Where a point lies in this widget.
    [[nodiscard]] QPointF positionOf(int curve, int index) const;

    [[nodiscard]] bool isEmpty() const override;
    [[nodiscard]] QString csv() const override;  ///< visible points: curve, x, y, and low, high when there are bands

Q_SIGNALS:
    void pointActivated(int curve, int index);
    void pointHovered(double x);

protected:
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void restyle() override;
    void fitY() override;
    [[nodiscard]] std::pair<double, double> extent() const override;

private:
    struct State;
    void drawCurve(std::size_t index);
    void placeNames();
    [[nodiscard]] QString pointText(std::size_t curve, std::size_t index) const;
    void announce();

    std::unique_ptr<State> state_;
};

}  // namespace bitwright::plots
