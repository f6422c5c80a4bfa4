// SPDX-License-Identifier: GPL-3.0-or-later
// OmniQuant's objective (Shao et al. 2024, arXiv 2308.13137; mobilequant §5.2): one decoder layer after the other, the mean squared error between its output
// on the inputs it gets from the quantized layers before it and what the float model has there. Its gradients reach that layer's learnables alone.
// Internal to bitwright_numerics (LibTorch in the signatures).
// Invariants: a layer's inputs and targets are computed once, when it is entered; entering a layer after a pause gives the same bits.
// Threading: belongs to one thread.
#pragma once

#include "core/numerics/methods/learnables.h"
#include "core/numerics/methods/target_cache.h"
#include "core/checkpoint/token_windows.h"
#include "core/numerics/tensor_pool.h"
#include "core/runtime/control.h"

#include <memory>

namespace bitwright {

class BlockWise {
public:
    /// The arguments must outlive this. @param kept_bytes inputs, and targets, of a layer up to this size stay in memory, more go to a file
    BlockWise(const Model& model, LearnableModel& twin, const TokenWindows& windows, Semantics semantics, std::int64_t kept_bytes, const Control& control);

    /// Enters the layer unless it is the one of the call before (the layers below it must not change from then on), truncates the scales, runs one window
    /// forward and backward. Gradients are left in the twin's learnables, replacing those of the call before. @return the loss
    double loss_and_gradients(std::int64_t layer, std::int64_t window);

private:
    /// The inputs of a layer in one of the two models.
    struct Stream {
        Decoder& decoder;
        Tap& tap;
        std::unique_ptr<TargetCache> inputs;
    };
    void enter(std::int64_t layer);
    void advance(Stream& stream, std::int64_t layer);
    /// What `layer` reads, from the stream's cache or from the embedding up.
    at::Tensor input(const Stream& stream, std::int64_t layer, std::int64_t window);

    const TensorPool pool_;
    LearnableModel& twin_;
    const TokenWindows& windows_;
    std::int64_t kept_bytes_;
    const Control& control_;
    Tap no_tap_;
    Decoder quantized_, floating_;
    Stream student_{quantized_, twin_, nullptr}, teacher_{floating_, no_tap_, nullptr};
    std::int64_t layer_ = -1;  ///< the one entered: student_ holds its inputs, teacher_ those of the layer after it
};

}  // namespace bitwright
