// SPDX-License-Identifier: GPL-3.0-or-later
// Engine: runs a Package with integer arithmetic only: prefill, decode, int8 KV cache. What it computes is defined by the scalar reference (operations.h); which
// kernels compute it is chosen by what the processor has.
// Invariants: any chunking of the same ids, any number of threads and any kernels give equal bytes. No allocation grows with more than the tokens seen.
// Threading: an Engine belongs to one thread (its own workers apart); several Engines may share one Package.
#pragma once

#include "core/runtime/control.h"
#include "core/runtime/kernels/kernel_set.h"
#include "core/runtime/kernels/layout_cache.h"
#include "core/runtime/package.h"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace bitwright {

struct EngineOptions {
    int threads = 1;
    std::int64_t chunk = 512;             ///< tokens computed together during prefill; never changes a result
    const KernelSet* kernels = nullptr;   ///< null: chosen_kernels()
    std::optional<LayoutCache> layout_cache = {};  ///< absent: default_layout_cache()
    std::uint64_t processors = 0;         ///< the helping threads keep to these, bit i for processor i; 0: any
};

/// Which positions' logits a call wants.
enum class WantedLogits : std::uint8_t { none, last, all };

class Engine {
public:
    explicit Engine(std::shared_ptr<const Package> package, EngineOptions options = {});
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    [[nodiscard]] const ModelGraph& graph() const noexcept;
    [[nodiscard]] const KernelSet& kernels() const noexcept;
    [[nodiscard]] std::int64_t position() const noexcept;  ///< tokens so far
    [[nodiscard]] std::uint64_t cache_bytes() const noexcept;
    /// Forgets all tokens.
    void reset() noexcept;

    /// Appends `ids` and returns the wanted logits, int32 [1 or ids.size(), vocab] row-major (real = code × graph().logit_scale); valid until the next call.
    /// Throws Error (bad_input) when an id is outside the vocabulary or the context is full; then nothing was appended. Cancelled leaves the Engine to be reset().
    std::span<const std::int32_t> forward(std::span<const std::int32_t> ids, WantedLogits wanted, const Control& control = Control());
    std::span<const std::int32_t> prefill(std::span<const std::int32_t> ids, const Control& control = Control()) { return forward(ids, WantedLogits::last, control); }
    std::span<const std::int32_t> decode(std::int32_t id) { return forward(std::span(&id, 1), WantedLogits::last); }

    /// Called during forward for hidden state 0 (what layer 0 reads) … layers (what the final norm reads) of each chunk: int16 codes [tokens, hidden] × scale.
    using HiddenTap = std::function<void(std::int64_t state, std::int64_t first_position, std::span<const std::int16_t> codes, double scale)>;
    void set_hidden_tap(HiddenTap tap);  ///< empty: off
    /// Adds to `seconds` what attention takes (rotations, cache, scores, values): of this thread's processor with one thread, else by the clock. Null: off.
    void set_attention_clock(double* seconds) noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Index of the largest logit; the first of equals.
[[nodiscard]] std::int32_t argmax(std::span<const std::int32_t> logits) noexcept;

}  // namespace bitwright
