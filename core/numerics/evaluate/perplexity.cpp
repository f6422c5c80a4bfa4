// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/decoder/sweep.h"
#include "core/numerics/evaluate/evaluate.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/log.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

constexpr std::int64_t logit_budget = std::int64_t{1} << 24;  ///< logits held at once (64 MB)

/// −Σ log p(target): log-softmax of float logits [N, vocab], summed in double.
double negative_log_likelihood(const at::Tensor& logits, const at::Tensor& targets)
{
    const auto peak = logits.amax(-1, true);
    const auto sums = (logits - peak).exp_().sum({-1}, true, at::kDouble);
    const auto chosen = logits.gather(-1, targets.unsqueeze(-1)).to(at::kDouble);
    return (sums.log() + peak.to(at::kDouble) - chosen).sum().item<double>();
}

}  // namespace

std::vector<WindowScore> score_windows(LevelModel& model, const TokenWindows& windows, const EvaluateOptions& options,
                                       const std::function<void(std::int64_t, const WindowScore&)>& on_window)
{
    if (!options.first_scored.empty() && static_cast<std::int64_t>(options.first_scored.size()) != windows.count) {
        throw usage_error("first_scored names " + std::to_string(options.first_scored.size()) + " windows, there are " + std::to_string(windows.count));
    }
    if (windows.length < 2) throw bad_input(windows.origin, "windows", "a window of one token has nothing to score; use longer windows");
    Decoder& decoder = model.decoder();
    const Architecture& architecture = decoder.model().architecture();
    const std::int64_t read = windows.length - 1;  // the last token is scored, never read
    const std::int64_t rows = std::max<std::int64_t>(1, logit_budget / architecture.vocab);
    std::vector<WindowScore> scores;

    SweepHooks hooks;
    hooks.leave = [&](std::int64_t layer, std::int64_t window, const at::Tensor& final) {
        if (layer != architecture.layers) return;
        const std::int64_t first = options.first_scored.empty() ? 1 : std::max<std::int64_t>(1, options.first_scored[static_cast<std::size_t>(window)]);
        const auto ids = window_ids(windows, window, windows.length)[0];
        WindowScore score;
        for (std::int64_t row = first - 1; row < read; row += rows) {
            const std::int64_t n = std::min(rows, read - row);
            score.nll_sum += negative_log_likelihood(decoder.logits(final.narrow(1, row, n), model.tap())[0], ids.narrow(0, row + 1, n));
            score.tokens += n;
        }
        if (!std::isfinite(score.nll_sum)) {
            throw failure("window " + std::to_string(window) + ": the logits are not finite; a range or a scale of the recipe is broken");
        }
        scores.push_back(score);
        if (on_window) on_window(window, score);
    };
    const std::int64_t skip = std::clamp<std::int64_t>(options.skip_windows, 0, windows.count);
    sweep(decoder, model.tap(), windows, skip, windows.count - skip, read, hooks);
    return scores;
}

}  // namespace bitwright
