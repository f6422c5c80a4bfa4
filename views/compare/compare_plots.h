// SPDX-License-Identifier: GPL-3.0-or-later
// The two pictures of a comparison: error per layer, curves over one another; quality against cost, every tried recipe, with the Pareto front.
// Threading: UI thread.
#pragma once

#include "plots/curves.h"
#include "plots/scatter.h"
#include "views/compare/choices.h"
#include "views/desk/settings.h"

#include <QTabWidget>

class QComboBox;
class QPushButton;

namespace bitwright::views {

enum class Cost : std::uint8_t { size, prefill, decode };

/// Points of rows that have both figures. x: megabytes, or milliseconds per token; y: perplexity per token. Faded: not comparable with the baseline.
/// `rows` gets the index into report.rows of each point.
[[nodiscard]] std::vector<plots::ScatterPoint> cost_points(const Report& report, Cost cost, std::vector<int>& rows);
/// One curve per recipe; a second recipe of the same method is dashed.
[[nodiscard]] std::vector<plots::Curve> layer_curves(const Report& report, std::size_t which);

class ComparePlots : public QTabWidget {
    Q_OBJECT
public:
    explicit ComparePlots(const Settings& settings, QWidget* parent = nullptr);
    void set_comparison(const Comparison& comparison);
    [[nodiscard]] plots::CurvesView& curves() noexcept { return *curves_; }
    [[nodiscard]] plots::ScatterView& scatter() noexcept { return *scatter_; }
    [[nodiscard]] int cost() const;
    void set_cost(int cost);

Q_SIGNALS:
    void layers_wanted();
    void recipe_selected(qint64 recipe, const QString& level);
    void export_failed(const QString& sentence);

protected:
    void changeEvent(QEvent* event) override;

private:
    void show_curves();
    void show_scatter();
    void restyle();
    const Settings& settings_;
    Report report_, all_;
    plots::CurvesView* curves_;
    plots::ScatterView* scatter_;
    QComboBox* kind_;
    QComboBox* cost_;
    QPushButton* missing_;
    std::vector<int> rows_;
};

}  // namespace bitwright::views
