// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/calibration.h"

#include "core/recipe/transforms.h"
#include "core/statistics/channel_tails.h"

#include <nlohmann/json.hpp>

namespace bitwright {

Statistics calibration_header(const Model& model, const Recipe* recipe, const TokenWindows& windows, const CalibrateOptions& options)
{
    Statistics out;
    out.model_identity = model.checkpoint->identity();
    if (recipe) out.transforms = transforms_hash(recipe->transforms);
    out.token_hash = windows.hash();
    nlohmann::json settings{{"semantics", options.semantics == Semantics::authors ? "authors" : "bitwright"},
                            {"special_tokens", options.special_tokens},
                            {"reservoir_rows", options.reservoir_rows},
                            {"reservoir_bytes", options.reservoir_bytes},
                            {"channel_tails", ChannelTails::most_values},
                            {"seed", options.seed}};
    if (!options.held_out.empty()) settings["held_out"] = options.held_out;
    out.settings = settings.dump();
    out.windows = windows.count;
    out.length = windows.length;
    return out;
}

MethodForecast forecast_calibration(Numerics& numerics, const Model& model, const TokenWindows& windows)
{
    MethodRequest request;
    request.model = model;
    request.calibration = {windows.count, windows.length, {}, {}};
    request.method = "rtn";  // the closed form: nothing but the pass
    return numerics.forecast(request);
}

Semantics semantics_of(const Statistics& statistics)
{
    const auto settings = nlohmann::json::parse(statistics.settings, nullptr, false);
    return settings.is_object() && settings.value("semantics", "") == "authors" ? Semantics::authors : Semantics::bitwright;
}

}  // namespace bitwright
