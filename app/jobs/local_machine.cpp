// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/local_machine.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace bitwright {
namespace {

constexpr long most_threads = 1024;

std::string gigabytes(std::uint64_t bytes)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.1f GB", static_cast<double>(bytes) / 1e9);
    return text;
}

}  // namespace

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

void require_memory(const std::string& work, const MethodForecast& forecast)
{
    if (forecast.fits) return;
    throw failure(work + " would need " + gigabytes(forecast.peak_bytes) + " of memory, " + gigabytes(forecast.available_bytes) + " are available; " + forecast.explanation);
}

Conditions numeric_conditions(std::optional<std::uint64_t> seed) { return local_conditions(load_numerics().version(), numeric_threads(), seed); }

}  // namespace bitwright
