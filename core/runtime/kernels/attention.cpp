// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/kernels/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>

namespace bitwright {
namespace {

constexpr std::int64_t span = 256;  ///< positions of a block; a multiple of every layout's rows and depth
constexpr int most_rows = 8, widest_panel = 32;

std::int64_t rounded_up(std::int64_t value, std::int64_t unit) noexcept { return (value + unit - 1) / unit * unit; }

int tile_index(const KernelSet& kernels, int rows) noexcept
{
    int index = 0;
    while (kernels.tile_rows[static_cast<std::size_t>(index)] < rows) ++index;
    return index;
}

}  // namespace

struct AttentionCache::Queries {
    std::int64_t kv_head, position, share, first_row;  ///< position of the unit's first token; the tile's first of the unit's queries
    int rows;
    Codes16 codes;                ///< [rows, head_dim]
    std::span<std::int16_t> out;  ///< as codes

    [[nodiscard]] std::int64_t head(int row) const noexcept { return kv_head * share + (first_row + row) % share; }
    [[nodiscard]] std::int64_t last_key(int row) const noexcept { return position + (first_row + row) / share; }
    [[nodiscard]] std::int64_t first_key(int row, std::int64_t window) const noexcept { return window == 0 ? 0 : std::max<std::int64_t>(0, last_key(row) + 1 - window); }
};

/// A thread's memory, kept between calls.
struct AttentionCache::Scratch {
    std::vector<std::int16_t> codes, out;
    std::vector<std::uint8_t> input, plane;
    std::vector<std::int32_t> scores;          ///< [rows, keys]
    std::vector<std::uint16_t> probabilities;  ///< [rows, keys], 0 outside of a row's range
    std::vector<std::int32_t> sums;            ///< [planes][panels of dims][rows][panel], with room to align
    std::array<std::int32_t, most_rows> probability_sums;
    std::int64_t keys = 0;                     ///< rounded up to blocks
};

void AttentionCache::Free::operator()(std::uint8_t* bytes) const noexcept { std::free(bytes); }

AttentionCache::AttentionCache(const Attention& op, const KernelSet& kernels) : op_(&op), kernels_(&kernels)
{
    if (!kernels.plain8[0]) return;
    const auto [rows, depth] = kernels.layout;
    padded_dim_ = rounded_up(op.head_dim, depth);
    value_panels_ = rounded_up(op.head_dim, rows) / rows;
    head_bytes_ = span * padded_dim_ + value_panels_ * rows * span + span * static_cast<std::int64_t>(sizeof(std::int32_t));
    head_bytes_ = rounded_up(head_bytes_, 64);
    key_factor_ = offset_of(kernels.form8, 1, 0) + op.query_zero_point;
    const double largest = static_cast<double>(op.head_dim) * 256 * 256;  // of |Σ (q − z_q)(k − z_k)|
    scores_fit_ = std::ldexp(largest * op.score.multiplier, -op.score.shift) < 2147483000.0;
    narrow_ = op.value.shift >= 32;
    block_bytes_ = static_cast<std::size_t>(head_bytes_ * op.kv_heads);
}

void AttentionCache::grow(std::int64_t positions)
{
    if (!kernels_->plain8[0]) {
        key_rows_.resize(static_cast<std::size_t>(positions * op_->kv_heads * op_->head_dim));
        value_rows_.resize(key_rows_.size());
        return;
    }
    while (static_cast<std::int64_t>(blocks_.size()) * span < positions) {
        auto* bytes = static_cast<std::uint8_t*>(std::aligned_alloc(64, block_bytes_));
        if (!bytes) throw std::bad_alloc();
        std::memset(bytes, 0, block_bytes_);
        blocks_.emplace_back(bytes);
    }
}

void AttentionCache::append(std::int64_t position, Codes16 key, Codes16 value)
{
    const std::int64_t dim = op_->head_dim;
    if (!kernels_->plain8[0]) {
        std::copy(key.begin(), key.end(), key_rows_.begin() + position * op_->kv_heads * dim);
        std::copy(value.begin(), value.end(), value_rows_.begin() + position * op_->kv_heads * dim);
        return;
    }
    const std::int64_t panel = kernels_->layout.rows, depth = kernels_->layout.depth, at = position % span;
    for (std::int64_t head = 0; head < op_->kv_heads; ++head) {
        std::uint8_t* const keys = head_of_block(position / span, head);
        std::uint8_t* const values = keys + span * padded_dim_;
        std::uint8_t* const key_row = keys + at / panel * panel * padded_dim_ + at % panel * depth;
        std::uint8_t* const value_row = values + at / depth * panel * depth + at % depth;
        const std::int16_t *key_codes = key.data() + head * dim, *value_codes = value.data() + head * dim;
        std::int32_t sum = 0;
        for (std::int64_t d = 0; d < dim; ++d) sum += key_codes[d];
        for (std::int64_t d = 0; d < dim; d += depth)
            for (std::int64_t k = 0; k < std::min(depth, dim - d); ++k) key_row[d * panel + k] = static_cast<std::uint8_t>(key_codes[d + k]);
        for (std::int64_t d = 0; d < dim; d += panel)
            for (std::int64_t r = 0; r < std::min(panel, dim - d); ++r) value_row[d * span + r * depth] = static_cast<std::uint8_t>(value_codes[d + r]);
        sum *= -key_factor_;
        std::memcpy(values + value_panels_ * panel * span + at * static_cast<std::int64_t>(sizeof sum), &sum, sizeof sum);
    }
}

std::int64_t AttentionCache::tokens_per_unit() const noexcept
{
    return kernels_->plain8[0] ? std::max<std::int64_t>(1, kernels_->tile_rows[3] / (op_->heads / op_->kv_heads)) : 1;
}

std::int64_t AttentionCache::units(std::int64_t tokens) const noexcept
{
    const std::int64_t each = tokens_per_unit();
    return kernels_->plain8[0] ? op_->kv_heads * ((tokens + each - 1) / each) : tokens * op_->heads;
}

void AttentionCache::attend_by_reference(std::int64_t unit, std::int64_t position, Codes16 queries, std::span<std::int16_t> out) const
{
    const std::int64_t head = unit % op_->heads, at = position + unit / op_->heads, stride = op_->kv_heads * op_->head_dim;
    const std::int64_t first_key = op_->window == 0 ? 0 : std::max<std::int64_t>(0, at + 1 - op_->window);
    const auto offset = static_cast<std::size_t>(head / (op_->heads / op_->kv_heads) * op_->head_dim), begin = static_cast<std::size_t>(unit * op_->head_dim);
    const auto dim = static_cast<std::size_t>(op_->head_dim);
    std::vector<std::int32_t> scores(static_cast<std::size_t>(at + 1 - first_key));
    std::vector<std::uint16_t> probabilities(scores.size());
    attention_scores(*op_, head, queries.subspan(begin, dim), std::span(key_rows_).subspan(offset), stride, first_key, at, scores);
    softmax(scores, probabilities);
    weighted_values(*op_, probabilities, std::span(value_rows_).subspan(offset), stride, first_key, out.subspan(begin, dim));
}

void AttentionCache::score(const Queries& q, Scratch& scratch) const
{
    const KernelSet& k = *kernels_;
    const std::int64_t panel = k.layout.rows, depth = k.layout.depth, dim = op_->head_dim, unit = depth * (k.form8 == InputForm::signed16 ? 2 : 1);
    const int index = tile_index(k, q.rows), tile_rows = k.tile_rows[static_cast<std::size_t>(index)];
    const std::int64_t row_bytes = padded_dim_ / depth * unit;
    scratch.input.resize(static_cast<std::size_t>(tile_rows * row_bytes));
    scratch.plane.assign(static_cast<std::size_t>(tile_rows * row_bytes), 0);
    std::array<std::int32_t, most_rows> query_terms{};
    for (int i = 0; i < q.rows; ++i) {
        const auto plane = std::span(scratch.plane).subspan(static_cast<std::size_t>(i * row_bytes));
        k.plane8(q.codes.subspan(static_cast<std::size_t>(i * dim), static_cast<std::size_t>(dim)), k.form8, plane);
        const std::int32_t sum = k.stored_sum(plane.data(), dim, k.form8) - static_cast<std::int32_t>(dim) * key_factor_;  // Σ (code − zero point): the factor holds both offsets
        query_terms[static_cast<std::size_t>(i)] = -op_->key_zero_point * sum;
    }
    k.interleave(scratch.plane.data(), row_bytes, row_bytes / unit, static_cast<int>(unit), tile_rows, scratch.input.data());
    const bool plain = op_->softcap.empty() && op_->slopes.empty();
    const std::array<std::int32_t, most_rows> zeros{};
    alignas(64) std::int32_t sums[most_rows * widest_panel];
    TileArguments t;
    t.input = scratch.input.data();
    t.group_steps = padded_dim_ / depth;
    t.start = zeros.data();
    t.sums = sums;
    const std::int64_t first = q.first_key(0, op_->window) / panel * panel, last = q.last_key(q.rows - 1);
    for (std::int64_t key = first; key <= last; key += panel) {
        const std::uint8_t* head = head_of_block(key / span, q.kv_head);
        const auto* key_terms = reinterpret_cast<const std::int32_t*>(head + span * padded_dim_ + value_panels_ * panel * span) + key % span;
        t.weights = head + key % span * padded_dim_;
        k.plain8[static_cast<std::size_t>(index)](t);
        std::int32_t* const scores = scratch.scores.data() + key;
        if (plain) {
            k.score(sums, q.rows, key_terms, query_terms.data(), op_->score, scores_fit_, scores, scratch.keys);
            continue;
        }
        for (int i = 0; i < q.rows; ++i)
            for (std::int64_t r = 0; r < panel; ++r)
                scores[i * scratch.keys + r] = attention_score(*op_, q.head(i), sums[i * panel + r] + key_terms[r] + query_terms[static_cast<std::size_t>(i)], q.last_key(i) - (key + r));
    }
}

void AttentionCache::weigh(const Queries& q, Scratch& scratch) const
{
    const KernelSet& k = *kernels_;
    const std::int64_t panel = k.layout.rows, depth = k.layout.depth, dim = op_->head_dim, width = k.form8 == InputForm::signed16 ? 2 : 1, unit = depth * width;
    // Planes of a probability that the products hold: two bytes, or three of seven bits where inputs are signed.
    const int plane_bits = k.form8 == InputForm::signed8 ? 7 : 8, planes = k.form8 == InputForm::signed8 ? 3 : 2;
    const int index = tile_index(k, q.rows), tile_rows = k.tile_rows[static_cast<std::size_t>(index)];
    const std::int64_t row_bytes = span * width, tile_sums = tile_rows * panel;
    scratch.plane.assign(static_cast<std::size_t>(tile_rows * planes * row_bytes), 0);
    scratch.input.resize(static_cast<std::size_t>(tile_rows * row_bytes));
    scratch.sums.resize(static_cast<std::size_t>(planes * value_panels_ * tile_sums) + 16);
    auto* const sums = reinterpret_cast<std::int32_t*>(rounded_up(reinterpret_cast<std::intptr_t>(scratch.sums.data()), 64));
    const std::array<std::int32_t, most_rows> zeros{};
    TileArguments t;
    t.input = scratch.input.data();
    t.start = zeros.data();
    std::uint32_t begun = 0;  // planes that have sums
    const std::int64_t first = q.first_key(0, op_->window) / span, last = q.last_key(q.rows - 1) / span;
    for (std::int64_t b = first; b <= last; ++b) {
        const std::uint8_t* values = head_of_block(b, q.kv_head) + span * padded_dim_;
        const std::int64_t keys = std::min(span, q.last_key(q.rows - 1) + 1 - b * span);
        t.group_steps = rounded_up(keys, depth) / depth;
        std::uint32_t filled = 0;  // planes that are not all zero: most high bytes of a long context are
        for (int i = 0; i < q.rows; ++i) {
            std::uint8_t* at[3];
            for (int plane = 0; plane < planes; ++plane) at[plane] = scratch.plane.data() + (plane * tile_rows + i) * row_bytes;
            filled |= k.probability_planes(scratch.probabilities.data() + i * scratch.keys + b * span, t.group_steps * depth, k.form8, at);
        }
        for (int plane = 0; plane < planes; ++plane) {
            if ((filled >> plane & 1) == 0) continue;
            k.interleave(scratch.plane.data() + plane * tile_rows * row_bytes, row_bytes, t.group_steps, static_cast<int>(unit), tile_rows, scratch.input.data());
            t.adds = (begun >> plane & 1) != 0;
            for (std::int64_t d = 0; d < value_panels_; ++d) {
                t.weights = values + d * panel * span;
                t.sums = sums + (plane * value_panels_ + d) * tile_sums;
                k.plain8[static_cast<std::size_t>(index)](t);
            }
            begun |= 1U << plane;
        }
    }
    // Planes joined, the value's zero point taken off: |Σ| ≤ 65536·128.
    alignas(64) std::int32_t joined[most_rows * widest_panel], multipliers[widest_panel], zero[widest_panel] = {};
    alignas(64) std::int64_t shifts[widest_panel], halves[widest_panel];
    alignas(64) std::int16_t codes[most_rows * widest_panel];
    std::fill_n(multipliers, panel, op_->value.multiplier);
    std::fill_n(shifts, panel, op_->value.shift);
    std::fill_n(halves, panel, std::int64_t{1} << (op_->value.shift - 1));
    for (std::int64_t d = 0; d < value_panels_; ++d) {
        for (int i = 0; i < q.rows; ++i) std::fill_n(joined + i * panel, panel, -op_->value_zero_point * scratch.probability_sums[static_cast<std::size_t>(i)]);
        for (int plane = 0; plane < planes; ++plane) {
            if ((begun >> plane & 1) == 0) continue;
            const std::int32_t* const from = sums + (plane * value_panels_ + d) * tile_sums;
            for (std::int64_t r = 0; r < q.rows * panel; ++r) joined[r] += from[r] * (1 << plane * plane_bits);
        }
        if (narrow_) k.requantize8(joined, q.rows, {zero, multipliers, shifts, halves, op_->output}, codes, panel);
        else
            for (std::int64_t r = 0; r < q.rows * panel; ++r) codes[r] = static_cast<std::int16_t>(requantize(joined[r], op_->value, op_->output));
        for (int i = 0; i < q.rows; ++i) std::copy_n(codes + i * panel, std::min(panel, dim - d * panel), q.out.begin() + i * dim + d * panel);
    }
}

void AttentionCache::attend(std::int64_t unit, std::int64_t position, Codes16 queries, std::span<std::int16_t> out) const
{
    if (!kernels_->plain8[0]) return attend_by_reference(unit, position, queries, out);
    thread_local Scratch scratch{};
    const std::int64_t dim = op_->head_dim, share = op_->heads / op_->kv_heads, query_width = op_->heads * dim, each = tokens_per_unit();
    const std::int64_t tokens = static_cast<std::int64_t>(queries.size()) / query_width, kv_head = unit % op_->kv_heads;
    const std::int64_t first = unit / op_->kv_heads * each, last = std::min(tokens, first + each), all = (last - first) * share;
    scratch.codes.resize(static_cast<std::size_t>(all * dim));
    scratch.out.resize(scratch.codes.size());
    for (std::int64_t t = first; t < last; ++t)
        std::copy_n(queries.begin() + t * query_width + kv_head * share * dim, share * dim, scratch.codes.begin() + (t - first) * share * dim);
    scratch.keys = rounded_up(position + last, span);
    scratch.scores.resize(static_cast<std::size_t>(most_rows * scratch.keys));
    scratch.probabilities.resize(scratch.scores.size());
    for (std::int64_t row = 0; row < all; row += kernels_->tile_rows[3]) {  // several tiles only where more heads share their keys than a tile has rows
        const int rows = static_cast<int>(std::min<std::int64_t>(kernels_->tile_rows[3], all - row));
        const Queries q{kv_head, position + first, share, row, rows, Codes16(scratch.codes).subspan(static_cast<std::size_t>(row * dim)), std::span(scratch.out).subspan(static_cast<std::size_t>(row * dim))};
        score(q, scratch);
        for (int i = 0; i < rows; ++i) {
            const std::int64_t low = q.first_key(i, op_->window), high = q.last_key(i) + 1;
            const auto p = std::span(scratch.probabilities).subspan(static_cast<std::size_t>(i * scratch.keys), static_cast<std::size_t>(scratch.keys));
            std::fill(p.begin(), p.begin() + low, std::uint16_t{0});
            std::fill(p.begin() + high, p.end(), std::uint16_t{0});
            const auto counted = p.subspan(static_cast<std::size_t>(low), static_cast<std::size_t>(high - low));
            scratch.probability_sums[static_cast<std::size_t>(i)] = kernels_->softmax(std::span(scratch.scores).subspan(static_cast<std::size_t>(i * scratch.keys + low), counted.size()), counted);
        }
        weigh(q, scratch);
    }
    for (std::int64_t t = first; t < last; ++t) std::copy_n(scratch.out.begin() + (t - first) * share * dim, share * dim, out.begin() + t * query_width + kv_head * share * dim);
}

}  // namespace bitwright
