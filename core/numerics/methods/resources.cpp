// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/resources.h"

#include <ctime>
#include <fstream>
#include <string>

namespace bitwright {
namespace {

std::uint64_t kibibytes(const char* file, const std::string& field)
{
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(field)) return std::stoull(line.substr(field.size())) * 1024;
    return 0;
}

}  // namespace

double process_cpu_seconds()
{
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void restart_peak_rss() { std::ofstream("/proc/self/clear_refs") << '5'; }

std::uint64_t peak_rss_bytes() { return kibibytes("/proc/self/status", "VmHWM:"); }
std::uint64_t available_memory_bytes() { return kibibytes("/proc/meminfo", "MemAvailable:"); }

}  // namespace bitwright
