// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/phone/facts.h"

#include "device_bridge/phone/lines.h"
#include "device_bridge/phone/shell_quote.h"

#include <algorithm>
#include <array>

namespace bitwright {
namespace {

constexpr std::string_view marker = "==bitwright:";
constexpr std::size_t most_cores = 256;

struct Section {
    std::string_view name, command;
    bool changes;  ///< part of the state
};

/// Commands as a phone's own shell (mksh with toybox) and a plain POSIX one understand them. Globs stay unquoted.
constexpr std::array sections{
    Section{"uname", "uname -s; uname -r; uname -m", false},
    Section{"id", "id", false},
    Section{"selinux", "getenforce", false},
    Section{"cpu_features", "grep -m1 Features /proc/cpuinfo", false},
    Section{"auxv", "od -A n -v -t x8 /proc/self/auxv", false},
    Section{"soc_id", "cat /sys/devices/soc0/soc_id", false},
    Section{"cdsprpc", "ls /vendor/lib64/libcdsprpc.so /system/vendor/lib64/libcdsprpc.so; echo asked", false},
    Section{"supplies", "ls /sys/class/power_supply", false},
    Section{"clock", "cat /proc/uptime; date +%s; cat /proc/sys/kernel/random/boot_id", true},
    Section{"memory", "grep -e MemTotal -e MemAvailable /proc/meminfo", true},
    Section{"disk", "df -k /data/local/tmp", true},
    Section{"cores",
            "grep -sH '' /sys/devices/system/cpu/cpu[0-9]*/cpufreq/cpuinfo_max_freq /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq "
            "/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor /sys/devices/system/cpu/cpu[0-9]*/cpu_capacity; "
            "for c in /sys/devices/system/cpu/cpu[0-9]*; do echo \"$c/:\"; done",
            true},
    Section{"battery", "dumpsys battery", true},
    Section{"thermal", "dumpsys thermalservice", true},
    Section{"zones", "grep -sH '' /sys/class/thermal/thermal_zone*/type /sys/class/thermal/thermal_zone*/temp", true},
    Section{"screen", "dumpsys power | grep -m1 mWakefulness=", true},
    Section{"suspended", "getprop power.battery_input.suspended", true},
};

constexpr std::array<std::string_view, 11> properties{
    "ro.product.manufacturer",  "ro.product.model",     "ro.product.device",    "ro.soc.manufacturer",   "ro.soc.model", "ro.board.platform", "ro.hardware",
    "ro.build.version.release", "ro.build.version.sdk", "ro.build.fingerprint", "ro.product.cpu.abilist"};

std::string heading(std::string_view name) { return "echo; echo " + shell_quoted(std::string(marker) + std::string(name) + "==") + "\n"; }

std::string battery_files_command()
{
    std::vector<std::string> words{"grep", "-H", ""};
    for (const auto name : battery_files()) words.push_back("/sys/class/power_supply/battery/" + std::string(name));
    return shell_command(words) + " 2>&1";
}

std::string script(bool everything)
{
    std::string text;
    if (everything) {
        for (const auto name : properties) text += heading("prop " + std::string(name)) + shell_command({"getprop", std::string(name)}) + " 2>/dev/null\n";
        text += heading("battery_files") + battery_files_command() + "\n";
    }
    for (const auto& section : sections)
        if (everything || section.changes) text += heading(section.name) + "{ " + std::string(section.command) + "; } 2>/dev/null\n";
    return text + heading("end") + "exit 0\n";
}

/// Section name → its lines; the first of a name counts.
std::map<std::string_view, std::string_view> cut(std::string_view answer)
{
    std::map<std::string_view, std::string_view> parts;
    std::size_t at = answer.starts_with(marker) ? 0 : answer.find("\n" + std::string(marker));
    while (at != std::string_view::npos) {
        if (answer[at] == '\n') ++at;
        const auto line_end = std::min(answer.find('\n', at), answer.size());
        auto name = trimmed(answer.substr(at + marker.size(), line_end - at - marker.size()));
        const auto next = answer.find("\n" + std::string(marker), line_end == at ? at : line_end);
        if (name.ends_with("==")) parts.try_emplace(name.substr(0, name.size() - 2), answer.substr(line_end, std::min(next, answer.size()) - line_end));
        at = next;
    }
    return parts;
}

class Answer {
public:
    explicit Answer(std::string_view answer) : parts_(cut(answer)) {}

