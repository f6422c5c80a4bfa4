// SPDX-License-Identifier: GPL-3.0-or-later
// An outlier copy of a model: powers of two moved between a norm and its consumers and between up_proj and down_proj. The same function in float, but
// static per-tensor activations break without an equivalent transform: something to see, and for round-to-nearest something to lose.
// Invariants: factors are powers of two, so every BF16 and F32 weight is exact and logits change by summation order at most; the same seed chooses the same
// channels on every machine.
// Threading: one thread.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/recipe.h"
#include "core/runtime/control.h"

#include <filesystem>
#include <string>
#include <vector>

namespace bitwright {

/// The norm's weight (or up_proj's row) × factor, the consumers' column ÷ factor.
struct OutlierChannel {
    std::string pair;  ///< "norm_qkv", "norm_mlp", "up_down"
    std::int64_t layer = 0;
    std::int64_t channel = 0;
    int factor = 32;
};

struct OutlierOptions {
    std::uint64_t seed = 0;
    std::int64_t norm_channels = 3;  ///< per norm
    std::int64_t ffn_channels = 6;   ///< per up_proj
    std::vector<int> factors{32, 64};
};

/// Layer by layer, norm_qkv, norm_mlp, up_down, channels ascending. Pairs the model has not are left out, and norms stored as w − 1 (Gemma), which would not
/// stay exact. Throws Error (bad_input) when nothing is left, Error (usage) when a factor is no power of two or there are fewer channels than asked for.
[[nodiscard]] std::vector<OutlierChannel> choose_outliers(const Model& model, const OutlierOptions& options);

/// The scale pairs that inject them. Throws Error (bad_input) when a pair or channel does not exist.
[[nodiscard]] std::vector<Transform> outlier_transforms(const Model& model, const std::vector<OutlierChannel>& channels);

/// Writes the copy with a README that lists channels and factors. Half-precision (F16) checkpoints are written as F32, since small weights would underflow.
void write_outlier_copy(const Model& model, const std::vector<OutlierChannel>& channels, const std::string& origin, const std::filesystem::path& folder,
                        const Control& control);

}  // namespace bitwright
