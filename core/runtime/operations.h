// SPDX-License-Identifier: GPL-3.0-or-later
// The operations of the integer level, one function each, as integer semantics §4 defines them: the scalar reference that every kernel must equal bit for bit.
// Activations are codes in int16 whatever their grid's width; each struct holds one operation's parameters, computed offline by the exporter.
// Invariants (checked when a Package is opened, not here): spans have the sizes stated, requantizers are valid(), sums fit their types.
// Threading: pure functions over immutable parameters; outputs must not overlap inputs, except that elementwise ones may write over their own input.
#pragma once

#include "core/runtime/fixed_point.h"

#include <cstdint>
#include <span>
#include <vector>

namespace bitwright {

using Codes16 = std::span<const std::int16_t>;

/// How weights lie. `rows` 1: row by row. Else panels of `rows` rows (the last one filled with zeros); in a panel, for each `depth` consecutive inputs, the codes of
/// all its rows, the depth past the last input zero. 4 bit in panels: two depths a byte, low nibble first, as code + 8 (so that no instruction set extends signs).
struct WeightLayout {
    int rows = 1, depth = 1;
    friend bool operator==(const WeightLayout&, const WeightLayout&) = default;
};

/// Rows of signed codes of 2 … 8 bits: one byte each, or two 4-bit codes a byte, low nibble first ([rows, (cols+1)/2]); or in panels.
struct WeightCodes {
    std::int64_t rows = 0, cols = 0;
    int stored_bits = 8;  ///< 8 or 4
    std::span<const std::uint8_t> bytes;
    WeightLayout layout = {};

    /// Inputs of a panel's row with its filling: a whole number of (pairs of) depths.
    [[nodiscard]] std::int64_t padded_cols() const noexcept
    {
        const std::int64_t unit = layout.depth * (stored_bits == 4 ? 2 : 1);
        return (cols + unit - 1) / unit * unit;
    }
    [[nodiscard]] std::int64_t panels() const noexcept { return (rows + layout.rows - 1) / layout.rows; }
    [[nodiscard]] std::int64_t panel_bytes() const noexcept { return layout.rows * padded_cols() * stored_bits / 8; }
    /// Row `row` widened to int16.
    void unpack(std::int64_t row, std::span<std::int16_t> out) const noexcept;
};

/// Token row → residual codes: (code − zero_point[row]) × (M, n)[row].
struct Embedding {
    WeightCodes weight;
    std::span<const std::int8_t> zero_points;   ///< rows, or empty: all 0
    std::span<const std::int32_t> multipliers;  ///< rows
    std::span<const std::uint8_t> shifts;       ///< rows
    Codes16 positions;                          ///< learned positions, already on the output grid: [positions, cols], or empty
    IntegerGrid output;
};
void embed(const Embedding& op, std::span<const std::int32_t> ids, std::int64_t first_position, std::span<std::int16_t> out);

/// out = clamp((Σ (aᵢ − zᵢ)·Mᵢ + 2^(n−1)) >> n): any number of addends on one shift.
struct ResidualAdd {
    std::vector<std::int32_t> multipliers;  ///< ≥ 0, one per addend
    std::vector<std::int32_t> zero_points;  ///< one per addend
    std::int32_t shift = 1;
    IntegerGrid output;
};
void residual_add(const ResidualAdd& op, std::span<const Codes16> addends, std::span<std::int16_t> out);

/// RMSNorm: y = x·γ / √(Σx²/K + ε);  LayerNorm: y = (x − mean)·γ / √(variance + ε) + β. Input symmetric int16.
/// V = Σx² (rms) or K·Σx² − (Σx)² (layer), with fraction bits, plus `epsilon`; 1/√V by table and two Newton steps; its product with `factor` is one
/// requantizer per row: rms out = requantize(x·γ), layer out = requantize((K·x − Σx)·γ) with eight fraction bits kept until β is added.
struct Norm {
    bool layer = false;
    Codes16 gamma;                        ///< K
    std::span<const std::int32_t> beta;   ///< layer: K, in 1/256 of the output's scale; or empty
    std::int64_t epsilon = 0;             ///< K·ε/s² (rms) or K²·ε/s² (layer), with fraction_bits(); 0 … 2^62
    Requantizer factor;                   ///< √K·s_γ/s_out (rms) or s_γ/s_out (layer)
    IntegerGrid output;

    /// Even; as many as fit beside the largest V: 16 for rms, 32 − 2·ceil(log2 K) for layer.
    [[nodiscard]] int fraction_bits() const noexcept;
};
/// One row's 1/√V × factor as a requantizer: multiplier in [2^30, 2^31) over 2^down, down without the fraction bits that are kept until β is added.
struct NormRow {
    std::int32_t multiplier = 0;
    int down = 1;
};
[[nodiscard]] NormRow norm_row(const Norm& op, std::int64_t sum, std::int64_t squares) noexcept;
void normalize_row(const Norm& op, const std::int16_t* x, std::int16_t* y, std::int64_t sum, const NormRow& row) noexcept;
/// Norms each row of K codes of `in`; in and out hold the same number of rows.
void normalize(const Norm& op, Codes16 in, std::span<std::int16_t> out);

/// y = W·x + b. acc = Σ_g m_g·(Σ a·w − z_w·Σ a) + bias, where `bias` already holds −z_a·Σ(w − z_w); groups of consecutive inputs share a zero point and an integer
/// multiple m_g of the row's scale. A 16-bit input accumulates wider than int32, which is the same as summing its two byte planes apart.
struct Linear {
    WeightCodes weight;
    int input_bits = 8;
    std::int64_t group = 0;                     ///< inputs per group; 0: one group
    std::span<const std::uint8_t> group_scales; ///< rows × groups, 1 … 255; empty without groups; in panels: panel, group, row of the panel
    std::span<const std::int8_t> zero_points;   ///< 1, rows, or rows × groups (as group_scales); empty: 0
    std::span<const std::int32_t> bias;         ///< rows, or empty
    std::span<const std::int32_t> multipliers;  ///< 1 or rows
    std::span<const std::uint8_t> shifts;       ///< as multipliers
    std::span<const std::int32_t> permutation;  ///< cols: position k of a row reads input permutation[k]; or empty
    IntegerGrid output;                         ///< unused by logits
    std::span<const std::int32_t> row_sums;     ///< in panels: Σ_g m_g·Σ w per row, modulo 2^32; else empty

