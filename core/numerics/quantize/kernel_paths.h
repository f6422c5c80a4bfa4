// SPDX-License-Identifier: GPL-3.0-or-later
// Which instruction set the loops of quantization and of the fused parts run on, chosen at run time. A loop is written once, as a body that is inlined into a
// function of each instruction set. Every path gives the same bits: no fused multiply-add, and sums in sixteen parts everywhere.
// Threading: any thread; forcing a path is for tests and benchmarks that run alone.
#pragma once

#include <cstdint>
#include <optional>

#define BITWRIGHT_INLINE inline __attribute__((always_inline))
#define BITWRIGHT_BODY [&]() __attribute__((always_inline))

namespace bitwright::quantize {

enum class KernelPath : std::uint8_t { plain, avx2, avx512 };
/// What the loops run on: the widest this processor has, or what a test asked for.
[[nodiscard]] KernelPath kernel_path() noexcept;
/// Tests and benchmarks; nothing: the widest again. @return false (and no change) where the processor has not got it
bool force_kernel_path(std::optional<KernelPath> path) noexcept;

constexpr std::int64_t lanes = 16;  ///< partial sums on every path

// The body inlined into a function of the chosen instruction set.
#if defined(__x86_64__)
template <typename Body>
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512"))) auto on_avx512(const Body& body)
{
    return body();
}
template <typename Body>
__attribute__((target("avx2"))) auto on_avx2(const Body& body)
{
    return body();
}
#endif

template <typename Body>
auto on_chosen(const Body& body)
{
    switch (kernel_path()) {
#if defined(__x86_64__)
        case KernelPath::avx512: return on_avx512(body);
        case KernelPath::avx2: return on_avx2(body);
#endif
        default: return body();
    }
}
/// Σ of the sixteen parts, pairwise.
template <typename T>
BITWRIGHT_INLINE T sum_of_lanes(T* sum)
{
    for (std::int64_t half = lanes / 2; half > 0; half /= 2)
        for (std::int64_t l = 0; l < half; ++l) sum[l] += sum[l + half];
    return sum[0];
}

}  // namespace bitwright::quantize
