// SPDX-License-Identifier: GPL-3.0-or-later
// The operations around the products as plain loops that the compiler vectorises for the instruction set of the file that includes this (see tile.h for the rules).
// They compute what operations.cpp defines: the same integers, without the branches that stop vectorising. `panel` and `shifts_arithmetically` come from the includer.

[[gnu::always_inline]] inline std::int64_t clamped(std::int64_t value, std::int64_t low, std::int64_t high) noexcept
{
    value = value < low ? low : value;
    return value > high ? high : value;
}

/// value >> count, also where the instruction set shifts 64-bit lanes logically only.
[[gnu::always_inline]] inline std::int64_t shifted(std::int64_t value, std::int64_t count) noexcept
{
    if constexpr (shifts_arithmetically) return value >> count;
    constexpr std::uint64_t half = std::uint64_t{1} << 63;
    return static_cast<std::int64_t>(((static_cast<std::uint64_t>(value) + half) >> count) - (half >> count));
}

/// (value·M + 2^(n−1)) >> n for |value| < 2^31; `half` is 2^(n−1).
[[gnu::always_inline]] inline std::int64_t scaled32(std::int32_t value, std::int32_t multiplier, std::int64_t half, std::int64_t shift) noexcept
{
    return shifted(static_cast<std::int64_t>(value) * multiplier + half, shift);
}

/// The same for |value| < 2^54 and n ≥ 25: in two halves of which each product fits 64 bits; exact, as the lower 24 bits only ever round once.
[[gnu::always_inline]] inline std::int64_t scaled54(std::int64_t value, std::int32_t multiplier, std::int64_t half, std::int64_t shift) noexcept
{
    const auto high = static_cast<std::int32_t>(shifted(value, 24)), low = static_cast<std::int32_t>(value & 0xFFFFFF);
    const std::int64_t carried = shifted(static_cast<std::int64_t>(low) * multiplier + half, 24);
    return shifted(static_cast<std::int64_t>(high) * multiplier + carried, shift - 24);
}

void correct(std::int32_t* sums, int rows, const std::int32_t* offsets, const std::int32_t* row_sums, const std::int8_t* zero_points, const std::int32_t* plane_sums) noexcept
{
    auto* wrapping = reinterpret_cast<std::uint32_t*>(sums);
    for (int i = 0; i < rows; ++i, wrapping += panel) {
        const auto offset = static_cast<std::uint32_t>(offsets[i]);
        if (offset != 0)
            for (int r = 0; r < panel; ++r) wrapping[r] -= offset * static_cast<std::uint32_t>(row_sums[r]);
        if (!zero_points) continue;
        const auto sum = static_cast<std::uint32_t>(plane_sums[i]);
        for (int r = 0; r < panel; ++r) wrapping[r] -= sum * static_cast<std::uint32_t>(static_cast<std::int32_t>(zero_points[r]));
    }
}

void correct_groups(std::int32_t* sums, int rows, std::int64_t groups, const std::uint8_t* scales, const std::int8_t* zero_points, const std::int32_t* plane_sums) noexcept
{
    auto* wrapping = reinterpret_cast<std::uint32_t*>(sums);
    for (int i = 0; i < rows; ++i, wrapping += panel, plane_sums += groups)
        for (std::int64_t g = 0; g < groups; ++g) {
            const auto sum = static_cast<std::uint32_t>(plane_sums[g]);
            for (int r = 0; r < panel; ++r) wrapping[r] -= sum * static_cast<std::uint32_t>(scales[g * panel + r] * zero_points[g * panel + r]);
        }
}

/// The sum and the bias as one 32-bit number: they fit together, though the sum may not fit alone.
[[gnu::always_inline]] inline std::int32_t joined(std::int32_t sum, std::int32_t bias) noexcept
{
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(bias));
}

void requantize8(const std::int32_t* __restrict sums, int tokens, const PanelOutput& output, std::int16_t* __restrict codes, std::int64_t stride) noexcept
{
    const std::int32_t low = output.grid.low(), high = output.grid.high(), zero_point = output.grid.zero_point;
    const std::int32_t *__restrict bias = output.bias, *__restrict multipliers = output.multipliers;
    const std::int64_t *__restrict shifts = output.shifts, *__restrict halves = output.halves;
    for (int t = 0; t < tokens; ++t, sums += panel, codes += stride)
        for (int r = 0; r < panel; ++r) {  // a shift of 32 and more leaves 31 bits
            std::int32_t value = zero_point + static_cast<std::int32_t>(scaled32(joined(sums[r], bias[r]), multipliers[r], halves[r], shifts[r]));
            value = value < low ? low : value;
            codes[r] = static_cast<std::int16_t>(value > high ? high : value);
        }
}

