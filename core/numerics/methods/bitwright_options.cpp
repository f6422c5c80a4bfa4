// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/bitwright_options.h"

#include <algorithm>

namespace bitwright {
namespace {

struct Preset {
    std::string_view name;
    std::int64_t steps;           ///< of the main stage
    std::int64_t steps_low_bits;  ///< the same below 8 bits: rounding
    std::int64_t gptq_windows;
};
constexpr Preset presets[]{{"quick", 0, 0, 16}, {"thorough", 210, 210, 32}, {"long", 600, 800, 64}};

}  // namespace

BitwrightOptions read_bitwright_options(MethodOptions& options, const MethodRequest& request)
{
    BitwrightOptions out;
    std::vector<std::string> names;
    for (const Preset& preset : presets) names.emplace_back(preset.name);
    const std::string name = options.word("preset", "thorough", names);
    const Preset& preset = *std::find_if(std::begin(presets), std::end(presets), [&](const Preset& p) { return p.name == name; });
    const bool low = request.weight_bits < 8;

    out.common = read_common(options, request, Semantics::bitwright, "mse");
    out.scales.up_down = read_scale_rule(options, "up_down", low ? "outliers:2" : "alpha:0.75");
    out.scales.norm_qkv = read_scale_rule(options, "norm_qkv", low ? "outliers:2" : "alpha:0.5");
    out.scales.norm_mlp = read_scale_rule(options, "norm_mlp", low ? "outliers:2" : "alpha:0.5");
    out.scales.v_o = read_scale_rule(options, "v_o", low ? "none" : "alpha:0.5");
    out.scales.q_k = options.word("q_k", "balance", {"balance", "none"}) == "balance";
    out.scales.sign_flips = options.word("sign_flips", "on", {"on", "off"}) == "on";
    out.weight_range = parse_range_rule(options.text("weight_range", low ? "mse" : "minmax"));
    out.row_grids = options.word("weight_grids", "row", {"row", "paper"}) == "row";
    out.range_windows = options.integer("range_windows", out.range_windows, 1, 1'000'000);

    out.gptq = options.word("gptq", low || preset.steps > 0 ? "on" : "off", {"on", "off"}) == "on";
    out.gptq_options = read_gptq_options(options, low ? "search" : "fixed", preset.gptq_windows);

    const bool rounding = options.word("rounding", low ? "on" : "off", {"on", "off"}) == "on";
    const std::int64_t steps = options.integer("steps", low ? preset.steps_low_bits : preset.steps, 0, 1'000'000'000);
    out.transform_steps = options.integer("transform_steps", rounding ? 0 : steps, 0, 1'000'000'000);
    out.rounding_steps = rounding ? steps : 0;
    if (rounding && !out.gptq) throw usage_error(request.method + ": rounding is learned from GPTQ's latent values; set gptq=on or rounding=off");
    out.lr_transforms = options.number("lr_transforms", 2e-2, 0, 1);
    out.lr_clipping = options.number("lr_clipping", 3e-3, 0, 1);
    out.lr_ranges = options.number("lr_ranges", 8e-3, 0, 1);
    out.lr_rounding = options.number("lr_rounding", 7e-3, 0, 1);
    out.lr_late_ranges = options.number("lr_late_ranges", 0, 0, 1);
    out.average = options.number("average", low ? 0.98 : 0.9, 0, 0.9999);
    out.batch = options.integer("batch", out.batch, 1, 4096);
    out.slice = options.integer("slice", out.slice, 2, 1'000'000);
    out.gptq_options.slice = out.slice;
    out.checks = options.integer("checks", out.checks, 1, 1'000'000);
    out.patience = options.integer("patience", out.patience, 0, 1'000'000);
    const std::int64_t spare = request.holdout ? 0 : std::min<std::int64_t>(16, request.calibration.count / 8);
    out.holdout_windows = options.integer("holdout_windows", spare, 0, std::max<std::int64_t>(0, request.calibration.count - 1));
    options.finish();
    return out;
}

}  // namespace bitwright
