// SPDX-License-Identifier: GPL-3.0-or-later
// A site observed through the accumulators from made-up rows: normal values, some channels far above the others.
#pragma once

#include "core/architecture/site.h"
#include "core/runtime/random.h"
#include "core/statistics/accumulator.h"

#include <cmath>
#include <numbers>
#include <vector>

namespace bitwright::test {

inline double normal(Random& random)
{
    return std::sqrt(-2 * std::log(1 - random.uniform())) * std::cos(2 * std::numbers::pi * random.uniform());
}

struct SyntheticSite {
    Site site;
    std::int64_t rows = 0;
    std::vector<float> values;  ///< [rows, channels]
    SiteStatistics statistics;
};

/// Channel c has σ = 1, but `outliers` channels have σ = 30; a tenth of the values is exactly 0.
inline SyntheticSite synthetic_site(std::int64_t rows, std::int64_t channels, std::int64_t outliers, std::int64_t reservoir_rows, std::uint64_t seed)
{
    SyntheticSite made;
    Random random(seed);
    made.rows = rows;
    made.site.name = "layers.0.mlp.down_proj.input";
    made.site.role = SiteRole::down_input;
    made.site.layer = 0;
    made.site.channels = channels;
    made.values.resize(static_cast<std::size_t>(rows * channels));
    for (std::size_t i = 0; i < made.values.size(); ++i) {
        const double sigma = static_cast<std::int64_t>(i) % channels < outliers ? 30 : 1;
        made.values[i] = random.uniform() < 0.1 ? 0.0f : static_cast<float>(0.2 + sigma * normal(random));
    }
    SiteAccumulator sums({channels, rows, reservoir_rows, seed, 1});
    sums.add(RowBlock{made.values.data(), rows, channels, 1, channels, 0, 0, 0});
    made.statistics = sums.result(made.site.name);
    return made;
}

}  // namespace bitwright::test
