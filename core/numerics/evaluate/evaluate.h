// SPDX-License-Identifier: GPL-3.0-or-later
// What a model computes at the float and the simulated level, and how far the two are apart. Internal to bitwright_numerics; the contracts are those of
// numerics.h. All run without gradients and check the control at every site.
#pragma once

#include "core/numerics/decoder/weights.h"
#include "core/numerics/numerics.h"

namespace bitwright {

/// A model at one level: its weights under the recipe, the tap of the level, the decoder over both.
class LevelModel {
public:
    LevelModel(const Model& model, const Recipe* recipe, Level level, Placement placement, const Control& control, WeightOptions options = {});
    LevelModel(const LevelModel&) = delete;
    LevelModel& operator=(const LevelModel&) = delete;

    [[nodiscard]] Decoder& decoder() noexcept { return decoder_; }
    [[nodiscard]] Tap& tap() noexcept { return tap_; }

private:
    std::unique_ptr<Tap> level_tap_;
    ActivationsOnly tap_;
    CheckpointWeights weights_;
    Decoder decoder_;
};

[[nodiscard]] ForwardResult run_forward(LevelModel& model, const std::vector<std::int32_t>& ids);
[[nodiscard]] std::vector<std::int32_t> run_generate(LevelModel& model, const std::vector<std::int32_t>& prompt, std::int64_t tokens, bool stop_at_eos,
                                                     Tensor* logits);
/// `plain`: the float model that `options.against_float` asks for, else null.
[[nodiscard]] std::vector<WindowScore> score_windows(LevelModel& model, LevelModel* plain, const TokenWindows& windows, const EvaluateOptions& options,
                                                     const std::function<void(std::int64_t, const WindowScore&)>& on_window);
[[nodiscard]] std::vector<WindowScore> score_sequences(LevelModel& model, LevelModel* plain, std::span<const TokenSequence> sequences, const EvaluateOptions& options,
                                                       const std::function<void(std::int64_t, const WindowScore&)>& on_sequence);
/// Errors of `quantized` against `plain`, over all positions of all windows.
[[nodiscard]] std::vector<LayerError> compare_layers(LevelModel& plain, LevelModel& quantized, const TokenWindows& windows);

}  // namespace bitwright
