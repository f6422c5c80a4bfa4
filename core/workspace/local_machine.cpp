// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/local_machine.h"

#include <nlohmann/json.hpp>

#include <sys/utsname.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

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

/// Those that integer kernels care for, in the words of their vendors.
std::string instruction_sets()
{
    struct Known {
        const char *flag, *name;
    };
    static constexpr std::array known{Known{"sse4_2", "SSE4.2"},         Known{"avx2", "AVX2"},         Known{"fma", "FMA"},         Known{"f16c", "F16C"},
                                      Known{"avx_vnni", "AVX-VNNI"},     Known{"avx512f", "AVX-512"},   Known{"avx512_vnni", "AVX-512 VNNI"},
                                      Known{"avx512_bf16", "AVX-512 BF16"}, Known{"amx_int8", "AMX INT8"}, Known{"asimd", "NEON"},   Known{"asimddp", "dot product"},
                                      Known{"i8mm", "I8MM"},             Known{"sve", "SVE"}};
    std::istringstream flags(field("/proc/cpuinfo", "flags").value_or(field("/proc/cpuinfo", "Features").value_or("")));
    std::string names;
    std::vector<std::string> all;
    for (std::string flag; flags >> flag;) all.push_back(flag);
    for (const auto& [flag, name] : known)
        if (std::find(all.begin(), all.end(), flag) != all.end()) names += (names.empty() ? "" : ", ") + std::string(name);
    return names;
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
    if (const auto sets = instruction_sets(); !sets.empty()) facts["instruction sets"] = sets;
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

}  // namespace bitwright
