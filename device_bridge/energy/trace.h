// SPDX-License-Identifier: GPL-3.0-or-later
// Power over time from any source, ready to be integrated: samples of power (trapezoids between them) or readings of a counter of energy (its differences).
// Invariants: times rise; energy is the integral from the first time on, so that an integral between two times is a difference.
// Threading: immutable after construction.
#pragma once

#include "device_bridge/energy/units.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace bitwright {

/// [t0, t1] on the phone's clock.
struct Span {
    std::int64_t t0_ns = 0, t1_ns = 0;
    [[nodiscard]] double seconds() const noexcept { return static_cast<double>(t1_ns - t0_ns) * 1e-9; }
};

class EnergyTrace {
public:
    /// A fuel gauge: values are held between updates. Current and voltage steps of the gauge, where known, give its resolution.
    [[nodiscard]] static EnergyTrace gauge(const std::vector<PowerPoint>& points, const Normalisation& units);
    /// A charge counter: what left the battery times the voltage meanwhile.
    [[nodiscard]] static EnergyTrace charge(const std::vector<ChargePoint>& points, double step_coulombs);
    struct Reading {
        std::int64_t t_ns = 0;
        double joules = 0;
    };
    /// A hardware counter of energy (power rails), which misses nothing between two readings. @param step_j smallest difference it shows
    [[nodiscard]] static EnergyTrace counter(const std::vector<Reading>& readings, double step_j);
    struct Watts {
        std::int64_t t_ns = 0;
        double watts = 0;
    };
    /// An external meter that samples much faster than the phone's load changes.
    [[nodiscard]] static EnergyTrace meter(const std::vector<Watts>& samples);

    [[nodiscard]] bool empty() const noexcept { return t_.size() < 2; }
    [[nodiscard]] Span span() const noexcept { return empty() ? Span{} : Span{t_.front(), t_.back()}; }
    /// ∫ P dt; absent where the trace does not cover the span.
    [[nodiscard]] std::optional<double> joules(Span span) const;
    /// The largest power shown in the span.
    [[nodiscard]] std::optional<double> peak_watts(Span span) const;
    /// How often the source showed something new in the span.
    [[nodiscard]] std::int64_t updates(Span span) const;
    /// Standard uncertainty of the mean power in the span from the scatter of its updates: von Neumann's estimate from successive differences, or with
    /// `constant`, for a span in which power should not change, from the deviations if these are larger. 0 for counters, which miss nothing.
    [[nodiscard]] double mean_uncertainty(Span span, bool constant) const;
    /// Share of the span that lies in gaps: intervals longer than 2.5 times the usual one, less the usual one.
    [[nodiscard]] double missing(Span span) const;

    [[nodiscard]] double period_s() const noexcept { return period_s_; }        ///< usual time between updates
    [[nodiscard]] double sample_s() const noexcept { return usual_s_; }         ///< usual time between samples
    [[nodiscard]] bool counts() const noexcept { return counts_; }              ///< a counter: nothing is missed between two readings
    [[nodiscard]] double step_watts() const noexcept { return step_watts_; }    ///< resolution of a power sample, 0: unknown or none
    [[nodiscard]] double step_joules() const noexcept { return step_joules_; }  ///< resolution of a counter

private:
    [[nodiscard]] double energy_at(std::int64_t t_ns) const;
    [[nodiscard]] std::size_t first_at_or_after(std::int64_t t_ns) const;
    void finish();

    std::vector<std::int64_t> t_;
    std::vector<double> watts_;   ///< power at t_[i]; of a counter: mean between t_[i − 1] and t_[i]
    std::vector<double> energy_;  ///< since t_[0]
    std::vector<bool> updated_;
    bool counts_ = false;
    double period_s_ = 0, usual_s_ = 0, step_watts_ = 0, step_joules_ = 0;
};

}  // namespace bitwright
