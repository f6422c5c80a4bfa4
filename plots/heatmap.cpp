// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/heatmap.h"

#include "plots/heatmap_accessible.h"
#include "plots/heatmap_layout.h"
#include "plots/numbers.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace bitwright::plots {
namespace {

constexpr double fewest_columns = 4, fewest_rows = 1;
constexpr float none = std::numeric_limits<float>::quiet_NaN();

void require(bool holds, const char* what)
{
    if (!holds) throw std::invalid_argument(what);
}

/// [first, first + length) kept inside [0, count) and at least `fewest` long.
void keep_inside(double& first, double& length, double fewest, double count)
{
    length = std::clamp(length, std::min(fewest, count), count);
    first = std::clamp(first, 0.0, count - length);
}

}  // namespace

HeatmapView::HeatmapView(QWidget* parent) : Plot(parent)
{
    install_heatmap_accessibility();
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
}
HeatmapView::~HeatmapView() = default;

void HeatmapView::setData(Heatmap data)
{
    require(data.rows >= 0 && data.columns >= 0, "a heatmap has at least no rows and no columns");
    const auto cells = static_cast<std::size_t>(data.rows) * static_cast<std::size_t>(data.columns);
    require(cells == 0 || (data.values && data.values->size() == cells), "a heatmap has rows × columns values");
    require(data.row_names.empty() || data.row_names.size() == static_cast<std::size_t>(data.rows), "a heatmap has a name for each row or none");
    require(data.valid_columns.empty() || data.valid_columns.size() == static_cast<std::size_t>(data.rows), "a heatmap counts the valid columns of each row or of none");
    const bool same_shape = data.rows == data_.rows && data.columns == data_.columns;
    data_ = std::move(data);
    if (!same_shape) {
        order_.clear();
        places_.clear();
        marks_.clear();
        hovered_ = {};
    }
    rebuild();
    if (!same_shape) {
        range_ = QRectF(0, 0, data_.columns, data_.rows);
        Cell largest;
        for (int row = 0; row < data_.rows; ++row) {
            if (const float m = row_maximum_[static_cast<std::size_t>(row)]; !std::isnan(m) && (!largest.valid() || m > row_maximum_[static_cast<std::size_t>(largest.row)]))
                largest = {row, 0};
        }
        if (largest.valid()) largest.column = pyramid_.where(largest.row, 0, data_.columns);
        else if (!isEmpty()) largest = {0, 0};
        current_ = largest;
        Q_EMIT viewChanged(range_);
        Q_EMIT currentCellChanged(current_.row, current_.column);
    }
    announce_heatmap_reset(*this);
}

void HeatmapView::clear() { setData({}); }

void HeatmapView::rebuild()
{
    pyramid_ = {};
    row_maximum_.assign(static_cast<std::size_t>(data_.rows), none);
    row_median_ = row_maximum_;
    if (!isEmpty()) {
        pyramid_ = MaximumPyramid(*data_.values, data_.rows, data_.columns, data_.valid_columns, order_, data_.differences ? Fold::magnitude : Fold::maximum);
        std::vector<float> measured;
        for (int row = 0; row < data_.rows; ++row) {
            measured.clear();
            for (int column = 0; column < data_.columns; ++column) {
                if (const float value = pyramid_.at(row, column); !std::isnan(value)) measured.push_back(value);
            }
            if (measured.empty()) continue;
            const auto r = static_cast<std::size_t>(row);
            row_maximum_[r] = pyramid_.maximum(row, 0, data_.columns);
            const auto middle = measured.begin() + static_cast<std::ptrdiff_t>(measured.size() / 2);
            std::nth_element(measured.begin(), middle, measured.end());
            row_median_[r] = measured.size() % 2 ? *middle : (*middle + *std::max_element(measured.begin(), middle)) / 2;
        }
    }
    rescale();
}

