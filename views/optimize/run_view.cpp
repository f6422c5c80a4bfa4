// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/optimize/run_view.h"

#include "plots/curves.h"
#include "plots/small_multiples.h"
#include "views/desk/formats.h"
#include "views/desk/site_titles.h"
#include "views/desk/theme.h"

#include <QLabel>
#include <QSplitter>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace bitwright::views {
namespace {

enum LossCurve { train, held_out };
constexpr std::size_t lines_in_a_panel = 6;

/// "scale pair up → down", "clip up_proj weight", "range qkv input": what a panel of the drift shows.
QString kind_of(const Drift& drift, const std::optional<Model>& model)
{
    QString name = QString::fromStdString(drift.name);
    const auto site = model ? model->sites->find(drift.name) : no_site;
    if (site != no_site) name = role_title((*model->sites)[site].role);
    else if (name.startsWith(QLatin1String("layers."))) name = name.section(QLatin1Char('.'), 2);
    if (drift.what == Drift::What::scale_pair) return RunView::tr("scale pair %1").arg(name.replace(QLatin1Char('_'), QStringLiteral(" → ")));
    if (drift.what == Drift::What::weight_clip) return RunView::tr("clip %1").arg(name);
    return RunView::tr("range %1").arg(name);
}

QString layer_of(const std::string& name)
{
    const auto text = QString::fromStdString(name);
    return text.startsWith(QLatin1String("layers.")) ? RunView::tr("layer %1").arg(text.section(QLatin1Char('.'), 1, 1)) : text;
}

}  // namespace

RunView::RunView(Desk& desk, QWidget* parent) : QWidget(parent), desk_(desk)
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    caption_ = new QLabel;
    caption_->setObjectName(QStringLiteral("run_caption"));
    caption_->setWordWrap(true);
    column->addWidget(caption_);
    auto* split = new QSplitter(Qt::Vertical);
    loss_ = new plots::CurvesView;
    loss_->setObjectName(QStringLiteral("loss"));
    loss_->setTitle(tr("Loss"));
    loss_->setAxes({.x = tr("step"), .y = tr("loss"), .counts = true});
    rates_ = new plots::CurvesView;
    rates_->setTitle(tr("Learning rates"));
    rates_->setAxes({.x = tr("step"), .y = tr("learning rate"), .logarithmic = true, .counts = true});
    drift_ = new plots::SmallMultiples;
    drift_->setTitle(tr("Drift since the first step, largest |log2 ratio|"));
    drift_->setXAxis(tr("step"));
    drift_->setSharedY(false);
    split->addWidget(loss_);
    split->addWidget(rates_);
    split->addWidget(drift_);
    split->setStretchFactor(0, 3);
    split->setStretchFactor(1, 2);
    split->setStretchFactor(2, 3);
    column->addWidget(split, 1);
    connect(drift_, &plots::SmallMultiples::lineSelected, this, [this](int panel, int line) {
        if (panel < 0 || line < 0) return;
        const auto& name = panel_names_[static_cast<std::size_t>(panel)][static_cast<std::size_t>(line)];
        if (desk_.model() && desk_.model()->sites->find(name.toStdString()) != no_site) {
            const auto& site = (*desk_.model()->sites)[desk_.model()->sites->find(name.toStdString())];
            desk_.selection().set_site(name, static_cast<int>(site.layer));
        }
    });
    for (plots::Plot* plot : {static_cast<plots::Plot*>(loss_), static_cast<plots::Plot*>(rates_), static_cast<plots::Plot*>(drift_)})
        connect(plot, &plots::Plot::exportFailed, &desk_, &Desk::fail);
    restyle();
    start_over();
}

void RunView::restyle()
{
    const auto style = plot_style(desk_.settings().sequence);
    loss_->setStyle(style);
    rates_->setStyle(style);
    drift_->setStyle(style);
}

void RunView::show_job(std::int64_t number)
{
    if (number == job_) return refresh();
    job_ = number;
    start_over();
    refresh();
}

void RunView::start_over()
{
    shown_ = drift_shown_ = 0;
    trace_.reset();
    loss_->setMarker(std::nullopt);
    loss_->clear();
    rates_->clear();
    drift_->setPanels({});
    panel_names_.clear();
    drift_->hide();
    rates_->hide();
}

