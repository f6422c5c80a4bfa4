// SPDX-License-Identifier: GPL-3.0-or-later
// Softmax where AVX-512 VBMI looks 64 bytes up in tables of 256: the table of 2^x as planes of bytes, so that no lane gathers from memory. The same integers as softmax()
// of loops.h.
#include "core/runtime/kernels/kernel_set.h"
#include "core/runtime/kernels/sets.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define BITWRIGHT_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx2,fma,bmi2"
#include "core/runtime/kernels/target.h"

namespace bitwright {
namespace {

/// Byte b of the 256 entries of 2^(i/256) and of the steps to the next ones, which fit three bytes.
struct Planes {
    alignas(64) std::uint8_t entries[4][256], steps[3][256];

    Planes() noexcept
    {
        const std::uint32_t* table = exp2_entries();
        for (int i = 0; i < 256; ++i)
            for (int b = 0; b < 4; ++b) {
                entries[b][i] = static_cast<std::uint8_t>(table[i] >> 8 * b);
                if (b < 3) steps[b][i] = static_cast<std::uint8_t>((table[i + 1] - table[i]) >> 8 * b);
            }
    }
};

[[gnu::always_inline]] inline __m512i looked_up(const std::uint8_t* plane, __m512i index, __mmask64 upper) noexcept
{
    const __m512i low = _mm512_permutex2var_epi8(_mm512_load_si512(plane), index, _mm512_load_si512(plane + 64));
    const __m512i high = _mm512_permutex2var_epi8(_mm512_load_si512(plane + 128), index, _mm512_load_si512(plane + 192));
    return _mm512_mask_mov_epi8(low, upper, high);
}

/// Bytes of four planes to 32-bit numbers, four vectors of them: the opposite of two saturating packs.
[[gnu::always_inline]] inline void widened(__m512i b0, __m512i b1, __m512i b2, __m512i b3, __m512i (&out)[4]) noexcept
{
    const __m512i low = _mm512_unpacklo_epi8(b0, b1), high = _mm512_unpackhi_epi8(b0, b1), upper_low = _mm512_unpacklo_epi8(b2, b3), upper_high = _mm512_unpackhi_epi8(b2, b3);
    out[0] = _mm512_unpacklo_epi16(low, upper_low);
    out[1] = _mm512_unpackhi_epi16(low, upper_low);
    out[2] = _mm512_unpacklo_epi16(high, upper_high);
    out[3] = _mm512_unpackhi_epi16(high, upper_high);
}

/// `count` of the lanes, at most 16, or all of them.
template <bool All>
struct Lanes {
    __mmask16 mask = 0xFFFF;
    explicit Lanes(std::int64_t count) noexcept
    {
        if constexpr (!All) mask = static_cast<__mmask16>(count >= 16 ? 0xFFFF : count <= 0 ? 0 : (1 << count) - 1);
    }
    [[gnu::always_inline]] __m512i load(const std::int32_t* from) const noexcept { return All ? _mm512_loadu_si512(from) : _mm512_maskz_loadu_epi32(mask, from); }
    [[gnu::always_inline]] void store(std::int32_t* to, __m512i values) const noexcept
    {
        if constexpr (All) _mm512_storeu_si512(to, values);
        else _mm512_mask_storeu_epi32(to, mask, values);
    }
    [[gnu::always_inline]] void store(std::uint16_t* to, __m256i values) const noexcept
    {
        if constexpr (All) _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), values);
        else _mm256_mask_storeu_epi16(to, mask, values);
    }
    [[gnu::always_inline]] __m512i kept(__m512i values) const noexcept { return All ? values : _mm512_maskz_mov_epi32(mask, values); }
};

