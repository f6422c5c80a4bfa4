// SPDX-License-Identifier: GPL-3.0-or-later
// Probes: what a set of decisions costs against the float model on some windows, computed once; and the sensitivities and allocations made of them.
// Threading: as Workspace.
#pragma once

#include "core/workspace/workspace.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

/// A recipe's decisions on windows at a placement: the key of everything below.
struct ProbeKey {
    std::string decisions;  ///< decisions_hash() of the recipe
    std::int64_t model = 0;
    std::string token_hash, placement;
};
struct Probe {
    std::int64_t tokens = 0;  ///< scored
    double nll_sum = 0, kl_sum = 0;
    std::int64_t same_top = 0;
    [[nodiscard]] double kl_token() const noexcept { return kl_sum / static_cast<double>(tokens); }
    [[nodiscard]] double perplexity() const noexcept;
};
void put_probe(Workspace& workspace, const ProbeKey& key, const Probe& probe, std::int64_t conditions);
[[nodiscard]] std::optional<Probe> find_probe(const Workspace& workspace, const ProbeKey& key);

/// One group of sites of a recipe. KL per token to the float model; absent: not probed (left out by the pre-screen), or not known.
struct SensitivityRow {
    std::string group;
    std::int64_t sites = 0;
    std::optional<double> kurtosis;             ///< largest of its tensors
    std::optional<double> alone, without;       ///< only the group quantized; all but it
    std::optional<double> introduced_sqnr_db;   ///< of a single site, at its own float input
};
struct SensitivityKey {
    std::int64_t recipe = 0;
    std::string grouping, token_hash, placement;
};
/// Replaces the rows of the same groups. `whole`: KL per token of the recipe itself.
void put_sensitivity(Workspace& workspace, const SensitivityKey& key, double whole, std::int64_t conditions, const std::vector<SensitivityRow>& rows);
struct Sensitivity {
    SensitivityKey key;
    double whole = 0;
    std::int64_t conditions = 0;
    std::vector<SensitivityRow> rows;  ///< the largest effect alone first, what was not probed last
};
/// The newest of a recipe with this grouping. Absent: never computed.
[[nodiscard]] std::optional<Sensitivity> get_sensitivity(const Workspace& workspace, std::int64_t recipe, const std::string& grouping);

/// A recipe an allocation tried.
struct AllocationTrial {
    std::int64_t recipe = 0;
    std::string words;           ///< what it is: "uniform W4", "4 bit: layers.0.mlp.*"
    std::uint64_t bytes = 0;     ///< of the weights
    double bits_per_weight = 0;
    double kl_token = 0, perplexity = 0;
    bool chosen = false;         ///< the best within the budget
};
struct AllocationRow {
    std::int64_t id = 0;
    std::int64_t base = 0;       ///< recipe it began with
    std::string token_hash, placement, budget, created;  ///< budget in words: "at most 812 kB of weights"
    std::int64_t conditions = 0;
    std::vector<AllocationTrial> trials;  ///< in the order tried
};
std::int64_t put_allocation(Workspace& workspace, const AllocationRow& row);
/// Throws Error (bad_input) when absent.
[[nodiscard]] AllocationRow get_allocation(const Workspace& workspace, std::int64_t id);
/// Newest first, without trials.
[[nodiscard]] std::vector<AllocationRow> list_allocations(const Workspace& workspace);

}  // namespace bitwright
