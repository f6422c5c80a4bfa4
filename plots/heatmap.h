// SPDX-License-Identifier: GPL-3.0-or-later
// Rows × columns of values as colours: layers × channels, layers × tokens. Several cells in a pixel show their maximum; what was not measured is hatched. To
// the right, aligned with the rows, maximum and median of each row and the current column's values; below, aligned with the columns, the current row's profile.
// It paints itself instead of using QCPColorMap, which averages nothing but also folds nothing: it would have to hold 22 × 16384 cells at once, copy them on
// every change of scale (23 ms for 10⁶) and cannot hatch, dim or take a column order. A picture of the visible part straight from the maximum pyramid takes 1–2 ms.
// Mouse: wheel zooms columns at the pointer (Ctrl: rows, Shift: pans), drag zooms into a box, middle drag or Shift+drag pans, double click on a cell
// activates it, elsewhere resets. Keys: arrows move the cell cursor, Home/End first and last column, PgUp/PgDn a tenth of the view, Enter activates, + and −
// zoom at the cursor, 0 resets.
// Columns in the interface are data columns (channel 17 stays 17 in every order); the visible range counts displayed columns.
// Threading: GUI thread; values are shared and never written.
#pragma once

#include "plots/heatmap_raster.h"
#include "plots/plot.h"

