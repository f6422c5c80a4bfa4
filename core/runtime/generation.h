// SPDX-License-Identifier: GPL-3.0-or-later
// How a text goes on, for every level alike: greedy, or drawn from the distribution after temperature, top-k and top-p with a seed; and how fast.
// Invariants: greedy takes the first of equal logits; the same logits, options and seed give the same ids on every machine.
// Threading: a Sampler belongs to one thread; callbacks run on the thread that generates.
#pragma once

#include "core/runtime/engine.h"
#include "core/runtime/random.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace bitwright {

struct SamplingOptions {
    double temperature = 0;  ///< 0: greedy, and the rest is not read
    std::int64_t top_k = 0;  ///< the most likely ones that stay; 0: all
    double top_p = 1;        ///< then the fewest of those whose probabilities sum to this
    std::uint64_t seed = 0;

    [[nodiscard]] bool greedy() const noexcept { return temperature == 0; }
};

/// Chooses one id after another. (Top-p: Holtzman and others 2020, arXiv:1904.09751.)
class Sampler {
public:
    /// Throws Error (usage) naming the option that makes no sense.
    explicit Sampler(const SamplingOptions& options);
    /// The next id by the logits of the whole vocabulary, which is not empty.
    [[nodiscard]] std::int32_t choose(std::span<const float> logits);
    [[nodiscard]] bool greedy() const noexcept { return options_.greedy(); }

private:
    struct Candidate {
        double weight;
        std::int32_t id;
    };
    SamplingOptions options_;
    Random random_;
    std::vector<Candidate> candidates_;
};

struct GenerateOptions {
    std::int64_t tokens = 0;  ///< at most
    bool stop_at_eos = true;  ///< before eos, which is not returned
    SamplingOptions sampling = {};
    std::function<void(std::int32_t)> on_token = {};  ///< each id as soon as it is known
};

struct Generation {
    std::vector<std::int32_t> ids;  ///< the new ones; fewer than asked for at eos and at the context's end
    double prompt_seconds = 0, generation_seconds = 0;  ///< until the first id is known; from there to the last

    [[nodiscard]] std::optional<double> prompt_tokens_per_s(std::size_t prompt) const;
    [[nodiscard]] std::optional<double> generated_tokens_per_s() const;  ///< absent below two ids
};

/// Reads the ids it is given behind those before and chooses the next id; nothing when the context is full.
using NextToken = std::function<std::optional<std::int32_t>(std::span<const std::int32_t> ids, Sampler& sampler)>;
/// The loop itself. Throws Error (usage) for an empty prompt and options that make no sense.
[[nodiscard]] Generation generate(std::span<const std::int32_t> prompt, std::int32_t eos, const GenerateOptions& options, const Control& control, const NextToken& next);
/// By the integer engine, behind the tokens it has.
[[nodiscard]] Generation generate(Engine& engine, std::span<const std::int32_t> prompt, const GenerateOptions& options, const Control& control);

/// Index of the first id in which the two differ (also: where one ends); nothing when they are the same.
[[nodiscard]] std::optional<std::size_t> first_difference(std::span<const std::int32_t> a, std::span<const std::int32_t> b) noexcept;

}  // namespace bitwright
