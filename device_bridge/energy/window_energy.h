// SPDX-License-Identifier: GPL-3.0-or-later
// Energy of single windows of a trace above an idle baseline, and its standard uncertainty.
// Threading: immutable after construction.
#pragma once

#include "device_bridge/energy/energy.h"

namespace bitwright {

/// Idle power over time: linear between the middles of the idle windows, constant before the first and after the last.
class IdleBaseline {
public:
    /// Windows of `kind` that the trace covers. Their first two gauge periods still show what was before and are left out.
    IdleBaseline(const EnergyTrace& trace, const EnergySession& session, WindowKind kind);

    struct Level {
        std::int64_t middle_ns = 0;
        double watts = 0, uncertainty_w = 0, seconds = 0;
    };
    [[nodiscard]] const std::vector<Level>& levels() const noexcept { return levels_; }
    [[nodiscard]] bool empty() const noexcept { return levels_.empty(); }
    /// Precondition: not empty.
    [[nodiscard]] double joules(Span span) const;
    [[nodiscard]] double uncertainty_w(std::int64_t t_ns) const;

private:
    [[nodiscard]] double watts_at(std::int64_t t_ns) const;
    /// Index of the level at or before t and the weight of the next one.
    [[nodiscard]] std::pair<std::size_t, double> between(std::int64_t t_ns) const;

    std::vector<Level> levels_;
};

struct WindowEnergy {
    RunEnergy run;
    double edge_j = 0, resolution_j = 0, idle_j = 0;  ///< standard uncertainties: lag at the edges, resolution, baseline
    bool rested = true;                               ///< there was rest enough on both sides for the gauge to follow
};
/// Absent where the trace does not cover the window.
[[nodiscard]] std::optional<WindowEnergy> window_energy(const EnergyTrace& trace, const IdleBaseline& idle, const EnergySession& session,
                                                        const EnergyWindow& window);

}  // namespace bitwright
