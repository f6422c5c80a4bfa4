// SPDX-License-Identifier: GPL-3.0-or-later
// Parts of a decoder layer with the fake quantization of all their sites in one sweep, values and gradients: what lies between two matrix products is read
// and written once each way, and the backward pass computes again what it needs from the part's inputs instead of keeping every step.
// Internal to bitwright_numerics (LibTorch in the signatures).
// Invariants: the values are those of the single operations in the decoder's order, bit for bit (transcendental functions and row sums are LibTorch's own,
// on blocks that stay in cache; the products inside attention may round otherwise where LibTorch multiplies other shapes otherwise); gradients differ from
// theirs by rounding only. Results do not depend on the number of threads. float32 on the CPU; elsewhere the decoder takes LibTorch's own operations.
// Threading: pure functions.
#pragma once

#include "core/numerics/quantize/fake_quantize.h"

namespace bitwright {

/// What fake quantization on one grid does at a site; inactive (no scale): nothing.
struct Quantizer {
    at::Tensor scale, offset;  ///< one element each
    CodeLimits limits;
    [[nodiscard]] bool active() const { return scale.defined(); }
};

/// residual + q(branch).
[[nodiscard]] at::Tensor add_quantized(const at::Tensor& residual, const at::Tensor& branch, const Quantizer& q);

enum class RowNorm : std::uint8_t {
    length,           ///< x / max(‖x‖, 1e-12) · √n · w (mobilequant §1.3)
    root_mean_square  ///< x / √(mean x² + eps) · w
};
/// output(norm(input(x)) · weight) over the last dimension.
[[nodiscard]] at::Tensor normed(const at::Tensor& x, const at::Tensor& weight, RowNorm kind, double eps, const Quantizer& input, const Quantizer& output);

/// A projection's output [B, T, heads·dims] as heads [B, heads, T, dims]: after(rotate(before(x))).
/// @param cos, sin [T, half] for the first 2·half dimensions of a head (halves rotated against each other); undefined: no rotation
[[nodiscard]] at::Tensor rotated_heads(const at::Tensor& x, std::int64_t heads, const at::Tensor& cos, const at::Tensor& sin, const Quantizer& before,
                                       const Quantizer& after);

/// Causal attention over all tokens: probabilities(softmax(scores(q·kᵀ)·scale))·v, [B, T, heads·dims]. Query blocks with the keys they see; nothing of size T×T
/// is kept. @param q [B, heads, T, dims] @param k, v [B, key heads, T, dims]
[[nodiscard]] at::Tensor causal_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale, const Quantizer& scores,
                                          const Quantizer& probabilities);

/// The sites of a gated MLP between its products.
struct GateQuantizers {
    Quantizer gate, sigmoid, activation, up, down_input;
};
/// down_input(activation(g·sigmoid(σ(g)))·up(up)) with g = gate(gate).
[[nodiscard]] at::Tensor gated_silu(const at::Tensor& gate, const at::Tensor& up, const GateQuantizers& q);

}  // namespace bitwright
