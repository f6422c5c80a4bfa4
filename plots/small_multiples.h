// SPDX-License-Identifier: GPL-3.0-or-later
// Many small plots of the same kind side by side: drift of scales and ranges, one panel per site kind, a few lines in each, all panels on one x. A click selects
// the nearest line. Painted without QCustomPlot: a dozen axis systems would cost more than the few thousand points in them.
// Keys: arrows walk the panels and, with Ctrl, the lines of one; Enter activates.
// Threading: GUI thread.
#pragma once

#include "plots/plot.h"

#include <vector>

namespace bitwright::plots {

struct SmallLine {
    QString name;
    std::vector<double> x, y;  ///< same length, x ascending; NaN: a gap
    int category = 0;
};

struct SmallPanel {
    QString title, unit;
    std::vector<SmallLine> lines;
};

class SmallMultiples : public Plot {
    Q_OBJECT
public:
    explicit SmallMultiples(QWidget* parent = nullptr);

    void setPanels(std::vector<SmallPanel> panels);
    [[nodiscard]] const std::vector<SmallPanel>& panels() const noexcept { return panels_; }
    /// Name of the common x axis: "step".
    void setXAxis(const QString& name);
    /// All panels on one y, so that they can be compared; off: each on its own.
    void setSharedY(bool on);
    void append(int panel, int line, double x, double y);  ///< throws std::out_of_range for a line that is not there
    void setSelected(int panel, int line);                 ///< −1: none; emits nothing
    [[nodiscard]] std::pair<int, int> selected() const noexcept { return {panel_, line_}; }
    [[nodiscard]] QRect panelRect(int panel) const;

    [[nodiscard]] bool isEmpty() const override;
    void paintOn(QPaintDevice& device, QSize size) const override;
    [[nodiscard]] QString csv() const override;  ///< panel, line, x, y
    [[nodiscard]] QSize sizeHint() const override { return {420, 220}; }
    [[nodiscard]] QSize minimumSizeHint() const override { return {200, 110}; }

Q_SIGNALS:
    void lineSelected(int panel, int line);
    void lineActivated(int panel, int line);

protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void leaveEvent(QEvent* event) override;

private:
    struct Frame {
        QRect whole, area;
        double x_low, x_high, y_low, y_high;
        [[nodiscard]] QPointF at(double x, double y) const;
    };
    struct Hit {
        int panel = -1, line = -1;
        std::size_t point = 0;
    };
    [[nodiscard]] int columnsFor(QSize size) const;
    [[nodiscard]] Frame frameOf(int panel, QSize size) const;
    [[nodiscard]] Hit hitAt(QPointF position) const;
    [[nodiscard]] QString sentenceOf(const Hit& hit) const;
    void draw(QPainter& painter, QSize size) const;
    void select(int panel, int line);

    std::vector<SmallPanel> panels_;
    QString x_axis_;
    bool shared_y_ = false;
    int panel_ = -1, line_ = -1;
    Hit hovered_;
    QPoint pointer_;
};

}  // namespace bitwright::plots
