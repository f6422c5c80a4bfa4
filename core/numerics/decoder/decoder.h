// SPDX-License-Identifier: GPL-3.0-or-later
// The one forward pass. Every tensor that can be quantized goes through a named Site; what happens there is a Tap. The forward never knows which.
// Internal to bitwright_numerics (LibTorch in the signatures).
// Invariants: no tap = the float model, equal to its golden within 2e-4 of float64. Order of operations follows the Hugging Face eager implementation,
// so that under `authors` semantics the hidden states equal the authors' release bit for bit.
// Threading: a Decoder is used by one thread; several may exist.
#pragma once

#include "core/architecture/model.h"
#include "core/numerics/decoder/positions.h"
#include "core/numerics/quantize/fused.h"
#include "core/recipe/scheme.h"
#include "core/runtime/control.h"

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <optional>
#include <vector>

namespace bitwright {

/// What happens at the sites of one forward pass. The default is the float model. A tensor passes its site once; all its readers get what the tap returned
/// (a norm's output that is also the residual stream: opt-350m, BLOOM's residual from the norm).
class Tap {
public:
    virtual ~Tap() = default;
    /// `x`: [B, T, channels]; qk.input, qk.input2, pv.input2 [B, heads, T, head_dim] (input2 after repetition over the query group, with the cached tokens);
    /// qk.output and pv.input [B, heads, T, keys]; pv.output [B, T, heads·head_dim].
    virtual at::Tensor activation(const Site&, const at::Tensor& x) { return x; }
    virtual at::Tensor weight(const Site&, const at::Tensor& w) { return w; }
    /// False when activation() returns its input unchanged for this site: lets the decoder skip building tensors only a tap would see
    /// (σ(x), explicit attention matrices).
    [[nodiscard]] virtual bool wants(const Site&) const { return false; }
    /// What activation() does at a site it wants, where that is fake quantization on one grid and nothing else: lets the decoder do it within a fused part of
    /// the layer (fused.h) instead of calling activation(). Inactive: ask activation().
    [[nodiscard]] virtual Quantizer quantizer(const Site&) const { return {}; }
};

/// Where weights come from: the mapped checkpoint (streamed), materialized under a recipe, or an optimizer's differentiable twin.
class WeightProvider {
public:
    virtual ~WeightProvider() = default;
    /// [out, in], [n] or [heads, head_dim] float32; undefined tensor when the family has none.
    virtual at::Tensor weight(WeightRole role, std::int64_t layer) = 0;
    virtual at::Tensor bias(WeightRole role, std::int64_t layer) = 0;
    /// Rows of the embedding [B, T, width] for ids int64 [B, T] inside the vocabulary; used where no tap wants the embedding as a whole.
    virtual at::Tensor embedding_rows(const at::Tensor& ids);
};

/// Keys (rotated) and values of the tokens so far, per layer. Where the rotary frequencies depend on the sequence length a longer sequence changes the hidden
/// states of all its tokens: ask Decoder::can_extend before going on, and start again with all tokens where it says no.
struct KvCache {
    std::vector<at::Tensor> keys, values;  ///< [B, kv_heads, length, head_dim]
    std::int64_t length = 0;
};

struct DecoderOptions {
    Semantics semantics = Semantics::bitwright;
    bool double_precision = false;     ///< tests only
    const Control* control = nullptr;  ///< checked at every site, so that a cancel is heard within an operation or two
};

/// Where one linear or one norm of the graph gets its weight and which sites its tensors pass.
struct LinearPlace {
    WeightRole role;
    SiteRole weight, output;
};
struct NormPlace {
    WeightRole role;
    SiteRole input, weight, output;
};

class Decoder {
public:
    Decoder(const Model& model, WeightProvider& weights, DecoderOptions options = {});

    /// ids int64 [B, T] → hidden[0] [B, T, hidden]: what the first layer reads (after scale, embedding norm, positions, project_in).
    /// Throws Error (bad_input) when an id is outside the vocabulary or the tokens outnumber learned positions.
    [[nodiscard]] at::Tensor embed(const at::Tensor& ids, Tap& tap, std::int64_t first_position = 0);
    /// One decoder layer: x [B, T, hidden] → [B, T, hidden]. Differentiable in x and in the provider's weights.
    /// @param cache null: no cache. Otherwise layers are called in order; the last one advances cache->length.
    [[nodiscard]] at::Tensor layer(std::int64_t index, const at::Tensor& x, Tap& tap, KvCache* cache = nullptr);
    /// After the last layer: final norm, project_out. [B, T, embedding width]
    [[nodiscard]] at::Tensor finish(const at::Tensor& x, Tap& tap);
    /// lm_head with logit multiplier and soft cap. [B, T, vocab]
    [[nodiscard]] at::Tensor logits(const at::Tensor& final, Tap& tap);

    /// Whether `tokens` more can be read with this cache and give what an uncached run over all of them gives.
    [[nodiscard]] bool can_extend(const KvCache& cache, std::int64_t tokens) const;

    [[nodiscard]] const Model& model() const noexcept { return model_; }

private:
    const Site* site(SiteRole role, std::int64_t layer) const noexcept;  ///< null where this family has none
    at::Tensor tapped(SiteRole role, std::int64_t layer, const at::Tensor& x, Tap& tap) const;
    bool wanted(SiteRole role, std::int64_t layer, Tap& tap) const;
    /// What the tap does at these sites, as quantizers; nothing where it does something else at one of them, or where fused parts do not work.
    std::optional<std::vector<Quantizer>> quantizers(std::initializer_list<SiteRole> roles, std::int64_t layer, Tap& tap, const at::Tensor& x) const;
    at::Tensor weight(WeightRole role, SiteRole site_role, std::int64_t layer, Tap& tap);
    at::Tensor bias(WeightRole role, std::int64_t layer);
    at::Tensor product(const LinearPlace& place, std::int64_t layer, const at::Tensor& x, Tap& tap);  ///< without the output's tap
    at::Tensor linear(const LinearPlace& place, std::int64_t layer, const at::Tensor& x, Tap& tap);
    /// residual + linear(place, x) with the output's tap in between.
    at::Tensor added_linear(const LinearPlace& place, std::int64_t layer, const at::Tensor& x, const at::Tensor& residual, Tap& tap);
    /// A block's norm with its output tap.
    at::Tensor block_norm(const NormPlace& place, std::int64_t layer, const at::Tensor& x, Tap& tap);
    /// A norm without its output tap; each of `groups` equal parts of the channels is normed alone.
    at::Tensor norm(const NormPlace& place, NormKind kind, std::int64_t layer, const at::Tensor& x, Tap& tap, std::int64_t groups = 1);
    at::Tensor head_norm(const NormPlace& place, std::int64_t heads, std::int64_t layer, const at::Tensor& x, Tap& tap);
    /// What o_proj reads.
    at::Tensor attended(std::int64_t index, const at::Tensor& x, Tap& tap, KvCache* cache);
    /// The same in fused parts; undefined where this layer or the tap needs the general way.
    at::Tensor fused_attended(std::int64_t index, const at::Tensor& x, Tap& tap);
    at::Tensor attend(std::int64_t index, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, Tap& tap);
    /// What down_proj reads.
    at::Tensor fed(std::int64_t index, const at::Tensor& x, Tap& tap);
    at::Tensor activate(std::int64_t index, const at::Tensor& x, Tap& tap);

    const Model model_;
    WeightProvider& weights_;
    DecoderOptions options_;
    at::ScalarType dtype_;
    Positions positions_;
};

}  // namespace bitwright
