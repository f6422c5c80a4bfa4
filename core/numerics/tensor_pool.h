// SPDX-License-Identifier: GPL-3.0-or-later
// Memory of tensors that come and go in the same sizes, step after step: while a TensorPool lives, LibTorch's large CPU tensors are not given back to the
// system but kept for the next one of their size, so that no operation waits for fresh pages. Internal to bitwright_numerics.
// Invariants: live and idle memory together stay within the largest live amount so far and a sixteenth (and 16 MiB); the last pool that goes gives all idle
// memory back. No result depends on it.
// Threading: any thread; pools nest.
#pragma once

#include <cstdint>

namespace bitwright {

class TensorPool {
public:
    TensorPool();
    ~TensorPool();
    TensorPool(const TensorPool&) = delete;
    TensorPool& operator=(const TensorPool&) = delete;

    struct Use {
        std::uint64_t live = 0, idle = 0;      ///< bytes of large tensors now, and kept for later ones
        std::uint64_t fresh = 0, reused = 0;   ///< how many came from the system and how many did not, in this process
    };
    [[nodiscard]] static Use use();
};

}  // namespace bitwright
