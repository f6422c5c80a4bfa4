// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/inspector/subject.h"

#include "core/recipe/statistics_under.h"
#include "core/recipe/transformed_statistics.h"
#include "core/recipe/transforms.h"
#include "core/recipe/weight_rows.h"
#include "core/recipe/weight_statistics.h"
#include "core/statistics/calibration.h"
#include "views/desk/formats.h"

#include <QCoreApplication>

#include <algorithm>

namespace bitwright::views {
namespace {

constexpr std::int64_t drag_weights = 1 << 19;  ///< requantized within a frame while a line is dragged
constexpr std::int64_t drag_values = 262144;       ///< of a weight, for figures within a frame
constexpr std::int64_t whole_values = 33554432;    ///< of a weight; larger ones (embeddings) show rows of that many

QString text(const char* words) { return QCoreApplication::translate("Inspector", words); }

WeightSample rows_of(const Model& model, const Recipe* recipe, const Site& site, std::int64_t most_values)
{
    const std::int64_t rows = std::max<std::int64_t>(site.rows, 1), wanted = std::max<std::int64_t>(1, most_values / std::max<std::int64_t>(site.channels, 1));
    return sample_weight(model, recipe, site.id, choose_rows(rows, std::min(rows, wanted), 0));
}

/// `kept` of the rows of a sample that lies in memory.
WeightSample thinned(const WeightSample& whole, std::int64_t most_values)
{
    const auto cols = whole.shape.back(), have = std::ssize(whole.rows), wanted = std::max<std::int64_t>(1, most_values / std::max<std::int64_t>(cols, 1));
    if (wanted >= have) return whole;
    WeightSample few{whole.shape, {}, false, {}, whole.column_min, whole.column_max};
    for (const auto row : choose_rows(have, wanted, 0)) {
        few.rows.push_back(whole.rows[static_cast<std::size_t>(row)]);
        few.values.insert(few.values.end(), whole.values.begin() + row * cols, whole.values.begin() + (row + 1) * cols);
    }
    return few;
}

void gather_activation(Subject& subject, const std::shared_ptr<const Statistics>& statistics)
{
    if (!statistics) {
        subject.missing = text("Nothing is calibrated yet, so there is nothing to show of activations.");
        return;
    }
    subject.values = statistics_under(subject.model, subject.recipe.get(), statistics, subject.site.id);
    if (!subject.values) {
        const bool seen = statistics->find(subject.site.name) != nullptr;
        subject.missing = seen ? text("The calibration counted other entries here than the recipe's semantics does; calibrate under this recipe to see it.") : text("The calibration did not see this site.");
        return;
    }
    const auto& s = *subject.values;
    const QString reservoir = text("reservoir, %1 rows").arg(count(s.reservoir_rows));
    if (subject.channel >= 0 && s.reservoir_rows > 0) {
        subject.histogram = channel_histogram(s, subject.channel);
        subject.histogram_from = reservoir;
    } else if (subject.channel < 0) {
        subject.histogram = s.histogram;
        subject.histogram_from = s.tokens <= static_cast<std::uint64_t>(s.reservoir_rows) ? reservoir : text("all %1 tokens").arg(count(static_cast<std::int64_t>(s.tokens)));
    }
    if (subject.recipe && semantics_of(*statistics) != subject.recipe->semantics && !subject.histogram_from.isEmpty()) subject.histogram_from += text(" (other semantics)");
}

void gather_weight(Subject& subject, const Recipe* plain, const Control& control)
{
    const auto& site = subject.site;
    subject.values = std::make_shared<const SiteStatistics>(weight_statistics(subject.model, plain, site.id, {}, control));
    control.check();
    const bool small = std::max<std::int64_t>(site.rows, 1) * site.channels <= whole_values;
    const auto sampled = [&](const Recipe* recipe) { return small ? sample_weight(subject.model, recipe, site.id, 0) : rows_of(subject.model, recipe, site, whole_values); };
    subject.whole = sampled(plain);
    if (plain != subject.recipe.get()) subject.coded = preview_codes(subject.whole->values, sampled(subject.recipe.get()).values);
    subject.quick = thinned(*subject.whole, drag_values);
    subject.channel = -1;
    subject.histogram = subject.values->histogram;
    subject.histogram_from = text("all %1 values").arg(count(static_cast<std::int64_t>(subject.values->count)));
}

}  // namespace

const SiteDecision* Subject::decision() const
{
    if (!recipe) return nullptr;
    const auto found = recipe->sites.find(site.name);
    return found == recipe->sites.end() ? nullptr : &found->second;
}

std::shared_ptr<const SiteStatistics> statistics_under(const Model& model, const Recipe* recipe, const std::shared_ptr<const Statistics>& statistics, SiteId site)
{
    const SiteStatistics* plain = statistics ? statistics->find((*model.sites)[site].name) : nullptr;
    if (!plain || (recipe && !holds_under(semantics_of(*statistics), recipe->semantics, (*model.sites)[site]))) return nullptr;
    if (recipe && statistics->transforms.empty())
        for (const auto& [id, factor] : activation_factors(model, *recipe))
            if (id == site) return std::make_shared<const SiteStatistics>(transformed(*plain, factor));
    return {statistics, plain};
}

std::shared_ptr<const Subject> gather_subject(const Model& model, std::shared_ptr<const Recipe> recipe, const std::shared_ptr<const Statistics>& statistics, SiteId site, int channel,
                                              const Control& control)
{
    auto subject = std::make_shared<Subject>();
    subject->model = model;
    subject->recipe = std::move(recipe);
    subject->site = (*model.sites)[site];
    subject->channel = channel < subject->site.channels ? channel : -1;
    auto plain = subject->recipe;  // an edit gives another grid, on which the weight is rounded anew
    if (plain && fixes_codes(*plain, subject->site.name)) {
        auto rounded = std::make_shared<Recipe>(*plain);
        forget_codes(*rounded, [&](const std::string& name) { return name == subject->site.name; });
        plain = std::move(rounded);
    }
    if (subject->site.kind == SiteKind::weight)
        gather_weight(*subject, plain.get(), control);
    else
        gather_activation(*subject, statistics);
    control.check();
    if (subject->recipe && subject->decision() && has_output_error(model, site)) {
        subject->input = statistics_under(model, subject->recipe.get(), statistics, output_error_input(model, site));
        if (subject->input && subject->input->reservoir_rows > 0)
            subject->estimate = std::make_shared<const OutputErrorEstimate>(model, *plain, site, *subject->input, OutputSample{.weights = drag_weights}, control);
    }
    return subject;
}

Figures figures_of(const Subject& subject, const Scheme& scheme, const Range& range, bool quick, const Control& control)
{
    Figures figures;
    if (scheme.kind == SchemeKind::floating) return figures;
    if (const auto* decision = subject.decision(); subject.coded && decision && same_grids(*decision, {scheme, range})) {
        figures.preview = *subject.coded;  // the estimate of the outputs rounds to the grid: it does not know the codes
        return figures;
    }
    if (subject.site.kind == SiteKind::weight) {
        const auto& sample = quick ? subject.quick : subject.whole;
        if (sample) figures.preview = preview_weight(*sample, scheme, range, subject.semantics(), control);
    } else if (subject.values) {
        figures.preview = subject.channel >= 0 && subject.values->reservoir_rows > 0
                              ? preview_channel(*subject.values, subject.site, subject.channel, scheme, range, subject.semantics())
                              : preview_activation(*subject.values, subject.site, scheme, range, subject.semantics());
    }
    control.check();
    if (subject.estimate) figures.outputs = subject.estimate->estimate(scheme, range);
    return figures;
}

}  // namespace bitwright::views
