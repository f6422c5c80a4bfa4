// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/sensitivity_job.h"

#include "app/jobs/local_machine.h"
#include "core/recipe/weight_statistics.h"
#include "core/runtime/hash.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace bitwright {
namespace {

std::optional<double> finite(double value) { return std::isfinite(value) ? std::optional(value) : std::nullopt; }

/// SQNR of each single site at its own float input, in one forward for all.
std::map<SiteId, std::optional<double>> introduced_errors(const SensitivityRequest& request, const OpenedModel& model, const std::vector<SiteGroup>& groups, const Control& control)
{
    std::map<SiteId, std::optional<double>> errors;
    if (request.grouping != SiteGrouping::site) return errors;
    std::vector<SiteId> sites;
    for (const auto& group : groups) sites.push_back(group.sites.front());
    for (const auto& error : opened_numerics().site_errors(model.model(), *request.recipe, sites, request.windows, control))
        errors[error.site] = error.figures.sqnr_db ? finite(error.figures.sqnr_db->value) : std::nullopt;
    return errors;
}

}  // namespace

std::vector<SensitivityRow> prescreen(const Model& model, const Recipe& recipe, const std::vector<SiteGroup>& groups, const Statistics* statistics, const Control& control)
{
    std::vector<SensitivityRow> rows;
    for (const auto& group : groups) {
        SensitivityRow row;
        row.group = group.name;
        row.sites = static_cast<std::int64_t>(group.sites.size());
        for (const SiteId id : group.sites) {
            control.check();
            const Site& site = (*model.sites)[id];
            std::optional<double> kurtosis;
            if (site.kind == SiteKind::weight) {
                kurtosis = finite(weight_statistics(model, &recipe, id, {.reservoir_rows = 0}, control).kurtosis);
            } else if (const auto* seen = statistics ? statistics->find(site.name) : nullptr) {
                kurtosis = finite(seen->kurtosis);
            }
            if (kurtosis) row.kurtosis = std::max(row.kurtosis.value_or(*kurtosis), *kurtosis);
        }
        rows.push_back(std::move(row));
    }
    std::ranges::stable_sort(rows, std::greater<>(), [](const SensitivityRow& row) { return row.kurtosis.value_or(-1); });
    return rows;
}

SensitivityOutcome measure_sensitivity(JobEnvironment& environment, OpenedModel& model, const SensitivityRequest& request)
{
    const auto& recipe = *request.recipe;
    const auto groups = site_groups(model.model(), recipe, request.grouping, request.placement == Placement::full);
    if (groups.empty()) throw bad_input("recipe", "", "quantizes nothing at this placement; choose --placement full, or another recipe");
    auto& workspace = environment.workspace;
    const std::string grouping(name_of(request.grouping));
    const auto key = sha256_hex("sensitivity recipe " + std::to_string(request.recipe_row) + " " + grouping + " " + std::to_string(request.top.value_or(-1)) + " " +
                                (request.placement == Placement::paper ? "paper" : "full") + " " + request.windows.hash());
    return run_job(environment, "sensitivity", key, [&](ActiveJob& job) {
        Prober probe(environment, model, request.windows, request.placement);
        auto screened = prescreen(model.model(), recipe, groups, request.statistics, environment.control);
        const auto wanted = std::min<std::size_t>(screened.size(), request.top ? static_cast<std::size_t>(*request.top) : screened.size());
        std::map<std::string, SensitivityRow> by_name;
        std::set<std::string> probed;
        for (std::size_t i = 0; i < screened.size(); ++i) {
            if (i < wanted) probed.insert(screened[i].group);
            by_name.emplace(screened[i].group, std::move(screened[i]));
        }
        const auto introduced = introduced_errors(request, model, groups, environment.control);
        const double whole = probe(recipe).kl_token();
        const SensitivityKey stored{request.recipe_row, grouping, probe.token_hash(), probe.placement()};
        std::int64_t done = 0;
        for (const auto& group : groups) {
            auto& row = by_name.at(group.name);
            if (const auto error = introduced.find(group.sites.front()); error != introduced.end()) row.introduced_sqnr_db = error->second;
            if (probed.contains(group.name)) {
                row.alone = probe(only_sites(recipe, model.model(), group.sites)).kl_token();
                row.without = probe(without_sites(recipe, model.model(), group.sites)).kl_token();
                environment.progress({"sensitivity", ++done, static_cast<std::int64_t>(wanted), true, *row.alone});
            }
            put_sensitivity(workspace, stored, whole, probe.conditions(), {row});
        }
        end_job(workspace, job.row().id, JobState::done, to_string(Reference{"recipe", request.recipe_row}));
        return SensitivityOutcome{*get_sensitivity(workspace, request.recipe_row, grouping), probe.computed(), job.resumed()};
    });
}

}  // namespace bitwright
