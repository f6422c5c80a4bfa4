// SPDX-License-Identifier: GPL-3.0-or-later
// Many windows through a model whose weights may be streamed: layer by layer for a group of windows, so that each layer is read once per group.
// Internal to bitwright_numerics.
#pragma once

#include "core/checkpoint/token_windows.h"
#include "core/numerics/decoder/decoder.h"

#include <functional>
#include <limits>

namespace bitwright {

/// Windows whose hidden states together take at most 64 MB, at least one.
[[nodiscard]] std::int64_t windows_per_group(const Architecture& architecture, std::int64_t length);

/// ids [1, length] of one window.
[[nodiscard]] at::Tensor window_ids(const TokenWindows& windows, std::int64_t window, std::int64_t length);

/// What is swept: `ids(i)` gives int64 [1, length of i] for i = first … first+count−1, none longer than `longest`.
struct SweepInput {
    std::int64_t first = 0, count = 0, longest = 0;
    std::function<at::Tensor(std::int64_t)> ids;
};

struct SweepHooks {
    /// The tap is about to see tensors of this window.
    std::function<void(std::int64_t window)> enter;
    /// hidden [1, T, hidden]: layer −1 the embedding's output, then each layer's; at layer = layers what finish() gives [1, T, embedding width].
    std::function<void(std::int64_t layer, std::int64_t window, const at::Tensor& hidden)> leave;
    /// The last stage that runs, numbered as in leave().
    std::int64_t last_stage = std::numeric_limits<std::int64_t>::max();
};

/// Without gradients. Within a group each stage sees its inputs in order.
void sweep(Decoder& decoder, Tap& tap, const SweepInput& input, const SweepHooks& hooks);
/// The first `length` ids of windows first … first+count−1, likewise.
void sweep(Decoder& decoder, Tap& tap, const TokenWindows& windows, std::int64_t first, std::int64_t count, std::int64_t length, const SweepHooks& hooks);

}  // namespace bitwright
