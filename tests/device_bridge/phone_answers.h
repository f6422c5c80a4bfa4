// SPDX-License-Identifier: GPL-3.0-or-later
// Answers as phones give them, written by hand after published formats (none recorded on a phone of ours).
#pragma once

#include <string>
#include <string_view>

namespace bitwright::test {

inline constexpr std::string_view pixel_thermal_service = R"(IsStatusOverride: false
ThermalEventListeners:
	callbacks: 1
	killed: false
	broadcasts count: -1
ThermalStatusListeners:
	callbacks: 2
	killed: false
	broadcasts count: -1
Thermal Status: 1
Cached temperatures:
	Temperature{mValue=31.0, mType=2, mName=battery, mStatus=0}
	Temperature{mValue=37.0, mType=3, mName=VIRTUAL-SKIN, mStatus=0}
HAL Ready: true
HAL connection:
	ThermalHAL AIDL 2 connected: yes
Current temperatures from HAL:
	Temperature{mValue=66.5, mType=0, mName=BIG, mStatus=0}
	Temperature{mValue=59.0, mType=9, mName=TPU, mStatus=0}
	Temperature{mValue=33.4, mType=2, mName=battery, mStatus=0}
	Temperature{mValue=41.2, mType=3, mName=VIRTUAL-SKIN, mStatus=1}
	Temperature{mValue=NaN, mType=5, mName=PA, mStatus=0}
Current cooling devices from HAL:
	CoolingDevice{mValue=0, mType=2, mName=thermal-cpufreq-0}
Temperature static thresholds from HAL:
	TemperatureThreshold{mType=3, mName=VIRTUAL-SKIN, mHotThrottlingThresholds=[NaN, 39.0, 43.0, 45.0, 46.5, 52.0, 55.0], mColdThrottlingThresholds=[NaN, NaN, NaN, NaN, NaN, NaN, NaN]}
)";

inline constexpr std::string_view samsung_battery = R"(Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Dock powered: false
  Max charging current: 0
  Max charging voltage: 0
  Charge counter: 2876000
  status: 2
  health: 2
  present: true
  level: 76
  scale: 100
  voltage: 4123
  temperature: 287
  technology: Li-ion
  current now: 559
  batteryMiscEvent: 65536
BatteryInfoBackUp
  mSavedBatteryAsoc: 99
  status: 5
)";

/// The answer of a Snapdragon 8 Gen 3 phone to facts_script().
inline std::string snapdragon_answer()
{
    std::string text;
    const auto section = [&](std::string_view name, std::string_view body) { text += "\n==bitwright:" + std::string(name) + "==\n" + std::string(body); };
    section("prop ro.product.manufacturer", "samsung\n");
    section("prop ro.product.model", "SM-S928B\n");
    section("prop ro.product.device", "e3q\n");
    section("prop ro.soc.manufacturer", "QTI\n");
    section("prop ro.soc.model", "SM8650\n");
    section("prop ro.board.platform", "pineapple\n");
    section("prop ro.hardware", "qcom\n");
    section("prop ro.build.version.release", "14\n");
    section("prop ro.build.version.sdk", "34\n");
    section("prop ro.build.fingerprint", "samsung/e3qxxx/e3q:14/UP1A.231005.007/S928BXXS2AXD6:user/release-keys\n");
    section("prop ro.product.cpu.abilist", "arm64-v8a,armeabi-v7a\n");
    section(
        "battery_files",
        "grep: /sys/class/power_supply/battery/current_now: Permission denied\ngrep: /sys/class/power_supply/battery/current_avg: No such file or directory\n"
        "/sys/class/power_supply/battery/voltage_now:4123000\n/sys/class/power_supply/battery/status:Charging\n");
    section("uname", "Linux\n6.1.57-android14-11\naarch64\n");
    section("id", "uid=2000(shell) gid=2000(shell) groups=2000(shell),1004(input) context=u:r:shell:s0\n");
    section("selinux", "Enforcing\n");
    section("cpu_features", "Features\t: fp asimd evtstrm aes\n");
    section("auxv",
            " 0000000000000021 0000007f8c6d2000\n 0000000000000010 0000000000100fff\n 000000000000001a 0000000000006000\n 0000000000000000 0000000000000000\n");
    section("soc_id", "557\n");
    section("cdsprpc", "/vendor/lib64/libcdsprpc.so\nasked\n");
    section("supplies", "battery\nusb\nwireless\n");
    section("clock", "12345.67 54321.00\n1732310000\n0c5f3a39-52ee-4e44-8a6c-3f0b1d1c7a11\n");
    section("memory", "MemTotal:       11534336 kB\nMemAvailable:    5242880 kB\n");
    section("disk", "Filesystem     1K-blocks     Used Available Use% Mounted on\n/dev/block/dm-58 226000000 50000000 176000000  23% /data/user/0\n");
    std::string cores;
    const auto file = [&](int core, const char* name, const std::string& value) {
        cores += "/sys/devices/system/cpu/cpu" + std::to_string(core) + "/" + name + ":" + value + "\n";
    };
    for (int core = 0; core < 8; ++core) file(core, "cpufreq/cpuinfo_max_freq", core < 2 ? "2265600" : core < 7 ? "3148800" : "3398400");
    for (int core = 0; core < 8; ++core) file(core, "cpufreq/scaling_cur_freq", core < 2 ? "1036800" : "2400000");
    for (int core = 0; core < 8; ++core) file(core, "cpufreq/scaling_governor", "walt");
    for (int core = 0; core < 8; ++core) file(core, "", "");
    section("cores", cores);
    section("battery", samsung_battery);
    section("thermal", pixel_thermal_service);
    section("zones",
            "/sys/class/thermal/thermal_zone0/type:aoss-0\n/sys/class/thermal/thermal_zone0/temp:38400\n/sys/class/thermal/thermal_zone12/type:nsphvx-0\n"
            "/sys/class/thermal/thermal_zone12/temp:45100\n/sys/class/thermal/thermal_zone3/type:modem\n/sys/class/thermal/thermal_zone3/temp:-273000\n");
    section("screen", "  mWakefulness=Awake\n");
    section("suspended", "\n");
    section("end", "");
    return text;
}

}  // namespace bitwright::test