void HeatmapView::rescale()
{
    double low = std::numeric_limits<double>::infinity(), high = -low;
    std::vector<float> positive;  // of about every k-th cell, enough for a quantile
    const qint64 sparse = 1 + static_cast<qint64>(data_.rows) * data_.columns / 40000;
    for (int row = 0; row < data_.rows; ++row) {
        for (int column = 0; column < data_.columns; ++column) {
            const float value = pyramid_.at(row, column);
            if (!std::isfinite(value)) continue;
            low = std::min<double>(low, value);
            high = std::max<double>(high, value);
            if (value > 0 && (positive.empty() || (static_cast<qint64>(row) * data_.columns + column) % sparse == 0)) positive.push_back(value);
        }
    }
    lowest_ = low;
    scale_.logarithmic = logarithmic_ && !data_.differences && high > 0;
    if (fixed_range_) {
        scale_.low = fixed_range_->first;
        scale_.high = fixed_range_->second;
        if (scale_.logarithmic && scale_.low <= 0) scale_.low = scale_.high * 1e-6;
    } else if (!(high >= low)) {
        scale_ = {};
    } else if (data_.differences) {
        scale_.high = std::max({std::fabs(low), std::fabs(high), std::numeric_limits<double>::min()});
        scale_.low = -scale_.high;
    } else if (scale_.logarithmic) {
        const auto quantile = positive.begin() + static_cast<std::ptrdiff_t>(positive.size() / 20);
        std::nth_element(positive.begin(), quantile, positive.end());
        scale_.low = std::max<double>(*quantile, high * 1e-6);
        scale_.high = high;
        if (scale_.low >= scale_.high) scale_.low = scale_.high / 10;
    } else {
        scale_.low = low > 0 ? 0 : low;
        scale_.high = high > scale_.low ? high : scale_.low + 1;
    }
    image_ = {};
    overview_ = {};
    update();
}

float HeatmapView::valueAt(Cell cell) const noexcept
{
    if (!cell.valid() || cell.row >= data_.rows || cell.column >= data_.columns) return none;
    return pyramid_.at(cell.row, displayed(cell.column));
}

void HeatmapView::setLogarithmic(bool on)
{
    if (on == logarithmic_) return;
    logarithmic_ = on;
    rescale();
}

void HeatmapView::setColourRange(std::optional<std::pair<double, double>> range)
{
    require(!range || range->first < range->second, "a colour range goes from low to high");
    fixed_range_ = range;
    rescale();
}

