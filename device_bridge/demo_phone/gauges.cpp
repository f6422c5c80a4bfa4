// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/gauges.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace bitwright::demo {
namespace {

std::string whole(double value) { return std::to_string(std::llround(value)); }

std::string tenth(double value)
{
    char text[64];
    std::snprintf(text, sizeof text, "%.1f", value);
    return text;
}

}  // namespace

GaugeModel::GaugeModel(const Scenario& scenario) : scenario_(scenario)
{
    now_.charge_mah = scenario.battery.capacity_mah * scenario.battery.level_percent / 100;
    now_.rail_mj.resize(scenario.rails.size());
    shown_.second = -1e9;
}

const Gauges& GaugeModel::advance(double second, double cores_busy, bool suspended)
{
    const Battery& battery = scenario_.battery;
    const double passed = std::max(0.0, second - now_.second);
    const double middle = now_.second + passed / 2;
    now_.plugged = battery.plugged != "none";
    now_.usb = battery.plugged == "usb";
    if (suspended && battery.suspend_honoured) now_.plugged = false;
    now_.charging = now_.plugged && now_.level_percent < 100;
    const auto current_at = [&](double moment) {
        return now_.plugged ? -battery.charging_ma.at(moment) + battery.per_core_ma * cores_busy : battery.current_ma.at(moment) + battery.per_core_ma * cores_busy;
    };
    now_.charge_mah = std::clamp(now_.charge_mah - current_at(middle) * passed / 3600, 0.0, battery.capacity_mah);
    for (std::size_t i = 0; i < now_.rail_mj.size(); ++i) now_.rail_mj[i] += (scenario_.rails[i].milliwatts.at(middle) + scenario_.rails[i].per_core_mw * cores_busy) * passed;
    now_.second = second;
    now_.current_ma = current_at(second);
    now_.voltage_mv = battery.voltage_mv.at(second);
    now_.celsius = battery.celsius.at(second);
    now_.level_percent = 100 * now_.charge_mah / battery.capacity_mah;
    now_.thermal_status = std::floor(scenario_.thermal.status.at(second));
    now_.cores_busy = cores_busy;
    if (second - shown_.second >= battery.update_s) {
        shown_ = now_;
        shown_.current_ma += battery.noise_ma * std::sin(2.399963 * static_cast<double>(updates_++));  // the golden angle: no two alike, nothing on average
    }
    return shown_;
}

std::vector<GaugeFile> gauge_files(const Scenario& scenario, const Gauges& g)
{
    const Battery& battery = scenario.battery;
    const std::string folder = "/sys/class/power_supply/battery/";
    const double sign = battery.discharge_positive ? 1 : -1;
    const char* status = g.charging ? "Charging" : g.plugged ? "Full" : "Discharging";
    std::vector<GaugeFile> files{
        {folder + "current_now", whole(sign * g.current_ma * (battery.current_unit == "uA" ? 1000 : 1)), battery.current},
        {folder + "voltage_now", whole(g.voltage_mv * (battery.voltage_unit == "uV" ? 1000 : 1)), battery.voltage},
        {folder + "charge_counter", whole(g.charge_mah * 1000), battery.charge},
        {folder + "temp", whole(g.celsius * 10), battery.temperature},
        {folder + "status", status, battery.status},
        {folder + "capacity", whole(g.level_percent), battery.status},
        {"/sys/class/power_supply/usb/online", g.plugged && g.usb ? "1" : "0", battery.status},
    };
    for (std::size_t i = 0; i < scenario.thermal.zones.size(); ++i) {
        const ThermalZone& zone = scenario.thermal.zones[i];
        const std::string zone_folder = "/sys/class/thermal/thermal_zone" + std::to_string(i) + "/";
        files.push_back({zone_folder + "type", zone.type, Readable::yes});
        files.push_back({zone_folder + "temp", whole(zone.celsius.at(g.second) * 1000), zone.readable});
    }
    std::size_t core = 0;
    for (const auto& cluster : scenario.phone.clusters) {
        for (std::int64_t i = 0; i < cluster.cores; ++i, ++core) {
            const std::string cpu = "/sys/devices/system/cpu/cpu" + std::to_string(core) + "/cpufreq/";
            const double share = std::clamp(g.cores_busy - static_cast<double>(core), 0.0, 1.0);
            files.push_back({cpu + "scaling_cur_freq", whole(static_cast<double>(cluster.min_khz) + share * static_cast<double>(cluster.max_khz - cluster.min_khz)), Readable::yes});
        }
    }
    for (GaugeFile& file : files) file.text = file.readable == Readable::empty ? "" : file.text + "\n";
    return files;
}

