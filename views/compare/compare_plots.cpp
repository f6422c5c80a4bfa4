// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/compare/compare_plots.h"

#include "views/compare/comparison_model.h"
#include "views/desk/theme.h"

#include <QComboBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>
#include <map>

namespace bitwright::views {
namespace {

std::optional<double> cost_of(const ComparisonRow& row, Cost cost)
{
    const auto per_token = [](const Figure& speed) { return speed.value && *speed.value > 0 ? std::optional(1000 / *speed.value) : std::nullopt; };
    if (cost == Cost::size) return row.bytes.value ? std::optional(*row.bytes.value / 1e6) : std::nullopt;
    return per_token(cost == Cost::prefill ? row.prefill_tokens_per_s : row.decode_tokens_per_s);
}

}  // namespace

std::vector<plots::ScatterPoint> cost_points(const Report& report, Cost cost, std::vector<int>& rows)
{
    std::vector<plots::ScatterPoint> points;
    rows.clear();
    if (report.rows.empty()) return points;
    for (std::size_t i = 0; i < report.rows.size(); ++i) {
        const auto& row = report.rows[i];
        const auto& baseline = reference_of(report, row);
        const auto x = cost_of(row, cost);
        if (!x || !row.perplexity_token.value) continue;
        plots::ScatterPoint point;
        point.name = QString::fromStdString(row.name);
        point.x = *x;
        point.y = *row.perplexity_token.value;
        point.category = category_of(QString::fromStdString(row.method));
        point.sentence = point.name + QStringLiteral(": ") + sentence_of(row, baseline);
        point.faded = &row != &baseline && !perplexity_obstacles(row, baseline).empty();
        if (row.perplexity_difference && baseline.perplexity_token.value) {
            point.y_low = *baseline.perplexity_token.value + row.perplexity_difference->low;
            point.y_high = *baseline.perplexity_token.value + row.perplexity_difference->high;
        }
        points.push_back(std::move(point));
        rows.push_back(static_cast<int>(i));
    }
    return points;
}

std::vector<plots::Curve> layer_curves(const Report& report, std::size_t which)
{
    std::vector<plots::Curve> curves;
    if (which >= report.curves.size()) return curves;
    std::map<int, int> used;
    for (const auto& given : report.curves[which].curves) {
        const auto row = std::ranges::find(report.rows, given.name, &ComparisonRow::name);
        plots::Curve curve;
        curve.name = QString::fromStdString(given.name);
        curve.category = row == report.rows.end() ? 0 : category_of(QString::fromStdString(row->method));
        curve.dashed = used[curve.category]++ > 0;
        for (std::size_t layer = 0; layer < given.values.size(); ++layer) {
            curve.x.push_back(static_cast<double>(layer));
            curve.y.push_back(given.values[layer]);
        }
        curves.push_back(std::move(curve));
    }
    return curves;
}

ComparePlots::ComparePlots(const Settings& settings, QWidget* parent)
    : QTabWidget(parent),
      settings_(settings),
      curves_(new plots::CurvesView(this)),
      scatter_(new plots::ScatterView(this)),
      kind_(new QComboBox(this)),
      cost_(new QComboBox(this)),
      missing_(new QPushButton(this))
{
    setDocumentMode(true);
    setMinimumHeight(180);
    const auto page = [this](const QString& title, QWidget* plot, const QString& label, QComboBox* choice, QWidget* more) {
        auto* widget = new QWidget(this);
        auto* column = new QVBoxLayout(widget);
        column->setContentsMargins(8, 8, 8, 8);
        column->setSpacing(4);
        auto* bar = new QHBoxLayout;
        auto* name = new QLabel(label, widget);
        name->setBuddy(choice);
        choice->setAccessibleName(label);
        bar->addWidget(name);
        bar->addWidget(choice);
        bar->addStretch();
        if (more) bar->addWidget(more);
        column->addLayout(bar);
        column->addWidget(plot, 1);
        addTab(widget, title);
    };
    kind_->addItems({tr("accumulated: the whole model before it quantized, too"), tr("introduced: only this layer quantized")});
    cost_->addItems({tr("size on disk"), tr("prefill latency"), tr("decode latency")});
    page(tr("Error per layer"), curves_, tr("&Error"), kind_, missing_);
    page(tr("Quality against cost"), scatter_, tr("&Cost"), cost_, nullptr);
    curves_->setTitle(tr("Error per layer"));
    curves_->setAccessibleName(tr("Error per layer of each recipe"));
    curves_->setEmptyText(tr("No error per layer computed yet"));
    curves_->setAxes({.x = tr("layer"), .y = tr("SQNR"), .y_unit = tr("dB"), .counts = true});
    scatter_->setTitle(tr("Quality against cost"));
    scatter_->setAccessibleName(tr("Perplexity against cost of every tried recipe"));
    scatter_->setEmptyText(tr("No recipe has both figures yet: evaluate and measure it at the integer level"));
    missing_->hide();
    connect(kind_, &QComboBox::currentIndexChanged, this, &ComparePlots::show_curves);
    connect(cost_, &QComboBox::currentIndexChanged, this, &ComparePlots::show_scatter);
    connect(missing_, &QPushButton::clicked, this, &ComparePlots::layers_wanted);
    connect(curves_, &plots::Plot::exportFailed, this, &ComparePlots::export_failed);
    connect(scatter_, &plots::Plot::exportFailed, this, &ComparePlots::export_failed);
    connect(scatter_, &plots::ScatterView::pointSelected, this, [this](int point) {
        if (point < 0 || point >= static_cast<int>(rows_.size())) return;
        const auto& row = all_.rows[static_cast<std::size_t>(rows_[static_cast<std::size_t>(point)])];
        Q_EMIT recipe_selected(row.recipe, QString::fromStdString(row.level));
    });
    restyle();
}

int ComparePlots::cost() const { return cost_->currentIndex(); }
void ComparePlots::set_cost(int cost) { cost_->setCurrentIndex(std::clamp(cost, 0, 2)); }

void ComparePlots::set_comparison(const Comparison& comparison)
{
    report_ = comparison.report;
    all_ = comparison.all;
    const int missing = static_cast<int>(comparison.without_layers.size());
    missing_->setVisible(missing > 0);
    missing_->setText(missing == 1 ? tr("Compute the missing curve") : tr("Compute the %1 missing curves").arg(missing));
    show_curves();
    show_scatter();
}

void ComparePlots::show_curves() { curves_->setCurves(layer_curves(report_, static_cast<std::size_t>(kind_->currentIndex()))); }

void ComparePlots::show_scatter()
{
    const auto cost = static_cast<Cost>(cost_->currentIndex());
    plots::ScatterAxes axes;
    axes.x = cost_->currentText();
    axes.x_unit = cost == Cost::size ? tr("MB") : tr("ms per token");
    axes.y = tr("perplexity");
    scatter_->setAxes(axes);
    scatter_->setPoints(cost_points(all_, cost, rows_));
}

void ComparePlots::restyle()
{
    const auto style = plot_style(settings_.sequence);
    curves_->setStyle(style);
    scatter_->setStyle(style);
}

void ComparePlots::changeEvent(QEvent* event)
{
    QTabWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) restyle();
}

}  // namespace bitwright::views
