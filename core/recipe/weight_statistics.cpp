// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/weight_statistics.h"

#include "core/recipe/weight_rows.h"
#include "core/runtime/error.h"
#include "core/statistics/accumulator.h"

#include <algorithm>
#include <numeric>

namespace bitwright {

SiteStatistics weight_statistics(const Model& model, const Recipe* recipe, SiteId weight_site, const WeightStatisticsOptions& options, const Control& control)
{
    constexpr std::int64_t values_at_once = std::int64_t{1} << 20;
    const Site& site = (*model.sites)[weight_site];
    if (site.kind != SiteKind::weight) throw bad_input("recipe", site.name, "is no weight; calibrate to see activations");
    const std::int64_t rows = std::max<std::int64_t>(site.rows, 1), cols = site.channels;
    const auto source = model.description->weight(site.weight_role, site.layer);
    const bool together = reads_some_rows(model, recipe, weight_site);
    const std::int64_t step = together ? std::max<std::int64_t>(1, values_at_once / cols) : rows;
    SiteAccumulator sums({cols, rows, options.reservoir_rows, options.seed, 1, rows});
    Progress progress{"weight statistics", 0, rows};
    for (std::int64_t first = 0; first < rows; first += step) {
        control.check();
        std::vector<std::int64_t> numbers(static_cast<std::size_t>(std::min(step, rows - first)));
        std::iota(numbers.begin(), numbers.end(), first);
        const std::vector<float> values = materialize_rows(model, recipe, weight_site, numbers);
        control.check();
        sums.add(RowBlock{values.data(), std::ssize(numbers), cols, 1, cols, 0, first, static_cast<std::uint32_t>(first)});
        progress.done = first + std::ssize(numbers);
        control.report(progress);
    }
    if (source && together) model.checkpoint->release(source->tensor);
    return sums.result(site.name);
}

}  // namespace bitwright