void requantize16(const std::int32_t* __restrict sums, int tokens, const PanelOutput& output, std::int16_t* __restrict codes, std::int64_t stride) noexcept
{
    const std::int64_t low = output.grid.low(), high = output.grid.high(), zero_point = output.grid.zero_point;
    const std::int32_t *__restrict bias = output.bias, *__restrict multipliers = output.multipliers;
    const std::int64_t *__restrict shifts = output.shifts, *__restrict halves = output.halves;
    for (int t = 0; t < tokens; ++t, sums += 2 * panel, codes += stride)
        for (int r = 0; r < panel; ++r) {
            const std::int64_t sum = static_cast<std::int64_t>(sums[r]) * 256 + sums[panel + r] + bias[r];
            codes[r] = static_cast<std::int16_t>(clamped(zero_point + scaled54(sum, multipliers[r], halves[r], shifts[r]), low, high));
        }
}

void logits8(const std::int32_t* __restrict sums, int tokens, const PanelOutput& output, std::int32_t* __restrict codes, std::int64_t stride) noexcept
{
    const std::int32_t *__restrict bias = output.bias, *__restrict multipliers = output.multipliers;
    const std::int64_t *__restrict shifts = output.shifts, *__restrict halves = output.halves;
    for (int t = 0; t < tokens; ++t, sums += panel, codes += stride)
        for (int r = 0; r < panel; ++r)
            codes[r] = static_cast<std::int32_t>(clamped(scaled32(joined(sums[r], bias[r]), multipliers[r], halves[r], shifts[r]), INT32_MIN, INT32_MAX));
}

void logits16(const std::int32_t* __restrict sums, int tokens, const PanelOutput& output, std::int32_t* __restrict codes, std::int64_t stride) noexcept
{
    const std::int32_t *__restrict bias = output.bias, *__restrict multipliers = output.multipliers;
    const std::int64_t *__restrict shifts = output.shifts, *__restrict halves = output.halves;
    for (int t = 0; t < tokens; ++t, sums += 2 * panel, codes += stride)
        for (int r = 0; r < panel; ++r) {
            const std::int64_t sum = static_cast<std::int64_t>(sums[r]) * 256 + sums[panel + r] + bias[r];
            codes[r] = static_cast<std::int32_t>(clamped(scaled54(sum, multipliers[r], halves[r], shifts[r]), INT32_MIN, INT32_MAX));
        }
}

void score(const std::int32_t* __restrict sums, int rows, const std::int32_t* __restrict key_terms, const std::int32_t* query_terms, Requantizer factor, bool, std::int32_t* __restrict scores, std::int64_t stride) noexcept
{
    const std::int32_t multiplier = factor.multiplier;
    const std::int64_t shift = factor.shift, half = std::int64_t{1} << (shift - 1);
    for (int i = 0; i < rows; ++i, sums += panel, scores += stride) {
        const std::int32_t constant = query_terms[i];
        for (int r = 0; r < panel; ++r) scores[r] = static_cast<std::int32_t>(clamped(scaled32(sums[r] + key_terms[r] + constant, multiplier, half, shift), INT32_MIN, INT32_MAX));
    }
}

void normalize_rms(const Norm& op, const std::int16_t* __restrict x, std::int16_t* __restrict y, std::int64_t width, const NormRow& row) noexcept
{
    const std::int16_t* __restrict gamma = op.gamma.data();
    const std::int64_t low = op.output.low(), high = op.output.high(), zero_point = op.output.zero_point, down = row.down, half = std::int64_t{1} << (down - 1);
    const std::int32_t multiplier = row.multiplier;
    for (std::int64_t i = 0; i < width; ++i)
        y[i] = static_cast<std::int16_t>(clamped(zero_point + scaled32(static_cast<std::int32_t>(x[i]) * gamma[i], multiplier, half, down), low, high));
}

