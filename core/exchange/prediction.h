// SPDX-License-Identifier: GPL-3.0-or-later
// How long a recipe's integer model would take on a device, before it exists: a roofline (Williams, Waterman, Patterson 2009, doi:10.1145/1498765.1498785). Each linear
// takes as long as its products at the device's rate or its bytes at the device's bandwidth, whichever is more; attention likewise, by the keys there are.
// Invariants: what a device does not tell makes the prediction absent, never zero; norms, tables and residual sums are not counted, so it is a lower bound of the time.
// Threading: pure functions, microseconds per site, no weight is read; rates_of_this_computer() as Workspace.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/recipe.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace bitwright {

class Workspace;

/// Rates that were measured. Products count two operations, with 8-bit inputs (16-bit ones take two passes).
struct DeviceRates {
    double bytes_per_s = 0;        ///< reading weights from memory once
    double w8_operations_per_s = 0, w4_operations_per_s = 0;
    double w4_group_operations_per_s = 0;  ///< 4 bits in groups
};
/// From the figures of the engine's benchmark (core/runtime/bench/engine_speed.h); nothing where one that is needed was not measured.
[[nodiscard]] std::optional<DeviceRates> rates_of(std::span<const std::pair<std::string, double>> figures);

/// The newest benchmark that the workspace keeps of this computer (by its processor), with the synthetic packages that all rates need.
struct RatesHere {
    DeviceRates rates;
    std::string isa, created;
    std::optional<std::int64_t> threads;
};
[[nodiscard]] std::optional<RatesHere> rates_of_this_computer(const Workspace& workspace);

/// `prompt` tokens read at once; one token generated with `position` before it.
struct PredictedWork {
    std::int64_t prompt = 512, position = 512;
};

struct LayerLatency {
    std::int64_t layer = 0;  ///< −1: lm_head
    double prefill_s = 0, decode_s = 0;
    bool decode_reads = false;  ///< memory limits the decoding of most of its bytes, not the products
};

struct Prediction {
    double prefill_s = 0, decode_s = 0;  ///< of the whole prompt; of one token
    std::vector<LayerLatency> layers;    ///< in order, lm_head last
    [[nodiscard]] double prefill_tokens_per_s(const PredictedWork& work) const { return static_cast<double>(work.prompt) / prefill_s; }
    [[nodiscard]] double decode_tokens_per_s() const { return 1 / decode_s; }
};

/// Nothing where a package cannot hold the recipe (a linear in float, more than 8 bits, per channel). Throws Error (usage) for work below one token.
[[nodiscard]] std::optional<Prediction> predict_latency(const Model& model, const Recipe& recipe, const DeviceRates& rates, const PredictedWork& work);

}  // namespace bitwright
