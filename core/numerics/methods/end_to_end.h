// SPDX-License-Identifier: GPL-3.0-or-later
// The end-to-end objective of MobileQuant (mobilequant §5.1): mean squared error between the hidden states after the last decoder layer (before the final
// norm) of the fake-quantized model and of the float model it started from, one window at a time, and its gradients.
// Internal to bitwright_numerics (LibTorch in the signatures).
// Invariants: recomputing layers in the backward pass gives the same bits as keeping the whole graph. Targets are computed once (target_cache.h).
// Threading: belongs to one thread.
#pragma once

#include "core/checkpoint/token_windows.h"
#include "core/numerics/methods/learnables.h"
#include "core/numerics/methods/target_cache.h"
#include "core/numerics/tensor_pool.h"
#include "core/runtime/control.h"

#include <vector>

namespace bitwright {

struct EndToEndOptions {
    bool recompute = false;                                     ///< keep layer inputs only and run each layer again in the backward pass
    std::int64_t target_bytes = std::int64_t{1} << 30;          ///< targets up to this size stay in memory, more go to a file
    Learned learned = {};
};

class EndToEnd {
public:
    /// The arguments must outlive this.
    EndToEnd(const Model& model, const Recipe& start, const TokenWindows& windows, EndToEndOptions options, const Control& control);

    [[nodiscard]] LearnableModel& learnables() noexcept { return learnables_; }
    /// Truncates the scales, runs one window forward and backward. Gradients are left in the learnables, replacing those of the call before.
    /// @return the loss
    double loss_and_gradients(std::int64_t window);
    /// The loss of one window of any set, without gradients.
    [[nodiscard]] double loss(const TokenWindows& windows, std::int64_t window);
    /// Euclidean norm over the gradients of all learnables.
    [[nodiscard]] double gradient_norm();

private:
    at::Tensor target(std::int64_t window);
    at::Tensor float_hidden(const at::Tensor& ids);
    double backward_through_layers(const at::Tensor& first, const at::Tensor& wanted);

    const TensorPool pool_;
    const Architecture& architecture_;
    const TokenWindows& windows_;
    EndToEndOptions options_;
    const Control& control_;
    LearnableModel learnables_;
    Tap no_tap_;
    Decoder quantized_, floating_;
    TargetCache targets_;
};

}  // namespace bitwright
