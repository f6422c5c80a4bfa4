// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel sets that are compiled in, each null where this processor cannot run it. Internal to core/runtime/kernels.
// Threading: pure functions.
#pragma once

#include "core/runtime/kernels/kernel_set.h"

namespace bitwright {

#if defined(__x86_64__)
[[nodiscard]] const KernelSet* avx512_vnni_kernels() noexcept;
/// As KernelSet::softmax, for processors with AVX-512 VBMI, which avx512_vnni_kernels() looks for.
[[nodiscard]] std::int32_t softmax_by_bytes(std::span<std::int32_t> scores, std::span<std::uint16_t> probabilities) noexcept;
[[nodiscard]] const KernelSet* avx_vnni_kernels() noexcept;
[[nodiscard]] const KernelSet* avx2_kernels() noexcept;
[[nodiscard]] const KernelSet* portable_kernels() noexcept;
#elif defined(__aarch64__)
[[nodiscard]] const KernelSet* neon_i8mm_kernels() noexcept;
[[nodiscard]] const KernelSet* neon_dotprod_kernels() noexcept;
[[nodiscard]] const KernelSet* neon_kernels() noexcept;
#else
[[nodiscard]] const KernelSet* portable_kernels() noexcept;
#endif

}  // namespace bitwright
