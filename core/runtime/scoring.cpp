// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/scoring.h"

#include "core/runtime/error.h"

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

double real_logit(const ModelGraph& graph, std::int32_t code)
{
    const double logit = code * graph.logit_scale, cap = graph.final_softcap;
    return cap > 0 ? cap * std::tanh(logit / cap) : logit;
}

}  // namespace

double negative_log_likelihood(const ModelGraph& graph, std::span<const std::int32_t> logits, std::int32_t target)
{
    const auto real = [&](std::int32_t code) { return real_logit(graph, code); };
    const double largest = real(*std::max_element(logits.begin(), logits.end()));
    double sum = 0;
    for (const std::int32_t code : logits) sum += std::exp(real(code) - largest);
    return largest + std::log(sum) - real(logits[static_cast<std::size_t>(target)]);
}

void real_logits(const ModelGraph& graph, std::span<const std::int32_t> logits, std::span<float> out)
{
    for (std::size_t i = 0; i < logits.size(); ++i) out[i] = static_cast<float>(real_logit(graph, logits[i]));
}

std::vector<double> score_window(Engine& engine, std::span<const std::int32_t> ids, std::int64_t first_scored, const Control& control,
                                 const std::function<void(std::int64_t p, std::span<const std::int32_t> logits)>& visit)
{
    const auto length = static_cast<std::int64_t>(ids.size());
    if (first_scored < 1 || first_scored > length) throw usage_error("score_window: the first scored position must be 1 … the window's length");
    const auto vocab = static_cast<std::size_t>(engine.graph().vocab);
    const auto step = static_cast<std::int64_t>(std::clamp<std::size_t>((std::size_t{64} << 20) / (vocab * sizeof(std::int32_t)), 1, 512));  // 64 MiB of logits at a time
    std::vector<double> nll;
    engine.reset();
    if (first_scored > 1) (void)engine.forward(ids.first(static_cast<std::size_t>(first_scored - 1)), WantedLogits::none, control);
    for (std::int64_t p = first_scored; p < length; p += step) {  // the last id is a target only
        const std::int64_t count = std::min(step, length - p);
        const auto logits = engine.forward(ids.subspan(static_cast<std::size_t>(p - 1), static_cast<std::size_t>(count)), WantedLogits::all, control);
        for (std::int64_t i = 0; i < count; ++i) {
            const auto row = logits.subspan(static_cast<std::size_t>(i) * vocab, vocab);
            nll.push_back(negative_log_likelihood(engine.graph(), row, ids[static_cast<std::size_t>(p + i)]));
            if (visit) visit(p + i, row);
        }
    }
    return nll;
}

}  // namespace bitwright
