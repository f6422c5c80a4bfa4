// SPDX-License-Identifier: GPL-3.0-or-later
// InspectorPanel: what is shown and measured.
#include "views/inspector/inspector_panel.h"

#include "core/recipe/grid.h"
#include "core/workspace/calibrations.h"
#include "plots/range_histogram.h"

#include <algorithm>
#include <cmath>

namespace bitwright::views {

InspectorPanel::InspectorPanel(Desk& desk, QWidget* parent) : QWidget(parent), desk_(desk), figures_(new FiguresModel(this))
{
    build();
    add_actions();
    const auto again = [this] {
        keep_before_ = editing_;
        gather();
    };
    connect(&desk.selection(), &SelectionModel::changed, this, [this, again] {
        if (subject_ && desk_.selection().current().site.toStdString() == subject_->site.name && desk_.selection().current().channel == subject_->channel) return show_targets();
        again();
    });
    connect(&desk, &Desk::recipe_changed, this, again);
    connect(&desk, &Desk::statistics_changed, this, again);
    connect(&desk, &Desk::model_changed, this, [this] {
        subject_.reset();
        show_subject();
        gather();
    });
}

void InspectorPanel::showEvent(QShowEvent* event)
{
    QWidget::showEvent(event);
    if (dirty_) gather();
}

void InspectorPanel::gather()
{
    dirty_ = true;
    if (!isVisible()) return;
    dirty_ = false;
    const auto& selection = desk_.selection().current();
    const SiteId id = desk_.model() && !selection.site.isEmpty() ? desk_.model()->sites->find(selection.site.toStdString()) : no_site;
    if (id == no_site) {
        subject_.reset();
        desk_.lanes().interactive.post(this, QStringLiteral("inspector.subject"), [](const Control&) -> Lane::Continuation { return {}; });
        return show_subject();
    }
    desk_.lanes().interactive.post(
        this, QStringLiteral("inspector.subject"),
        [this, model = *desk_.model(), recipe = desk_.recipe(), statistics = desk_.statistics(), id, channel = selection.channel](const Control& control) -> Lane::Continuation {
            auto subject = gather_subject(model, recipe, statistics, id, channel, control);
            return [this, subject = std::move(subject)]() mutable { take(std::move(subject)); };
        },
        [this](const QString& sentence) { refuse(sentence); });
}

void InspectorPanel::take(std::shared_ptr<const Subject> subject)
{
    const bool another = !subject_ || subject_->site.name != subject->site.name || subject_->channel != subject->channel;
    if (another) moving_ = false;
    subject_ = std::move(subject);
    const auto* decision = subject_->decision();
    if (!moving_) {
        Scheme off;
        off.kind = SchemeKind::floating;
        scheme_ = decision ? decision->scheme : off;
        range_ = decision ? decision->range : Range{};
    }
    if (another || !keep_before_) {
        before_ = {};
        ask_windows_ = false;
    }
    now_ = {};
    show_subject();
    measure(false);
}

std::optional<std::pair<double, double>> InspectorPanel::ends_of(const Scheme& scheme, const Range& range) const
{
    if (!subject_ || scheme.kind == SchemeKind::floating || scheme.dynamic) return std::nullopt;
    const Numbers& given = range.scale ? range.scale : range.min;
    if (!given) {
        if (subject_->site.kind != SiteKind::weight || scheme.granularity != Granularity::tensor || !subject_->values) return std::nullopt;
        return std::pair(static_cast<double>(subject_->values->min), static_cast<double>(subject_->values->max));  // such a weight has its own
    }
    if (given->size() != 1) return std::nullopt;
    float low = 0, high = 0;
    if (range.scale) {
        range_of(grid_of(range, 0, scheme, subject_->semantics()), scheme.symmetric, low, high);
    } else {
        low = range.min->front();
        high = range.max->front();
    }
    if (scheme.symmetric) {
        high = std::max(std::fabs(low), std::fabs(high));
        low = -high;
    }
    return std::pair(static_cast<double>(low), static_cast<double>(high));
}

void InspectorPanel::show_grid()
{
    std::optional<plots::IntegerGrid> shown;
    if (const auto ends = ends_of(scheme_, range_)) {
        const Grid grid = range_.scale || range_.min ? grid_of(range_, 0, scheme_, subject_->semantics())
                                                     : grid_of(static_cast<float>(ends->first), static_cast<float>(ends->second), scheme_, subject_->semantics());
        shown = plots::IntegerGrid{grid.scale, grid.offset, grid.qmin, grid.qmax};
    }
    histogram_->setGrid(shown);
}

void InspectorPanel::preview(double minimum, double maximum)
{
    if (!subject_ || !subject_->decision()) return;
    if (!moving_) {
        moving_ = true;
        before_ = now_;  // what the head does
    }
    range_ = {numbers({static_cast<float>(minimum)}), numbers({static_cast<float>(maximum)}), {}, {}, "by hand"};
    show_grid();
    show_range();
    measure(true);
}

void InspectorPanel::measure(bool quick)
{
    if (!subject_) return;
    desk_.lanes().interactive.post(
        this, QStringLiteral("inspector.preview"),
        [this, subject = subject_, scheme = scheme_, range = range_, quick](const Control& control) -> Lane::Continuation {
            auto figures = figures_of(*subject, scheme, range, quick, control);
            return [this, subject, quick, figures = std::move(figures)] {
                if (subject != subject_) return;
                now_.figures = figures;
                if (quick) {
                    now_.reservoir.reset();
                    now_.windows.reset();
                }
                publish();
                if (quick) return;
                if (subject->estimate) measure_reservoir();
                if (ask_windows_) measure_windows();
            };
        },
        [this](const QString& sentence) { refuse(sentence); });
}

void InspectorPanel::measure_reservoir()
{
    // under the tag of the previews: the next drag need not wait for it
    desk_.lanes().interactive.post(
        this, QStringLiteral("inspector.preview"),
        [this, subject = subject_, scheme = scheme_, range = range_](const Control& control) -> Lane::Continuation {
            auto errors = output_error_over_reservoir(subject->model, *subject->recipe, subject->site.id, *subject->input, scheme, range, control);
            return [this, subject, errors] {
                if (subject != subject_ || moving_) return;
                now_.reservoir = errors;
                publish();
            };
        },
        [this](const QString& sentence) { refuse(sentence); });
}

void InspectorPanel::measure_windows()
{
    ask_windows_ = false;
    if (!subject_ || !subject_->decision() || !desk_.workspace() || !desk_.calibration()) return;
    figures_->set_windows_note(tr("Being measured over all tokens of the calibration…"));
    desk_.lanes().compute.post(
        this, QStringLiteral("inspector.windows"),
        [this, subject = subject_, workspace = desk_.workspace(), row = *desk_.calibration()](const Control& control) -> Lane::Continuation {
            const auto windows = load_calibration_windows(*workspace, row);
            auto errors = load_numerics().site_errors(subject->model, *subject->recipe, {subject->site.id}, windows, control);
            return [this, subject, errors = std::move(errors)] {
                figures_->set_windows_note({});
                // a later subject of the same revision and site shows it too
                if (!subject_ || moving_ || subject->recipe != subject_->recipe || subject->site.name != subject_->site.name || errors.empty()) return;
                now_.windows = errors.front();
                publish();
            };
        },
        [this](const QString& sentence) { figures_->set_windows_note(sentence); });
}

void InspectorPanel::publish()
{
    const bool changed = moving_ || before_.figures.has_value();
    figures_->set(changed ? before_ : now_, now_, subject_ && subject_->estimate, subject_ && subject_->site.kind == SiteKind::weight);
}

}  // namespace bitwright::views
