// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/device_json.h"

#include "app/cli/command_line.h"
#include "app/jobs/phone_job.h"
#include "core/exchange/runner_log.h"
#include "core/workspace/stored_json.h"

namespace bitwright::cli {
namespace {

Json energy_json(const EnergyRow& energy)
{
    return {{"phase", energy.phase},
            {"tier", energy.tier},
            {"source", energy.source},
            {"reason", or_null(energy.reason)},
            {"flags", energy.flags},
            {"gross_j", or_null(energy.gross_j)},
            {"gross_u", or_null(energy.gross_u)},
            {"net_j", or_null(energy.net_j)},
            {"net_u", or_null(energy.net_u)},
            {"mj_per_token", or_null(energy.mj_per_token)},
            {"mj_per_token_u", or_null(energy.mj_per_token_u)},
            {"mean_w", or_null(energy.mean_w)},
            {"peak_w", or_null(energy.peak_w)}};
}

Json sustained_json(const std::optional<Sustained>& sustained)
{
    if (!sustained) return {};
    return {{"peak_tokens_per_s", sustained->peak},
            {"sustained_tokens_per_s", sustained->sustained},
            {"loss", sustained->loss},
            {"onset_minute", or_null(sustained->onset)},
            {"onset_c", or_null(sustained->onset_celsius)},
            {"text", sustained->text}};
}

}  // namespace

Json device_json(const Conditions& conditions)
{
    return {{"kind", conditions.device_kind}, {"name", conditions.device_name}, {"identity", conditions.device_identity.empty() ? Json() : Json(conditions.device_identity)}};
}

Json energies_json(const std::vector<EnergyRow>& energies)
{
    Json list = Json::array();
    for (const auto& energy : energies) list.push_back(energy_json(energy));
    return list;
}

Json outliers_json(const RunRow& run)
{
    Json all = Json::object();
    for (const auto& measurement : run.measurements) {
        const auto marks = outliers(measurement.samples);
        Json indices = Json::array();
        for (std::size_t i = 0; i < marks.size(); ++i)
            if (marks[i]) indices.push_back(i);
        if (!indices.empty()) all[measurement.quantity] = indices;
    }
    return all;
}

Json phone_run_json(const Workspace& workspace, const RunRow& run)
{
    const auto device = get_device_run(workspace, run.id);
    if (!device) return Json::object();
    const auto stored = [&](const char* field, const std::optional<std::string>& text) -> Json {
        return text ? stored_json<Json>(workspace, "run:" + std::to_string(run.id) + ", " + field, *text) : Json();
    };
    Json minutes = Json::array();
    for (const auto& minute : minutes_of_run(workspace, run))
        minutes.push_back({{"minute", minute.minute},
                           {"prefill_tokens_per_s", or_null(minute.prefill_tokens_per_s)},
                           {"decode_tokens_per_s", or_null(minute.decode_tokens_per_s)},
                           {"battery_c", or_null(minute.battery_c)},
                           {"hottest_c", or_null(minute.hottest_c)},
                           {"mean_khz", or_null(minute.mean_khz)}});
    return {{"answer", name_of(device->answer)},
            {"expected_sha256", or_null(device->expected_hash)},
            {"note", or_null(run.note)},
            {"plan", stored("plan", device->plan)},
            {"thermal", {{"before", or_null(device->thermal_before)}, {"highest", or_null(device->thermal_highest)}, {"after", or_null(device->thermal_after)}}},
            {"battery",
             {{"level_before", or_null(device->level_before)},
              {"level_after", or_null(device->level_after)},
              {"before_c", or_null(device->battery_before_c)},
              {"highest_c", or_null(device->battery_highest_c)},
              {"source", or_null(get_conditions(workspace, run.conditions).power_source)}}},
            {"screen_on", device->screen_on ? Json(*device->screen_on) : Json()},
            {"memory_available_bytes", or_null(device->memory_available)},
            {"frequencies", stored("frequencies", device->frequencies)},
            {"energy", energies_json(get_energies(workspace, run.id))},
            {"minutes", minutes},
            {"sustained", sustained_json(sustained_of_run(workspace, run))}};
}

Json facts_json(const PhoneSession& phone)
{
    auto facts = Json::parse(to_json(phone.facts).dump());
    facts.erase("complete");
    return facts;
}

}  // namespace bitwright::cli
