// SPDX-License-Identifier: GPL-3.0-or-later
// A histogram (log counts) with the integer grid as ticks and two clip lines to drag. Values outside the lines are shaded: they saturate.
// Invariant: minimum < maximum by at least one code, whatever is dragged, typed or linked; what would break it is not done and `refused` says why.
// Mouse: drag a line; drag elsewhere with the middle button or Shift pans; wheel zooms at the pointer; double click resets. Keys: Tab goes to the minimum, then
// to the maximum, then on; ←/→ one code, with Shift ten; Esc restores the value from before; + − 0 zoom.
// The grid is the caller's: after every rangeDragged it may hand in the grid that the new range gives (setGrid), which costs one replot of the overlay.
// Threading: GUI thread.
#pragma once

#include "plots/chart.h"

#include <QElapsedTimer>
#include <QTimer>

#include <memory>
#include <optional>
#include <vector>

namespace bitwright::plots {

struct RangeHistogram {
    double low = 0, high = 0;     ///< of the first bin's left and the last bin's right edge
    std::vector<double> counts;   ///< equally wide bins
    QString unit, value_axis;     ///< "", "down_proj input"
};

/// value = (code − offset)·scale for codes qmin … qmax; offset may be fractional.
struct IntegerGrid {
    double scale = 1, offset = 0;
    int qmin = 0, qmax = 255;
    [[nodiscard]] double value(double code) const noexcept { return (code - offset) * scale; }
};

enum class RangeHandle : unsigned char { none, minimum, maximum };

class RangeHistogramView : public Chart {
    Q_OBJECT
public:
    explicit RangeHistogramView(QWidget* parent = nullptr);
    ~RangeHistogramView() override;

    /// Keeps range and grid; a histogram of other extent shows everything.
    void setData(RangeHistogram histogram);
    [[nodiscard]] const RangeHistogram& data() const noexcept;
    /// Outline over the histogram: before (or after) a change. No counts: none.
    void setComparison(RangeHistogram histogram, const QString& name = {});
    void setGrid(std::optional<IntegerGrid> grid);
    [[nodiscard]] const std::optional<IntegerGrid>& grid() const noexcept;
    /// Not by hand: emits nothing. During a drag or a held key it is ignored. A range that is none (not finite, minimum ≥ maximum) hides the lines.
    void setRange(double minimum, double maximum);
    [[nodiscard]] bool hasRange() const noexcept;
    [[nodiscard]] double minimum() const noexcept;
    [[nodiscard]] double maximum() const noexcept;
    /// Lines cannot be moved: weights, dynamic ranges, recipes that are read only. `why` is refused() when somebody tries.
    void setReadOnly(bool on, const QString& why = {});
    /// minimum = −maximum: moving one line moves the other.
    void setSymmetric(bool on);
    [[nodiscard]] bool symmetric() const noexcept;
    [[nodiscard]] RangeHandle currentHandle() const noexcept;
    void setCurrentHandle(RangeHandle handle);
    [[nodiscard]] bool dragging() const noexcept;

    /// Pixel of a value along x, and back.
    [[nodiscard]] double pixelOf(double value) const;
    [[nodiscard]] double valueAt(double pixel) const;
    /// "Range of down_proj input, minimum −3.2, maximum 18.4"; name and value of the accessible object.
    [[nodiscard]] QString rangeSentence() const;

    [[nodiscard]] bool isEmpty() const override;
    [[nodiscard]] QString csv() const override;  ///< visible bins: low, high, count, compared count when there is one
    [[nodiscard]] QSize minimumSizeHint() const override { return {220, 140}; }

Q_SIGNALS:
    /// While dragging or stepping, at most once per frame (16 ms), the last one always.
    void rangeDragged(double minimum, double maximum);
    /// Let go, key released, or Esc (then with the values from before).
    void rangeReleased(double minimum, double maximum);
    void refused(const QString& sentence);
    void handleChanged(bitwright::plots::RangeHandle handle);

protected:
    bool event(QEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void keyReleaseEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    bool focusNextPrevChild(bool next) override;
    void restyle() override;
    void titleChanged() override;
    void fitY() override;
    [[nodiscard]] std::pair<double, double> extent() const override;

private:
    struct State;
    void place();
    void align_labels();
    void move(RangeHandle handle, double value);
    void changed();
    void finish();
    void cancel();
    void flush();
    [[nodiscard]] RangeHandle handleNear(QPointF position) const;
    [[nodiscard]] double narrowest() const;

    std::unique_ptr<State> state_;
};

}  // namespace bitwright::plots
