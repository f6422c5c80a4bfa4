// SPDX-License-Identifier: GPL-3.0-or-later
// What a running method tells step by step, for screens and logs: losses, learning rates, time, and how far the learned values have moved. No LibTorch.
// Invariant: watching changes no result.
// Threading: plain values; the observer is called on the thread that runs the method.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

struct StepRecord {
    std::int64_t step = 0, sample = 0;  ///< from 0; the window used
    double loss = 0, gradient_norm = 0;  ///< before this step's update
    double lr_let = 0, lr_lwc = 0, lr_lrl = 0;
    double seconds = 0;                  ///< wall clock of this step
    std::optional<double> holdout_loss;  ///< mean over the held-out windows after this step's update, where it was computed
};

/// How far one learned value has moved since the run's first step: the largest |log2(now / start)| of its entries; infinite where one has changed its sign.
struct Drift {
    enum class What : std::uint8_t { scale_pair, weight_clip, activation_range };
    std::string name;  ///< scale_pair: "layers.3.up_down"; else the site: "layers.3.mlp.up_proj.weight", "layers.3.self_attn.qk.input"
    What what = What::scale_pair;
    double log2_ratio = 0;
};

struct MethodProgress {
    StepRecord record;
    std::int64_t steps = 0;                   ///< of the whole run; record.step + 1 of them are done
    std::optional<double> remaining_seconds;  ///< predicted from this process's last steps and held-out losses; absent before there is one
    std::optional<std::int64_t> best_step;    ///< with the lowest held-out loss so far, as record.step counts; −1: the start
    std::optional<double> best_holdout_loss;
    std::vector<Drift> drift;  ///< every drift_every_steps steps and after the last one, else empty; in the order of layers
};

/// How closely a caller watches. None of it is part of what was asked for: a resumed run may be watched otherwise.
struct MethodWatch {
    /// After every step; may call Control::request_pause. A resumed run first repeats the steps before it, with their records alone.
    std::function<void(const MethodProgress&)> on_step;
    std::int64_t drift_every_steps = 16;                 ///< 0: never
    std::int64_t holdout_every_steps = 0;                ///< 0: only before the first and after the last step
};

}  // namespace bitwright
