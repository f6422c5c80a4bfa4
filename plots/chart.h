// SPDX-License-Identifier: GPL-3.0-or-later
// A plot that QCustomPlot draws: canvas in the plot's style, queued replots, zoom and pan along x, a cross-hair with a text on a layer of its own (so that
// hovering costs no replot of the data). The canvas is transparent to the mouse: all events arrive here.
// Threading: GUI thread.
#pragma once

#include "plots/plot.h"

#include <utility>
#include <vector>

class QCustomPlot;
class QCPAxis;
class QCPAxisRect;
class QCPItemLine;

namespace bitwright::plots {

class Chart : public Plot {
    Q_OBJECT
public:
    explicit Chart(QWidget* parent = nullptr);
    ~Chart() override;

    /// Everything along x, the next wheel step starts from there.
    void resetView();
    /// Visible range along x.
    [[nodiscard]] std::pair<double, double> visibleRange() const;
    void setVisibleRange(double low, double high);

    void paintOn(QPaintDevice& device, QSize size) const override;
    [[nodiscard]] QSize sizeHint() const override { return {420, 260}; }
    [[nodiscard]] QSize minimumSizeHint() const override { return {200, 120}; }

Q_SIGNALS:
    void viewChanged(double low, double high);

protected:
    [[nodiscard]] QCustomPlot& canvas() const noexcept { return *canvas_; }
    void queueReplot();
    /// Only what lies on the layer "overlay".
    void replotOverlay();
    void styleAxis(QCPAxis& axis) const;
    static void setAxisLogarithmic(QCPAxis& axis, bool on);
    static void setAxisCounts(QCPAxis& axis);  ///< ticks at whole numbers only
    /// Colours of what the derived plot drew; called after the axes have theirs.
    virtual void restyle() = 0;
    /// Everything along x: of data, not of the view.
    [[nodiscard]] virtual std::pair<double, double> extent() const = 0;
    /// y follows x, or the sizes of things on screen changed: called before each queued replot.
    virtual void fitY() {}
    /// Sets the visible range to everything unless the user zoomed.
    void refit();
    /// The axis rectangle whose x axis zooms; all other rectangles follow.
    [[nodiscard]] virtual QCPAxisRect& plotArea() const;
    [[nodiscard]] virtual std::vector<QCPAxis*> timeAxes() const;
    [[nodiscard]] bool userZoomed() const noexcept { return zoomed_; }

    /// Vertical line at x (pixels) and the text beside the pointer; hideCrosshair when the pointer leaves.
    void showCrosshair(double x, QPoint pointer, const QString& text);
    void hideCrosshair();

    void styleChanged() override;
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    [[nodiscard]] bool panning() const noexcept { return panning_; }

private:
    class Readout;
    void zoom(double factor, double at);
    void applyRange(double low, double high);

    QCustomPlot* canvas_;
    Readout* readout_;
    QCPItemLine* crosshair_ = nullptr;
    bool zoomed_ = false, panning_ = false, drawn_ = false;
    QPointF pan_from_;
    std::pair<double, double> pan_range_;
};

}  // namespace bitwright::plots
