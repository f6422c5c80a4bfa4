// SPDX-License-Identifier: GPL-3.0-or-later
// What config.json says, in our terms. Every family (LLaMA, Gemma, OPT, BLOOM, Qwen …) is a value of Architecture plus a table of tensor names
// (families.cpp), never a class: adding a family touches that one file.
// Invariants (checked by read_architecture): all sizes > 0 (max_positions may be 0); heads divide as the family needs; every enum was recognised.
// Threading: plain values.
#pragma once

#include "core/checkpoint/checkpoint.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bitwright {

enum class NormKind : std::uint8_t { rms, layer };
enum class PositionKind : std::uint8_t { none, rope, learned, alibi };
/// gelu: exact erf. gelu_tanh: tanh approximation (gelu_new, gelu_pytorch_tanh, gelu_fast, BLOOM's).
enum class Activation : std::uint8_t { silu, gelu, gelu_tanh, relu };
enum class QkNorm : std::uint8_t { none, per_head, all_heads };  ///< per_head: one norm over head_dim (weights shared or one per head); all_heads: over heads × head_dim
enum class RopeScaling : std::uint8_t { none, linear, dynamic, llama3, yarn, longrope };

/// Rotary embedding (all families here rotate halves: pairs (i, i + dims/2) of the first `dims` of head_dim).
struct Rope {
    std::int64_t dims = 0;
    double theta = 10000;
    RopeScaling scaling = RopeScaling::none;
    double factor = 1;
    double low_freq_factor = 1, high_freq_factor = 4;           ///< llama3
    double beta_fast = 32, beta_slow = 1;                       ///< yarn
    double attention_factor = 1;                                ///< multiplies cos and sin (yarn, longrope), already evaluated
    std::int64_t original_max_positions = 0;                    ///< llama3, yarn, longrope, dynamic
    bool truncate = true;                                       ///< yarn: round the correction range
    std::vector<double> short_factor, long_factor;              ///< longrope, dims/2 each

    /// Inverse frequencies [dims/2] for a sequence of `length` tokens (the length matters to dynamic and longrope only).
    [[nodiscard]] std::vector<double> inverse_frequencies(std::int64_t length) const;
    [[nodiscard]] bool depends_on_length() const noexcept { return scaling == RopeScaling::dynamic || scaling == RopeScaling::longrope; }
    friend bool operator==(const Rope&, const Rope&) = default;
};

/// ALiBi: what head h subtracts from a score per token of distance, [heads]: 2^(−8h/heads) where heads is a power of two, else interleaved as published
/// (Press et al. 2022).
[[nodiscard]] std::vector<double> alibi_slopes(std::int64_t heads);

/// Which norms a block has and what feeds them.
struct BlockLayout {
    bool pre_attention_norm = true;
    bool pre_mlp_norm = true;
    bool post_attention_norm = false;     ///< on the attention output, before it is added (gemma2/3, olmo2)
    bool post_mlp_norm = false;           ///< on the MLP output, before it is added
    bool norm_after_residual = false;     ///< opt-350m, "post norm": residual add, then the norm (the pre_* norms sit there)
    bool parallel = false;                ///< attention and MLP read the same block input; one sum
    bool mlp_shares_attention_norm = false;  ///< parallel, one norm feeds both
    bool residual_from_norm = false;      ///< BLOOM apply_residual_connection_post_layernorm
    friend bool operator==(const BlockLayout&, const BlockLayout&) = default;
};

/// Per layer what may differ between layers.
struct LayerAttention {
    std::int64_t window = 0;  ///< sliding window: a token sees itself and window−1 before it; 0: all before it
    int rope = 0;             ///< index into Architecture::ropes; −1: no rotation in this layer
    friend bool operator==(const LayerAttention&, const LayerAttention&) = default;
};

struct Architecture {
    std::string model_type;
    std::int64_t layers = 0, hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, ffn = 0, vocab = 0;
    std::int64_t max_positions = 0;    ///< 0: no limit (ALiBi)
    std::int64_t embedding_width = 0;  ///< = hidden, unless project_in/project_out (opt-350m)
    NormKind norm = NormKind::rms;
    double norm_eps = 1e-5;
    BlockLayout block;
    bool final_norm = true;
    bool embedding_norm = false;       ///< BLOOM
    QkNorm qk_norm = QkNorm::none;
    NormKind qk_norm_kind = NormKind::rms;
    PositionKind position = PositionKind::rope;
    std::int64_t position_offset = 0;  ///< learned: row = position + offset (OPT: 2)
    std::vector<Rope> ropes;
    std::vector<LayerAttention> attention;  ///< one per layer
    bool gated_mlp = true;
    Activation activation = Activation::silu;
    bool tied_embeddings = false;
    double embedding_scale = 1;        ///< Gemma sqrt(hidden) (rounded to the checkpoint's dtype as transformers does), Granite
    double attention_scale = 0;        ///< multiplies q·k: 1/sqrt(head_dim) unless the family says otherwise
    double attention_softcap = 0, final_softcap = 0;  ///< 0: none
    double residual_multiplier = 1;
    double logit_multiplier = 1;       ///< Granite: 1/logits_scaling
    std::int64_t bos = -1, eos = -1;   ///< −1: not given

