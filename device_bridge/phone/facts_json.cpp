// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/phone/facts.h"

#include "device_bridge/phone/checked_json.h"

#include <array>

namespace bitwright {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 4> answer_names{"value", "empty", "denied", "missing"};

/// Every plain field once, for both directions.
template <typename Facts, typename Visit>
void each_field(Facts& facts, Visit visit)
{
    visit("manufacturer", facts.manufacturer);
    visit("model", facts.model);
    visit("device", facts.device);
    visit("soc_manufacturer", facts.soc_manufacturer);
    visit("soc_model", facts.soc_model);
    visit("platform", facts.platform);
    visit("hardware", facts.hardware);
    visit("soc_id", facts.soc_id);
    visit("android", facts.android);
    visit("build", facts.build);
    visit("kernel", facts.kernel);
    visit("machine", facts.machine);
    visit("sdk", facts.sdk);
    visit("abis", facts.abis);
    visit("instruction_sets", facts.instruction_sets);
    visit("user", facts.user);
    visit("selinux", facts.selinux);
    visit("memory_total_bytes", facts.memory_total_bytes);
    visit("hexagon_rpc", facts.hexagon_rpc);
    visit("power_supplies", facts.power_supplies);
}
template <typename State, typename Visit>
void each_state_field(State& state, Visit visit)
{
    visit("memory_available_bytes", state.memory_available_bytes);
    visit("free_bytes", state.free_bytes);
    visit("screen_on", state.screen_on);
    visit("input_suspended", state.input_suspended);
    visit("uptime_s", state.uptime_s);
    visit("clock_s", state.clock_s);
    visit("boot_id", state.boot_id);
}
template <typename Battery, typename Visit>
void each_battery_field(Battery& battery, Visit visit)
{
    visit("level_percent", battery.level_percent);
    visit("plugged", battery.plugged);
    visit("power_source", battery.power_source);
    visit("volts", battery.volts);
    visit("celsius", battery.celsius);
    visit("charge_counter_uah", battery.charge_counter_uah);
    visit("current_now_raw", battery.current_now_raw);
}
template <typename Core, typename Visit>
void each_core_field(Core& core, Visit visit)
{
    visit("max_khz", core.max_khz);
    visit("current_khz", core.current_khz);
    visit("capacity", core.capacity);
    visit("governor", core.governor);
}

struct Write {
    json& out;
    template <typename T>
    void operator()(const char* name, const std::optional<T>& value) const
    {
        if (value) out[name] = *value;
    }
};
struct Read {
    const CheckedObject& in;
    template <typename T>
    void operator()(const char* name, std::optional<T>& value) const
    {
        value = in.optional<T>(name);
    }
};

json list_of(const std::vector<Temperature>& temperatures)
{
    json list = json::array();
    for (const auto& one : temperatures) {
        json entry{{"name", one.name}, {"kind", static_cast<std::int64_t>(one.kind)}, {"celsius", one.celsius}};
        if (one.status) entry["status"] = *one.status;
        list.push_back(std::move(entry));
    }
    return list;
}

std::vector<Temperature> temperatures_of(const CheckedObject& in, std::string_view name)
{
    std::vector<Temperature> list;
    for (const auto& entry : in.objects(name)) {
        const auto kind = entry.required<std::int64_t>("kind");
        if (kind < -1 || kind > 1000) throw entry.fault("kind", "is no kind of temperature");
        list.push_back({entry.required<std::string>("name"), static_cast<TemperatureKind>(kind), entry.required<double>("celsius"),
                        entry.optional<std::int64_t>("status")});
    }
    return list;
}

json object_of(const BatteryState& battery)
{
    json out = json::object();
    each_battery_field(battery, Write{out});
    if (battery.status) out["status"] = charge_status_name(*battery.status);
    if (battery.faked) out["faked"] = true;
    return out;
}

BatteryState battery_of(const CheckedObject& in)
{
    BatteryState battery;
    each_battery_field(battery, Read{in});
    if (const auto status = in.optional<std::string>("status")) {
        battery.status = charge_status_of(*status);
        if (!battery.status) throw in.fault("status", "is no charging status");
    }
    battery.faked = in.optional<bool>("faked").value_or(false);
    return battery;
}

ThermalState thermal_of(const CheckedObject& in)
{
    ThermalState thermal;
    thermal.status = in.optional<std::int64_t>("status");
    thermal.overridden = in.optional<bool>("overridden").value_or(false);
    thermal.cached = in.optional<bool>("cached").value_or(false);
    thermal.temperatures = temperatures_of(in, "temperatures");
    return thermal;
}

PhoneState read_state(const CheckedObject& in)
{
    PhoneState state;
    each_state_field(state, Read{in});
    if (in.find("battery")) state.battery = battery_of(in.object("battery"));
    if (in.find("thermal")) state.thermal = thermal_of(in.object("thermal"));
    if (in.find("zones")) state.zones = temperatures_of(in, "zones");
    for (const auto& entry : in.objects("cores")) {
        auto& core = state.cores.emplace_back();
        core.index = entry.required<std::int64_t>("index");
        each_core_field(core, Read{entry});
    }
    return state;
}

}  // namespace

json to_json(const PhoneState& state)
{
    json out = json::object();
    each_state_field(state, Write{out});
    if (state.battery) out["battery"] = object_of(*state.battery);
    if (state.thermal) {
        json thermal{{"temperatures", list_of(state.thermal->temperatures)}};
        if (state.thermal->status) thermal["status"] = *state.thermal->status;
        if (state.thermal->overridden) thermal["overridden"] = true;
        if (state.thermal->cached) thermal["cached"] = true;
        out["thermal"] = std::move(thermal);
    }
    if (state.zones) out["zones"] = list_of(*state.zones);
    for (const auto& core : state.cores) {
        json entry{{"index", core.index}};
        each_core_field(core, Write{entry});
        out["cores"].push_back(std::move(entry));
    }
    return out;
}

json to_json(const PhoneFacts& facts)
{
    json out = json::object();
    each_field(facts, Write{out});
    if (facts.battery_files) {
        json files = json::object();
        for (const auto& [name, file] : *facts.battery_files) {
            files[name] = {{"answer", answer_names[static_cast<std::size_t>(file.answer)]}};
            if (file.answer == FileAnswer::value) files[name]["value"] = file.value;
        }
        out["battery_files"] = std::move(files);
    }
    out["state"] = to_json(facts.state);
    out["complete"] = facts.complete;
    return out;
}

PhoneState state_from_json(const json& in, std::string_view where) { return read_state({in, where}); }

PhoneFacts facts_from_json(const json& whole, std::string_view where)
{
    const CheckedObject in(whole, where);
    PhoneFacts facts;
    each_field(facts, Read{in});
    if (in.find("battery_files")) {
        const auto files = in.object("battery_files");
        auto& read = facts.battery_files.emplace();
        for (const auto& [name, entry] : files.json().items()) {
            const auto file = files.object(name);
            const auto word = file.required<std::string>("answer");
            const auto known = std::find(answer_names.begin(), answer_names.end(), word);
            if (known == answer_names.end()) throw file.fault("answer", "is \"" + word + "\", none of value, empty, denied, missing");
            read[name] = {static_cast<FileAnswer>(known - answer_names.begin()), file.optional<std::string>("value").value_or("")};
        }
    }
    if (in.find("state")) facts.state = read_state(in.object("state"));
    facts.complete = in.optional<bool>("complete").value_or(false);
    return facts;
}

}  // namespace bitwright
