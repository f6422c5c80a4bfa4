// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/sources.h"

#include "device_bridge/energy/perfetto.h"
#include "device_bridge/energy/rails.h"
#include "device_bridge/phone/lines.h"
#include "device_bridge/phone/shell_quote.h"

#include <algorithm>
#include <array>
#include <functional>

namespace bitwright {
namespace {

constexpr std::string_view again = "==bitwright:again==";
constexpr std::int64_t perfetto_since = 29, get_since = 30;

/// Whether a source works, as far as is known: absent, when a command is still to be run.
struct Verdict {
    bool works = false;
    std::string why;
    std::vector<std::string> rails;
    bool voltage = true;
};
struct Candidate {
    EnergySource source;
    char tier;
    bool unplug;
    std::function<std::optional<Verdict>(const PhoneFacts&, const ProbeAnswers&)> judge;
    std::function<Probe(const PhoneFacts&)> probe;  ///< empty: facts alone decide
};

Probe rails_probe(const PhoneFacts&)
{
    const auto dump = shell_command({"dumpsys", "android.hardware.power.stats.IPowerStats/default"});
    return {"rails", dump + " 2>/dev/null; echo; echo " + shell_quoted(again) + "; sleep 2; " + dump + " 2>/dev/null", 15};
}

std::optional<Verdict> judge_rails(const PhoneFacts&, const ProbeAnswers& answers)
{
    const auto answer = answers.find("rails");
    if (answer == answers.end()) return std::nullopt;
    const std::string_view text = answer->second;
    const auto middle = text.find(again);
    const auto first = parse_energy_meter(text.substr(0, middle));
    if (first.empty()) return Verdict{false, "The phone names no power rails.", {}};
    const auto second = middle == std::string_view::npos ? std::vector<Rail>{} : parse_energy_meter(text.substr(middle));
    double before = 0, after = 0;
    std::vector<std::string> names;
    for (const auto& rail : first)
        for (const auto& later : second)
            if (later.name == rail.name) {
                before += rail.joules;
                after += later.joules;
                names.push_back(rail.name);
            }
    if (after <= before) return Verdict{false, "The phone names " + std::to_string(first.size()) + " power rails, but their energy does not grow.", {}};
    return Verdict{true, std::to_string(names.size()) + " power rails count energy.", names};
}

Probe perfetto_probe(const PhoneFacts&)
{
    const std::string file = "/data/misc/perfetto-traces/bitwright-probe";
    return {"perfetto",
            "{ " + perfetto_command(file, 3, 250) + "; } >/dev/null 2>&1; " + shell_command({"base64", file}) + " 2>/dev/null; " +
                shell_command({"rm", "-f", file}),
            30};
}

std::optional<Verdict> judge_perfetto(const PhoneFacts& facts, const ProbeAnswers& answers)
{
    if (facts.sdk && *facts.sdk < perfetto_since) return Verdict{false, "Perfetto's battery counters need Android 10.", {}};
    const auto answer = answers.find("perfetto");
    if (answer == answers.end()) return std::nullopt;
    const auto bytes = base64_decoded(answer->second);
    if (!bytes || bytes->empty()) return Verdict{false, "Perfetto recorded nothing.", {}};
    const auto power = read_perfetto(*bytes);
    const auto& samples = power.battery.samples;
    if (samples.empty()) return Verdict{false, "Perfetto's record holds no battery counters.", {}};
    const auto reads = [&](auto field) { return std::ranges::any_of(samples, [&](const PowerSample& s) { return (s.*field).value_or(0) != 0; }); };
    if (!reads(&PowerSample::current_raw)) return Verdict{false, "Perfetto's battery counters hold no current.", {}};
    const bool volts = reads(&PowerSample::voltage_raw);
    return Verdict{
        true, "Perfetto reads the battery's current" + std::string(volts ? " and voltage." : "; the voltage comes from the battery service."), {}, volts};
}

FileAnswer answer_of(const PhoneFacts& facts, const std::string& name)
{
    if (!facts.battery_files) return FileAnswer::missing;
    const auto file = facts.battery_files->find(name);
    return file == facts.battery_files->end() ? FileAnswer::missing : file->second.answer;
}

std::optional<Verdict> judge_files(const PhoneFacts& facts, const char* wanted, const char* what)
{
    for (const char* name : {wanted, "voltage_now"}) {
        switch (answer_of(facts, name)) {
            case FileAnswer::denied:
                return Verdict{false, std::string("The phone denies reading ") + name + ".", {}};
            case FileAnswer::missing:
                return Verdict{false, std::string("The phone has no file ") + name + ".", {}};
            case FileAnswer::empty:
                return Verdict{false, std::string("The file ") + name + " is empty.", {}};
            case FileAnswer::value:
                if (!real_number(facts.battery_files->at(name).value)) return Verdict{false, std::string("The file ") + name + " holds no number.", {}};
        }
    }
    return Verdict{true, std::string("The battery's files tell its ") + what + " and voltage.", {}};
}

Probe service_probe(const PhoneFacts&)
{
    return {"service", "dumpsys battery get -f current_now 2>&1; echo; echo " + shell_quoted(again) + "; dumpsys battery get -f counter 2>&1", 10};
}

std::optional<Verdict> judge_service(const ProbeAnswers& answers, bool current, const PhoneFacts& facts)
{
    const auto answer = answers.find("service");
    if (answer == answers.end()) return std::nullopt;
    const std::string_view text = answer->second;
    const auto middle = std::min(text.find(again), text.size());
    const auto part = current ? text.substr(0, middle) : text.substr(std::min(middle + again.size(), text.size()));
    const auto number = whole_number(part);
    const bool volts = facts.state.battery && facts.state.battery->volts;
    if (number && *number != 0 && volts) return Verdict{true, std::string("The battery service tells the ") + (current ? "current." : "charge counter."), {}};
    if (!current && facts.state.battery && facts.state.battery->charge_counter_uah && volts)
        return Verdict{true, "The battery service tells the charge counter, every half minute or so: runs must be long.", {}};
    return Verdict{false, std::string("The battery service does not tell the ") + (current ? "current." : "charge counter."), {}};
}

const std::array<Candidate, 6>& candidates()
{
    static const std::array<Candidate, 6> all{{
        {EnergySource::rails, 'A', false, judge_rails, rails_probe},
        {EnergySource::perfetto, 'B', true, judge_perfetto, perfetto_probe},
        {EnergySource::gauge_files, 'B', true, [](const PhoneFacts& facts, const ProbeAnswers&) { return judge_files(facts, "current_now", "current"); }, {}},
        {EnergySource::gauge_service, 'B', true,
         [](const PhoneFacts& facts, const ProbeAnswers& answers) -> std::optional<Verdict> {
             if (facts.sdk && *facts.sdk < get_since) return Verdict{false, "The battery service of this Android does not tell the current.", {}};
             return judge_service(answers, true, facts);
         },
         service_probe},
        {EnergySource::charge_files,
         'C',
         true,
         [](const PhoneFacts& facts, const ProbeAnswers&) { return judge_files(facts, "charge_counter", "charge counter"); },
         {}},
        {EnergySource::charge_service, 'C', true, [](const PhoneFacts& facts, const ProbeAnswers& answers) { return judge_service(answers, false, facts); },
         service_probe},
    }};
    return all;
}

}  // namespace

std::string source_name(EnergySource source)
{
    static constexpr std::array names{"power rails",        "battery counters of Perfetto",
                                      "fuel gauge",         "fuel gauge through the battery service",
                                      "charge counter",     "charge counter through the battery service",
                                      "no source of energy"};
    return names[static_cast<std::size_t>(source)];
}

std::vector<Probe> next_probes(const PhoneFacts& facts, const ProbeAnswers& answers)
{
    for (const auto& candidate : candidates()) {
        const auto verdict = candidate.judge(facts, answers);
        if (!verdict) return {candidate.probe(facts)};
        if (verdict->works) break;
    }
    return {};
}

SourceChoice choose_source(const PhoneFacts& facts, const ProbeAnswers& answers)
{
    SourceChoice choice;
    for (const auto& candidate : candidates()) {
        const auto verdict = candidate.judge(facts, answers);
        if (verdict && verdict->works) {
            choice.source = candidate.source;
            choice.why = verdict->why;
            choice.tier = candidate.tier;
            choice.rails = verdict->rails;
            choice.unplug = candidate.unplug;
            choice.voltage = verdict->voltage;
            return choice;
        }
        choice.rejected.push_back({candidate.source, verdict ? verdict->why : "It was not asked for."});
    }
    choice.why = "This phone lets nobody without root read its energy; an external meter can.";
    return choice;
}

std::string suspend_input_command(bool suspend) { return shell_command({"setprop", "power.battery_input.suspended", suspend ? "true" : "false"}); }

Suspension judge_suspension(const BatteryState& before, const BatteryState& after)
{
    if (after.faked) return {false, "The battery service was told what to say, so its status proves nothing."};
    if (!after.status) return {false, "The phone does not say whether it charges."};
    const auto status = charge_status_name(*after.status);
    if (*after.status != ChargeStatus::discharging) return {false, "The phone was asked not to charge, but its status is \"" + status + "\": unplug it."};
    if (!before.status || *before.status == ChargeStatus::discharging)
        return {false, "The phone said it was discharging already before it was asked: whether the cable carries a part cannot be told."};
    if (before.current_now_raw && after.current_now_raw && *before.current_now_raw * *after.current_now_raw > 0)
        return {false, "The status says discharging, but the current keeps its direction: unplug the phone."};
    return {true, "Asked not to charge, the phone went from \"" + charge_status_name(*before.status) + "\" to \"" + status + "\"."};
}

std::string service_sampler_script(const std::string& file, const std::string& stop)
{
    const auto quoted = shell_quoted(file);
    return "echo t_s,voltage_now,current_now,charge_counter,status >" + quoted +
           " || exit 1\n"
           "while :; do\n"
           "read t x </proc/uptime\n"
           "c=$(dumpsys battery get -f current_now 2>/dev/null)\n"
           "case $c in *[!0-9-]*) c=;; esac\n"
           "q=$(dumpsys battery 2>/dev/null | while IFS=: read k v; do case $k in '  Charge counter') echo q=${v# };; '  voltage') echo v=${v# };; '  status') "
           "echo s=${v# };; esac; done)\n"
           "v=; s=; n=; for w in $q; do case $w in v=*) v=${v:-${w#v=}};; s=*) s=${s:-${w#s=}};; q=*) n=${n:-${w#q=}};; esac; done\n"
           "echo \"$t,$v,$c,$n,$s\" >>" +
           quoted +
           "\n"
           "[ -e " +
           shell_quoted(stop) +
           " ] && break\n"
           "sleep 0.8\n"
           "done\n";
}

}  // namespace bitwright
