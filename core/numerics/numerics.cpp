// SPDX-License-Identifier: GPL-3.0-or-later
// The implementation of Numerics: one line per call into the folders below.
#include "core/numerics/numerics.h"

#include "core/numerics/decoder/decoder.h"

#include <ATen/Parallel.h>
#include <torch/version.h>

namespace bitwright {
namespace {

[[noreturn]] void absent(const char* what) { throw failure(std::string(what) + " is not part of this build"); }

class TorchNumerics final : public Numerics {
public:
    std::string version() const override { return "LibTorch " TORCH_VERSION ", CPU"; }
    void set_threads(int threads) override { at::set_num_threads(threads); }

    ForwardResult forward(const Model&, const Recipe*, Level, Placement, const std::vector<std::int32_t>&, const Control&) override { absent("forward"); }
    std::vector<std::int32_t> generate(const Model&, const Recipe*, Level, const std::vector<std::int32_t>&, std::int64_t, bool, const Control&, Tensor*) override
    {
        absent("generate");
    }
    Statistics calibrate(const Model&, const Recipe*, const TokenWindows&, const CalibrateOptions&, const Control&) override { absent("calibrate"); }
    MethodForecast forecast(const MethodRequest&) override { absent("forecast"); }
    MethodOutcome run(const MethodRequest&, Control&) override { absent("run"); }
    std::vector<WindowScore> evaluate(const Model&, const Recipe*, const TokenWindows&, const EvaluateOptions&, const Control&,
                                      const std::function<void(std::int64_t, const WindowScore&)>&) override
    {
        absent("evaluate");
    }
    std::vector<LayerError> layer_errors(const Model&, const Recipe&, Placement, const TokenWindows&, const Control&) override { absent("layer_errors"); }
};

}  // namespace
}  // namespace bitwright

extern "C" bitwright::Numerics* bitwright_create_numerics() { return new bitwright::TorchNumerics; }
