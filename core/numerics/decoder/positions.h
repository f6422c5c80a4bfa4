// SPDX-License-Identifier: GPL-3.0-or-later
// What a token's position does to attention: rotary tables, ALiBi, causal and sliding-window masks. Internal to bitwright_numerics.
// Threading: belongs to one Decoder; tables are made on first use and kept.
#pragma once

#include "core/architecture/architecture.h"
#include "core/recipe/scheme.h"

#include <ATen/core/Tensor.h>

#include <array>
#include <utility>
#include <vector>

namespace bitwright {

class Positions {
public:
    Positions(const Architecture& architecture, Semantics semantics, at::ScalarType dtype);

    /// x [B, heads, T, head_dim] rotated (halves) for positions first … first+T−1 of a sequence of `length` tokens.
    [[nodiscard]] at::Tensor rotate(const at::Tensor& x, int rope, std::int64_t first, std::int64_t length);

    /// cos and sin of those positions' angles, [T, rotated dimensions / 2].
    [[nodiscard]] std::pair<at::Tensor, at::Tensor> angles(int rope, std::int64_t first, std::int64_t tokens, std::int64_t length);

    /// What is added to the scores of queries first_row … (absolute positions) and keys first_key …: [1 or heads, rows, keys], 0 or the ALiBi slope times
    /// distance where visible, the dtype's lowest value elsewhere. Undefined when there is nothing to add. `window` 0: all before a token.
    [[nodiscard]] at::Tensor bias(std::int64_t window, std::int64_t first_row, std::int64_t rows, std::int64_t first_key, std::int64_t keys);

private:
    struct Table {
        std::int64_t length = -1;  ///< the sequence length it was made for; −1: any
        at::Tensor cos, sin;       ///< [positions, dims/2]
    };
    const Table& table(int rope, std::int64_t positions, std::int64_t length);

    const Architecture& architecture_;
    Semantics semantics_;
    at::ScalarType dtype_;
    std::vector<Table> tables_;
    std::array<std::int64_t, 5> bias_key_{};
    at::Tensor bias_;
};

}  // namespace bitwright
