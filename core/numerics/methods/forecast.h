// SPDX-License-Identifier: GPL-3.0-or-later
// What a method will need, counted from shapes before it starts. Internal to bitwright_numerics, without LibTorch.
// Invariant: within 20 % of the measured peak for the shapes in tests (methods_watch_test.cpp); mapped weights count, as resident memory does.
// Threading: pure functions.
#pragma once

#include "core/numerics/numerics.h"

#include <cstdint>

namespace bitwright {

struct MemoryParts {
    std::uint64_t mapped = 0;        ///< of the checkpoint: pages of the layer that is being read
    std::uint64_t calibrating = 0;   ///< float weights kept by a forward pass (at most 1 GiB) and one window; before and after the steps
    std::uint64_t weights = 0;       ///< float weights of all layers, embedding, kept while optimizing
    std::uint64_t layer_graph = 0;   ///< what one layer keeps for its backward pass
    std::uint64_t layer_inputs = 0;  ///< all layers
    std::uint64_t transient = 0;     ///< largest tensors alive besides
    std::uint64_t targets = 0;
    std::int64_t layers = 0;

    static constexpr std::uint64_t process = 120ULL << 20;  ///< LibTorch and the program: 105 MiB measured where the system takes unused pages back, 134 MiB where it does not
    [[nodiscard]] std::uint64_t peak_of_calibration() const { return process + mapped + calibrating; }
    [[nodiscard]] std::uint64_t peak(bool recompute) const;
};

/// @param target_budget targets are kept up to this size
[[nodiscard]] MemoryParts memory_parts(const MethodRequest& request, std::int64_t target_budget);
/// What one layer keeps for its backward pass, in bytes, its quantized weights left out: `sequences` of `tokens` each.
[[nodiscard]] std::uint64_t layer_graph_bytes(const Architecture& architecture, std::int64_t sequences, std::int64_t tokens);
/// peak_bytes against what is free; `explanation` stays for the caller.
[[nodiscard]] MethodForecast forecast_of(std::uint64_t peak_bytes);
[[nodiscard]] std::string in_mebibytes(std::uint64_t bytes);

}  // namespace bitwright
