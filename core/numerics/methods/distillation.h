// SPDX-License-Identifier: GPL-3.0-or-later
// What end-to-end learning minimizes beside the paper's hidden-state error: the Kullback–Leibler divergence of the next-token distributions, float ‖ quantized,
// through the model's own final norm and head, on batches of random slices of the calibration windows. Internal to bitwright_numerics (LibTorch in the
// signatures).
// Invariants: which slices step k reads follows from the seed and k alone, each slice once per pass over the data. Logits are never held for more rows than a
// budget. Float hidden states are kept while they fit a budget, computed again otherwise, with the same result.
// Threading: belongs to one thread.
#pragma once

#include "core/checkpoint/token_windows.h"
#include "core/numerics/decoder/weights.h"
#include "core/runtime/control.h"

#include <vector>

namespace bitwright {

struct DistillationOptions {
    std::int64_t slice = 128, batch = 4;
    std::uint64_t seed = 0;
    std::int64_t kept_bytes = std::int64_t{1} << 28;  ///< of float hidden states of held-out windows
};

class Distillation {
public:
    /// The arguments must outlive this.
    Distillation(const Model& model, Semantics semantics, const TokenWindows& windows, const DistillationOptions& options, const Control& control);

    /// Forward and backward of step `step`'s batch; gradients are left in the leaves of `quantized`'s provider. @return mean KL per token, nats
    double loss_and_gradients(Decoder& quantized, Tap& tap, std::int64_t step);
    /// Mean KL per token over whole windows, without gradients. The same windows on every call.
    [[nodiscard]] double held_out(Decoder& quantized, Tap& tap, const TokenWindows& windows);
    /// The first slice of step's batch: window · slices per window + slice.
    [[nodiscard]] std::int64_t first_sample(std::int64_t step) { return sample(step * options_.batch); }

private:
    [[nodiscard]] std::int64_t sample(std::int64_t position);
    [[nodiscard]] at::Tensor final_of(Decoder& decoder, Tap& tap, const at::Tensor& ids);
    double divergence(Decoder& quantized, const at::Tensor& wanted, const at::Tensor& given, at::Tensor* gradient);

    const Architecture& architecture_;
    const TokenWindows& windows_;
    DistillationOptions options_;
    std::int64_t slices_;  ///< per window
    Tap no_tap_;
    CheckpointWeights weights_;
    Decoder floating_;
    std::int64_t pass_ = -1;
    std::vector<std::int64_t> order_;      ///< of the slices in this pass
    std::vector<at::Tensor> held_finals_;  ///< by held-out window
};

}  // namespace bitwright
