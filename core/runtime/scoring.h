// SPDX-License-Identifier: GPL-3.0-or-later
// Negative log-likelihood at the integer level. The only place below core/runtime where a logit becomes a real number.
// Threading: as the Engine given.
#pragma once

#include "core/runtime/engine.h"

#include <functional>
#include <span>
#include <vector>

namespace bitwright {

/// −log softmax(logits)[target] in double, natural logarithm, after the package's final soft-cap.
[[nodiscard]] double negative_log_likelihood(const ModelGraph& graph, std::span<const std::int32_t> logits, std::int32_t target);

/// The logits as real numbers, after the soft-cap. Precondition: equal sizes.
void real_logits(const ModelGraph& graph, std::span<const std::int32_t> logits, std::span<float> out);

/// Resets the engine, reads one window and returns the NLL of ids[p] for p = first_scored … ids.size()−1, each from the logits at p−1 (first_scored ≥ 1).
/// `visit` sees those logits (the engine's codes) with p, in order.
[[nodiscard]] std::vector<double> score_window(Engine& engine, std::span<const std::int32_t> ids, std::int64_t first_scored, const Control& control,
                                               const std::function<void(std::int64_t p, std::span<const std::int32_t> logits)>& visit = {});

}  // namespace bitwright