void RunView::refresh()
{
    const auto job = desk_.jobs().job(job_);
    caption_->setVisible(job.has_value());
    loss_->setEmptyText(!job                                 ? tr("Choose a method and start: its loss shows here, step by step.")
                        : job->phase == JobPhase::queued     ? tr("It waits for the jobs before it.")
                        : !is_over(job->phase)               ? tr("Its loss shows here from the first step on.")
                        : job->phase == JobPhase::done       ? tr("It took no steps: what it decides is computed in closed form.")
                                                             : tr("It ended before its first step."));
    if (!job) return;
    const auto trace = desk_.jobs().trace(job_);
    if (trace && trace_ && trace->steps.size() < shown_) start_over();  // begun again from the beginning
    trace_ = trace;
    if (trace && trace->steps.size() > shown_) {
        if (shown_ == 0) {
            loss_->setCurves({{tr("train"), {}, {}, 2}, {tr("held out"), {}, {}, 5}});
            show_rates_of(trace->steps.front()->record, job->arguments.contains(QStringLiteral("mobilequant")));
        }
        for (; shown_ < trace->steps.size(); ++shown_) {
            const auto& progress = *trace->steps[shown_];
            if (shown_ == 0 && progress.best_step == -1 && progress.best_holdout_loss) loss_->append(held_out, 0, *progress.best_holdout_loss);  // before the first step
            const auto& record = trace->steps[shown_]->record;
            const auto step = static_cast<double>(record.step + 1);  // steps done
            loss_->append(train, step, record.loss);
            if (record.holdout_loss) loss_->append(held_out, step, *record.holdout_loss);
            for (std::size_t i = 0; i < rates_shown_.size(); ++i) rates_->append(static_cast<int>(i), step, record.*rates_shown_[i]);
        }
        const auto& last = *trace->steps.back();
        if (last.best_step)
            loss_->setMarker(plots::CurveMarker{static_cast<double>(*last.best_step + 1), *last.best_step < 0 ? tr("best: the start") : tr("best step %1").arg(*last.best_step + 1)});
        show_drift();
    }
    QStringList facts{job->title};
    if (trace && !trace->steps.empty()) {
        const auto& last = *trace->steps.back();
        facts << tr("step %1 of %2").arg(count(last.record.step + 1), count(last.steps)) << tr("loss %1").arg(number(last.record.loss, 4));
        if (last.best_holdout_loss && last.best_step)
            facts << (*last.best_step < 0 ? tr("best held out %1, before the first step").arg(number(*last.best_holdout_loss, 4))
                                          : tr("best held out %1 at step %2").arg(number(*last.best_holdout_loss, 4), count(*last.best_step + 1)));
        if (last.remaining_seconds && job->phase == JobPhase::running) facts << tr("%1 left").arg(duration(*last.remaining_seconds));
    }
    if (job->phase == JobPhase::paused) facts << tr("paused");
    if (job->phase == JobPhase::failed) facts << tr("failed");
    caption_->setText(facts.join(QStringLiteral("  ·  ")));
}

/// The rates of what the run learns. Where MobileQuant learns no scales, its clips are the rounding of weights.
void RunView::show_rates_of(const StepRecord& first, bool rounds)
{
    const std::pair<double StepRecord::*, QString> all[] = {{&StepRecord::lr_let, tr("scales (LET)")},
                                                            {&StepRecord::lr_lwc, rounds && first.lr_let == 0 ? tr("rounding") : tr("clips (LWC)")},
                                                            {&StepRecord::lr_lrl, tr("ranges (LRL)")}};
    rates_shown_.clear();
    std::vector<plots::Curve> curves;
    for (int i = 0; i < 3; ++i) {
        if (first.*all[i].first <= 0) continue;
        curves.push_back({all[i].second, {}, {}, i});
        rates_shown_.push_back(all[i].first);
    }
    rates_->setVisible(!curves.empty());
    rates_->setCurves(std::move(curves));
}

void RunView::show_drift()
{
    bool news = false;
    for (; drift_shown_ < trace_->steps.size(); ++drift_shown_) news = news || !trace_->steps[drift_shown_]->drift.empty();
    if (!news) return;
    struct Line {
        QString name;
        std::vector<double> x, y;
        double last = 0;
    };
    std::map<QString, std::map<std::string, Line>> kinds;
    for (const auto& step : trace_->steps)
        for (const auto& drift : step->drift) {
            auto& line = kinds[kind_of(drift, desk_.model())][drift.name];
            line.name = layer_of(drift.name);
            line.x.push_back(static_cast<double>(step->record.step + 1));
            line.y.push_back(std::isfinite(drift.log2_ratio) ? drift.log2_ratio : std::numeric_limits<double>::quiet_NaN());
            line.last = std::isfinite(drift.log2_ratio) ? drift.log2_ratio : std::numeric_limits<double>::infinity();
        }
    // the kinds that moved most, and of each the layers that moved most: more would be ink
    std::vector<std::pair<double, plots::SmallPanel>> panels;
    std::vector<std::pair<double, std::vector<QString>>> names;
    for (auto& [kind, lines] : kinds) {
        std::vector<std::pair<std::string, Line*>> order;
        for (auto& [name, line] : lines) order.emplace_back(name, &line);
        std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.second->last > b.second->last; });
        if (order.front().second->last <= 0) continue;
        plots::SmallPanel panel;
        panel.title = kind;
        std::vector<QString> of_panel;
        for (std::size_t i = 0; i < std::min(order.size(), lines_in_a_panel); ++i) {
            panel.lines.push_back({order[i].second->name, std::move(order[i].second->x), std::move(order[i].second->y), static_cast<int>(i)});
            of_panel.push_back(QString::fromStdString(order[i].first));
        }
        const double moved = order.front().second->last;
        panels.emplace_back(moved, std::move(panel));
        names.emplace_back(moved, std::move(of_panel));
    }
    const auto larger = [](const auto& a, const auto& b) { return a.first > b.first; };
    std::ranges::stable_sort(panels, larger);
    std::ranges::stable_sort(names, larger);
    std::vector<plots::SmallPanel> shown;
    panel_names_.clear();
    for (std::size_t i = 0; i < std::min<std::size_t>(panels.size(), 8); ++i) {
        shown.push_back(std::move(panels[i].second));
        panel_names_.push_back(std::move(names[i].second));
    }
    drift_->setPanels(std::move(shown));
    drift_->setVisible(!panel_names_.empty());
}

}  // namespace bitwright::views