void HeatmapView::setColumnOrder(std::vector<int> order)
{
    require(order.empty() || order.size() == static_cast<std::size_t>(data_.columns), "a column order names every column");
    std::vector<int> places(order.size(), -1);
    for (std::size_t i = 0; i < order.size(); ++i) {
        require(order[i] >= 0 && order[i] < data_.columns && places[static_cast<std::size_t>(order[i])] < 0, "a column order names every column once");
        places[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
    }
    order_ = std::move(order);
    places_ = std::move(places);
    rebuild();
    announce_heatmap_reset(*this);
}

void HeatmapView::setThreshold(std::optional<double> threshold)
{
    threshold_ = threshold;
    image_ = {};
    overview_ = {};
    update();
}

void HeatmapView::setMarks(std::vector<Cell> marks)
{
    std::erase_if(marks, [this](Cell cell) { return !cell.valid() || cell.row >= data_.rows || cell.column >= data_.columns; });
    marks_ = std::move(marks);
    update();
}

void HeatmapView::setDescriber(std::function<QString(int, int)> describer) { describer_ = std::move(describer); }

QString HeatmapView::rowName(int row) const { return data_.row_names.empty() ? locale().toString(row) : data_.row_names[static_cast<std::size_t>(row)]; }

QString HeatmapView::description(Cell cell) const
{
    if (!cell.valid() || isEmpty()) return {};
    if (describer_) return describer_(cell.row, cell.column);
    const float value = valueAt(cell);
    return tr("%1 %2, %3 %4: %5")
        .arg(data_.row_axis, rowName(cell.row), data_.column_axis, QString::number(cell.column), std::isnan(value) ? tr("not measured") : number_text(value, locale()));
}

void HeatmapView::setMarginsShown(bool on)
{
    margins_ = on;
    update();
}

void HeatmapView::setVisibleRange(const QRectF& range)
{
    if (isEmpty()) return;
    double x = range.x(), y = range.y(), width = range.width(), height = range.height();
    if (!std::isfinite(x + y + width + height)) return;
    keep_inside(x, width, fewest_columns, data_.columns);
    keep_inside(y, height, fewest_rows, data_.rows);
    const QRectF kept(x, y, width, height);
    if (kept.x() == range_.x() && kept.y() == range_.y() && kept.width() == range_.width() && kept.height() == range_.height()) return;
    range_ = kept;
    update();
    Q_EMIT viewChanged(range_);
}

void HeatmapView::resetView() { setVisibleRange(QRectF(0, 0, data_.columns, data_.rows)); }
bool HeatmapView::zoomed() const noexcept { return range_.width() < data_.columns || range_.height() < data_.rows; }

void HeatmapView::setCurrentCell(Cell cell, bool reveal)
{
    if (isEmpty() || !cell.valid()) return;
    cell = {std::min(cell.row, data_.rows - 1), std::min(cell.column, data_.columns - 1)};
    if (reveal) {
        QRectF range = range_;
        const int column = displayed(cell.column);
        if (column < range.left()) range.moveLeft(column);
        if (column + 1 > range.right()) range.moveRight(column + 1);
        if (cell.row < range.top()) range.moveTop(cell.row);
        if (cell.row + 1 > range.bottom()) range.moveBottom(cell.row + 1);
        setVisibleRange(range);
    }
    if (cell == current_) return;
    current_ = cell;
    update();
    Q_EMIT currentCellChanged(cell.row, cell.column);
    announce_heatmap_cell(*this);
}

void HeatmapView::moveCursor(int rows, int columns)
{
    if (isEmpty()) return;
    if (!current_.valid()) return setCurrentCell({0, dataColumn(0)});
    const int row = std::clamp(current_.row + rows, 0, data_.rows - 1);
    const int column = static_cast<int>(std::clamp<qint64>(static_cast<qint64>(displayed(current_.column)) + columns, 0, data_.columns - 1));
    setCurrentCell({row, dataColumn(column)});
}

QRect HeatmapView::mapRect() const { return layoutFor(size()).map; }
QRectF HeatmapView::cellRect(Cell cell) const { return cellRectIn(mapRect(), cell); }

Cell HeatmapView::cellAt(QPointF position) const
{
    const QRect map = mapRect();
    if (isEmpty() || !QRectF(map).contains(position)) return {};
    const double ratio = devicePixelRatioF();
    const QSize pixels = map.size() * ratio;  // as painted
    const auto pixel = [ratio](double at, int from, int count) { return std::clamp(static_cast<int>(std::floor(at * ratio) - std::round(from * ratio)), 0, count - 1); };
    const Run columns = run_of_pixel(range_.x(), range_.width(), pixels.width(), pixel(position.x(), map.x(), pixels.width()), data_.columns);
    const Run rows = run_of_pixel(range_.y(), range_.height(), pixels.height(), pixel(position.y(), map.y(), pixels.height()), data_.rows);
    Cell best;
    float best_value = none;
    for (int row = rows.begin; row < rows.end; ++row) {
        const int column = pyramid_.where(row, columns.begin, columns.end);
        const float value = pyramid_.at(row, column);
        if (!best.valid() || std::isnan(best_value) || value > best_value) {
            best = {row, column};
            best_value = value;
        }
    }
    best.column = dataColumn(best.column);
    return best;
}

void HeatmapView::styleChanged()
{
    image_ = {};
    overview_ = {};
    update();
}

QString HeatmapView::csv() const
{
    QString out = file_field(data_.row_axis.isEmpty() ? QStringLiteral("row") : data_.row_axis) + QLatin1Char(',') +
                  file_field(data_.column_axis.isEmpty() ? QStringLiteral("column") : data_.column_axis) + QLatin1Char(',') +
                  file_field(data_.unit.isEmpty() ? QStringLiteral("value") : data_.unit) + QLatin1Char('\n');
    if (isEmpty()) return out;
    const int top = static_cast<int>(range_.top()), bottom = std::min(data_.rows, static_cast<int>(std::ceil(range_.bottom())));
    const int left = static_cast<int>(range_.left()), right = std::min(data_.columns, static_cast<int>(std::ceil(range_.right())));
    for (int row = top; row < bottom; ++row) {
        const QString name = file_field(data_.row_names.empty() ? QString::number(row) : data_.row_names[static_cast<std::size_t>(row)]);
        for (int column = left; column < right; ++column) {
            out += name + QLatin1Char(',') + QString::number(dataColumn(column)) + QLatin1Char(',') + file_number(pyramid_.at(row, column)) + QLatin1Char('\n');
        }
    }
    return out;
}

}  // namespace bitwright::plots
