// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/energy.h"

#include "device_bridge/energy/window_energy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>

namespace bitwright {
namespace {

constexpr double shortest_run_s = 60, shortest_idle_s = 30;
constexpr std::int64_t fewest_updates = 50;
constexpr std::size_t fewest_runs = 5;
constexpr double most_cv = 0.05, most_slope_per_minute = 0.02, most_missing = 0.02, most_charge_error = 0.15, most_idle_drift = 0.1;
constexpr std::int64_t throttling = 2;
constexpr std::int64_t latest_ns = 4'000'000'000'000'000'000;  // no clock of a phone gets there

std::string text_of(double value)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", value);
    return text;
}

void refuse(EnergyReport& report, const std::string& what, const std::string& code, const std::string& reason)
{
    report.refusals.push_back({what, code, reason});
}
void flag(EnergyReport& report, const std::string& code, const std::string& text) { report.flags.push_back({code, text}); }

/// "run" is a kind of its own: "runs", "decode runs".
std::string runs_of(const std::string& name) { return name == "run" ? "runs" : name + " runs"; }

std::optional<EnergyRefusal> too_short(WindowKind kind, double shortest_s)
{
    if (shortest_s >= shortest_run_s) return std::nullopt;
    const auto name = window_name(kind);
    return EnergyRefusal{name, "too_short",
                         "Too short: the shortest " + name + " lasted " + text_of(shortest_s) + " s, 60 s are needed; measure sustained, a minute or longer, in five batches or more."};
}

/// What all windows of one kind gave.
using Group = std::vector<WindowEnergy>;

std::optional<EnergyRefusal> too_little(const EnergyTrace& trace, WindowKind kind, const Group& group)
{
    const auto name = window_name(kind);
    std::int64_t fewest = group.front().run.updates;
    for (const auto& one : group) fewest = std::min(fewest, one.run.updates);
    if (fewest >= fewest_updates) return std::nullopt;
    if (fewest == 0)
        return EnergyRefusal{name, "stuck",
                             "Stuck: what the source shows did not change once during a " + name + " of " + text_of(group.front().run.span.seconds()) + " s; it does not measure."};
    return EnergyRefusal{name, "few_updates",
                         "Too short: the source changed only " + std::to_string(fewest) + " times during a " + name + " (every " + text_of(trace.period_s()) +
                             " s), 50 changes are needed; measure each batch for longer."};
}

/// Standard uncertainty that all runs share. The lag at the edges is shared when runs keep step with the gauge: then they scatter less than it makes one run
/// uncertain.
double common_uncertainty(const Group& group, bool net)
{
    std::vector<double> energies;
    double edge = 0, resolution = 0, idle = 0;
    const double n = static_cast<double>(group.size());
    for (const auto& one : group) {
        energies.push_back(net ? *one.run.net_j : one.run.gross_j);
        edge += one.edge_j / n;
        resolution += one.resolution_j / n;
        idle += one.idle_j / n;
    }
    double mean = 0, squares = 0;
    for (const double energy : energies) mean += energy / n;
    for (const double energy : energies) squares += (energy - mean) * (energy - mean);
    const double scatter = group.size() > 1 ? squares / (n - 1) : 0;
    return std::sqrt(std::max(0.0, edge * edge - scatter) + resolution * resolution + (net ? idle * idle : 0));
}

void add_quantity(EnergyReport& report, const std::string& name, const std::string& unit, const std::vector<double>& samples, double common)
{
    report.quantities.push_back({name, unit, mean_interval(samples, common), bootstrap_interval(samples), samples});
}

std::optional<EnergyQuantity> reciprocal(const EnergyQuantity& millijoules, const std::string& name)
{
    if (millijoules.estimate.value <= 0) return std::nullopt;
    EnergyQuantity found{name, "1/J", {1e3 / millijoules.estimate.value, {}, {}}, {}, {}};
    if (millijoules.estimate.low && *millijoules.estimate.low > 0)
        found.estimate = {found.estimate.value, 1e3 / *millijoules.estimate.high, 1e3 / *millijoules.estimate.low};
    for (const double value : millijoules.samples) {
        if (value <= 0) return std::nullopt;
        found.samples.push_back(1e3 / value);
    }
    return found;
}

void summarise(EnergyReport& report, WindowKind kind, const Group& group)
{
    const auto prefix = window_name(kind) + "_";
    std::vector<double> gross, net, watts, peaks, gross_token, net_token, delay;
    double tokens = 0, seconds = 0;
    const double n = static_cast<double>(group.size());
    for (const auto& one : group) {
        const auto& run = one.run;
        const double own = static_cast<double>(run.tokens);
        gross.push_back(run.gross_j);
        if (run.net_j) net.push_back(*run.net_j);
        watts.push_back(run.mean_w);
        if (run.peak_w) peaks.push_back(*run.peak_w);
        tokens += own / n;
        seconds += run.span.seconds() / n;
        if (run.tokens <= 0) continue;
        gross_token.push_back(1e3 * run.gross_j / own);
        if (run.net_j) net_token.push_back(1e3 * *run.net_j / own);
        delay.push_back(run.gross_j / own * run.span.seconds() / own);
    }
    const double common_gross = common_uncertainty(group, false);
    const bool all_tokens = gross_token.size() == group.size();
    add_quantity(report, prefix + "energy_gross_j", "J", gross, common_gross);
    if (net.size() == group.size()) add_quantity(report, prefix + "energy_net_j", "J", net, common_uncertainty(group, true));
    if (all_tokens) add_quantity(report, prefix + "energy_per_token_gross_mj", "mJ", gross_token, 1e3 * common_gross / tokens);
    if (all_tokens && net_token.size() == group.size()) {
        add_quantity(report, prefix + "energy_per_token_mj", "mJ", net_token, 1e3 * common_uncertainty(group, true) / tokens);
        if (auto found = reciprocal(report.quantities.back(), prefix + "tokens_per_j")) report.quantities.push_back(*std::move(found));
    }
    add_quantity(report, prefix + "power_mean_w", "W", watts, common_gross / seconds);
    if (peaks.size() == group.size()) add_quantity(report, prefix + "power_peak_w", "W", peaks, 0);
    if (all_tokens) add_quantity(report, prefix + "energy_delay_js", "J·s", delay, common_gross / tokens * seconds / tokens);
}

void flag_runs(EnergyReport& report, WindowKind kind, const Group& group)
{
    const auto name = window_name(kind);
    if (group.size() < fewest_runs)
        flag(report, "few_runs", "There are only " + std::to_string(group.size()) + " " + runs_of(name) + "; five or more make an interval worth having.");
    std::vector<double> energy, rate, minutes;
    double missing = 0;
    bool rested = true;
    for (const auto& one : group) {
        energy.push_back(one.run.net_j.value_or(one.run.gross_j));
        missing = std::max(missing, one.run.missing);
        rested = rested && one.rested;
        if (one.run.tokens <= 0) continue;
        rate.push_back(static_cast<double>(one.run.tokens) / one.run.span.seconds());
        minutes.push_back(static_cast<double>(one.run.span.t0_ns - group.front().run.span.t0_ns) * 1e-9 / 60);
    }
    if (const auto cv = coefficient_of_variation(energy); cv && *cv > most_cv)
        flag(report, "cv", "The energy of " + runs_of(name) + " varies by " + text_of(100 * *cv) + " % from one to the next (more than 5 %).");
    if (const auto change = slope(minutes, rate)) {
        double mean = 0;
        for (const double one : rate) mean += one / static_cast<double>(rate.size());
        if (mean > 0 && std::abs(*change) / mean > most_slope_per_minute)
            flag(report, "throughput_slope",
                 "Tokens per second of " + name + " change by " + text_of(100 * *change / mean) +
                     " % per minute (more than 2 %): the phone is not in a steady state.");
    }
    if (missing > most_missing) flag(report, "missing_samples", text_of(100 * missing) + " % of one of the " + runs_of(name) + " lie in gaps of the record (more than 2 %).");
    if (!rested) flag(report, "no_rest", "There was no rest before or after one of the " + runs_of(name) + "; what the source shows late cannot be told apart.");
    for (const double one : energy)
        if (one <= 0) {
            flag(report, "below_idle", "One of the " + runs_of(name) + " took no more than idling did; the baseline is not one.");
            break;
        }
}

void describe_idle(EnergyReport& report, const IdleBaseline& idle, const std::map<WindowKind, Group>& groups)
{
    if (idle.empty()) {
        flag(report, "one_idle", "Idle power was not measured: there is gross energy only.");
        return;
    }
    const auto &first = idle.levels().front(), &last = idle.levels().back();
    std::int64_t begin = groups.begin()->second.front().run.span.t0_ns, end = 0;
    double above = 0;
    for (const auto& [kind, group] : groups)
        for (const auto& one : group) {
            begin = std::min(begin, one.run.span.t0_ns);
            end = std::max(end, one.run.span.t1_ns);
            above = std::max(above, one.run.net_j.value_or(0) / one.run.span.seconds());
        }
    if (first.middle_ns < begin) report.idle_before_w = first.watts;
    if (last.middle_ns > end) report.idle_after_w = last.watts;
    if (!report.idle_before_w || !report.idle_after_w)
        flag(report, "one_idle", "Idle power was measured on one side of the runs only; a drift would not be seen.");
    for (const auto& level : idle.levels())
        if (level.seconds < shortest_idle_s) {
            flag(report, "short_idle", "An idle baseline rests on " + text_of(level.seconds) + " s only.");
            break;
        }
    if (report.idle_before_w && report.idle_after_w && std::abs(*report.idle_after_w - *report.idle_before_w) > most_idle_drift * above)
        flag(report, "idle_drift", "Idle power changed by " + text_of(1e3 * (*report.idle_after_w - *report.idle_before_w)) + " mW from before the runs to after them, more than a tenth of what they took above it.");
}

/// Everything but the tier's own conditions. @return whether any number came out
bool measure(EnergyReport& report, const EnergyTrace& trace, const EnergySession& session)
{
    report.period_s = trace.period_s();
    const IdleBaseline idle(trace, session, WindowKind::idle), resident(trace, session, WindowKind::idle_resident);
    std::map<WindowKind, Group> groups;
    std::map<WindowKind, std::int64_t> uncovered;
    std::map<WindowKind, double> shortest;
    for (const auto& window : session.windows) {
        if (is_idle(window.kind) || window.kind == WindowKind::other) continue;
        const auto known = shortest.try_emplace(window.kind, window.span.seconds()).first;
        known->second = std::min(known->second, window.span.seconds());
        if (auto found = window_energy(trace, idle, session, window))
            groups[window.kind].push_back(*std::move(found));
        else
            ++uncovered[window.kind];
    }
    for (const auto& [kind, seconds] : shortest)
        if (auto refusal = too_short(kind, seconds)) {
            report.refusals.push_back(*std::move(refusal));
            groups.erase(kind);
            uncovered.erase(kind);
        }
    for (const auto& [kind, count] : uncovered) {
        refuse(report, window_name(kind), "not_covered",
               "Unreadable: " + std::to_string(count) + " " + runs_of(window_name(kind)) + " are not covered by samples.");
        groups.erase(kind);
    }
    if (shortest.empty()) refuse(report, "all", "no_runs", "No run is in the record.");
    for (auto group = groups.begin(); group != groups.end();) {
        const auto refusal = too_little(trace, group->first, group->second);
        if (refusal) report.refusals.push_back(*refusal);
        group = refusal ? groups.erase(group) : std::next(group);
    }
    if (groups.empty()) return false;
    describe_idle(report, idle, groups);
    if (!resident.empty()) report.idle_resident_w = resident.levels().front().watts;
    for (const auto& [kind, group] : groups) {
        for (const auto& one : group) report.runs.push_back(one.run);
        summarise(report, kind, group);
        flag_runs(report, kind, group);
    }
    if (session.worst_thermal_status && *session.worst_thermal_status >= throttling)
        flag(report, "thermal", "The phone was hot: thermal status " + std::to_string(*session.worst_thermal_status) + ", where it slows down.");
    return true;
}

std::optional<EnergyRefusal> why_not_on_battery(const SampleLog& log, const EnergySession& session)
{
    if (session.faked)
        return EnergyRefusal{"all", "faked",
                             "The battery service was told what to say (dumpsys battery set or unplug), so nobody knows whether the phone was plugged in; run "
                             "`dumpsys battery reset`."};
    const std::string advice = " The current is then what charging and load leave over; unplug the phone and collect the run later, or use Wi-Fi.";
    for (const auto& sample : log.samples)
        for (const auto& window : session.windows)
            if (sample.t_ns >= window.span.t0_ns && sample.t_ns <= window.span.t1_ns && sample.status && *sample.status != ChargeStatus::discharging &&
                *sample.status != ChargeStatus::unknown)
                return EnergyRefusal{
                    "all", "plugged",
                    "Plugged in: the battery's status was \"" + charge_status_name(*sample.status) + "\" while it was measured." + advice};
    if (session.plugged.value_or(false) && !session.input_suspended)
        return EnergyRefusal{"all", "plugged", "Plugged in: the phone was on a charger or a computer." + advice};
    return std::nullopt;
}

void check_charge(EnergyReport& report, const EnergyTrace& trace, const SampleLog& log, const Normalisation& units)
{
    if (why_no_charge(log) || !units.has_charge() || !units.charge_step_c) return;
    const auto points = charge_points(log, units);
    const auto counted = EnergyTrace::charge(points, *units.charge_step_c);
    const Span both{std::max(trace.span().t0_ns, counted.span().t0_ns), std::min(trace.span().t1_ns, counted.span().t1_ns)};
    const auto integral = trace.joules(both), by_charge = counted.joules(both);
    if (!integral || !by_charge || *integral <= 0 || *by_charge < 20 * counted.step_joules()) return;
    report.charge_check = std::abs(*integral - *by_charge) / *integral;
    if (*report.charge_check > most_charge_error)
        flag(report, "charge_disagrees",
             "The integral of power, " + text_of(*integral) + " J, and the charge counter, " + text_of(*by_charge) + " J, differ by " +
                 text_of(100 * *report.charge_check) + " % (more than 15 %): the gauge's current or its counter is wrong.");
}

EnergyReport from_charge(EnergyReport report, const SampleLog& log, const EnergySession& session, const Normalisation& units)
{
    if (const auto why = why_no_charge(log)) {
        refuse(report, "all", "unreadable", *why);
        return report;
    }
    if (!units.has_charge() || !units.charge_step_c) {
        refuse(report, "all", "undecided", units.charge_step_c ? units.voltage.evidence + " " + units.charge.evidence : "The charge counter never moved.");
        return report;
    }
    report.source = "charge counter";
    if (measure(report, EnergyTrace::charge(charge_points(log, units), *units.charge_step_c), session)) report.tier = EnergyTier::C;
    std::erase_if(report.quantities, [](const EnergyQuantity& quantity) { return quantity.name.ends_with("_power_peak_w"); });  // between two steps it shows their timing
    for (auto& run : report.runs) run.peak_w.reset();
    return report;
}

}  // namespace

