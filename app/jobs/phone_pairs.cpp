// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/phone_pairs.h"

#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "device_bridge/energy/sustained.h"

#include <algorithm>

namespace bitwright {
namespace {

/// Quantities of a run that differences make sense of.
std::map<std::string, double> quantities_of(const Workspace& workspace, std::int64_t id)
{
    std::map<std::string, double> quantities;
    for (const auto& measurement : get_run(workspace, id).measurements)
        if (measurement.quantity.ends_with("_tokens_per_s") || measurement.quantity.ends_with("_s") || measurement.quantity == "peak_rss_bytes") quantities[measurement.quantity] = measurement.value;
    for (const auto& energy : get_energies(workspace, id))
        if (energy.mj_per_token) quantities[energy.phase + "_mj_per_token"] = *energy.mj_per_token;
    return quantities;
}

std::map<std::string, PairedMeans> differences_of(const Workspace& workspace, const std::string& order, const std::vector<std::int64_t>& runs)
{
    std::map<std::string, std::vector<double>> values;
    for (const auto run : runs)
        for (const auto& [quantity, value] : quantities_of(workspace, run)) values[quantity].push_back(value);
    std::map<std::string, PairedMeans> differences;
    for (const auto& [quantity, each] : values)
        if (each.size() == runs.size())
            if (const auto means = paired_in_order(order, each)) differences.emplace(quantity, *means);
    return differences;
}

}  // namespace

PhonePairs measure_pairs(JobEnvironment& environment, const PhoneMeasureRequest& request, const std::filesystem::path& against, int pairs)
{
    if (pairs < 2) throw usage_error("--pairs: at least 2, or nothing can be said about chance");
    auto& workspace = environment.workspace;
    const auto hash = [](const std::filesystem::path& file) { return sha256_hex(MappedFile(file).bytes()); };
    const auto key = "pairs " + device_identity(request.serial) + " " + sha256_hex(hash(request.package) + hash(against) + to_json(request.plan).dump() + std::to_string(pairs));
    return run_job(environment, "measure-pairs", key, [&](ActiveJob& job) {
        PhonePairs result;
        result.session = sha256_hex(std::to_string(job.row().id) + job.row().start).substr(0, 16);
        result.order = abba_order(pairs);
        result.runs = runs_of_session(workspace, result.session);  // of an earlier attempt
        while (result.runs.size() < result.order.size()) {
            auto next = request;
            next.session = result.session;
            next.position = static_cast<std::int64_t>(result.runs.size());
            if (result.order[result.runs.size()] == 'B') next.package = against;
            const auto run = measure_on_phone(environment, next);
            if (run.aborted) throw failure(to_string(Reference{"run", run.id}) + " was aborted: " + run.note.value_or("") + "; measure the pairs again");
            result.runs.push_back(run.id);
        }
        result.differences = differences_of(workspace, result.order, result.runs);
        end_job(workspace, job.row().id, JobState::done, to_string(Reference{"run", result.runs.back()}));
        return result;
    });
}

}  // namespace bitwright
