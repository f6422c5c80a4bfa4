// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/devices/device_facts.h"

#include "views/desk/formats.h"

#include <QCoreApplication>
#include <QDirIterator>
#include <QFile>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace bitwright::views {
namespace {

QString tr(const char* text) { return QCoreApplication::translate("DeviceFacts", text); }
QString q(const std::string& text) { return QString::fromStdString(text); }
QString size_of(const std::optional<std::int64_t>& value) { return value ? bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(0, *value))) : not_measured; }

/// "16305152 kB" of /proc/meminfo.
QString memory_in_words(const std::string& text)
{
    const auto kilobytes = std::strtoull(text.c_str(), nullptr, 10);
    return kilobytes > 0 ? bytes(kilobytes * 1024) : q(text);
}

Fact soc_of(const PhoneFacts& facts, const std::vector<SocProfile>& profiles)
{
    const auto said = q(facts.soc_model.value_or(facts.platform.value_or(facts.hardware.value_or(""))));
    if (const auto* profile = find_soc_profile(profiles, facts)) {
        QStringList words{q(profile->vendor) + QLatin1Char(' ') + q(profile->name)};
        if (profile->hexagon) words << tr("Hexagon %1").arg(q(profile->hexagon->architecture));
        if (!said.isEmpty()) words << said;
        QStringList notes;
        for (const auto& note : profile->notes) notes << q(note.text);
        return {tr("SoC"), words.join(QStringLiteral(" · ")), notes.join(QStringLiteral("\n\n"))};
    }
    if (said.isEmpty()) return {tr("SoC"), not_measured, tr("The phone does not say which it has")};
    return {tr("SoC"), said, tr("No profile of this one: what its accelerators can do is not known to this program; the processor's cores can be measured all the same")};
}

/// "2 × 2.27 GHz + 5 × 3.15 GHz + 1 × 3.3 GHz".
Fact cores_of(const PhoneState& state)
{
    if (state.cores.empty()) return {tr("Cores"), not_measured, tr("The phone lets nobody read them")};
    std::map<std::int64_t, int> by_speed;
    for (const auto& core : state.cores) ++by_speed[core.max_khz.value_or(0)];
    QStringList parts;
    for (const auto& [khz, how_many] : by_speed) parts << (khz > 0 ? tr("%1 × %2 GHz").arg(how_many).arg(number(static_cast<double>(khz) / 1e6)) : tr("%1 of unknown speed").arg(how_many));
    return {tr("Cores"), count(static_cast<std::int64_t>(state.cores.size())) + QStringLiteral(": ") + parts.join(QStringLiteral(" + ")), {}};
}

Fact instructions_of(const PhoneFacts& facts)
{
    if (!facts.instruction_sets) return {tr("Instruction sets"), not_measured, tr("The phone does not say")};
    QStringList all, telling;
    for (const auto& set : *facts.instruction_sets) all << q(set);
    for (const char* set : {"asimddp", "i8mm", "sve", "sve2", "sme", "sme2", "bf16", "fphp"})
        if (all.contains(QLatin1String(set))) telling << QLatin1String(set);
    return {tr("Instruction sets"), telling.isEmpty() ? tr("none of those that matter") : telling.join(QStringLiteral(", ")), all.join(QLatin1Char(' '))};
}

Fact battery_of(const PhoneState& state)
{
    if (!state.battery) return {tr("Battery"), not_measured, tr("The phone does not say")};
    QStringList words;
    if (state.battery->level_percent) words << QStringLiteral("%1 %").arg(*state.battery->level_percent);
    if (state.battery->power_source) words << (*state.battery->power_source == "battery" ? tr("unplugged") : tr("plugged in (%1)").arg(q(*state.battery->power_source)));
    if (state.battery->celsius) words << tr("%1 °C").arg(number(*state.battery->celsius));
    return {tr("Battery"), words.isEmpty() ? not_measured : words.join(QStringLiteral(", ")), state.battery->faked ? tr("The battery service was told what to say: nothing of this can be believed") : QString()};
}