void normalize_layer(const Norm& op, const std::int16_t* __restrict x, std::int16_t* __restrict y, std::int64_t width, std::int64_t sum, const NormRow& row) noexcept
{
    const std::int16_t* __restrict gamma = op.gamma.data();
    const std::int32_t* __restrict beta = op.beta.size() == 0 ? nullptr : op.beta.data();
    const std::int64_t low = op.output.low(), high = op.output.high(), zero_point = op.output.zero_point, down = row.down, half = std::int64_t{1} << (down - 1);
    const std::int32_t multiplier = row.multiplier;
    constexpr std::int64_t limit = std::int64_t{1} << 40;
    for (std::int64_t i = 0; i < width; ++i) {
        const std::int64_t value = clamped(scaled54((width * x[i] - sum) * gamma[i], multiplier, half, down), -limit, limit) + (beta ? beta[i] : 0);
        y[i] = static_cast<std::int16_t>(clamped(zero_point + shifted(value + 128, 8), low, high));
    }
}

void normalize(const Norm& op, Codes16 in, std::span<std::int16_t> out) noexcept
{
    const auto width = static_cast<std::int64_t>(op.gamma.size()), count = static_cast<std::int64_t>(in.size());
    for (std::int64_t start = 0; start < count; start += width) {
        const std::int16_t* x = in.data() + start;
        std::int64_t sum = 0, squares = 0;
        for (std::int64_t i = 0; i < width; ++i) {
            sum += x[i];
            squares += static_cast<std::int32_t>(x[i]) * x[i];
        }
        const NormRow row = norm_row(op, sum, squares);
        if (!op.layer && row.down <= 62) normalize_rms(op, x, out.data() + start, width, row);
        else if (op.layer && row.down >= 25 && row.down <= 62) normalize_layer(op, x, out.data() + start, width, sum, row);
        else normalize_row(op, x, out.data() + start, sum, row);
    }
}

void residual_add(const ResidualAdd& op, std::span<const Codes16> addends, std::span<std::int16_t> out) noexcept
{
    constexpr std::int64_t block = 256;
    std::int64_t sums[block];
    const auto count = static_cast<std::int64_t>(out.size());
    const std::size_t many = addends.size();
    const std::int64_t low = op.output.low(), high = op.output.high(), shift = op.shift;
    for (std::int64_t start = 0; start < count; start += block) {
        const std::int64_t length = count - start < block ? count - start : block;
        for (std::int64_t i = 0; i < length; ++i) sums[i] = std::int64_t{1} << (shift - 1);
        for (std::size_t a = 0; a < many; ++a) {
            const std::int16_t* addend = addends.data()[a].data() + start;
            const std::int32_t zero_point = op.zero_points.data()[a], multiplier = op.multipliers.data()[a];
            for (std::int64_t i = 0; i < length; ++i) sums[i] += static_cast<std::int64_t>(addend[i] - zero_point) * multiplier;
        }
        std::int16_t* codes = out.data() + start;
        for (std::int64_t i = 0; i < length; ++i) codes[i] = static_cast<std::int16_t>(clamped(shifted(sums[i], shift), low, high));
    }
}

void rotate_half(const Rotation& op, const std::int16_t* cosine, const std::int16_t* sine, const std::int16_t* x, const std::int16_t* y, std::int16_t* out_x, std::int16_t* out_y,
                 std::int64_t count) noexcept
{
    const std::int64_t low = op.output.low(), high = op.output.high(), zero_point = op.output.zero_point, multiplier = op.factor.multiplier, shift = op.factor.shift;
    const std::int64_t half = std::int64_t{1} << (shift - 1);
    const std::int32_t input_zero_point = op.input_zero_point;
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int32_t a = x[i] - input_zero_point, b = y[i] - input_zero_point;
        const std::int64_t turned_a = static_cast<std::int64_t>(a * cosine[i]) - b * sine[i], turned_b = static_cast<std::int64_t>(b * cosine[i]) + a * sine[i];
        out_x[i] = static_cast<std::int16_t>(clamped(zero_point + shifted(turned_a * multiplier + half, shift), low, high));
        out_y[i] = static_cast<std::int16_t>(clamped(zero_point + shifted(turned_b * multiplier + half, shift), low, high));
    }
}

