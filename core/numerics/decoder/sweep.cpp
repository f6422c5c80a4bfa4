// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/decoder/sweep.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <algorithm>

namespace bitwright {

std::int64_t windows_per_group(const Architecture& architecture, std::int64_t length)
{
    return std::max<std::int64_t>(1, (std::int64_t{64} << 20) / (4 * length * architecture.hidden));
}

at::Tensor window_ids(const TokenWindows& windows, std::int64_t window, std::int64_t length)
{
    auto ids = at::empty({1, length}, at::kLong);
    std::copy_n(windows.window(window), length, ids.data_ptr<std::int64_t>());
    return ids;
}

void sweep(Decoder& decoder, Tap& tap, const SweepInput& input, const SweepHooks& hooks)
{
    const c10::NoGradGuard no_grad;
    const Architecture& architecture = decoder.model().architecture();
    const std::int64_t group = windows_per_group(architecture, input.longest), end = input.first + input.count;
    for (std::int64_t begin = input.first; begin < end; begin += group) {
        std::vector<at::Tensor> hidden(static_cast<std::size_t>(std::min(group, end - begin)));
        for (std::int64_t layer = -1; layer <= std::min(architecture.layers, hooks.last_stage); ++layer) {
            for (std::size_t i = 0; i < hidden.size(); ++i) {
                const std::int64_t window = begin + static_cast<std::int64_t>(i);
                if (hooks.enter) hooks.enter(window);
                hidden[i] = layer < 0                      ? decoder.embed(input.ids(window), tap)
                            : layer < architecture.layers ? decoder.layer(layer, hidden[i], tap)
                                                          : decoder.finish(hidden[i], tap);
                if (hooks.leave) hooks.leave(layer, window, hidden[i]);
            }
        }
    }
}

void sweep(Decoder& decoder, Tap& tap, const TokenWindows& windows, std::int64_t first, std::int64_t count, std::int64_t length, const SweepHooks& hooks)
{
    sweep(decoder, tap, {first, count, length, [&](std::int64_t window) { return window_ids(windows, window, length); }}, hooks);
}

}  // namespace bitwright
