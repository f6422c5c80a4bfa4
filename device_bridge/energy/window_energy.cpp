// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/window_energy.h"

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

constexpr double lag_periods = 2;  ///< a gauge that averages over a period shows a change completely after two

std::int64_t ns_of(double seconds) { return static_cast<std::int64_t>(std::llround(seconds * 1e9)); }

/// How far the span may grow before it meets another run or the end of the trace.
Span room_around(const EnergyTrace& trace, const EnergySession& session, Span span)
{
    Span room = trace.span();
    for (const auto& other : session.windows) {
        if (is_idle(other.kind)) continue;
        if (other.span.t1_ns <= span.t0_ns)
            room.t0_ns = std::max(room.t0_ns, other.span.t1_ns);
        else if (other.span.t0_ns >= span.t1_ns)
            room.t1_ns = std::min(room.t1_ns, other.span.t0_ns);
    }
    return room;
}

}  // namespace

IdleBaseline::IdleBaseline(const EnergyTrace& trace, const EnergySession& session, WindowKind kind)
{
    for (const auto& window : session.windows) {
        if (window.kind != kind || window.span.t0_ns < 0) continue;
        // A sampler beside the runner ends a sample earlier than the last baseline does.
        const Span settled{window.span.t0_ns + ns_of(lag_periods * trace.period_s()), std::min(window.span.t1_ns, trace.span().t1_ns)};
        const double seconds = settled.seconds();
        if (2 * seconds < window.span.seconds()) continue;  // mostly not seen
        const auto joules = seconds > 0 ? trace.joules(settled) : std::nullopt;
        if (!joules || (!trace.counts() && trace.updates(settled) < 2)) continue;
        const double resolution = trace.counts() ? trace.step_joules() / std::sqrt(6.0) / seconds : trace.step_watts() / std::sqrt(12.0);
        levels_.push_back({(settled.t0_ns + settled.t1_ns) / 2, *joules / seconds, std::hypot(trace.mean_uncertainty(settled, true), resolution), seconds});
    }
    std::ranges::sort(levels_, {}, &Level::middle_ns);
}

std::pair<std::size_t, double> IdleBaseline::between(std::int64_t t_ns) const
{
    const auto after = static_cast<std::size_t>(std::ranges::upper_bound(levels_, t_ns, {}, &Level::middle_ns) - levels_.begin());
    if (after == 0) return {0, 0};
    if (after == levels_.size()) return {after - 1, 0};
    const auto &a = levels_[after - 1], &b = levels_[after];
    return {after - 1, static_cast<double>(t_ns - a.middle_ns) / static_cast<double>(b.middle_ns - a.middle_ns)};
}

double IdleBaseline::watts_at(std::int64_t t_ns) const
{
    const auto [i, weight] = between(t_ns);
    return weight > 0 ? levels_[i].watts + weight * (levels_[i + 1].watts - levels_[i].watts) : levels_[i].watts;
}

double IdleBaseline::uncertainty_w(std::int64_t t_ns) const
{
    const auto [i, weight] = between(t_ns);
    return weight > 0 ? std::hypot((1 - weight) * levels_[i].uncertainty_w, weight * levels_[i + 1].uncertainty_w) : levels_[i].uncertainty_w;
}

double IdleBaseline::joules(Span span) const
{
    double sum = 0;
    auto from = span.t0_ns;
    const auto piece = [&](std::int64_t to) {
        sum += (watts_at(from) + watts_at(to)) / 2 * static_cast<double>(to - from) * 1e-9;
        from = to;
    };
    for (const auto& level : levels_)
        if (level.middle_ns > from && level.middle_ns < span.t1_ns) piece(level.middle_ns);
    piece(span.t1_ns);
    return sum;
}

std::optional<WindowEnergy> window_energy(const EnergyTrace& trace, const IdleBaseline& idle, const EnergySession& session, const EnergyWindow& window)
{
    const auto plain = trace.joules(window.span);
    if (!plain || window.span.t1_ns <= window.span.t0_ns) return std::nullopt;
    const double seconds = window.span.seconds();
    const auto room = room_around(trace, session, window.span);
    const auto before = ns_of(trace.counts() ? trace.period_s() : trace.sample_s()), after = ns_of(lag_periods * trace.period_s());
    WindowEnergy found;
    auto& run = found.run;
    run.kind = window.kind;
    run.run = window.run;
    run.tokens = window.tokens;
    run.span = window.span;
    run.updates = trace.updates(window.span);
    run.missing = trace.missing(window.span);
    run.peak_w = trace.peak_watts(window.span);
    found.rested = window.span.t0_ns - room.t0_ns >= after && room.t1_ns - window.span.t1_ns >= after;
    run.gross_j = *plain;
    double step = *plain / seconds;  // what the power changes by at the edges
    if (!idle.empty()) {
        const Span wide{std::max(room.t0_ns, window.span.t0_ns - before), std::min(room.t1_ns, window.span.t1_ns + after)};
        run.net_j = *trace.joules(wide) - idle.joules(wide);
        const double own_idle = idle.joules(window.span);
        run.gross_j = *run.net_j + own_idle;
        if (found.rested) step = std::abs(*run.net_j) / seconds;
        found.idle_j = idle.uncertainty_w((window.span.t0_ns + window.span.t1_ns) / 2) * seconds;
    }
    run.mean_w = run.gross_j / seconds;
    const bool whole_steps = found.rested && !idle.empty();  // lag only moves energy within what is integrated
    found.edge_j = trace.counts() && whole_steps ? 0 : step * trace.period_s() * std::sqrt(whole_steps ? 2.0 / 12 : 2.0 / 3);
    found.resolution_j = trace.counts() ? trace.step_joules() / std::sqrt(6.0) : trace.step_watts() * seconds / std::sqrt(12.0);
    const double scatter_w = trace.mean_uncertainty(window.span, false);
    const double noise_j = scatter_w * seconds, gap_j = run.missing * seconds * scatter_w * std::sqrt(static_cast<double>(run.updates));
    run.uncertainty_j =
        std::sqrt(noise_j * noise_j + gap_j * gap_j + found.edge_j * found.edge_j + found.resolution_j * found.resolution_j + found.idle_j * found.idle_j);
    return found;
}

}  // namespace bitwright
