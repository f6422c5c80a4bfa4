// SPDX-License-Identifier: GPL-3.0-or-later
// A method on the windows of golden/mobilequant, and the perplexity it leaves (simulated level, placement paper).
#pragma once

#include "core/numerics/numerics.h"
#include "tests/numerics/authors_run.h"

#include <cmath>
#include <map>
#include <string>
#include <utility>

namespace bitwright::test {

/// The recipe on all 128 calibration windows, and the method's CPU seconds.
inline std::pair<Recipe, double> quantized(const Model& model, const std::string& method, int weight_bits, const std::map<std::string, std::string>& options = {})
{
    MethodRequest request;
    request.model = model;
    request.calibration = golden_windows("calib");
    request.method = method;
    request.weight_bits = weight_bits;
    request.options = options;
    Control control;
    MethodOutcome outcome = load_numerics().run(request, control);
    return {std::move(outcome.recipe), outcome.cpu_seconds};
}

inline double perplexity(const Model& model, const Recipe& recipe, const std::string& tensor, std::int64_t windows, Level level = Level::simulated)
{
    EvaluateOptions options;
    options.level = level;
    double nll = 0;
    std::int64_t tokens = 0;
    for (const WindowScore& score : load_numerics().evaluate(model, &recipe, golden_windows(tensor, windows), options, Control())) {
        nll += score.nll_sum;
        tokens += score.tokens;
    }
    return std::exp(nll / static_cast<double>(tokens));
}

}  // namespace bitwright::test
