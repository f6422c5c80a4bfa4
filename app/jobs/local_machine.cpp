// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/local_machine.h"

#include <nlohmann/json.hpp>

#include <sys/utsname.h>
#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

constexpr long most_threads = 1024;

std::optional<std::string> first_line(const fs::path& path)
{
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line) || line.empty()) return std::nullopt;
    return line;
}

/// The value of "key : value" in a file of such lines.
std::optional<std::string> field(const fs::path& path, const std::string& key)
{
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(key)) continue;
        const auto colon = line.find(':');
        if (colon == std::string::npos) continue;
        const auto begin = line.find_first_not_of(" \t", colon + 1);
        if (begin != std::string::npos) return line.substr(begin);
    }
    return std::nullopt;
}

std::optional<std::string> power_source()
{
    std::error_code error;
    std::optional<std::string> source;
    for (const auto& supply : fs::directory_iterator("/sys/class/power_supply", error)) {
        const auto online = first_line(supply.path() / "online");
        if (first_line(supply.path() / "type") == "Mains" && online) source = *online == "1" ? "mains" : "battery";
    }
    return source;
}

std::optional<double> temperature()
{
    std::optional<double> hottest;
    std::error_code error;
    for (const auto& zone : fs::directory_iterator("/sys/class/thermal", error)) {
        const auto type = first_line(zone.path() / "type");
        const auto value = first_line(zone.path() / "temp");
        if (!type || !value || type->find("x86_pkg") == std::string::npos) continue;
        const double celsius = std::atof(value->c_str()) / 1000;
        if (!hottest || celsius > *hottest) hottest = celsius;
    }
    return hottest;
}

}  // namespace

Conditions local_conditions(const std::string& backend, std::optional<std::int64_t> threads, std::optional<std::uint64_t> seed)
{
    Conditions conditions;
    utsname system{};
    ::uname(&system);
    conditions.device_name = "this computer";
    nlohmann::json facts{
        {"system", std::string(system.sysname) + " " + system.release}, {"machine", system.machine}, {"processors", std::thread::hardware_concurrency()}};
    if (const auto name = field("/proc/cpuinfo", "model name")) facts["processor"] = *name;
    if (const auto memory = field("/proc/meminfo", "MemTotal")) facts["memory"] = *memory;
    conditions.device_facts = facts.dump();
    conditions.program = "Bitwright " BITWRIGHT_VERSION;
    conditions.backend = backend;
    conditions.threads = threads;
    if (seed) conditions.seed = static_cast<std::int64_t>(*seed);
    double load = 0;
    if (::getloadavg(&load, 1) == 1) conditions.load_average = load;
    conditions.governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    conditions.temperature_c = temperature();
    conditions.power_source = power_source();
    return conditions;
}

Numerics& opened_numerics()
{
    auto& numerics = load_numerics();
    numerics.set_threads(numeric_threads());
    return numerics;
}

int numeric_threads()
{
    if (const char* said = std::getenv("OMP_NUM_THREADS")) {
        const long threads = std::strtol(said, nullptr, 10);  // "4", and "4,2" for nested teams
        if (threads > 0 && threads <= most_threads) return static_cast<int>(threads);
    }
    return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

Conditions numeric_conditions(std::optional<std::uint64_t> seed) { return local_conditions(load_numerics().version(), numeric_threads(), seed); }

}  // namespace bitwright
