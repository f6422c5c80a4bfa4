// SPDX-License-Identifier: GPL-3.0-or-later
// A package of a published shape with random weights, for measuring speed where no model is at hand: what it computes means nothing, how long it takes does.
// Threading: pure function.
#pragma once

#include <cstdint>
#include <filesystem>

namespace bitwright {

/// A gated RMSNorm decoder with half-split rotation; the values are TinyLlama-1.1B's.
struct SyntheticShape {
    std::int64_t layers = 22, hidden = 2048, heads = 32, kv_heads = 4, head_dim = 64, ffn = 5632, vocab = 32000, context = 2048;
    int weight_bits = 8;      ///< of the layers' linears: 8 or 4; embedding and logits have 8
    std::int64_t group = 0;   ///< inputs per group, 0: per row
};

/// Throws Error (failed) naming the file. The same shape gives the same bytes.
void write_synthetic_package(const SyntheticShape& shape, const std::filesystem::path& path);

}  // namespace bitwright
