// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/phone_energy.h"

#include "core/exchange/stored_log.h"
#include "core/runtime/file.h"
#include "core/workspace/stored_json.h"
#include "device_bridge/energy/meter_csv.h"
#include "device_bridge/energy/perfetto.h"
#include "device_bridge/energy/rails.h"

#include <algorithm>
#include <array>

namespace bitwright {
namespace {

constexpr std::array<const char*, 3> phases{"prefill", "decode", "run"};

std::optional<double> half_width(const EnergyQuantity* quantity)
{
    if (!quantity || !quantity->estimate.low || !quantity->estimate.high) return std::nullopt;
    return (*quantity->estimate.high - *quantity->estimate.low) / 2;
}

std::optional<double> value(const EnergyQuantity* quantity) { return quantity ? std::optional(quantity->estimate.value) : std::nullopt; }

/// Of both states, where both tell; a plug at either end was a plug.
std::optional<bool> plugged(const CollectedRun& run)
{
    const auto of = [](const std::optional<PhoneState>& state) { return state && state->battery ? state->battery->plugged : std::nullopt; };
    const auto before = of(run.before), after = of(run.after);
    if (before.value_or(false) || after.value_or(false)) return true;
    return before && after ? std::optional(false) : std::nullopt;
}

/// Windows of whole batches where the runner made some: a single run is too short for a fuel gauge.
EnergySession session_with_batches(const RunnerLog& log)
{
    auto session = session_of(log);
    const bool batches = std::any_of(log.phases.begin(), log.phases.end(), [](const RunnerPhase& p) { return p.name == "batch"; });
    if (!batches) return session;
    const bool decodes = std::any_of(log.phases.begin(), log.phases.end(), [](const RunnerPhase& p) { return p.name == "decode"; });
    const bool prefills = std::any_of(log.phases.begin(), log.phases.end(), [](const RunnerPhase& p) { return p.name == "prefill"; });
    std::erase_if(session.windows, [](const EnergyWindow& w) { return w.kind == WindowKind::prefill || w.kind == WindowKind::decode || w.kind == WindowKind::whole; });
    for (const auto& phase : log.phases)
        if (phase.name == "batch" && phase.t1_ns > phase.t0_ns)
            session.windows.push_back({decodes && prefills ? WindowKind::whole : decodes ? WindowKind::decode : WindowKind::prefill, {phase.t0_ns, phase.t1_ns}, phase.tokens, phase.run});
    return session;
}

EnergySession session_of_run(const CollectedRun& run)
{
    auto session = session_with_batches(run.log);
    session.plugged = plugged(run);
    for (const auto* state : {&run.before, &run.after})
        if (*state && (*state)->battery && (*state)->battery->faked) session.faked = true;
    session.worst_thermal_status = run.thermal_highest;
    return session;
}

std::vector<EnergyRow> energy_rows(const EnergyReport& report)
{
    std::vector<EnergyRow> rows;
    std::vector<std::string> flags;
    for (const auto& flag : report.flags) flags.push_back(flag.text);
    for (const std::string phase : phases) {
        const auto* gross = report.find(phase + "_energy_gross_j");
        const auto refusal = std::find_if(report.refusals.begin(), report.refusals.end(), [&](const EnergyRefusal& r) { return r.what == phase; });
        if (!gross && refusal == report.refusals.end()) continue;
        EnergyRow row;
        row.phase = phase;
        row.source = report.source;
        if (gross) {
            row.tier = tier_name(report.tier);
            row.flags = flags;
            const auto *net = report.find(phase + "_energy_net_j"), *token = report.find(phase + "_energy_per_token_mj");
            row.gross_j = value(gross), row.gross_u = half_width(gross);
            row.net_j = value(net), row.net_u = half_width(net);
            row.mj_per_token = value(token), row.mj_per_token_u = half_width(token);
            row.mean_w = value(report.find(phase + "_power_mean_w"));
            row.peak_w = value(report.find(phase + "_power_peak_w"));
        }
        if (refusal != report.refusals.end()) row.reason = refusal->reason;
        rows.push_back(std::move(row));
    }
    const auto all = std::find_if(report.refusals.begin(), report.refusals.end(), [](const EnergyRefusal& r) { return r.what == "all"; });
    if (all != report.refusals.end()) {
        if (rows.empty()) {
            EnergyRow row;
            row.source = report.source;
            row.reason = all->reason;
            rows.push_back(std::move(row));
        }
        for (auto& row : rows)
            if (!row.reason) row.reason = all->reason;  // why no better tier
    }
    if (!rows.empty()) rows.front().detail = to_json(report).dump();
    return rows;
}

/// With the proof that a plugged phone lived from its battery, where there is one: not merely asked for, the gauge said "discharging" the whole time.
/// Perfetto's counters have no status: then the runner's samples are asked.
EnergySession gauge_session(const CollectedRun& run, const SampleLog& samples)
{
    auto session = session_of_run(run);
    const auto asked = [](const std::optional<PhoneState>& state) { return state && state->input_suspended.value_or(false); };
    const bool tells = std::any_of(samples.samples.begin(), samples.samples.end(), [](const PowerSample& s) { return s.status.has_value(); });
    const auto told = tells ? samples : samples_of(run.log);
    session.input_suspended = asked(run.before) && asked(run.after) && !told.samples.empty() &&
                              std::all_of(told.samples.begin(), told.samples.end(), [](const PowerSample& s) { return s.status == ChargeStatus::discharging; });
    return session;
}

EnergyReport energy_of_perfetto(const CollectedRun& run)
{
    auto power = read_perfetto(run.perfetto);
    if (!power.energy.empty()) return energy_of_trace(rails_trace(power), session_of_run(run), "power rails, by Perfetto");
    if (!run.voltage.empty()) fill_voltage(power.battery, voltage_readings(read_samples(run.voltage)));
    return energy_of_gauge(power.battery, gauge_session(run, power.battery));
}

/// How the source was chosen, beside the report.
std::vector<EnergyRow> with_choice(std::vector<EnergyRow> rows, const SourceChoice& choice)
{
    if (rows.empty()) return rows;
    auto detail = nlohmann::json::parse(rows.front().detail);
    auto rejected = nlohmann::json::array();
    for (const auto& one : choice.rejected) rejected.push_back({{"source", source_name(one.source)}, {"why", one.why}});
    detail["choice"] = {{"source", source_name(choice.source)}, {"why", choice.why}, {"rejected", rejected}};
    rows.front().detail = detail.dump();
    return rows;
}

}  // namespace

std::vector<EnergyRow> energies_of(const CollectedRun& run, const SourceChoice& choice)
{
    if (!run.rails.empty()) {
        std::string source = "power rails";
        for (const auto& rail : choice.rails) source += (source == "power rails" ? ": " : " + ") + rail;
        return with_choice(energy_rows(energy_of_trace(rails_trace(read_rails(run.rails), choice.rails), session_of_run(run), source)), choice);
    }
    if (!run.perfetto.empty()) return with_choice(energy_rows(energy_of_perfetto(run)), choice);
    const auto samples = run.service.empty() ? samples_of(run.log) : read_samples(run.service);
    if (samples.samples.empty()) {
        if (choice.why.empty()) return {};  // not asked for
        EnergyRow row;
        row.source = source_name(choice.source);
        row.reason = "Unreadable: " + choice.why;
        return with_choice({row}, choice);
    }
    return with_choice(energy_rows(energy_of_gauge(samples, gauge_session(run, samples))), choice);
}

ImportedEnergy import_energy(Workspace& workspace, std::int64_t id, const std::filesystem::path& csv)
{
    const auto name = to_string(Reference{"run", id});
    const auto row = get_run(workspace, id);
    const auto device = get_device_run(workspace, id);
    if (!device) throw bad_input(name, "", "was not measured on a phone; energy can be imported for runs on phones");
    if (row.aborted) throw bad_input(name, "", "was aborted; its energy says nothing");
    CollectedRun run;
    run.log = stored_log(workspace, row);
    const auto state = [&](const char* field, const std::optional<std::string>& text) -> std::optional<PhoneState> {
        return text ? std::optional(state_from_json(stored_json<nlohmann::json>(workspace, name + ", " + field, *text), name)) : std::nullopt;
    };
    run.before = state("before", device->before), run.after = state("after", device->after);
    run.thermal_highest = device->thermal_highest;
    std::vector<Span> marker;
    for (const auto& phase : run.log.phases)
        if (phase.name == "marker") marker.push_back({phase.t0_ns, phase.t1_ns});
    if (marker.empty()) throw bad_input(name, "", "has no marker that could be found in the meter's record; measure again with --marker");
    const auto record = read_meter_csv(read_text(csv), csv.string());
    const auto alignment = align_meter(record, marker, csv.string());
    auto session = session_of_run(run);
    session.faked = false, session.plugged.reset();  // the meter sees what flows, whatever the battery says
    ImportedEnergy imported{record.columns, alignment.text, energy_rows(energy_of_trace(meter_trace(record, alignment), session, "external meter"))};
    for (const auto& energy : imported.rows) put_energy(workspace, id, energy);
    return imported;
}

}  // namespace bitwright