void rotate(const Rotation& op, std::int64_t position, Codes16 in, std::span<std::int16_t> out) noexcept
{
    const std::int64_t half = op.dims / 2, heads = static_cast<std::int64_t>(in.size());
    if (op.interleaved) return bitwright::rotate(op, position, in, out);
    const std::int16_t *cosine = op.cosine.data() + position * half, *sine = op.sine.data() + position * half;
    const std::int64_t low = op.output.low(), high = op.output.high(), zero_point = op.output.zero_point;
    for (std::int64_t head = 0; head < heads; head += op.head_dim) {
        const std::int16_t* x = in.data() + head;
        std::int16_t* y = out.data() + head;
        rotate_half(op, cosine, sine, x, x + half, y, y + half, half);
        for (std::int64_t i = 2 * half; i < op.head_dim; ++i)
            y[i] = static_cast<std::int16_t>(clamped(zero_point + scaled32((x[i] - op.input_zero_point) * 16384, op.factor.multiplier, std::int64_t{1} << (op.factor.shift - 1), op.factor.shift), low, high));
    }
}

void activate(const ActivationTable& op, Codes16 in, std::span<std::int16_t> out) noexcept
{
    const auto count = static_cast<std::int64_t>(in.size());
    const std::int16_t* x = in.data();
    std::int16_t* y = out.data();
    if (op.exact.size() != 0) {
        const std::int16_t* table = op.exact.data() + 128;
        for (std::int64_t i = 0; i < count; ++i) y[i] = table[x[i]];
        return;
    }
    const std::int32_t* table = op.fine.data();
    const std::int64_t low = op.output.low(), high = op.output.high();
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int32_t index = x[i] + 32768, interval = index >> 6;
        const std::int64_t below = table[interval], step = static_cast<std::int64_t>(table[interval + 1]) - below;
        y[i] = static_cast<std::int16_t>(clamped(shifted(below * 64 + step * (index & 63) + (1 << 13), 14), low, high));
    }
}

void multiply(const Product& op, Codes16 a, Codes16 b, std::span<std::int16_t> out) noexcept
{
    const auto count = static_cast<std::int64_t>(out.size());
    const std::int16_t *x = a.data(), *y = b.data();
    std::int16_t* codes = out.data();
    const std::int32_t zero_a = op.zero_point_a, zero_b = op.zero_point_b, multiplier = op.factor.multiplier;
    const std::int64_t low = op.output.low(), high = op.output.high(), zero_point = op.output.zero_point, shift = op.factor.shift, half = std::int64_t{1} << (shift - 1);
    for (std::int64_t i = 0; i < count; ++i) codes[i] = static_cast<std::int16_t>(clamped(zero_point + scaled32((x[i] - zero_a) * (y[i] - zero_b), multiplier, half, shift), low, high));
}

std::int32_t softmax(std::span<std::int32_t> scores, std::span<std::uint16_t> probabilities) noexcept
{
    const auto count = static_cast<std::int64_t>(scores.size());
    auto* __restrict words = reinterpret_cast<std::uint32_t*>(scores.data());
    std::uint16_t* __restrict out = probabilities.data();
    std::int32_t maximum = INT32_MIN;
    for (std::int64_t j = 0; j < count; ++j) maximum = scores.data()[j] > maximum ? scores.data()[j] : maximum;
    const auto top = static_cast<std::uint32_t>(maximum);
    const std::uint32_t* __restrict table = exp2_entries();
#pragma GCC ivdep  // the table is not among the scores
    for (std::int64_t j = 0; j < count; ++j) {  // 2^-(distance / 65536) in Q30, as exp2_q30
        const std::uint32_t distance = top - words[j], held = distance < 0x1F0001 ? distance : 0x1F0001;
        const std::uint32_t fraction = (0x10000 - (held & 0xFFFF)) & 0xFFFF;
        const auto i = static_cast<std::int32_t>(fraction >> 8);
        const std::uint32_t below = table[i], value = below + (((table[i + 1] - below) * (fraction & 0xFF)) >> 8);
        words[j] = held > 0x1F0000 ? 0 : value >> ((held + 0xFFFF) >> 16);
    }
    std::uint64_t sum = 0;
    for (std::int64_t j = 0; j < count; ++j) sum += words[j];
    const std::uint64_t reciprocal = (std::uint64_t{1} << 62) / sum;
    std::int32_t total = 0;
    if (reciprocal >> 32 != 0) {  // one score counts alone
        for (std::int64_t j = 0; j < count; ++j) {
            const std::uint64_t probability = (words[j] * reciprocal + (std::uint64_t{1} << 45)) >> 46;
            out[j] = static_cast<std::uint16_t>(probability < 65535 ? probability : 65535);
            total += out[j];
        }
        return total;
    }
    const auto factor = static_cast<std::uint32_t>(reciprocal);
    for (std::int64_t j = 0; j < count; ++j) {
        const auto probability = static_cast<std::uint32_t>((static_cast<std::uint64_t>(words[j]) * factor + (std::uint64_t{1} << 45)) >> 46);
        const std::uint32_t held = probability < 65535 ? probability : 65535;
        out[j] = static_cast<std::uint16_t>(held);
        total += static_cast<std::int32_t>(held);
    }
    return total;
}