#include <QImage>
#include <QPoint>
#include <QRectF>

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace bitwright::plots {

struct Heatmap {
    QString title, row_axis, column_axis, unit;        ///< "down_proj input", "layer", "channel", "absolute max"
    std::vector<QString> row_names;                    ///< empty: numbers from 0
    int rows = 0, columns = 0;
    std::shared_ptr<const std::vector<float>> values;  ///< rows × columns, row-major; NaN: not measured
    std::vector<int> valid_columns;                    ///< per row, for rows of different length; empty: all
    bool differences = false;                          ///< after − before: blue–white–red around 0, folded by magnitude, linear
};

struct Cell {
    int row = -1, column = -1;
    [[nodiscard]] bool valid() const noexcept { return row >= 0 && column >= 0; }
    friend bool operator==(const Cell&, const Cell&) = default;
};

struct HeatmapLayout;

class HeatmapView : public Plot {
    Q_OBJECT
public:
    explicit HeatmapView(QWidget* parent = nullptr);
    ~HeatmapView() override;

    /// A map of the same shape keeps view, cursor, order and marks; another shape resets them, the cursor goes to the largest value.
    /// Throws std::invalid_argument when sizes contradict one another.
    void setData(Heatmap data);
    void clear();
    [[nodiscard]] const Heatmap& data() const noexcept { return data_; }
    [[nodiscard]] float valueAt(Cell cell) const noexcept;  ///< NaN: not measured

    void setLogarithmic(bool on);
    [[nodiscard]] bool logarithmic() const noexcept { return logarithmic_; }
    /// Colours for low … high, so that two maps can be compared; none: what was measured (logarithmic: from its 5 % quantile, as a pixel shows the largest of
    /// many cells and colours below would show nothing).
    void setColourRange(std::optional<std::pair<double, double>> range);
    [[nodiscard]] ValueScale colourScale() const noexcept { return scale_; }
    /// Data column of each displayed column, a permutation; empty: as they are. Throws std::invalid_argument when it is none.
    void setColumnOrder(std::vector<int> order);
    [[nodiscard]] const std::vector<int>& columnOrder() const noexcept { return order_; }
    /// Cells below are dimmed.
    void setThreshold(std::optional<double> threshold);
    /// Outlined cells: offenders.
    void setMarks(std::vector<Cell> marks);
    /// Sentence about a cell for hover and screen reader: "layer 3, channel 17: 61.2, 14 times the median". Without: names and value.
    void setDescriber(std::function<QString(int row, int column)> describer);
    [[nodiscard]] QString description(Cell cell) const;
    [[nodiscard]] QString rowName(int row) const;
    /// Off: only the map, for thumbnails and narrow places.
    void setMarginsShown(bool on);

    [[nodiscard]] QRectF visibleRange() const noexcept { return range_; }  ///< x, width: displayed columns; y, height: rows
    void setVisibleRange(const QRectF& range);                            ///< clamped; emits viewChanged when it changes
    void resetView();
    [[nodiscard]] bool zoomed() const noexcept;
    [[nodiscard]] Cell currentCell() const noexcept { return current_; }
    void setCurrentCell(Cell cell, bool reveal = true);  ///< emits currentCellChanged when it changes

    [[nodiscard]] QRect mapRect() const;              ///< where the cells are, in this widget
    [[nodiscard]] QRectF cellRect(Cell cell) const;   ///< of one cell, perhaps outside mapRect
    [[nodiscard]] Cell markAt(QPointF position) const;  ///< the outlined cell whose outline holds it, else none
    [[nodiscard]] Cell cellAt(QPointF position) const;  ///< the cell that is shown there: of several in a pixel the largest

    [[nodiscard]] bool isEmpty() const override { return data_.rows == 0 || data_.columns == 0; }
    [[nodiscard]] QString exportTitle() const override { return data_.title.isEmpty() ? title() : data_.title; }
    void paintOn(QPaintDevice& device, QSize size) const override;
    [[nodiscard]] QString csv() const override;  ///< the visible cells: row, column, value; unmeasured ones without value
    [[nodiscard]] QSize sizeHint() const override { return {720, 420}; }
    [[nodiscard]] QSize minimumSizeHint() const override { return {320, 200}; }

Q_SIGNALS:
    void cellHovered(int row, int column);  ///< −1, −1 when the pointer has left the cells
    void currentCellChanged(int row, int column);
    void cellActivated(int row, int column);
    void viewChanged(const QRectF& range);

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void styleChanged() override;

private:
    enum class Gesture : unsigned char { none, box, pan, minimap };

    void rebuild();
    void rescale();
    void hover(Cell cell);
    void zoomColumns(double factor, double at);
    void zoomRows(double factor, double at);
    void centreOn(QPoint in_minimap);
    void moveCursor(int rows, int columns);
    [[nodiscard]] int displayed(int column) const noexcept { return places_.empty() ? column : places_[static_cast<std::size_t>(column)]; }
    [[nodiscard]] int dataColumn(int display) const noexcept { return order_.empty() ? display : order_[static_cast<std::size_t>(display)]; }
    [[nodiscard]] QRectF box() const;  ///< being dragged, clipped to the map

    // heatmap_paint.cpp
    [[nodiscard]] HeatmapLayout layoutFor(QSize size) const;
    [[nodiscard]] QRectF cellRectIn(const QRect& map, Cell cell) const;
    [[nodiscard]] RasterLook look(double pixel_ratio) const;
    void draw(QPainter& painter, const HeatmapLayout& layout, const QImage& image) const;
    void drawHeader(QPainter& painter, const HeatmapLayout& layout) const;
    void drawMinimap(QPainter& painter, const HeatmapLayout& layout) const;
    void drawRowAxis(QPainter& painter, const HeatmapLayout& layout) const;
    void drawColumnAxis(QPainter& painter, const HeatmapLayout& layout) const;
    void drawRowMargin(QPainter& painter, const HeatmapLayout& layout) const;
    void drawProfile(QPainter& painter, const HeatmapLayout& layout) const;
    [[nodiscard]] QRectF outlineIn(const QRect& map, Cell cell) const;
    void drawMarks(QPainter& painter, const HeatmapLayout& layout) const;
    void drawCursor(QPainter& painter, const HeatmapLayout& layout) const;
    void drawHover(QPainter& painter, const HeatmapLayout& layout) const;
    Heatmap data_;
    MaximumPyramid pyramid_;
    std::vector<float> row_maximum_, row_median_;
    std::vector<int> order_, places_;  ///< display → data and back
    std::vector<Cell> marks_;
    std::optional<std::pair<double, double>> fixed_range_;
    std::optional<double> threshold_;
    std::function<QString(int, int)> describer_;
    ValueScale scale_;
    double lowest_ = 0;  ///< measured; may lie below the scale
    bool logarithmic_ = true, margins_ = true;
    QRectF range_;
    Cell current_, hovered_;
    Gesture gesture_ = Gesture::none;
    QPoint press_, pointer_;
    QRectF press_range_;
    bool moved_ = false;

    QImage image_, overview_;  ///< pictures of `image_range_` and of everything
    QRectF image_range_;
};

}  // namespace bitwright::plots