/// 64 scores, or the `count` that are left, → 2^-(distance / 65536) in Q30; adds to the lanes' sums.
template <bool All>
[[gnu::always_inline]] inline void exponentials(std::int32_t* scores, std::int64_t count, __m512i top, const Planes& planes, __m512i& sum) noexcept
{
    __m512i index[4], fraction[4], shift[4], entry[4], step[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
        const __m512i held = _mm512_min_epu32(_mm512_sub_epi32(top, Lanes<All>(count - 16 * v).load(scores + 16 * v)), _mm512_set1_epi32(0x1F0001));
        const __m512i below = _mm512_and_si512(_mm512_sub_epi32(_mm512_setzero_si512(), held), _mm512_set1_epi32(0xFFFF));
        index[v] = _mm512_srli_epi32(below, 8);
        fraction[v] = _mm512_and_si512(below, _mm512_set1_epi32(0xFF));
        shift[v] = _mm512_srli_epi32(_mm512_add_epi32(held, _mm512_set1_epi32(0xFFFF)), 16);  // 32, which leaves nothing, past the table
    }
    const __m512i bytes = _mm512_packus_epi16(_mm512_packus_epi32(index[0], index[1]), _mm512_packus_epi32(index[2], index[3]));
    const __mmask64 upper = _mm512_movepi8_mask(bytes);
    const auto found = [&](const std::uint8_t* plane) { return looked_up(plane, bytes, upper); };
    widened(found(planes.entries[0]), found(planes.entries[1]), found(planes.entries[2]), found(planes.entries[3]), entry);
    widened(found(planes.steps[0]), found(planes.steps[1]), found(planes.steps[2]), _mm512_setzero_si512(), step);
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
        const Lanes<All> lanes(count - 16 * v);
        const __m512i value = _mm512_add_epi32(entry[v], _mm512_srli_epi32(_mm512_mullo_epi32(step[v], fraction[v]), 8));
        const __m512i word = lanes.kept(_mm512_srlv_epi32(value, shift[v]));
        lanes.store(scores + 16 * v, word);
        sum = _mm512_add_epi64(sum, _mm512_add_epi64(_mm512_maskz_mov_epi32(0x5555, word), _mm512_srli_epi64(word, 32)));
    }
}

/// 16 of those, or the `count` that are left, × the reciprocal of their sum; adds to the lanes' sums.
template <bool All>
[[gnu::always_inline]] inline void normalized(const std::int32_t* words, std::int64_t count, __m512i reciprocal, std::uint16_t* out, __m512i& sum) noexcept
{
    const Lanes<All> lanes(count);
    const __m512i word = lanes.load(words), half = _mm512_set1_epi64(std::int64_t{1} << 45);
    const __m512i even = _mm512_srli_epi64(_mm512_add_epi64(_mm512_mul_epu32(word, reciprocal), half), 46);
    const __m512i odd = _mm512_srli_epi64(_mm512_add_epi64(_mm512_mul_epu32(_mm512_srli_epi64(word, 32), reciprocal), half), 14);  // its whole part above 32
    const __m512i probability = _mm512_min_epu32(_mm512_mask_mov_epi32(even, 0xAAAA, odd), _mm512_set1_epi32(65535));
    sum = _mm512_add_epi32(sum, probability);
    lanes.store(out, _mm512_cvtepi32_epi16(probability));
}

}  // namespace

std::int32_t softmax_by_bytes(std::span<std::int32_t> scores, std::span<std::uint16_t> probabilities) noexcept
{
    static const Planes planes;
    const auto count = static_cast<std::int64_t>(scores.size());
    std::int32_t* const words = scores.data();
    std::uint16_t* const out = probabilities.data();
    __m512i maxima = _mm512_set1_epi32(INT32_MIN), sums = _mm512_setzero_si512(), totals = sums;
    std::int64_t j = 0;
    for (; j + 16 <= count; j += 16) maxima = _mm512_max_epi32(maxima, _mm512_loadu_si512(words + j));
    maxima = _mm512_mask_max_epi32(maxima, Lanes<false>(count - j).mask, maxima, Lanes<false>(count - j).load(words + j));
    const __m512i top = _mm512_set1_epi32(_mm512_reduce_max_epi32(maxima));
    for (j = 0; j + 64 <= count; j += 64) exponentials<true>(words + j, 64, top, planes, sums);
    if (j < count) exponentials<false>(words + j, count - j, top, planes, sums);
    const std::uint64_t reciprocal = (std::uint64_t{1} << 62) / static_cast<std::uint64_t>(_mm512_reduce_add_epi64(sums));
    if (reciprocal >> 32 != 0) {  // one score counts alone
        std::int32_t total = 0;
        for (j = 0; j < count; ++j) {
            const std::uint64_t probability = (static_cast<std::uint32_t>(words[j]) * reciprocal + (std::uint64_t{1} << 45)) >> 46;
            out[j] = static_cast<std::uint16_t>(probability < 65535 ? probability : 65535);
            total += out[j];
        }
        return total;
    }
    const __m512i factor = _mm512_set1_epi64(static_cast<std::int64_t>(reciprocal));
    for (j = 0; j + 16 <= count; j += 16) normalized<true>(words + j, 16, factor, out + j, totals);
    if (j < count) normalized<false>(words + j, count - j, factor, out + j, totals);
    return _mm512_reduce_add_epi32(totals);
}

}  // namespace bitwright
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
