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

/// scores[…] → 2^-(distance / 65536) in Q30; returns the lanes' sums.
[[gnu::always_inline]] inline __m512i exponentials(std::int32_t* scores, const __mmask16 (&lanes)[4], __m512i top, const Planes& planes) noexcept
{
    __m512i index[4], fraction[4], shift[4], entry[4], step[4], sum = _mm512_setzero_si512();
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
        const __m512i held = _mm512_min_epu32(_mm512_sub_epi32(top, _mm512_maskz_loadu_epi32(lanes[v], scores + 16 * v)), _mm512_set1_epi32(0x1F0001));
        const __m512i below = _mm512_and_si512(_mm512_sub_epi32(_mm512_setzero_si512(), held), _mm512_set1_epi32(0xFFFF));
        index[v] = _mm512_srli_epi32(below, 8);
        fraction[v] = _mm512_and_si512(below, _mm512_set1_epi32(0xFF));
        shift[v] = _mm512_srli_epi32(_mm512_add_epi32(held, _mm512_set1_epi32(0xFFFF)), 16);  // 32, which leaves nothing, past the table
    }
    const __m512i bytes = _mm512_packus_epi16(_mm512_packus_epi32(index[0], index[1]), _mm512_packus_epi32(index[2], index[3]));
    const __mmask64 upper = _mm512_movepi8_mask(bytes);
    widened(looked_up(planes.entries[0], bytes, upper), looked_up(planes.entries[1], bytes, upper), looked_up(planes.entries[2], bytes, upper), looked_up(planes.entries[3], bytes, upper), entry);
    widened(looked_up(planes.steps[0], bytes, upper), looked_up(planes.steps[1], bytes, upper), looked_up(planes.steps[2], bytes, upper), _mm512_setzero_si512(), step);
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
        const __m512i value = _mm512_add_epi32(entry[v], _mm512_srli_epi32(_mm512_mullo_epi32(step[v], fraction[v]), 8));
        const __m512i word = _mm512_maskz_srlv_epi32(lanes[v], value, shift[v]);
        _mm512_mask_storeu_epi32(scores + 16 * v, lanes[v], word);
        sum = _mm512_add_epi64(sum, _mm512_add_epi64(_mm512_maskz_mov_epi32(0x5555, word), _mm512_srli_epi64(word, 32)));
    }
    return sum;
}

}  // namespace

std::int32_t softmax_by_bytes(std::span<std::int32_t> scores, std::span<std::uint16_t> probabilities) noexcept
{
    static const Planes planes;
    constexpr __mmask16 all[4] = {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF};
    const auto count = static_cast<std::int64_t>(scores.size());
    std::int32_t* const words = scores.data();
    const auto lanes_from = [count](std::int64_t j) { return static_cast<__mmask16>(count - j >= 16 ? 0xFFFF : count <= j ? 0 : (1 << (count - j)) - 1); };
    __m512i maxima = _mm512_set1_epi32(INT32_MIN);
    for (std::int64_t j = 0; j < count; j += 16) maxima = _mm512_mask_max_epi32(maxima, lanes_from(j), maxima, _mm512_maskz_loadu_epi32(lanes_from(j), words + j));
    const __m512i top = _mm512_set1_epi32(_mm512_reduce_max_epi32(maxima));
    __m512i sums = _mm512_setzero_si512();
    std::int64_t done = 0;
    for (; done + 64 <= count; done += 64) sums = _mm512_add_epi64(sums, exponentials(words + done, all, top, planes));
    if (done < count) {
        const __mmask16 rest[4] = {lanes_from(done), lanes_from(done + 16), lanes_from(done + 32), lanes_from(done + 48)};
        sums = _mm512_add_epi64(sums, exponentials(words + done, rest, top, planes));
    }
    const std::uint64_t reciprocal = (std::uint64_t{1} << 62) / static_cast<std::uint64_t>(_mm512_reduce_add_epi64(sums));
    std::uint16_t* const out = probabilities.data();
    if (reciprocal >> 32 != 0) {  // one score counts alone
        std::int32_t total = 0;
        for (std::int64_t j = 0; j < count; ++j) {
            const std::uint64_t probability = (static_cast<std::uint32_t>(words[j]) * reciprocal + (std::uint64_t{1} << 45)) >> 46;
            out[j] = static_cast<std::uint16_t>(probability < 65535 ? probability : 65535);
            total += out[j];
        }
        return total;
    }
    const __m512i factor = _mm512_set1_epi64(static_cast<std::int64_t>(reciprocal)), half = _mm512_set1_epi64(std::int64_t{1} << 45);
    __m512i totals = _mm512_setzero_si512();
    for (std::int64_t j = 0; j < count; j += 16) {
        const __mmask16 lanes = lanes_from(j);
        const __m512i word = _mm512_maskz_loadu_epi32(lanes, words + j);
        const __m512i even = _mm512_srli_epi64(_mm512_add_epi64(_mm512_mul_epu32(word, factor), half), 46);
        const __m512i odd = _mm512_srli_epi64(_mm512_add_epi64(_mm512_mul_epu32(_mm512_srli_epi64(word, 32), factor), half), 46);
        const __m512i probability = _mm512_min_epu32(_mm512_or_si512(even, _mm512_slli_epi64(odd, 32)), _mm512_set1_epi32(65535));
        totals = _mm512_add_epi32(totals, probability);
        _mm512_mask_cvtepi32_storeu_epi16(out + j, lanes, probability);
    }
    return _mm512_reduce_add_epi32(totals);
}

}  // namespace bitwright
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