    [[nodiscard]] std::int64_t groups() const noexcept { return group == 0 ? 1 : (weight.cols + group - 1) / group; }
    /// Where row and group stand in group_scales, and in zero_points where there is one for each.
    [[nodiscard]] std::size_t group_index(std::int64_t row, std::int64_t g) const noexcept
    {
        const std::int64_t high = weight.layout.rows;
        return static_cast<std::size_t>((row / high * groups() + g) * high + row % high);
    }
};
/// Rows [first_row, last_row) for `tokens` inputs of cols codes; out is [tokens, rows] and other rows are left alone.
void linear(const Linear& op, Codes16 in, std::int64_t tokens, std::span<std::int16_t> out, std::int64_t first_row, std::int64_t last_row);
/// The same with int32 outputs on the common logit scale.
void logits(const Linear& op, Codes16 in, std::int64_t tokens, std::span<std::int32_t> out, std::int64_t first_row, std::int64_t last_row);

/// Rotary embedding of heads of `head_dim` codes; dims beyond `dims` are carried over onto the output grid (c = 1, s = 0).
struct Rotation {
    std::int64_t head_dim = 0, dims = 0;
    bool interleaved = false;     ///< pairs (2i, 2i+1) instead of (i, i + dims/2)
    Codes16 cosine, sine;         ///< Q14 [positions, dims/2]
    std::int32_t input_zero_point = 0;
    Requantizer factor;           ///< s_in / (s_out·2^14)
    IntegerGrid output;
};
/// in and out: heads × head_dim codes of one token at `position`.
void rotate(const Rotation& op, std::int64_t position, Codes16 in, std::span<std::int16_t> out);

/// y = table(x). 8-bit input: 256 codes by input code + 128, exact. 16-bit input: 1024 intervals of 64 codes with linear interpolation between 1025 entries that keep
/// eight fraction bits, so that only the curve itself and one rounding are in the error.
struct ActivationTable {
    Codes16 exact;                       ///< 256 codes, or empty
    std::span<const std::int32_t> fine;  ///< 1025 entries in 1/256 of a code, or empty
    IntegerGrid output;  ///< with a gate 16 bits, symmetric; without one the grid of down_proj's input
};
void activate(const ActivationTable& op, Codes16 in, std::span<std::int16_t> out);

/// out = requantize((a − z_a)·(b − z_b)): activation × up projection → down projection's input.
struct Product {
    std::int32_t zero_point_a = 0, zero_point_b = 0;
    Requantizer factor;
    IntegerGrid output;
};
void multiply(const Product& op, Codes16 a, Codes16 b, std::span<std::int16_t> out);

/// Attention of one query head over cached keys and values.
struct Attention {
    std::int64_t heads = 0, kv_heads = 0, head_dim = 0;
    std::int64_t window = 0;  ///< keys visible to a query, itself included; 0: all before it
    std::int32_t query_zero_point = 0, key_zero_point = 0, value_zero_point = 0;
    Requantizer score;        ///< q·k → scale·log2 e in Q16; with a soft-cap: → int16 index of its table
    std::span<const std::int32_t> softcap;  ///< 1025 scores (Q16) over the int16 index, or empty
    std::span<const std::int32_t> slopes;   ///< ALiBi per head: Q16 added per token of distance (negative), or empty
    Requantizer value;        ///< Σ p·(v − z_v) with p in 1/65536 → output
    IntegerGrid output;
};
/// One score from Σ (q − z_q)·(k − z_k); `distance` (query − key positions) is only read by ALiBi.
[[nodiscard]] std::int32_t attention_score(const Attention& op, std::int64_t head, std::int32_t sum, std::int64_t distance) noexcept;
/// scores[j] for keys first … first+scores.size(), rows of `stride` codes in `keys`; `query_position` is only read by ALiBi.
void attention_scores(const Attention& op, std::int64_t head, Codes16 query, std::span<const std::int8_t> keys, std::int64_t stride, std::int64_t first,
                      std::int64_t query_position, std::span<std::int32_t> scores);
/// Probabilities in 1/65536 (65535 saturates), each round(2^d / Σ 2^d) with d = score − maximum. Precondition: 1 … 2^20 scores.
void softmax(std::span<const std::int32_t> scores, std::span<std::uint16_t> probabilities);
/// head_dim outputs: Σ p·(v − z_v) requantized; values as keys above.
void weighted_values(const Attention& op, std::span<const std::uint16_t> probabilities, std::span<const std::int8_t> values, std::int64_t stride, std::int64_t first,
                     std::span<std::int16_t> out);

}  // namespace bitwright
