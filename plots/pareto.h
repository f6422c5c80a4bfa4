// SPDX-License-Identifier: GPL-3.0-or-later
// The Pareto front of points whose two coordinates both should be small.
// Threading: pure functions.
#pragma once

#include <QPointF>

#include <span>
#include <vector>

namespace bitwright::plots {

/// Indices of the points that no other point beats (is nowhere worse and somewhere better), by ascending x. Equal points: the first. Points that are not finite
/// take no part.
[[nodiscard]] std::vector<int> pareto_front(std::span<const QPointF> points);

}  // namespace bitwright::plots
