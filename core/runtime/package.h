// SPDX-License-Identifier: GPL-3.0-or-later
// Package: what runs on the phone. One safetensors file with integer weights and their grids that any safetensors reader opens.
//
// Metadata (strings): format "1", layout "rows" (what is exchanged) or "panels-RxD" (derived from it for one processor), architecture, operations, recipe, made_by.
//   architecture  JSON object: model_type, layers, hidden, heads, kv_heads, head_dim, ffn, vocab, context (positions the tables hold), gated_mlp, bos, eos (−1: none),
//                 logit_scale (real logit = code × logit_scale, a power of two), final_softcap (0: none); and for people: norm, position, activation,
//                 tied_embeddings, rope ("fixed for length N" where it depends on it)
//   operations    JSON object, one entry per operation below: its scalars. A grid is {"bits","zero_point","scale"}; a requantizer {"multiplier","shift"}.
//   recipe        JSON object: hash, method, weight_bits and activation_bits in words. made_by: program and version.
// Operations and tensors ("layers.N." before those of a layer; dtypes I8/U8/I16/I32; R rows, K columns, G groups):
//   embedding            output                            weight I8[R,K]; zero_point I8[R]?; multiplier I32[R]; shift U8[R]; positions I16[context,K]?
//   NORM                 kind ("rms", "layer"), epsilon, factor, output        gamma I16[K]; beta I32[K]?
//                        NORM = embedding_norm?, attention_norm?, mlp_norm?, q_norm?, k_norm?, attention_branch_norm?, mlp_branch_norm?, final_norm
//                        q_norm, k_norm with heads: gamma and beta [heads·head_dim], each head's own; without: shared by heads, or over all of them by its width
//   LINEAR               group, output                     weight I8[R,K] or U8[R,(K+1)/2] (4 bit, low nibble first); multiplier I32[1|R]; shift U8[1|R];
//                        zero_point I8[1|R|R·G]?; group_scale U8[R,G]?; bias I32[R]?; permutation I32[K]?
//                        LINEAR = q_proj, k_proj, v_proj, o_proj, gate_proj?, up_proj, down_proj, lm_head (no output: logits)
//   q_rope, k_rope       dims, interleaved, factor, output, table             model-level tensors "rope.TABLE.cosine", "rope.TABLE.sine" I16[context,dims/2]
//   attention            window, score, value, output      softcap I32[1025]?; slopes I32[heads]?
//   attention_add?, mlp_add   multipliers, shift, output   addends: (residual, branch), or in a parallel block (no attention_add) (residual, attention, mlp)
//   activation           output                            table I16[256], or for a 16-bit input I32[1025] in 1/256 of a code
//   product (if gated)   factor, output
// In panels (WeightLayout; P panels of H rows, depth D) a LINEAR may have: weight I8[P,K/D,H,D] or U8[P,K/2D,H,D], K rounded up; row_sum I32[R]; group_scale U8[P,G,H];
// zero_point I8[1|R|P·G·H].
// "tokenizer.json" U8[n]: the file's bytes, or absent. Inputs' grids are not repeated: they are the producer's output.
//
// Invariants: open() validates all of it (names, sizes, dtypes, codes, shifts, bounds of every sum); afterwards nothing the Engine does with ids below `vocab` can read
// outside or overflow. An unknown format or layout is refused by name. Errors name the file and the tensor or operation.
// Threading: immutable, shared.
#pragma once

#include "core/runtime/operations.h"
#include "core/runtime/safetensors.h"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

inline constexpr int package_format = 1;
/// "rows" or "panels-32x4": the metadata's word.
[[nodiscard]] std::string name_of(WeightLayout layout);

/// One decoder block, as its operations.
struct LayerGraph {
    std::optional<Norm> attention_norm;       ///< absent: the projections read the residual stream
    Linear q_proj, k_proj, v_proj, o_proj;
    std::vector<Norm> q_norm, k_norm;         ///< none, one for all heads (or over all of them), or each head's own
    Rotation q_rope, k_rope;                      ///< dims 0 where the layer has no rotation: then only the change of grid
    Attention attention;
    std::optional<Norm> attention_branch_norm;
    std::optional<ResidualAdd> attention_add; ///< absent: parallel block, one sum in mlp_add
    std::optional<Norm> mlp_norm;             ///< absent: the MLP reads the residual stream, in a parallel block what the attention reads
    std::optional<Linear> gate_proj;
    Linear up_proj, down_proj;
    ActivationTable activation;
    std::optional<Product> product;           ///< present with gate_proj
    std::optional<Norm> mlp_branch_norm;
    ResidualAdd mlp_add;
};

/// The model at the integer level.
struct ModelGraph {
    std::string model_type;
    std::int64_t hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, ffn = 0, vocab = 0;
    std::int64_t context = 0;        ///< positions 0 … context−1
    std::int32_t bos = -1, eos = -1; ///< −1: none
    Embedding embedding;
    std::optional<Norm> embedding_norm;  ///< its output is the residual stream
    std::vector<LayerGraph> layers;
    Norm final_norm;
    Linear lm_head;
    double logit_scale = 1;          ///< real logit = code × logit_scale
    double final_softcap = 0;        ///< cap·tanh(logit/cap) where a probability is asked; 0: none
};

class Package {
public:
    /// Maps and validates. Throws Error (bad_input) naming the file and the tensor.
    [[nodiscard]] static std::shared_ptr<const Package> open(const std::filesystem::path& path);

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return file_.path(); }
    [[nodiscard]] const ModelGraph& graph() const noexcept { return graph_; }
    [[nodiscard]] const SafetensorsFile& file() const noexcept { return file_; }
    [[nodiscard]] std::string_view tokenizer_json() const noexcept { return tokenizer_json_; }  ///< "" if it has none
    [[nodiscard]] std::uint64_t file_size() const noexcept { return file_.file_size(); }
    /// A metadata entry: "architecture", "operations", "recipe" (JSON), "made_by"; "" if absent.
    [[nodiscard]] std::string metadata(const std::string& key) const;
    [[nodiscard]] std::string recipe_hash() const;  ///< "" if it does not say
    /// The tensor's pages leave this process's memory until they are read again.
    void release(const std::string& tensor) const noexcept { file_.release(tensor); }

private:
    explicit Package(const std::filesystem::path& path);
    friend class PackageReader;

    SafetensorsFile file_;
    std::map<std::string, std::vector<std::byte>> owned_;  ///< aligned copies of the tensors wider than a byte; weights stay mapped
    ModelGraph graph_;
    std::string_view tokenizer_json_;
};

}  // namespace bitwright
