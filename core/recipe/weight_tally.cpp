// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/weight_tally.h"

#include "core/recipe/weight_rows.h"
#include "core/runtime/error.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace bitwright {
namespace {

const SiteDecision& decision_of(const Recipe& recipe, const Site& site)
{
    if (site.kind != SiteKind::weight) throw bad_input("recipe", site.name, "is no weight");
    return recipe.sites.at(site.name);
}

}  // namespace

WeightTally::WeightTally(Model model, std::shared_ptr<const Recipe> recipe, SiteId weight_site, std::int64_t values_at_once)
    : model_(std::move(model)), recipe_(std::move(recipe)), site_(weight_site)
{
    const Site& site = (*model_.sites)[site_];
    const SiteDecision& decision = decision_of(*recipe_, site);
    rows_ = std::max<std::int64_t>(site.rows, 1);
    cols_ = site.channels;
    at_once_ = reads_some_rows(model_, recipe_.get(), site_) ? std::clamp<std::int64_t>(values_at_once / std::max<std::int64_t>(cols_, 1), 1, rows_) : rows_;
    const Granularity granularity = decision.scheme.granularity;
    const bool by_rows = granularity == Granularity::row || granularity == Granularity::head || granularity == Granularity::group;
    extremes_first_ = !by_rows && !decision.range.scale && !decision.range.min;
    if (extremes_first_) {
        column_min_.assign(static_cast<std::size_t>(cols_), std::numeric_limits<float>::infinity());
        column_max_.assign(static_cast<std::size_t>(cols_), -std::numeric_limits<float>::infinity());
    }
}

WeightSample WeightTally::rows_from(std::int64_t first, std::int64_t count) const
{
    WeightSample sample;
    sample.shape = {rows_, cols_};
    sample.rows.resize(static_cast<std::size_t>(count));
    std::iota(sample.rows.begin(), sample.rows.end(), first);
    sample.whole = count == rows_;
    sample.values = materialize_rows(model_, recipe_.get(), site_, sample.rows);
    return sample;
}

bool WeightTally::step(const Control& control)
{
    control.check();
    if (next_ >= rows_) return false;  // it has seen all
    const std::int64_t count = std::min(at_once_, rows_ - next_);
    WeightSample sample = rows_from(next_, count);
    control.check();
    const auto cols = static_cast<std::size_t>(cols_), rows = static_cast<std::size_t>(count);
    if (extremes_first_) {
        for (std::size_t r = 0; r < rows; ++r) {
            const float* const row = sample.values.data() + r * cols;
            for (std::size_t c = 0; c < cols; ++c) {
                column_min_[c] = std::min(column_min_[c], row[c]);
                column_max_[c] = std::max(column_max_[c], row[c]);
            }
        }
    } else {
        sample.column_min = column_min_;
        sample.column_max = column_max_;
        const SiteDecision& decision = recipe_->sites.at((*model_.sites)[site_].name);
        const std::vector<Grid> grids = sample_grids(sample, decision.scheme, decision.range, recipe_->semantics);
        if (decision.scheme.granularity == Granularity::channel) {
            std::vector<float> column(rows);
            for (std::size_t c = 0; c < cols; ++c) {
                for (std::size_t r = 0; r < rows; ++r) column[r] = sample.values[r * cols + c];
                tally(sums_, column, grids[c]);
            }
        } else {
            const std::size_t width = sample.values.size() / grids.size();
            for (std::size_t i = 0; i < grids.size(); ++i) tally(sums_, std::span(sample.values).subspan(i * width, width), grids[i]);
        }
    }
    next_ += count;
    if (next_ < rows_) return true;
    if (extremes_first_) {
        extremes_first_ = false;
        next_ = 0;
        return true;
    }
    const Site& site = (*model_.sites)[site_];
    if (const auto source = model_.description->weight(site.weight_role, site.layer); source && source->stacked == 0) model_.checkpoint->release(source->tensor);
    return false;
}

SitePreview WeightTally::result() const { return preview_of(sums_, Provenance::values); }

}  // namespace bitwright
