// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/evaluate/calibrate.h"

#include "core/numerics/decoder/observe_tap.h"
#include "core/numerics/decoder/sweep.h"
#include "core/numerics/decoder/weights.h"
#include "core/statistics/calibration.h"

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

// As many rows of every site as the budget holds.
std::int64_t rows_within(const CalibrateOptions& options, const SiteCatalogue& sites)
{
    std::int64_t row_bytes = 0;
    for (const Site& site : sites.sites()) {
        if (site.kind == SiteKind::activation) row_bytes += site.channels * static_cast<std::int64_t>(size_of(Dtype::f16));
    }
    return std::clamp<std::int64_t>(options.reservoir_bytes / std::max<std::int64_t>(row_bytes, 1), 0, options.reservoir_rows);
}

}  // namespace

Statistics run_calibration(const Model& model, const Recipe* recipe, const TokenWindows& windows, const CalibrateOptions& options, const Control& control)
{
    if (windows.count < 1 || windows.length < 1) throw bad_input(windows.origin, "", "holds no window of tokens; give at least one");
    Statistics out = calibration_header(model, recipe, windows, options);
    ObserveTap tap(model, {options.semantics, windows.length, rows_within(options, *model.sites), options.seed, windows.count});
    CheckpointWeights weights(model, recipe);
    Decoder decoder(model, weights, {.semantics = options.semantics, .control = &control});

    const std::int64_t layers = model.architecture().layers;
    Progress progress{"calibrate", 0, windows.count * (layers + 2)};
    const SweepHooks hooks{
        .enter = [&](std::int64_t window) { tap.enter(window); },
        .leave =
            [&](std::int64_t layer, std::int64_t, const at::Tensor& hidden) {
                if (layer == layers) static_cast<void>(decoder.logits(hidden, tap));
                ++progress.done;
                control.report(progress);
            },
    };
    sweep(decoder, tap, windows, 0, windows.count, windows.length, hooks);
    out.sites = tap.take();
    return out;
}

}  // namespace bitwright
