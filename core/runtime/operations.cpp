// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/operations.h"

#include <algorithm>
#include <bit>

namespace bitwright {
namespace {

/// Linear interpolation between the 1025 entries of a table over all int16 codes; the result is 64 times the entries' unit.
std::int64_t interpolate64(std::span<const std::int32_t> table, std::int32_t code) noexcept
{
    const std::int32_t index = code + 32768;
    const std::int64_t low = table[static_cast<std::size_t>(index >> 6)], high = table[static_cast<std::size_t>(index >> 6) + 1];
    return low * 64 + (high - low) * (index & 63);
}

}  // namespace

void embed(const Embedding& op, std::span<const std::int32_t> ids, std::int64_t first_position, std::span<std::int16_t> out)
{
    const auto width = static_cast<std::size_t>(op.weight.cols);
    for (std::size_t t = 0; t < ids.size(); ++t) {
        const auto row = static_cast<std::size_t>(ids[t]);
        const auto codes = out.subspan(t * width, width);
        op.weight.unpack(ids[t], codes);
        const std::int32_t zero_point = op.zero_points.empty() ? 0 : op.zero_points[row];
        const Requantizer factor{op.multipliers[row], op.shifts[row]};
        for (std::size_t c = 0; c < width; ++c) {
            std::int64_t value = scaled(codes[c] - zero_point, factor);
            if (!op.positions.empty()) value += op.positions[(static_cast<std::size_t>(first_position) + t) * width + c];
            codes[c] = static_cast<std::int16_t>(saturate(value, op.output.low(), op.output.high()));
        }
    }
}

void residual_add(const ResidualAdd& op, std::span<const Codes16> addends, std::span<std::int16_t> out)
{
    for (std::size_t i = 0; i < out.size(); ++i) {
        std::int64_t sum = std::int64_t{1} << (op.shift - 1);
        for (std::size_t a = 0; a < addends.size(); ++a) sum += static_cast<std::int64_t>(addends[a][i] - op.zero_points[a]) * op.multipliers[a];
        out[i] = static_cast<std::int16_t>(saturate(sum >> op.shift, op.output.low(), op.output.high()));
    }
}

int Norm::fraction_bits() const noexcept
{
    if (!layer) return 16;
    return 32 - 2 * static_cast<int>(std::bit_width(gamma.size() - 1));
}

NormRow norm_row(const Norm& op, std::int64_t sum, std::int64_t squares) noexcept
{
    const int fraction_bits = op.fraction_bits();
    const std::int64_t spread = op.layer ? static_cast<std::int64_t>(op.gamma.size()) * squares - sum * sum : squares;
    const std::uint64_t v = (static_cast<std::uint64_t>(spread) << fraction_bits) + static_cast<std::uint64_t>(op.epsilon);
    // 1/√(v / 2^f) × factor as one requantizer: multiplier in [2^30, 2^31) over 2^shift.
    const ReciprocalRoot root = reciprocal_root(v == 0 ? 1 : v);
    std::int64_t multiplier = root.root * op.factor.multiplier;  // Q30 × Q30…Q31: in [2^60, 2^62)
    int shift = op.factor.shift + 30 + root.exponent - fraction_bits / 2;
    const int excess = 33 - std::countl_zero(static_cast<std::uint64_t>(multiplier));  // bits above 31
    multiplier = (multiplier + (std::int64_t{1} << (excess - 1))) >> excess;
    shift -= excess;
    if (multiplier == std::int64_t{1} << 31) {
        multiplier >>= 1;
        --shift;
    }
    const int kept = op.layer ? 8 : 0;  // fraction bits until beta is added
    return {static_cast<std::int32_t>(multiplier), std::max(shift - kept, 1)};  // at least 1 for every row that is not all zero (checked at opening)
}

void normalize_row(const Norm& op, const std::int16_t* x, std::int16_t* y, std::int64_t sum, const NormRow& row) noexcept
{
    const std::size_t width = op.gamma.size();
    const int kept = op.layer ? 8 : 0;
    for (std::size_t i = 0; i < width; ++i) {
        const std::int64_t centred = op.layer ? static_cast<std::int64_t>(width) * x[i] - sum : x[i];
        const __int128 product = static_cast<__int128>(centred * op.gamma[i]) * row.multiplier;  // rms: below 2^61, layer: below 2^77
        constexpr __int128 limit = std::int64_t{1} << 40;  // far beyond any code: beta still adds without overflow
        auto value = static_cast<std::int64_t>(std::clamp<__int128>((product + (static_cast<__int128>(1) << (row.down - 1))) >> row.down, -limit, limit));
        if (!op.beta.empty()) value += op.beta[i];
        if (kept != 0) value = (value + (1 << (kept - 1))) >> kept;
        y[i] = static_cast<std::int16_t>(saturate(op.output.zero_point + value, op.output.low(), op.output.high()));
    }
}

void normalize(const Norm& op, Codes16 in, std::span<std::int16_t> out)
{
    const std::size_t width = op.gamma.size();
    for (std::size_t start = 0; start < in.size(); start += width) {
        std::int64_t sum = 0, squares = 0;
        for (const std::int16_t code : in.subspan(start, width)) {
            sum += code;
            squares += static_cast<std::int32_t>(code) * code;
        }
        normalize_row(op, in.data() + start, out.data() + start, sum, norm_row(op, sum, squares));
    }
}

void rotate(const Rotation& op, std::int64_t position, Codes16 in, std::span<std::int16_t> out)
{
    const auto head_dim = static_cast<std::size_t>(op.head_dim), half = static_cast<std::size_t>(op.dims / 2);
    const auto cosine = op.cosine.subspan(static_cast<std::size_t>(position) * half, half);
    const auto sine = op.sine.subspan(static_cast<std::size_t>(position) * half, half);
    const auto code = [&](std::int64_t rotated) { return static_cast<std::int16_t>(requantize(rotated, op.factor, op.output)); };
    for (std::size_t head = 0; head < in.size(); head += head_dim) {
        for (std::size_t i = 0; i < half; ++i) {
            const std::size_t a = head + (op.interleaved ? 2 * i : i), b = head + (op.interleaved ? 2 * i + 1 : i + half);
            const std::int64_t x = in[a] - op.input_zero_point, y = in[b] - op.input_zero_point;
            out[a] = code(x * cosine[i] - y * sine[i]);
            out[b] = code(y * cosine[i] + x * sine[i]);
        }
        for (std::size_t i = head + 2 * half; i < head + head_dim; ++i) out[i] = code(static_cast<std::int64_t>(in[i] - op.input_zero_point) << 14);
    }
}

void activate(const ActivationTable& op, Codes16 in, std::span<std::int16_t> out)
{
    if (!op.exact.empty()) {
        for (std::size_t i = 0; i < in.size(); ++i) out[i] = op.exact[static_cast<std::size_t>(in[i] + 128)];
    } else {  // 64 × 256 per code
        for (std::size_t i = 0; i < in.size(); ++i) out[i] = static_cast<std::int16_t>(saturate((interpolate64(op.fine, in[i]) + (1 << 13)) >> 14, op.output.low(), op.output.high()));
    }
}

void multiply(const Product& op, Codes16 a, Codes16 b, std::span<std::int16_t> out)
{
    for (std::size_t i = 0; i < out.size(); ++i) {
        const std::int64_t product = static_cast<std::int64_t>(a[i] - op.zero_point_a) * (b[i] - op.zero_point_b);
        out[i] = static_cast<std::int16_t>(requantize(product, op.factor, op.output));
    }
}

std::int32_t attention_score(const Attention& op, std::int64_t head, std::int32_t sum, std::int64_t distance) noexcept
{
    std::int64_t score = scaled(sum, op.score);
    if (!op.softcap.empty()) score = (interpolate64(op.softcap, saturate(score, -32768, 32767)) + 32) >> 6;
    if (!op.slopes.empty()) score += op.slopes[static_cast<std::size_t>(head)] * distance;
    return saturate(score, INT32_MIN, INT32_MAX);
}

void attention_scores(const Attention& op, std::int64_t head, Codes16 query, std::span<const std::int8_t> keys, std::int64_t stride, std::int64_t first,
                      std::int64_t query_position, std::span<std::int32_t> scores)
{
    std::int32_t query_sum = 0;
    for (const std::int16_t q : query) query_sum += q - op.query_zero_point;
    for (std::size_t j = 0; j < scores.size(); ++j) {
        const std::int64_t position = first + static_cast<std::int64_t>(j);
        const std::int8_t* key = keys.data() + position * stride;
        std::int32_t sum = -op.key_zero_point * query_sum;
        for (std::size_t d = 0; d < query.size(); ++d) sum += (query[d] - op.query_zero_point) * key[d];
        scores[j] = attention_score(op, head, sum, query_position - position);
    }
}

void softmax(std::span<const std::int32_t> scores, std::span<std::uint16_t> probabilities)
{
    const std::int64_t maximum = *std::max_element(scores.begin(), scores.end());
    std::uint64_t sum = 0;
    for (const std::int32_t score : scores) sum += exp2_q30(score - maximum);
    // sum ≥ 2^30, so the reciprocal fits 33 bits; its truncation costs at most 2^-16 of a code.
    const std::uint64_t reciprocal = (std::uint64_t{1} << 62) / sum;
    for (std::size_t j = 0; j < scores.size(); ++j) {
        const std::uint64_t probability = (exp2_q30(scores[j] - maximum) * reciprocal + (std::uint64_t{1} << 45)) >> 46;
        probabilities[j] = static_cast<std::uint16_t>(std::min<std::uint64_t>(probability, 65535));
    }
}

void weighted_values(const Attention& op, std::span<const std::uint16_t> probabilities, std::span<const std::int8_t> values, std::int64_t stride, std::int64_t first,
                     std::span<std::int16_t> out)
{
    constexpr std::size_t block = 64;
    for (std::size_t d0 = 0; d0 < out.size(); d0 += block) {
        const std::size_t count = std::min(block, out.size() - d0);
        std::int32_t sums[block] = {};
        std::int32_t probability_sum = 0;
        for (std::size_t j = 0; j < probabilities.size(); ++j) {
            const std::int32_t p = probabilities[j];
            if (p == 0) continue;
            probability_sum += p;
            const std::int8_t* value = values.data() + (first + static_cast<std::int64_t>(j)) * stride + d0;
            for (std::size_t d = 0; d < count; ++d) sums[d] += p * value[d];
        }
        for (std::size_t d = 0; d < count; ++d) {
            const std::int64_t sum = sums[d] - static_cast<std::int64_t>(op.value_zero_point) * probability_sum;
            out[d0 + d] = static_cast<std::int16_t>(requantize(sum, op.value, op.output));
        }
    }
}

}  // namespace bitwright
