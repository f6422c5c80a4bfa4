// SPDX-License-Identifier: GPL-3.0-or-later
// Two packages on one phone in turns, A B B A A B B A …, so that heat and battery hit both alike, and the differences of the pairs.
// Interrupted, the same command goes on with the run it was at.
// Threading: one job at a time per environment.
#pragma once

#include "app/jobs/phone_job.h"
#include "device_bridge/energy/interval.h"

#include <map>
#include <string>
#include <vector>

namespace bitwright {

struct PhonePairs {
    std::string session, order;      ///< order: "ABBA…"
    std::vector<std::int64_t> runs;  ///< in that order
    std::map<std::string, PairedMeans> differences;  ///< by quantity, A − B; those that every run has
};
/// @param pairs at least 2. Throws as measure_on_phone; Error (failed) when a run was aborted or wrong: then there is nothing to pair.
[[nodiscard]] PhonePairs measure_pairs(JobEnvironment& environment, const PhoneMeasureRequest& request, const std::filesystem::path& against, int pairs);

}  // namespace bitwright
