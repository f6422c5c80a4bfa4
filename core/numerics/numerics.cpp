// SPDX-License-Identifier: GPL-3.0-or-later
// The implementation of Numerics: one line per call into the folders below.
#include "core/numerics/text_generator.h"

#include "core/numerics/evaluate/calibrate.h"
#include "core/numerics/evaluate/generate.h"
#include "core/numerics/evaluate/site_error.h"
#include "core/numerics/evaluate/token_values.h"
#include "core/numerics/methods/method.h"
#include "core/numerics/tensor_pool.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <omp.h>
#include <torch/version.h>

#include <algorithm>
#include <new>

namespace bitwright {
namespace {

class TorchNumerics final : public Numerics, public TextGenerator {
public:
    std::string version() const override { return "LibTorch " TORCH_VERSION ", CPU"; }
    void set_threads(int threads) override { threads_ = std::max(1, threads); }

    ForwardResult forward(const Model& model, const Recipe* recipe, Level level, Placement placement, const std::vector<std::int32_t>& ids,
                          const Control& control) override
    {
        return here([&] {
            LevelModel at_level(model, recipe, level, placement, control);
            return run_forward(at_level, ids);
        });
    }
    std::vector<std::int32_t> generate(const Model& model, const Recipe* recipe, Level level, const std::vector<std::int32_t>& prompt, std::int64_t tokens,
                                       bool stop_at_eos, const Control& control, Tensor* logits) override
    {
        return here([&] {
            LevelModel at_level(model, recipe, level, Placement::paper, control);
            return run_generate(at_level, prompt, tokens, stop_at_eos, logits);
        });
    }
    Generation continue_text(const Model& model, const Recipe* recipe, Level level, const std::vector<std::int32_t>& prompt, const GenerateOptions& options,
                             const Control& control) override
    {
        return here([&] {
            LevelModel at_level(model, recipe, level, Placement::paper, control);
            return generate_at_level(at_level, prompt, options, control);
        });
    }
    Statistics calibrate(const Model& model, const Recipe* recipe, const TokenWindows& windows, const CalibrateOptions& options, const Control& control) override
    {
        return here([&] { return run_calibration(model, recipe, windows, options, control); });
    }
    MethodForecast forecast(const MethodRequest& request) override { return forecast_method(request); }
    MethodOutcome run(const MethodRequest& request, Control& control) override
    {
        return here([&] { return run_method(*this, request, control); });
    }
    std::vector<WindowScore> evaluate(const Model& model, const Recipe* recipe, const TokenWindows& windows, const EvaluateOptions& options,
                                      const Control& control, const std::function<void(std::int64_t, const WindowScore&)>& on_window) override
    {
        return here([&] {
            LevelModel at_level(model, recipe, options.level, options.placement, control);
            const auto plain = reference(model, options, control);
            return score_windows(at_level, plain.get(), windows, options, on_window);
        });
    }
    std::vector<WindowScore> score(const Model& model, const Recipe* recipe, std::span<const TokenSequence> sequences, const EvaluateOptions& options,
                                   const Control& control, const std::function<void(std::int64_t, const WindowScore&)>& on_sequence) override
    {
        return here([&] {
            LevelModel at_level(model, recipe, options.level, options.placement, control);
            const auto plain = reference(model, options, control);
            return score_sequences(at_level, plain.get(), sequences, options, on_sequence);
        });
    }
    std::vector<LayerError> layer_errors(const Model& model, const Recipe& recipe, Placement placement, const TokenWindows& windows,
                                         const Control& control) override
    {
        return here([&] {
            Recipe untouched;
            untouched.semantics = recipe.semantics;
            LevelModel plain(model, &untouched, Level::floating, placement, control), quantized(model, &recipe, Level::simulated, placement, control);
            return compare_layers(plain, quantized, windows);
        });
    }
    std::vector<SiteError> site_errors(const Model& model, const Recipe& recipe, const std::vector<SiteId>& sites, const TokenWindows& windows,
                                       const Control& control) override
    {
        return here([&] { return measure_sites(model, recipe, sites, windows, control); });
    }
    std::vector<TokenValue> channel_tokens(const Model& model, const Recipe* recipe, SiteId site, std::int64_t channel, const TokenWindows& windows,
                                           std::int64_t most, const Control& control) override
    {
        return here([&] { return largest_tokens(model, recipe, {site, channel, most}, windows, control); });
    }

private:
    /// The model as it is, where an evaluation is set against it.
    static std::unique_ptr<LevelModel> reference(const Model& model, const EvaluateOptions& options, const Control& control)
    {
        return options.against_float ? std::make_unique<LevelModel>(model, nullptr, Level::floating, options.placement, control) : nullptr;
    }

    /// Runs a call on this thread: LibTorch's team size is per thread, and its exceptions stay inside.
    template <typename Call>
    auto here(Call call) -> decltype(call())
    {
        at::set_num_threads(threads_);
        const TensorPool pool;
        try {
            return call();
        } catch (const c10::Error& error) {
            throw failure(std::string("LibTorch: ") + error.what_without_backtrace());
        } catch (const std::bad_alloc&) {
            throw failure("not enough memory; use shorter windows or close other programs");
        }
    }

    int threads_ = omp_get_max_threads();  // $OMP_NUM_THREADS, else all processors: LibTorch's own default is half of them in some builds
};

}  // namespace
}  // namespace bitwright

extern "C" bitwright::Numerics* bitwright_create_numerics() { return new bitwright::TorchNumerics; }
