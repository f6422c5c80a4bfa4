// SPDX-License-Identifier: GPL-3.0-or-later
// The one forward pass. Every tensor that can be quantized goes through a named Site; what happens there is a Tap. The forward never knows which.
// Internal to bitwright_numerics (LibTorch in the signatures).
// Invariants: no tap = the float model, equal to its golden within 2e-4 of float64. Order of operations follows the Hugging Face eager implementation,
// so that under `authors` semantics the hidden states equal the authors' release bit for bit.
// Threading: a Decoder is used by one thread; several may exist.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/scheme.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace bitwright {

/// What happens at the sites of one forward pass. The default is the float model.
class Tap {
public:
    virtual ~Tap() = default;
    /// `x`: [B, T, channels], or for attention tensors (qk.*, pv.*) [B, heads, T, ·]; input2 of qk and pv after repetition over the query group.
    /// `rows_from`: position of the first of the T tokens (KV cache).
    virtual at::Tensor activation(const Site&, const at::Tensor& x) { return x; }
    virtual at::Tensor weight(const Site&, const at::Tensor& w) { return w; }
    /// False when activation() returns its input unchanged for this site: lets the decoder skip building tensors only a tap would see
    /// (σ(x), explicit attention matrices).
    [[nodiscard]] virtual bool wants(const Site&) const { return false; }
};

/// Where weights come from: the mapped checkpoint (streamed), materialized under a recipe, or an optimizer's differentiable twin.
class WeightProvider {
public:
    virtual ~WeightProvider() = default;
    /// [out, in], [n] or [heads, head_dim] float32; undefined tensor when the family has none.
    virtual at::Tensor weight(WeightRole role, std::int64_t layer) = 0;
    virtual at::Tensor bias(WeightRole role, std::int64_t layer) = 0;
    /// The decoder is done with a layer in this forward; a streaming provider drops it.
    virtual void layer_done(std::int64_t /*layer*/) {}
};

/// Keys and values of the tokens so far, per layer; K before RoPE where the frequencies depend on the length.
struct KvCache {
    std::vector<at::Tensor> keys, values;  ///< [B, kv_heads, length, head_dim]
    std::int64_t length = 0;
};

struct DecoderOptions {
    Semantics semantics = Semantics::bitwright;
    bool double_precision = false;  ///< tests only
};

class Decoder {
public:
    Decoder(const Model& model, WeightProvider& weights, DecoderOptions options = {});

    /// ids int64 [B, T] → hidden[0] [B, T, hidden]: what the first layer reads (after scale, embedding norm, positions, project_in).
    [[nodiscard]] at::Tensor embed(const at::Tensor& ids, Tap& tap, std::int64_t first_position = 0);
    /// One decoder layer. @param cache null: no cache.
    [[nodiscard]] at::Tensor layer(std::int64_t index, const at::Tensor& x, Tap& tap, KvCache* cache = nullptr);
    /// After the last layer: final norm, project_out. [B, T, embedding width]
    [[nodiscard]] at::Tensor finish(const at::Tensor& x, Tap& tap);
    /// lm_head with logit multiplier and soft cap. [B, T, vocab]
    [[nodiscard]] at::Tensor logits(const at::Tensor& final, Tap& tap);

private:
    const Model model_;
    WeightProvider& weights_;
    DecoderOptions options_;
};

}  // namespace bitwright