    [[nodiscard]] std::int64_t query_width() const noexcept { return heads * head_dim; }
    [[nodiscard]] std::int64_t key_width() const noexcept { return kv_heads * head_dim; }
    friend bool operator==(const Architecture&, const Architecture&) = default;
};

/// Where one weight comes from in the checkpoint: rows of a tensor, maybe strided (fused projections), maybe transposed (Conv1D), maybe + constant
/// (Gemma's norms store w − 1). The result is a [rows, cols] matrix in linear convention (y = x·Wᵀ) or a vector.
struct WeightSource {
    std::string tensor;
    bool transposed = false;           ///< stored [in, out] (GPT-2's Conv1D); row selection counts output rows all the same
    std::int64_t start = 0, run = 0, stride = 0, count = 0;  ///< output rows start+i·stride … +run for i < count; count 0: all rows
    std::int64_t stacked = 0;          ///< > 0: row i is a tensor of its own, its name `tensor` with "{head}" replaced by i < stacked
    double add = 0;
};

/// The roles a weight can play; per layer except where noted. Norm roles are `*_norm`.
enum class WeightRole : std::uint8_t {
    embedding, position_embedding, embedding_norm, project_in,                                   // model
    attention_norm, q_proj, k_proj, v_proj, q_norm, k_norm, o_proj, post_attention_norm,         // layer
    mlp_norm, gate_proj, up_proj, down_proj, post_mlp_norm,                                      // layer (plain MLP: up_proj, down_proj)
    final_norm, project_out, lm_head                                                             // model
};

[[nodiscard]] constexpr bool is_norm(WeightRole role) noexcept
{
    using enum WeightRole;
    return role == embedding_norm || role == attention_norm || role == q_norm || role == k_norm || role == post_attention_norm || role == mlp_norm || role == post_mlp_norm ||
           role == final_norm;
}
/// One per layer, not one per model.
[[nodiscard]] constexpr bool is_per_layer(WeightRole role) noexcept { return role >= WeightRole::attention_norm && role <= WeightRole::post_mlp_norm; }

/// Architecture and the table of where its weights lie, checked against the checkpoint's headers.
class ModelDescription {
public:
    /// Reads config.json in the spelling of transformers 4 or 5. Throws Error (bad_input) naming file and field; missing tensors and wrong shapes name
    /// the tensor and both shapes.
    [[nodiscard]] static ModelDescription read(const Checkpoint& checkpoint);

    [[nodiscard]] const Architecture& architecture() const noexcept { return architecture_; }
    /// Source of a weight, or nullopt where this family has none. `layer` −1 for model-level roles.
    [[nodiscard]] std::optional<WeightSource> weight(WeightRole role, std::int64_t layer) const;
    [[nodiscard]] std::optional<WeightSource> bias(WeightRole role, std::int64_t layer) const;
    /// Expected shape in linear convention: [out, in], vectors [n], per-head norms [heads, head_dim] or [head_dim].
    [[nodiscard]] Shape shape(WeightRole role, std::int64_t layer) const;
    [[nodiscard]] std::int64_t parameter_count() const;

private:
    struct Entry {
        std::optional<WeightSource> weight, bias;
        Shape shape;
    };
    [[nodiscard]] const Entry& entry(WeightRole role, std::int64_t layer) const;

    Architecture architecture_;
    std::vector<Entry> entries_;  ///< (layer + 1) × roles
};

/// The matrix or vector a source describes, as float, in linear convention. Throws Error (bad_input) on non-finite values.
[[nodiscard]] std::vector<float> read_weight(const Checkpoint& checkpoint, const WeightSource& source);
/// The same into memory of the caller's. Precondition: `out` has as many elements as the result (ModelDescription::shape).
void read_weight(const Checkpoint& checkpoint, const WeightSource& source, std::span<float> out);
/// Elements of what a source describes.
[[nodiscard]] std::size_t weight_size(const Checkpoint& checkpoint, const WeightSource& source);

/// Names of the supported model_type values, sorted, for error messages and `inspect`.
[[nodiscard]] std::vector<std::string> supported_families();

}  // namespace bitwright