void plane8(Codes16 codes, InputForm form, std::span<std::uint8_t> out) noexcept
{
    const auto count = static_cast<std::int64_t>(codes.size());
    const std::int16_t* x = codes.data();
    std::uint8_t* y = out.data();
    if (form == InputForm::signed16) __builtin_memcpy(y, x, static_cast<std::size_t>(2 * count));
    else if (form == InputForm::unsigned8) for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<std::uint8_t>(x[i] + 128);
    else for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<std::uint8_t>(x[i]);
}

void planes16(Codes16 codes, InputForm form, std::span<std::uint8_t> high, std::span<std::uint8_t> low) noexcept
{
    const auto count = static_cast<std::int64_t>(codes.size());
    const std::int16_t* x = codes.data();
    std::uint8_t *h = high.data(), *l = low.data();
    if (form == InputForm::signed16) {
        auto *wide_h = reinterpret_cast<std::int16_t*>(h), *wide_l = reinterpret_cast<std::int16_t*>(l);
        for (std::int64_t i = 0; i < count; ++i) {
            wide_h[i] = static_cast<std::int16_t>(x[i] >> 8);
            wide_l[i] = static_cast<std::int16_t>(x[i] & 255);
        }
        return;
    }
    const int high_offset = form == InputForm::unsigned8 ? 128 : 0, low_offset = form == InputForm::unsigned8 ? 0 : -128;
    for (std::int64_t i = 0; i < count; ++i) {
        h[i] = static_cast<std::uint8_t>((x[i] >> 8) + high_offset);
        l[i] = static_cast<std::uint8_t>((x[i] & 255) + low_offset);
    }
}

template <typename Unit>
[[gnu::always_inline]] inline void interleave_units(const std::uint8_t* from, std::int64_t stride, std::int64_t first, std::int64_t units, int rows, std::uint8_t* out) noexcept
{
    for (int row = 0; row < rows; ++row)
        for (std::int64_t j = first; j < units; ++j) __builtin_memcpy(out + (j * rows + row) * static_cast<std::int64_t>(sizeof(Unit)), from + row * stride + j * static_cast<std::int64_t>(sizeof(Unit)), sizeof(Unit));
}

