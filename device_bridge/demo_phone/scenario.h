// SPDX-License-Identifier: GPL-3.0-or-later
// What a demo phone is and what goes wrong with it: one JSON file, read strictly (an unknown field is an error that names it).
// Threading: immutable after reading.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright::demo {

/// A quantity over the seconds since the phone started: linear between its points, constant before the first and after the last.
struct Series {
    struct Point {
        double second = 0, value = 0;
    };
    std::vector<Point> points;  ///< at least one, seconds strictly increasing
    [[nodiscard]] double at(double second) const noexcept;
};

/// How a file of the phone answers its reader.
enum class Readable { yes, denied, empty, absent };

struct PhoneFacts {
    std::string manufacturer = "Bitwright", model = "Demo Phone", product = "bitwright_demo", device = "demo", serial = "DEMO0001";
    std::string soc_manufacturer = "QTI", soc_model = "SM8650", board = "pineapple", android = "14", fingerprint = "bitwright/demo/demo:14/DEMO/1:user/release-keys";
    std::string kernel = "6.1.57-android14-11-demo", selinux = "Enforcing";
    std::string abis = "arm64-v8a";
    std::string cpu = "max";       ///< QEMU's name of the CPU whose instructions the runner sees
    std::string features;          ///< in /proc/cpuinfo; empty: those of `cpu`
    std::int64_t sdk = 34, memory_mib = 8192;
    std::optional<std::int64_t> soc_id;  ///< Qualcomm's /sys/devices/soc0/soc_id
    struct Cluster {
        std::int64_t cores = 1, min_khz = 300000, max_khz = 2000000;
    };
    std::vector<Cluster> clusters{{4, 300000, 2000000}, {4, 400000, 3000000}};
};

struct Battery {
    Series current_ma{{{0, 350}}};   ///< drawn by the phone itself, positive
    double per_core_ma = 0;          ///< more for every core that commands keep busy
    Series charging_ma{{{0, 900}}};  ///< into the battery beside what the phone draws, while plugged in
    Series voltage_mv{{{0, 3900}}};
    Series celsius{{{0, 29}}};
    double capacity_mah = 5000, level_percent = 60;
    std::string plugged = "usb";  ///< usb, ac, none
    bool suspend_honoured = false;  ///< power.battery_input.suspended really takes the phone off its supply
    double noise_ma = 0;            ///< what the gauge shows swings by this much around the truth
    double update_s = 0;            ///< the gauge shows a new value this often; 0: at every reading
    std::string current_unit = "uA", voltage_unit = "uV";   ///< of the files: uA or mA, uV or mV
    bool discharge_positive = false;                        ///< sign of current_now while discharging
    std::string service_current;                            ///< dumpsys battery shows it, too: "" (AOSP), "mA" (Samsung)
    bool service_get = false;                               ///< `dumpsys battery get -f current_now` answers (newest Android)
    std::string perfetto = "none";                          ///< Perfetto's battery counters: none, no_voltage, all
    Readable current = Readable::yes, voltage = Readable::yes, charge = Readable::yes, temperature = Readable::yes, status = Readable::yes;
};

struct ThermalZone {
    std::string type;               ///< of the file, e.g. cpu-0-0
    Series celsius{{{0, 30}}};
    Readable readable = Readable::yes;
};

struct ServiceTemperature {
    std::string name = "SKIN";
    std::int64_t type = 3;  ///< Android's Temperature.TYPE_*
    Series celsius{{{0, 30}}};
};

struct Thermal {
    Series status{{{0, 0}}};
    std::vector<ThermalZone> zones;
    std::vector<ServiceTemperature> service;
};

/// A rail of the power.stats HAL: counts energy.
struct Rail {
    std::string name;
    Series milliwatts{{{0, 0}}};
    double per_core_mw = 0;
};

struct ScriptedFile {
    std::string path, text;
    std::uint32_t mode = 0644;
    bool denied = false;
};

/// What a command answers instead of being run.
struct ScriptedCommand {
    enum class Match { equals, starts, contains } match = Match::equals;
    std::string text;
    struct Piece {
        double after_s = 0;
        std::string out, error;
    };
    std::vector<Piece> output;
    int exit = 0;
    bool dies = false;  ///< the connection is cut instead of an exit code
};

enum class Direction { push, pull, shell };

/// Something that happens once `bytes` have passed in one direction, or `after_s` after the start.
struct Trigger {
    std::optional<Direction> direction;
    std::uint64_t bytes = 0;
    std::optional<double> after_s;
    std::int64_t times = 1;
};

struct Faults {
    enum class Authorize { at_once, later, never, silent } authorize = Authorize::at_once;
    double authorize_after_s = 0;
    std::optional<Trigger> drop, freeze, reboot;
    double freeze_s = 0;       ///< 0: for ever
    double reboot_down_s = 2;
    std::optional<std::uint64_t> full_after_bytes;  ///< a push fails with ENOSPC there
    std::vector<std::string> denied;                ///< pushing and pulling below fails with EACCES
    double bytes_per_second = 0;                    ///< 0: as fast as it goes
    double clock_offset_s = 0;
};

struct Scenario {
    std::string about;
    PhoneFacts phone;
    std::map<std::string, std::string> properties;  ///< beside and over those that follow from `phone`
    std::vector<ScriptedFile> files;
    std::vector<ScriptedCommand> commands;
    bool runs_unscripted = true;  ///< false: a command that is not scripted ends with 127 (a recording)
    Battery battery;
    Thermal thermal;
    std::vector<Rail> rails;
    std::int64_t data_mib = 4096, sdcard_mib = 64;
    Faults faults;

    /// Throws Error (bad_input): "FILE: FIELD: what; what to do".
    [[nodiscard]] static Scenario parse(std::string_view text, std::string_view where);
    [[nodiscard]] static Scenario read(const std::filesystem::path& path);

    /// Every property getprop knows at the start.
    [[nodiscard]] std::map<std::string, std::string> all_properties() const;
};

}  // namespace bitwright::demo
