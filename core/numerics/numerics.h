// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that needs LibTorch, behind one small abstract interface. The implementation is the shared library bitwright_numerics, opened with dlopen by
// load_numerics() (numerics_loader.cpp, in core), so that programs start without LibTorch and say in words when it is missing.
// All calls block, take a Control, throw Error or Cancelled, and leave nothing half-done. Results are plain values.
// Threading: one Numerics may be used from one thread at a time; it owns LibTorch's thread settings on that thread.
#pragma once

#include "core/architecture/model.h"
#include "core/checkpoint/token_windows.h"
#include "core/numerics/method_progress.h"
#include "core/recipe/output_error.h"
#include "core/recipe/preview.h"
#include "core/recipe/recipe.h"
#include "core/runtime/agreement.h"
#include "core/runtime/control.h"
#include "core/statistics/statistics.h"

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bitwright {

/// float: no taps. simulated: fake quantization at the recipe's sites that exist at `placement`.
enum class Level : std::uint8_t { floating, simulated };
enum class Placement : std::uint8_t { paper, full };

struct ForwardResult {
    Tensor logits;               ///< F32 [T, vocab]
    std::vector<Tensor> hidden;  ///< layers + 1 of F32 [T, hidden]; [i] = output of layer i−1, before the final norm
    Tensor final;                ///< F32 [T, embedding width]: what lm_head reads
};

struct CalibrateOptions {
    Semantics semantics = Semantics::bitwright;
    std::int64_t reservoir_rows = 64;
    std::int64_t reservoir_bytes = 256LL << 20;
    std::uint64_t seed = 0;         ///< which tokens the reservoir prefers
    std::string special_tokens;     ///< the rule by which the windows were encoded ("none", "auto"; "" for ids from a file): part of the key only
    std::string held_out;           ///< hash of the windows kept back from it, "" where there are none: part of the key only
};

/// What a method is asked to do. `options` are KEY=VALUE pairs; unknown keys are a usage error listing the known ones.
struct MethodRequest {
    Model model;
    TokenWindows calibration;
    std::optional<TokenWindows> holdout;   ///< paper mode only reports on it
    const Statistics* statistics = nullptr;  ///< of the untransformed model on `calibration`; computed when null
    std::optional<Recipe> from;            ///< start here instead of from the plain model
    std::string method;                    ///< "rtn", "smoothquant-static", "smoothquant-edge", "mobilequant-paper"
    int weight_bits = 8, activation_bits = 8;
    bool symmetric_weights = false;
    std::optional<Scheme> weight_scheme;   ///< granularity override; default: the method's (W8: tensor, down_proj per row; W4: row)
    std::map<std::string, std::string> options;  ///< "range", "alpha", "steps", "epochs", "lr_let" …
    std::uint64_t seed = 0;
    std::string resume_from;               ///< path of a method checkpoint, "" for a fresh start
    std::string checkpoint_path;           ///< where to write checkpoints (atomically), "" for none
    std::int64_t checkpoint_every_steps = 16;
    MethodWatch watch;
};

enum class MethodState : std::uint8_t { done, paused };  ///< cancelled and failed are exceptions

struct MethodOutcome {
    MethodState state = MethodState::done;
    Recipe recipe;                        ///< at done; at paused the recipe as it stands
    std::int64_t steps = 0;
    double cpu_seconds = 0, seconds_per_step = 0;  ///< CPU (process) seconds; 0 steps: seconds_per_step is NaN
    std::uint64_t peak_rss_bytes = 0;   ///< of the whole program during the run
    std::vector<StepRecord> log;
    std::optional<double> holdout_loss_before, holdout_loss_after;
    std::optional<std::int64_t> best_step;  ///< with the lowest held-out loss of all that were computed; −1: the start
};

/// An option of a method: what this request makes of it, and what it is when nobody says.
struct MethodOption {
    std::string key, value, fallback;
    std::string values;  ///< which are allowed: "0 to 1", "auto, on, off"; "" where the option has its own syntax
};

/// What a method will need, before it starts.
struct MethodForecast {
    std::uint64_t peak_bytes = 0;  ///< of a program that does nothing else
    std::uint64_t available_bytes = 0;
    bool fits = true;
    std::int64_t steps = 0;
    std::optional<double> seconds_per_step;  ///< wall clock, an estimate; a running method tells the measured time (MethodProgress)
    std::string explanation;
    std::vector<MethodOption> options;  ///< all the method knows, by key
};

struct EvaluateOptions {
    Level level = Level::floating;
    Placement placement = Placement::paper;
    /// Ids scored per window: all but the first, or (rolling) as `first_scored[w]` says.
    std::vector<std::int64_t> first_scored;  ///< per window; empty: 1 for all. Position p is scored from the logits at p−1
    std::int64_t skip_windows = 0;           ///< resume: windows or sequences already scored
    bool against_float = false;              ///< also how far the distributions are from those of the model as it is (one more pass)
};
struct WindowScore {
    double nll_sum = 0;
    std::int64_t tokens = 0;
    std::optional<Agreement> agreement;  ///< with the float model, at the scored positions; absent unless asked for
};

/// Per layer: how far the quantized hidden state is from the float one.
struct LayerError {
    std::int64_t layer = 0;
    double sqnr_db = 0;             ///< accumulated: quantized model against float model at the layer's output
    double cosine = 0;
    double introduced_sqnr_db = 0;  ///< the layer alone quantized, fed with the float input
};

/// What quantizing one site alone does, measured at its own float input over every token of all windows (introduced error).
struct SiteError {
    SiteId site = no_site;
    SitePreview figures;   ///< Provenance::windows (a weight's own: values); codes_used and reservoir figures absent; all absent for a float scheme
    OutputErrors outputs;  ///< of the linears behind it; absent where there are none. rows = tokens, all outputs, spread 0
};

/// A value in the tokens that caused it.
struct TokenValue {
    std::int64_t window = 0, position = 0;
    std::int32_t token = 0;    ///< id
    std::int64_t channel = 0;  ///< of attention's matrices: the head
    float value = 0;
};

class Numerics {
public:
    virtual ~Numerics() = default;
    [[nodiscard]] virtual std::string version() const = 0;  ///< "LibTorch 2.13.0, CPU"
    virtual void set_threads(int threads) = 0;

    /// `recipe` null: float. Throws Error (bad_input) when an id is outside the vocabulary.
    [[nodiscard]] virtual ForwardResult forward(const Model& model, const Recipe* recipe, Level level, Placement placement,
                                                const std::vector<std::int32_t>& ids, const Control& control) = 0;
    /// Greedy continuation with the KV cache. @return `tokens` ids, fewer when `stop_at_eos`; greedy logits of each step in `logits` when not null.
    [[nodiscard]] virtual std::vector<std::int32_t> generate(const Model& model, const Recipe* recipe, Level level, const std::vector<std::int32_t>& prompt,
                                                             std::int64_t tokens, bool stop_at_eos, const Control& control, Tensor* logits = nullptr) = 0;
    [[nodiscard]] virtual Statistics calibrate(const Model& model, const Recipe* recipe, const TokenWindows& windows, const CalibrateOptions& options,
                                               const Control& control) = 0;
    [[nodiscard]] virtual MethodForecast forecast(const MethodRequest& request) = 0;
    [[nodiscard]] virtual MethodOutcome run(const MethodRequest& request, Control& control) = 0;
    /// One score per window, in order; `on_window` is called after each (for checkpoints). @return scores from skip_windows on.
    [[nodiscard]] virtual std::vector<WindowScore> evaluate(const Model& model, const Recipe* recipe, const TokenWindows& windows, const EvaluateOptions& options,
                                                            const Control& control, const std::function<void(std::int64_t, const WindowScore&)>& on_window = {}) = 0;
    /// The same for sequences of any length (options.first_scored is not read). A sequence with nothing to score has the score 0 of 0 tokens.
    [[nodiscard]] virtual std::vector<WindowScore> score(const Model& model, const Recipe* recipe, std::span<const TokenSequence> sequences, const EvaluateOptions& options,
                                                         const Control& control, const std::function<void(std::int64_t, const WindowScore&)>& on_sequence = {}) = 0;
    [[nodiscard]] virtual std::vector<LayerError> layer_errors(const Model& model, const Recipe& recipe, Placement placement, const TokenWindows& windows,
                                                               const Control& control) = 0;

    /// One result per site asked for, in that order: activations and weights of the recipe, under its transforms and semantics. One float forward over all windows;
    /// entries of attention's matrices that the mask removes do not count (but under `authors`, as in calibrations). Throws Error (bad_input) for a static
    /// activation without a range.
    [[nodiscard]] virtual std::vector<SiteError> site_errors(const Model& model, const Recipe& recipe, const std::vector<SiteId>& sites, const TokenWindows& windows,
                                                             const Control& control) = 0;
    /// The `most` tokens with the largest |value| in `channel` of an activation site (−1: in any channel, each token with its largest), largest first, then by
    /// window and position. The float model after the recipe's transforms and under its semantics; null: the plain model. Throws Error (usage) for a weight site
    /// or a channel that does not exist.
    [[nodiscard]] virtual std::vector<TokenValue> channel_tokens(const Model& model, const Recipe* recipe, SiteId site, std::int64_t channel,
                                                                 const TokenWindows& windows, std::int64_t most, const Control& control) = 0;
};

/// Opens bitwright_numerics beside the program (or where BITWRIGHT_NUMERICS points) and LibTorch with it, once per process; never closes it.
/// Throws Error (failed) naming the library and what to install.
[[nodiscard]] Numerics& load_numerics();

}  // namespace bitwright