/// Eight rows of eight words turned at a time.
[[gnu::always_inline]] inline std::int64_t interleave_eights(const std::uint8_t* from, std::int64_t stride, std::int64_t units, std::uint8_t* out) noexcept
{
    typedef std::uint32_t Words __attribute__((vector_size(32)));
    std::int64_t j = 0;
    for (; j + 8 <= units; j += 8) {
        Words r[8], pairs[8], fours[8];
#pragma GCC unroll 8
        for (int i = 0; i < 8; ++i) __builtin_memcpy(&r[i], from + i * stride + 4 * j, sizeof r[i]);
#pragma GCC unroll 4
        for (int i = 0; i < 8; i += 2) {
            pairs[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
            pairs[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
        }
#pragma GCC unroll 2
        for (int i = 0; i < 8; i += 4)
#pragma GCC unroll 2
            for (int k = 0; k < 2; ++k) {
                fours[i + 2 * k] = __builtin_shufflevector(pairs[i + k], pairs[i + 2 + k], 0, 1, 8, 9, 4, 5, 12, 13);
                fours[i + 2 * k + 1] = __builtin_shufflevector(pairs[i + k], pairs[i + 2 + k], 2, 3, 10, 11, 6, 7, 14, 15);
            }
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            const Words low = __builtin_shufflevector(fours[i], fours[i + 4], 0, 1, 2, 3, 8, 9, 10, 11), high = __builtin_shufflevector(fours[i], fours[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
            __builtin_memcpy(out + 32 * (j + i), &low, sizeof low);
            __builtin_memcpy(out + 32 * (j + i + 4), &high, sizeof high);
        }
    }
    return j;
}

void interleave(const std::uint8_t* from, std::int64_t stride, std::int64_t units, int unit, int rows, std::uint8_t* out) noexcept
{
    if (unit == 4) return interleave_units<std::uint32_t>(from, stride, rows == 8 ? interleave_eights(from, stride, units, out) : 0, units, rows, out);
    if (unit == 8) return interleave_units<std::uint64_t>(from, stride, 0, units, rows, out);
    interleave_units<std::uint16_t>(from, stride, 0, units, rows, out);
}

template <typename Code>
[[gnu::always_inline]] inline std::int32_t sum_of(const std::uint8_t* bytes, std::int64_t count) noexcept
{
    const auto* codes = reinterpret_cast<const Code*>(bytes);
    std::int32_t sum = 0;
    for (std::int64_t k = 0; k < count; ++k) sum += codes[k];
    return sum;
}

std::int32_t stored_sum(const std::uint8_t* bytes, std::int64_t count, InputForm form) noexcept
{
    if (form == InputForm::signed16) return sum_of<std::int16_t>(bytes, count);
    return form == InputForm::signed8 ? sum_of<std::int8_t>(bytes, count) : sum_of<std::uint8_t>(bytes, count);
}

template <typename Lane, int Planes, int Bits>
std::uint32_t split_probabilities(const std::uint16_t* __restrict p, std::int64_t count, std::uint8_t* const* planes) noexcept
{
    std::uint32_t found = 0;
    for (int plane = 0; plane < Planes; ++plane) {
        auto* __restrict out = reinterpret_cast<Lane*>(planes[plane]);
        std::uint16_t any = 0;
        for (std::int64_t j = 0; j < count; ++j) {
            const auto part = static_cast<std::uint16_t>(p[j] >> (plane * Bits) & ((1 << Bits) - 1));
            out[j] = static_cast<Lane>(part);
            any = static_cast<std::uint16_t>(any | part);
        }
        found |= any != 0 ? 1U << plane : 0U;
    }
    return found;
}

std::uint32_t probability_planes(const std::uint16_t* probabilities, std::int64_t count, InputForm form, std::uint8_t* const* planes) noexcept
{
    if (form == InputForm::signed8) return split_probabilities<std::uint8_t, 3, 7>(probabilities, count, planes);
    if (form == InputForm::signed16) return split_probabilities<std::uint16_t, 2, 8>(probabilities, count, planes);
    return split_probabilities<std::uint8_t, 2, 8>(probabilities, count, planes);
}

std::uint64_t read(const std::uint8_t* bytes, std::int64_t count) noexcept
{
    typedef std::uint64_t Line __attribute__((vector_size(64), aligned(1)));
    Line sums[4] = {};
    for (std::int64_t at = 0; at + 256 <= count; at += 256)
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            __builtin_prefetch(bytes + at + 64 * i + 4096);
            sums[i] ^= *reinterpret_cast<const Line*>(bytes + at + 64 * i);
        }
    const Line all = sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
    return all[0] ^ all[1] ^ all[2] ^ all[3] ^ all[4] ^ all[5] ^ all[6] ^ all[7];
}

constexpr void fill_loops(KernelSet& set)
{
    set.correct = correct;
    set.correct_groups = correct_groups;
    set.requantize8 = requantize8;
    set.requantize16 = requantize16;
    set.logits8 = logits8;
    set.logits16 = logits16;
    set.normalize = normalize;
    set.residual_add = residual_add;
    set.rotate = rotate;
    set.activate = activate;
    set.multiply = multiply;
    set.softmax = softmax;
    set.score = score;
    set.probability_planes = probability_planes;
    set.read = read;
    set.interleave = interleave;
    set.stored_sum = stored_sum;
    set.plane8 = plane8;
    set.planes16 = planes16;
}
