// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/local_machine.h"

#include <algorithm>
#include <cstdlib>
#include <thread>

namespace bitwright {
namespace {

constexpr long most_threads = 1024;

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

Conditions numeric_conditions(std::optional<std::uint64_t> seed) { return local_conditions(load_numerics().version(), numeric_threads(), seed); }

}  // namespace bitwright