std::string window_name(WindowKind kind)
{
    static constexpr std::array names{"idle", "idle_resident", "prefill", "decode", "run", "other"};
    return names[static_cast<std::size_t>(kind)];
}

std::string tier_name(EnergyTier tier) { return std::string(1, "ABCX"[static_cast<std::size_t>(tier)]); }

const EnergyQuantity* EnergyReport::find(std::string_view name) const noexcept
{
    const auto found = std::ranges::find(quantities, name, &EnergyQuantity::name);
    return found == quantities.end() ? nullptr : &*found;
}
bool EnergyReport::flagged(std::string_view code) const noexcept { return std::ranges::find(flags, code, &EnergyFlag::code) != flags.end(); }
bool EnergyReport::refused(std::string_view code) const noexcept { return std::ranges::find(refusals, code, &EnergyRefusal::code) != refusals.end(); }

EnergySession session_of(const RunnerLog& log)
{
    EnergySession session;
    std::map<std::int64_t, std::pair<const RunnerPhase*, const RunnerPhase*>> repeats;
    for (const auto& phase : log.phases) {
        if (phase.t0_ns < 0 || phase.t1_ns <= phase.t0_ns || phase.t1_ns >= latest_ns) continue;
        const EnergyWindow window{WindowKind::idle, {phase.t0_ns, phase.t1_ns}, phase.tokens, phase.run};
        if (phase.name == "idle")
            session.windows.push_back(window);
        else if (phase.run >= 0 && phase.name == "prefill")
            repeats[phase.run].first = &phase;
        else if (phase.run >= 0 && phase.name == "decode")
            repeats[phase.run].second = &phase;
        else if (phase.name == "load" || phase.name == "marker" || phase.name == "prefill" || phase.name == "decode")
            session.windows.push_back({WindowKind::other, window.span, 0, phase.run});
    }
    for (const auto& [run, phases] : repeats) {
        const auto [prefill, decode] = phases;
        if (prefill) session.windows.push_back({WindowKind::prefill, {prefill->t0_ns, prefill->t1_ns}, prefill->tokens, run});
        if (decode) session.windows.push_back({WindowKind::decode, {decode->t0_ns, decode->t1_ns}, decode->tokens, run});
        if (prefill && decode && decode->t0_ns >= prefill->t1_ns)
            session.windows.push_back({WindowKind::whole, {prefill->t0_ns, decode->t1_ns}, decode->tokens, run});
    }
    return session;
}

