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

/// What is scored: `ids(i)` all ids of i, the last one a target only; those from first(i) on are scored.
struct Scored {
    std::string what;  ///< "window", "sequence"
    std::int64_t count = 0, longest = 0;
    std::function<std::span<const std::int32_t>(std::int64_t)> ids;
    std::function<std::int64_t(std::int64_t)> first;
};

/// Scores what passes the last stage of a sweep.
class Scorer {
public:
    Scorer(LevelModel& model, LevelModel* plain, const Scored& scored, const std::function<void(std::int64_t, const WindowScore&)>& on_score)
        : model_(model), plain_(plain), scored_(scored), on_score_(on_score), layers_(model.decoder().model().architecture().layers),
          rows_(std::max<std::int64_t>(1, logit_budget / model.decoder().model().architecture().vocab))
    {
    }

    std::vector<WindowScore> run(std::int64_t skip)
    {
        const std::int64_t group = windows_per_group(model_.decoder().model().architecture(), scored_.longest);
        for (std::int64_t begin = skip; begin < scored_.count; begin += group) {
            const std::int64_t n = std::min(group, scored_.count - begin);
            finals_.clear();
            if (plain_) {
                pass(*plain_, begin, n, [&](std::int64_t, const at::Tensor& final) { finals_.push_back(final); });
            }
            pass(model_, begin, n, [&](std::int64_t i, const at::Tensor& final) { add(i, final, plain_ ? finals_.at(static_cast<std::size_t>(i - begin)) : at::Tensor()); });
        }
        return std::move(scores_);
    }

private:
    template <typename Use>
    void pass(LevelModel& level, std::int64_t begin, std::int64_t count, Use use)
    {
        SweepHooks hooks;
        hooks.leave = [&](std::int64_t layer, std::int64_t i, const at::Tensor& final) {
            if (layer == layers_) use(i, final);
        };
        const auto ids = [&](std::int64_t i) { return tensor_of(scored_.ids(i).first(scored_.ids(i).size() - 1)).unsqueeze(0); };  // the last id is never read
        sweep(level.decoder(), level.tap(), {begin, count, scored_.longest, ids}, hooks);
    }

    static at::Tensor tensor_of(std::span<const std::int32_t> ids) { return at::tensor(std::vector<std::int64_t>(ids.begin(), ids.end()), at::kLong); }

    void add(std::int64_t i, const at::Tensor& final, const at::Tensor& plain_final)
    {
        const auto ids = scored_.ids(i);
        const auto read = static_cast<std::int64_t>(ids.size()) - 1;
        const auto targets = tensor_of(ids);
        WindowScore score;
        if (plain_) score.agreement.emplace();
        for (std::int64_t row = std::max<std::int64_t>(1, scored_.first(i)) - 1; row < read; row += rows_) {
            const std::int64_t n = std::min(rows_, read - row);
            const auto logits = model_.decoder().logits(final.narrow(1, row, n), model_.tap())[0].contiguous();
            score.nll_sum += negative_log_likelihood(logits, targets.narrow(0, row + 1, n));
            score.tokens += n;
            if (plain_) compare(*score.agreement, row, plain_->decoder().logits(plain_final.narrow(1, row, n), plain_->tap())[0].contiguous(), logits);
        }
        if (!std::isfinite(score.nll_sum)) {
            throw failure(scored_.what + " " + std::to_string(i) + ": the logits are not finite; a range or a scale of the recipe is broken");
        }
        scores_.push_back(score);
        if (on_score_) on_score_(i, score);
    }

    static void compare(Agreement& agreement, std::int64_t row, const at::Tensor& plain, const at::Tensor& logits)
    {
        const auto vocab = static_cast<std::size_t>(logits.size(1));
        for (std::int64_t t = 0; t < logits.size(0); ++t) {
            const auto at = static_cast<std::size_t>(t) * vocab;
            agreement.add(row + t + 1, {plain.const_data_ptr<float>() + at, vocab}, {logits.const_data_ptr<float>() + at, vocab});
        }
    }

    LevelModel& model_;
    LevelModel* plain_;
    const Scored& scored_;
    const std::function<void(std::int64_t, const WindowScore&)>& on_score_;
    std::int64_t layers_, rows_;
    std::vector<at::Tensor> finals_;  ///< of the float model, for the present group
    std::vector<WindowScore> scores_;
};

}  // namespace

std::vector<WindowScore> score_windows(LevelModel& model, LevelModel* plain, const TokenWindows& windows, const EvaluateOptions& options,
                                       const std::function<void(std::int64_t, const WindowScore&)>& on_window)
{
    if (!options.first_scored.empty() && static_cast<std::int64_t>(options.first_scored.size()) != windows.count) {
        throw usage_error("first_scored names " + std::to_string(options.first_scored.size()) + " windows, there are " + std::to_string(windows.count));
    }
    if (windows.length < 2) throw bad_input(windows.origin, "windows", "a window of one token has nothing to score; use longer windows");
    const Scored scored{"window", windows.count, windows.length, [&](std::int64_t i) { return std::span(windows.window(i), static_cast<std::size_t>(windows.length)); },
                        [&](std::int64_t i) { return options.first_scored.empty() ? 1 : options.first_scored[static_cast<std::size_t>(i)]; }};
    return Scorer(model, plain, scored, on_window).run(std::clamp<std::int64_t>(options.skip_windows, 0, windows.count));
}

std::vector<WindowScore> score_sequences(LevelModel& model, LevelModel* plain, std::span<const TokenSequence> sequences, const EvaluateOptions& options,
                                         const std::function<void(std::int64_t, const WindowScore&)>& on_sequence)
{
    Scored scored{"sequence", static_cast<std::int64_t>(sequences.size()), 1, [&](std::int64_t i) { return std::span<const std::int32_t>(sequences[static_cast<std::size_t>(i)].ids); },
                  [&](std::int64_t i) { return sequences[static_cast<std::size_t>(i)].first_scored; }};
    for (const TokenSequence& sequence : sequences) {
        if (sequence.ids.size() < 2) throw usage_error("a sequence of " + std::to_string(sequence.ids.size()) + " tokens has nothing to read; at least 2 are needed");
        scored.longest = std::max(scored.longest, static_cast<std::int64_t>(sequence.ids.size()));
    }
    return Scorer(model, plain, scored, on_sequence).run(std::clamp<std::int64_t>(options.skip_windows, 0, scored.count));
}

}  // namespace bitwright