    [[nodiscard]] bool has(std::string_view name) const { return parts_.contains(name); }
    [[nodiscard]] std::string_view text(std::string_view name) const
    {
        const auto found = parts_.find(name);
        return found == parts_.end() ? std::string_view{} : trimmed(found->second);
    }
    [[nodiscard]] std::optional<std::string> line(std::string_view name, std::size_t number = 0) const
    {
        const auto lines = lines_of(text(name), number + 1);
        return number < lines.size() ? short_text(lines[number]) : std::nullopt;
    }
    [[nodiscard]] std::optional<std::string> property(std::string_view name) const { return line("prop " + std::string(name)); }

private:
    std::map<std::string_view, std::string_view> parts_;
};

std::optional<std::int64_t> number_in(const std::optional<std::string>& text) { return text ? whole_number(*text) : std::nullopt; }

std::optional<std::vector<std::string>> words_in(std::string_view text, char separator)
{
    std::string spaced(text.substr(0, 16'384));
    std::ranges::replace(spaced, separator, ' ');
    std::vector<std::string> words;
    for (const auto word : words_of(spaced))
        if (auto kept = short_text(word)) words.push_back(*kept);
    return words.empty() ? std::nullopt : std::optional(words);
}

/// The word of "uid=2000(shell) gid=…".
std::optional<std::string> user_of(std::string_view id)
{
    const auto open = id.find('('), close = id.find(')');
    if (!id.starts_with("uid=") || open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
    return short_text(id.substr(open + 1, close - open - 1));
}

std::optional<std::vector<std::string>> instruction_sets(const Answer& answer, const std::optional<std::string>& machine)
{
    if (machine == "aarch64") {  // the words mean something else elsewhere
        constexpr std::uint64_t at_hwcap = 16, at_hwcap2 = 26;
        std::optional<std::uint64_t> hwcap, hwcap2;
        const auto words = words_of(answer.text("auxv"));
        for (std::size_t i = 0; i + 1 < words.size() && i < 200; i += 2) {
            const auto key = hexadecimal(words[i]), value = hexadecimal(words[i + 1]);
            if (!key || !value) break;
            if (*key == at_hwcap) hwcap = value;
            if (*key == at_hwcap2) hwcap2 = value;
        }
        if (hwcap) return instruction_sets_of(*hwcap, hwcap2.value_or(0));
    }
    const auto features = split_at(answer.text("cpu_features"), ':');
    if (!features || features->first != "Features") return std::nullopt;
    auto names = words_in(features->second, ' ');
    if (names) std::ranges::sort(*names);
    return names;
}

void take_core(std::map<std::int64_t, PhoneCore>& cores, std::string_view line)
{
    static constexpr std::string_view folder = "/sys/devices/system/cpu/cpu";
    if (!line.starts_with(folder)) return;
    line.remove_prefix(folder.size());
    const auto slash = line.find('/'), colon = line.find(':');
    if (slash == std::string_view::npos || colon == std::string_view::npos || colon < slash) return;
    const auto index = whole_number(line.substr(0, slash));
    if (!index || *index < 0 || *index >= static_cast<std::int64_t>(most_cores)) return;
    auto& core = cores[*index];
    core.index = *index;
    const auto file = line.substr(slash + 1, colon - slash - 1), value = trimmed(line.substr(colon + 1));
    auto number = whole_number(value);
    if (number && *number <= 0) number.reset();
    if (file == "cpufreq/cpuinfo_max_freq")
        core.max_khz = number;
    else if (file == "cpufreq/scaling_cur_freq")
        core.current_khz = number;
    else if (file == "cpu_capacity")
        core.capacity = number;
    else if (file == "cpufreq/scaling_governor")
        core.governor = short_text(value);
}

std::optional<std::int64_t> memory_line(std::string_view text, std::string_view key)
{
    for (const auto line : lines_of(text, 100)) {
        const auto field = split_at(line, ':');
        if (!field || field->first != key) continue;
        const auto words = words_of(field->second);
        const auto kib = words.size() == 2 && words[1] == "kB" ? whole_number(words[0]) : std::nullopt;
        return kib && *kib > 0 && *kib < (std::int64_t{1} << 50) ? std::optional(*kib * 1024) : std::nullopt;
    }
    return std::nullopt;
}

PhoneState state_of(const Answer& answer)
{
    PhoneState state;
    state.battery = parse_battery_dump(answer.text("battery"));
    state.thermal = parse_thermal_service(answer.text("thermal"));
    if (auto zones = parse_thermal_zones(answer.text("zones")); !zones.empty()) state.zones = std::move(zones);
    state.memory_available_bytes = memory_line(answer.text("memory"), "MemAvailable");
    state.free_bytes = df_free_bytes(answer.text("disk"));
    if (const auto screen = answer.line("screen"); screen && screen->starts_with("mWakefulness=")) state.screen_on = screen->substr(13) == "Awake";
    if (const auto suspended = answer.line("suspended")) state.input_suspended = *suspended == "true" || *suspended == "1";
    if (const auto uptime = answer.line("clock"))
        if (const auto words = words_of(*uptime); words.size() == 2) state.uptime_s = real_number(words[0]);
    state.clock_s = number_in(answer.line("clock", 1));
    if (auto boot = answer.line("clock", 2); boot && boot->size() == 36) state.boot_id = std::move(boot);
    std::map<std::int64_t, PhoneCore> cores;
    for (const auto line : lines_of(answer.text("cores"), 10'000)) take_core(cores, line);
    for (auto& [index, core] : cores) state.cores.push_back(std::move(core));
    return state;
}

}  // namespace

std::string facts_script() { return script(true); }
std::string state_script() { return script(false); }

PhoneFacts parse_facts(std::string_view text)
{
    const Answer answer(text);
    PhoneFacts facts;
    facts.manufacturer = answer.property("ro.product.manufacturer");
    facts.model = answer.property("ro.product.model");
    facts.device = answer.property("ro.product.device");
    facts.soc_manufacturer = answer.property("ro.soc.manufacturer");
    facts.soc_model = answer.property("ro.soc.model");
    facts.platform = answer.property("ro.board.platform");
    facts.hardware = answer.property("ro.hardware");
    facts.soc_id = number_in(answer.line("soc_id"));
    facts.android = answer.property("ro.build.version.release");
    facts.build = answer.property("ro.build.fingerprint");
    facts.sdk = number_in(answer.property("ro.build.version.sdk"));
    facts.abis = words_in(answer.text("prop ro.product.cpu.abilist"), ',');
    facts.kernel = answer.line("uname", 1);
    facts.machine = answer.line("uname", 2);
    facts.instruction_sets = instruction_sets(answer, facts.machine);
    facts.user = user_of(answer.text("id"));
    facts.selinux = answer.line("selinux");
    facts.memory_total_bytes = memory_line(answer.text("memory"), "MemTotal");
    if (const auto rpc = answer.text("cdsprpc"); rpc.ends_with("asked")) facts.hexagon_rpc = rpc.find("libcdsprpc.so") != std::string_view::npos;
    facts.power_supplies = words_in(answer.text("supplies"), '\n');
    if (answer.has("battery_files")) facts.battery_files = parse_battery_files(answer.text("battery_files"));
    facts.state = state_of(answer);
    facts.complete = answer.has("end");
    return facts;
}

std::optional<std::uint64_t> big_core_mask(const std::vector<PhoneCore>& cores)
{
    const auto mask = [&](auto field, double share) -> std::optional<std::uint64_t> {
        std::int64_t most = 0;
        for (const auto& core : cores) most = std::max(most, (core.*field).value_or(0));
        if (most == 0) return std::nullopt;
        std::uint64_t bits = 0;
        for (const auto& core : cores)
            if (core.index >= 0 && core.index < 64 && static_cast<double>((core.*field).value_or(0)) >= share * static_cast<double>(most))
                bits |= std::uint64_t{1} << core.index;
        return bits;
    };
    const auto by_capacity = mask(&PhoneCore::capacity, 0.5);
    return by_capacity ? by_capacity : mask(&PhoneCore::max_khz, 0.8);
}

std::vector<std::string> instruction_sets_of(std::uint64_t hwcap, std::uint64_t hwcap2)
{
    static constexpr std::array first{"fp",    "asimd",    "evtstrm", "aes",   "pmull",  "sha1",  "sha2", "crc32", "atomics", "fphp",    "asimdhp",
                                      "cpuid", "asimdrdm", "jscvt",   "fcma",  "lrcpc",  "dcpop", "sha3", "sm3",   "sm4",     "asimddp", "sha512",
                                      "sve",   "asimdfhm", "dit",     "uscat", "ilrcpc", "flagm", "ssbs", "sb",    "paca",    "pacg"};
    static constexpr std::array second{"dcpodp",    "sve2",      "sveaes",    "svepmull", "svebitperm", "svesha3", "svesm4",    "flagm2",    "frint",
                                       "svei8mm",   "svef32mm",  "svef64mm",  "svebf16",  "i8mm",       "bf16",    "dgh",       "rng",       "bti",
                                       "mte",       "ecv",       "afp",       "rpres",    "mte3",       "sme",     "smei16i64", "smef64f64", "smei8i32",
                                       "smef16f32", "smeb16f32", "smef32f32", "smefa64",  "wfxt",       "ebf16",   "sveebf16"};
    std::vector<std::string> names;
    for (std::size_t i = 0; i < first.size(); ++i)
        if (hwcap >> i & 1) names.emplace_back(first[i]);
    for (std::size_t i = 0; i < second.size(); ++i)
        if (hwcap2 >> i & 1) names.emplace_back(second[i]);
    std::ranges::sort(names);
    return names;
}

std::optional<std::string> phone_name(const PhoneFacts& facts)
{
    if (!facts.model) return facts.manufacturer;
    if (!facts.manufacturer) return facts.model;
    const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
    if (facts.model->size() >= facts.manufacturer->size() && std::equal(facts.manufacturer->begin(), facts.manufacturer->end(), facts.model->begin(), same))
        return facts.model;
    auto maker = *facts.manufacturer;
    if (maker[0] >= 'a' && maker[0] <= 'z') maker[0] = static_cast<char>(maker[0] - 32);
    return maker + " " + *facts.model;
}

}  // namespace bitwright