EnergyReport energy_of_gauge(const SampleLog& log, const EnergySession& session, const UnitChoice& choice)
{
    EnergyReport report;
    report.source = "fuel gauge";
    if (auto why = why_not_on_battery(log, session)) {
        report.refusals.push_back(*std::move(why));
        return report;
    }
    const auto units = normalise(log, choice);
    report.units = units;
    if (const auto why = why_no_power(log)) {
        refuse(report, "all", "unreadable", *why);
        return from_charge(std::move(report), log, session, units);
    }
    if (!units.has_power()) {
        std::string why = "Undecided:";
        for (const auto* decision : {&units.voltage, &units.current, &units.sign})
            if (!decision->factor) why += " " + decision->evidence;
        refuse(report, "all", "undecided", why + " Choose unit and sign by hand if you know this phone.");
        return from_charge(std::move(report), log, session, units);
    }
    const auto trace = EnergyTrace::gauge(power_points(log, units), units);
    if (!measure(report, trace, session)) return report.refused("stuck") ? from_charge(std::move(report), log, session, units) : report;
    report.tier = EnergyTier::B;
    if (!units.confirmed) flag(report, "unconfirmed_units", "Unit and sign of the current are not confirmed: " + units.confirmation);
    check_charge(report, trace, log, units);
    return report;
}

EnergyReport energy_of_trace(const EnergyTrace& trace, const EnergySession& session, const std::string& source)
{
    EnergyReport report;
    report.source = source;
    if (trace.empty()) {
        refuse(report, "all", "unreadable", "Unreadable: the " + source + " gave fewer than two readings.");
        return report;
    }
    if (!measure(report, trace, session)) return report;
    report.tier = EnergyTier::A;
    if (session.plugged.value_or(false))
        flag(report, "plugged_rails", "The phone was plugged in: charging heats it, and what the charger's chip takes may be in the sum.");
    return report;
}

}  // namespace bitwright
