// SPDX-License-Identifier: GPL-3.0-or-later
// Compiled with -O3: runs over whole weights, and over the reservoir at every step of a drag.
#include "core/recipe/quantization_tally.h"

#include <array>
#include <vector>

namespace bitwright {
namespace {

constexpr std::size_t lanes = 16, block = 4096;

/// One block: every lane always holds the same elements, whatever the instruction set.
[[gnu::always_inline]] inline void tally_block(QuantizationTally& sums, const float* x, std::size_t n, const Grid& grid, float zero_code) noexcept
{
    const float scale = grid.scale, offset = grid.offset, low = static_cast<float>(grid.qmin), high = static_cast<float>(grid.qmax);
    std::array<float, lanes> signal{}, quantized{}, product{}, error{};
    std::array<std::int32_t, lanes> below{}, above{}, zeros{}, exact{};
    const auto add = [&](std::size_t j, float value) {
        const float open = round_half_even(value / scale) + offset, code = std::min(std::max(open, low), high);
        const float result = (code - offset) * scale, difference = result - value;
        signal[j] += value * value;
        quantized[j] += result * result;
        product[j] += value * result;
        error[j] += difference * difference;
        below[j] += open < low ? 1 : 0;
        above[j] += open > high ? 1 : 0;
        zeros[j] += code == zero_code ? 1 : 0;
        exact[j] += value == 0 ? 1 : 0;
    };
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        for (std::size_t j = 0; j < lanes; ++j) add(j, x[i + j]);
    }
    for (std::size_t j = 0; i + j < n; ++j) add(j, x[i + j]);
    for (std::size_t j = 0; j < lanes; ++j) {
        sums.signal += signal[j];
        sums.quantized += quantized[j];
        sums.product += product[j];
        sums.error += error[j];
        sums.clipped_low += static_cast<std::uint64_t>(below[j]);
        sums.clipped_high += static_cast<std::uint64_t>(above[j]);
        sums.zeros += static_cast<std::uint64_t>(zeros[j]);
        sums.exact_zeros += static_cast<std::uint64_t>(exact[j]);
    }
    sums.count += n;
}

using Block = void (*)(QuantizationTally&, const float*, std::size_t, const Grid&, float) noexcept;

void tally_baseline(QuantizationTally& sums, const float* x, std::size_t n, const Grid& grid, float zero_code) noexcept
{
    tally_block(sums, x, n, grid, zero_code);
}
#if defined(__x86_64__)
[[gnu::target("avx2")]] void tally_avx2(QuantizationTally& sums, const float* x, std::size_t n, const Grid& grid, float zero_code) noexcept
{
    tally_block(sums, x, n, grid, zero_code);
}
#endif

Block block_for_this_cpu() noexcept
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return tally_avx2;
#endif
    return tally_baseline;
}

}  // namespace

void QuantizationTally::merge(const QuantizationTally& other) noexcept
{
    count += other.count;
    clipped_low += other.clipped_low;
    clipped_high += other.clipped_high;
    zeros += other.zeros;
    exact_zeros += other.exact_zeros;
    signal += other.signal;
    quantized += other.quantized;
    product += other.product;
    error += other.error;
}

std::optional<double> decibels(double signal, double error) noexcept
{
    if (!(signal > 0)) return std::nullopt;
    return 10 * std::log10(signal / error);
}

std::optional<double> QuantizationTally::sqnr_db() const noexcept { return decibels(signal, error); }

std::optional<double> QuantizationTally::cosine() const noexcept
{
    if (!(signal > 0) || !(quantized > 0)) return std::nullopt;
    return product / std::sqrt(signal * quantized);
}

void tally(QuantizationTally& sums, std::span<const float> x, const Grid& grid) noexcept
{
    static const Block run = block_for_this_cpu();
    const Grid local = grid;
    const float zero_code = code_of(0, local);
    for (std::size_t i = 0; i < x.size(); i += block) run(sums, x.data() + i, std::min(block, x.size() - i), local, zero_code);
}

std::int64_t codes_used(std::span<const float> x, const Grid& grid)
{
    std::vector<std::uint8_t> seen(static_cast<std::size_t>(grid.qmax - grid.qmin) + 1);
    const auto last = static_cast<float>(seen.size() - 1), first = static_cast<float>(grid.qmin);
    for (const float value : x) seen[static_cast<std::size_t>(std::clamp(round_half_even(code_of(value, grid) - first), 0.0f, last))] = 1;
    return std::count(seen.begin(), seen.end(), std::uint8_t{1});
}

}  // namespace bitwright