Fact heat_of(const PhoneState& state)
{
    QStringList words;
    if (state.thermal && state.thermal->status) words << (*state.thermal->status == 0 ? tr("not throttled") : tr("throttled: %1").arg(q(thermal_status_name(*state.thermal->status))));
    const auto* zones = state.zones && !state.zones->empty() ? &*state.zones : state.thermal && !state.thermal->temperatures.empty() ? &state.thermal->temperatures : nullptr;
    if (zones) {
        const auto hottest = std::ranges::max_element(*zones, {}, &Temperature::celsius);
        words << tr("hottest %1 °C (%2)").arg(number(hottest->celsius), q(hottest->name));
    }
    if (words.isEmpty()) return {tr("Heat"), not_measured, tr("The phone lets nobody read its temperatures")};
    return {tr("Heat"), words.join(QStringLiteral(", ")), {}};
}

Fact energy_of(const PhoneReading& phone)
{
    if (!phone.energy) return {tr("Energy"), tr("looking where it can be read…"), {}};
    const auto& energy = *phone.energy;
    QStringList better;
    for (const auto& rejected : energy.rejected) better << q(source_name(rejected.source)) + QStringLiteral(": ") + q(rejected.why);
    if (energy.source == EnergySource::none) return {tr("Energy"), tr("none (tier X): %1").arg(q(energy.why)), better.join(QLatin1Char('\n'))};
    const bool plugged = phone.facts.state.battery && phone.facts.state.battery->plugged.value_or(false);
    auto text = tr("tier %1 at best, from the %2").arg(QLatin1Char(energy.tier)).arg(q(source_name(energy.source)));
    if (energy.unplug && plugged) text += tr("; unplug the phone first, plugged in there is no figure");
    return {tr("Energy"), text, q(energy.why) + (better.isEmpty() ? QString() : QLatin1Char('\n') + tr("Better ones:") + QLatin1Char('\n') + better.join(QLatin1Char('\n')))};
}

}  // namespace

std::vector<Fact> facts_of_this_computer(const Conditions& conditions)
{
    const auto facts = nlohmann::json::parse(conditions.device_facts);
    const auto fact = [&](const char* key) { return facts.contains(key) ? q(facts[key].is_string() ? facts[key].get<std::string>() : facts[key].dump()) : not_measured; };
    return {{tr("Processor"), fact("processor"), {}},
            {tr("Cores"), fact("processors"), tr("Logical ones: as many threads run at once")},
            {tr("Memory"), facts.contains("memory") ? memory_in_words(facts["memory"].get<std::string>()) : not_measured, {}},
            {tr("Instruction sets"), fact("instruction sets"), {}},
            {tr("System"), fact("system"), {}},
            {tr("Load now"), number(conditions.load_average, 2), tr("Processes that want to run, average of the last minute: what else runs disturbs a measurement")},
            {tr("Temperature"), conditions.temperature_c ? tr("%1 °C").arg(number(*conditions.temperature_c)) : tr("not readable here"), tr("This system shows programs no sensor of the processor")},
            {tr("Power source"), conditions.power_source ? q(*conditions.power_source) : tr("no battery or mains sensor"), {}},
            {tr("Energy"), tr("not measurable here: the computer's counters, where there are any, count everything that runs on it"), {}}};
}

std::vector<Fact> facts_of_phone(const PhoneReading& phone, const std::vector<SocProfile>& profiles)
{
    const auto& facts = phone.facts;
    const auto& state = facts.state;
    auto android = facts.android ? q(*facts.android) : not_measured;
    if (facts.sdk) android += tr(" (API %1)").arg(*facts.sdk);
    if (facts.selinux) android += tr(", SELinux %1").arg(q(*facts.selinux).toLower());
    return {soc_of(facts, profiles),
            cores_of(state),
            {tr("Memory"), state.memory_available_bytes ? tr("%1, %2 available").arg(size_of(facts.memory_total_bytes), size_of(state.memory_available_bytes)) : size_of(facts.memory_total_bytes), {}},
            instructions_of(facts),
            {tr("Android"), android, q(facts.build.value_or(""))},
            battery_of(state),
            heat_of(state),
            {tr("Free space"), size_of(state.free_bytes), tr("In /data/local/tmp, where the runner and the package go")},
            energy_of(phone)};
}

const std::vector<SocProfile>& known_socs()
{
    static const std::vector<SocProfile> profiles = [] {
        std::vector<SocProfile> read;
        for (QDirIterator files(QStringLiteral(":/devices/soc")); files.hasNext();) {
            QFile file(files.next());
            if (file.open(QIODevice::ReadOnly)) read.push_back(parse_soc_profile(file.readAll().toStdString(), file.fileName().toStdString()));
        }
        return read;
    }();
    return profiles;
}

}  // namespace bitwright::views
