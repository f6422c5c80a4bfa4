// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/generation.h"

#include "core/runtime/error.h"
#include "core/runtime/scoring.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace bitwright {

Sampler::Sampler(const SamplingOptions& options) : options_(options), random_(options.seed)
{
    if (!(options.temperature >= 0) || !std::isfinite(options.temperature)) throw usage_error("temperature: must be 0 (greedy) or more");
    if (options.top_k < 0) throw usage_error("top-k: must be 0 (all) or more");
    if (!(options.top_p > 0 && options.top_p <= 1)) throw usage_error("top-p: must be above 0 and at most 1");
}

std::int32_t Sampler::choose(std::span<const float> logits)
{
    const auto largest = std::max_element(logits.begin(), logits.end());
    if (greedy() || !std::isfinite(*largest)) return static_cast<std::int32_t>(largest - logits.begin());
    candidates_.clear();
    for (std::size_t i = 0; i < logits.size(); ++i) {
        const double weight = std::exp((static_cast<double>(logits[i]) - *largest) / options_.temperature);
        if (weight > 0) candidates_.push_back({weight, static_cast<std::int32_t>(i)});
    }
    const auto likelier = [](const Candidate& a, const Candidate& b) { return a.weight != b.weight ? a.weight > b.weight : a.id < b.id; };
    const auto kept = options_.top_k == 0 ? candidates_.size() : std::min(candidates_.size(), static_cast<std::size_t>(options_.top_k));
    if (kept < candidates_.size() || options_.top_p < 1) std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(kept), candidates_.end(), likelier);
    candidates_.resize(kept);
    double total = 0;
    for (const Candidate& candidate : candidates_) total += candidate.weight;
    if (options_.top_p < 1) {
        double sum = 0;
        std::size_t count = 0;
        while (count < candidates_.size() && sum < options_.top_p * total) sum += candidates_[count++].weight;
        candidates_.resize(std::max<std::size_t>(1, count));
        total = sum;
    }
    double left = random_.uniform() * total;
    for (const Candidate& candidate : candidates_)
        if ((left -= candidate.weight) < 0) return candidate.id;
    return candidates_.back().id;  // rounding
}

std::optional<double> Generation::prompt_tokens_per_s(std::size_t prompt) const
{
    if (ids.empty() || prompt_seconds <= 0) return std::nullopt;
    return static_cast<double>(prompt) / prompt_seconds;
}

std::optional<double> Generation::generated_tokens_per_s() const
{
    if (ids.size() < 2 || generation_seconds <= 0) return std::nullopt;
    return static_cast<double>(ids.size() - 1) / generation_seconds;
}

Generation generate(std::span<const std::int32_t> prompt, std::int32_t eos, const GenerateOptions& options, const Control& control, const NextToken& next)
{
    if (prompt.empty()) throw usage_error("generate: the prompt has no tokens; give at least one (a model's BOS will do)");
    if (options.tokens < 0) throw usage_error("tokens: must be 0 or more");
    using Clock = std::chrono::steady_clock;
    const auto seconds = [](Clock::duration passed) { return std::chrono::duration<double>(passed).count(); };
    Sampler sampler(options.sampling);
    Generation made;
    if (options.tokens == 0) return made;
    const auto start = Clock::now();
    auto id = next(prompt, sampler);
    const auto first = Clock::now();
    made.prompt_seconds = seconds(first - start);
    while (id && !(options.stop_at_eos && *id == eos)) {
        made.ids.push_back(*id);
        made.generation_seconds = seconds(Clock::now() - first);
        if (options.on_token) options.on_token(*id);
        if (static_cast<std::int64_t>(made.ids.size()) == options.tokens) break;
        control.check();
        id = next(std::span(&made.ids.back(), 1), sampler);
    }
    return made;
}

Generation generate(Engine& engine, std::span<const std::int32_t> prompt, const GenerateOptions& options, const Control& control)
{
    std::vector<float> real;
    return generate(prompt, engine.graph().eos, options, control, [&](std::span<const std::int32_t> ids, Sampler& sampler) -> std::optional<std::int32_t> {
        if (ids.data() != prompt.data() && engine.position() == engine.graph().context) return std::nullopt;
        const auto logits = engine.forward(ids, WantedLogits::last, control);
        if (sampler.greedy()) return argmax(logits);  // by the codes: two of them may be one float
        real.resize(logits.size());
        real_logits(engine.graph(), logits, real);
        return sampler.choose(real);
    });
}

std::optional<std::size_t> first_difference(std::span<const std::int32_t> a, std::span<const std::int32_t> b) noexcept
{
    const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    if (in_a == a.end() && in_b == b.end()) return std::nullopt;
    return static_cast<std::size_t>(in_a - a.begin());
}

}  // namespace bitwright
