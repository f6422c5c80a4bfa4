// SPDX-License-Identifier: GPL-3.0-or-later
// Bit allocation: which weights get fewer bits so that the whole fits a budget and the distance to the float model stays smallest. The effect of every choice is
// probed on its own, added up to rank combinations (multiple-choice knapsack along the convex hulls), and the combinations are then probed themselves: what is
// reported is never the estimate. Every recipe tried is kept.
// Threading: one job at a time.
#pragma once

#include "app/jobs/probe.h"
#include "core/recipe/site_groups.h"

namespace bitwright {

struct AllocationBudget {
    std::optional<std::uint64_t> bytes;        ///< of all weights as a package stores them
    std::optional<double> bits_per_weight;     ///< the same over the number of weights
    std::optional<int> like_uniform;           ///< as many bytes as all layers' linears at so many bits
};

struct AllocationRequest {
    const Recipe* base = nullptr;
    std::int64_t base_row = 0;
    std::optional<std::int64_t> calibration;  ///< of the base's row
    TokenWindows windows;
    Placement placement = Placement::full;    ///< full: embedding and lm_head cost bytes and error, too
    SiteGrouping grouping = SiteGrouping::site;
    std::vector<int> bits{4};                 ///< beside what the base has
    std::string range = "mse";                ///< rule of the ranges at these bits (edits.h)
    AllocationBudget budget;
    std::int64_t tries = 32;                  ///< combinations probed at most, uniform ones included
    std::optional<std::string> name;          ///< of the chosen recipe
};
struct AllocationOutcome {
    AllocationRow row;
    std::uint64_t budget_bytes = 0;
    std::int64_t computed = 0;  ///< probes; the others were known
};
/// Throws Error (bad_input) when nothing fits the budget, saying what would.
[[nodiscard]] AllocationOutcome allocate_bits(JobEnvironment& environment, OpenedModel& model, const AllocationRequest& request);

/// Indices of the trials that no other beats in both bytes and KL, by ascending bytes.
[[nodiscard]] std::vector<std::size_t> pareto_front(const std::vector<AllocationTrial>& trials);

}  // namespace bitwright