std::string health_text(const Scenario& scenario, const Gauges& g)
{
    const double sign = scenario.battery.discharge_positive ? 1 : -1;
    return whole(sign * g.current_ma * 1000) + " " + whole(g.voltage_mv * 1000) + " " + whole(g.charge_mah * 1000) + " " + whole(g.level_percent) + "\n";
}

std::map<std::string, std::string> dumpsys_texts(const Scenario& scenario, const Gauges& g)
{
    const Battery& battery = scenario.battery;
    const auto yes = [](bool is) { return is ? "true" : "false"; };
    std::string text = "Current Battery Service state:\n";
    text += std::string("  AC powered: ") + yes(g.plugged && !g.usb) + "\n  USB powered: " + yes(g.plugged && g.usb) + "\n  Wireless powered: false\n";
    text += "  Max charging current: " + std::string(g.plugged ? "500000" : "0") + "\n  Max charging voltage: " + (g.plugged ? "5000000" : "0") + "\n";
    text += "  Charge counter: " + whole(g.charge_mah * 1000) + "\n";
    text += "  status: " + std::string(g.charging ? "2" : g.plugged ? "5" : "3") + "\n  health: 2\n  present: true\n";
    text += "  level: " + whole(g.level_percent) + "\n  scale: 100\n  voltage: " + whole(g.voltage_mv) + "\n  temperature: " + whole(g.celsius * 10) + "\n  technology: Li-ion\n";
    if (battery.service_current == "mA") text += "  current now: " + whole((battery.discharge_positive ? 1 : -1) * g.current_ma) + "\n";

    std::string thermal = "IsStatusOverride: false\nThermalEventListeners:\n\tcallbacks: 1\nThermal Status: " + whole(g.thermal_status) + "\nCached temperatures:\n";
    const auto list = [&] {
        std::string lines;
        for (const auto& each : scenario.thermal.service) {
            lines += "\tTemperature{mValue=" + tenth(each.celsius.at(g.second)) + ", mType=" + std::to_string(each.type) + ", mName=" + each.name + ", mStatus=" + whole(g.thermal_status) + "}\n";
        }
        return lines;
    };
    thermal += list() + "HAL Ready: true\nHAL connection:\n\tThermalHAL 2.0 connected: yes\nCurrent temperatures from HAL:\n" + list() + "Current cooling devices from HAL:\n";

    std::map<std::string, std::string> texts{{"battery", text}, {"thermalservice", thermal}, {"display", "  mScreenState=ON\n"},
                                             {"power", "  mWakefulness=Awake\n  mHoldingDisplaySuspendBlocker=true\nDisplay Power: state=ON\n"}};
    if (battery.service_get) {
        texts["battery get current_now"] = texts["battery get current_average"] = whole((battery.discharge_positive ? 1 : -1) * g.current_ma * 1000) + "\n";
        texts["battery get counter"] = whole(g.charge_mah * 1000) + "\n";
    }
    if (!scenario.rails.empty()) {
        std::string rails = "\n============= PowerStats HAL 2.0 energy meter ==============\n";
        for (std::size_t i = 0; i < scenario.rails.size(); ++i) {
            char line[160];
            std::snprintf(line, sizeof line, "%-28s : %.2f mWs\n", scenario.rails[i].name.substr(0, 80).c_str(), g.rail_mj[i]);
            rails += line;
        }
        texts["android.hardware.power.stats.IPowerStats/default"] = rails + "========== End of PowerStats HAL 2.0 energy meter ==========\n";
    }
    return texts;
}

}  // namespace bitwright::demo
