// SPDX-License-Identifier: GPL-3.0-or-later
// The authors' MobileQuant run (golden/mobilequant) as recipes of ours.
#pragma once

#include "core/checkpoint/token_windows.h"
#include "core/recipe/placement.h"
#include "core/recipe/recipe.h"
#include "core/runtime/safetensors.h"
#include "tests/support/shared_data.h"

#include <nlohmann/json.hpp>

#include <fstream>
#include <string>

namespace bitwright::test {

inline std::filesystem::path mobilequant_golden() { return shared() / "golden/mobilequant"; }
inline Model tiny_stories(bool outliers = false)
{
    return open_model(shared() / "data/models" / (outliers ? "TinyStories-656K-outliers" : "TinyStories-656K"));
}
inline TokenWindows golden_windows(const std::string& tensor, std::int64_t count = 0)
{
    TokenWindows windows = load_windows((mobilequant_golden() / "windows.safetensors").string() + ":" + tensor, 2048);
    if (count > 0 && count < windows.count) {
        windows.count = count;
        windows.ids.resize(static_cast<std::size_t>(count * windows.length));
    }
    return windows;
}

/// The first `length` tokens of the first windows: steps in milliseconds.
inline TokenWindows short_windows(std::int64_t count, std::int64_t length)
{
    TokenWindows windows = golden_windows("calib", count);
    std::vector<std::int32_t> ids;
    for (std::int64_t i = 0; i < windows.count; ++i) ids.insert(ids.end(), windows.window(i), windows.window(i) + length);
    windows.ids = std::move(ids);
    windows.length = length;
    return windows;
}

inline std::string replaced(std::string text, const std::string& what, const std::string& with)
{
    if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), with);
    return text;
}
/// "model.layers.0.mlp.w1" → "layers.0.mlp.gate_proj".
inline std::string our_module(std::string name)
{
    for (const auto& [theirs, ours] : {std::pair{"model.layers", "layers"}, {"qk_bmm", "qk"}, {"pv_bmm", "pv"}, {"act_fn", "act"}, {"mlp.w1", "mlp.gate_proj"},
                                       {"mlp.w2", "mlp.down_proj"}, {"mlp.w3", "mlp.up_proj"}})
        name = replaced(name, theirs, ours);
    return name;
}
/// "model.layers.0.mlp.w1.weight_quantizer.upbound_factor" → "layers.0.mlp.gate_proj.weight.upper", "model.layers.0.fc2_smooth_scale" → "layers.0.up_down.scale".
inline std::string our_learnable(const std::string& name)
{
    std::string out = our_module(name);
    for (const auto& [theirs, ours] : {std::pair{"_quantizer.", "."}, {"upbound_factor", "upper"}, {"lowbound_factor", "lower"}, {"qkv_smooth_scale", "norm_qkv.scale"},
                                       {"fc1_smooth_scale", "norm_mlp.scale"}, {"fc2_smooth_scale", "up_down.scale"}})
        out = replaced(out, theirs, ours);
    return out;
}

/// Their static ranges on the simulated sites; with `smoothed` also their SmoothQuant-Edge scales. `variant`: "ts_rtn", "tso_sqe" …
inline Recipe authors_recipe(const Model& model, const std::string& variant, int weight_bits, bool symmetric = false)
{
    PlacementOptions placement;
    placement.weight_bits = weight_bits;
    placement.symmetric_weights = symmetric;
    Recipe recipe = base_recipe(model, placement, Semantics::authors);
    std::erase_if(recipe.sites, [&](const auto& entry) { return !(*model.sites)[model.sites->find(entry.first)].levels.simulated; });
    std::ifstream in(mobilequant_golden() / ("act_dict_" + variant + ".json"));
    const auto ranges = nlohmann::json::parse(in);
    for (const auto& [module, fields] : ranges.items())
        for (const auto& [field, range] : fields.items())
            if (const auto found = recipe.sites.find(our_module(module) + "." + field); found != recipe.sites.end())
                found->second.range = {numbers({range[0].get<float>()}), numbers({range[1].get<float>()}), nullptr, nullptr, "min-max"};
    for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer)
        recipe.sites.at("layers." + std::to_string(layer) + ".mlp.act.input2").range = {numbers({0}), numbers({1}), nullptr, nullptr, "min-max"};
    if (variant.ends_with("_sqe")) {
        const SafetensorsFile scales(mobilequant_golden() / ("smoothquant_edge_scales_" + variant.substr(0, variant.find('_')) + ".safetensors"));
        for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer)
            for (const auto& [theirs, ours] : {std::pair{"qkv", "norm_qkv"}, {"fc1", "norm_mlp"}, {"fc2", "up_down"}}) {
                const TensorView view = scales.tensor(std::to_string(layer) + "." + theirs);
                std::vector<float> values(static_cast<std::size_t>(element_count(view.shape)));
                to_float(view, values);
                recipe.transforms.emplace_back(ScalePair{ours, layer, numbers(std::move(values))});
            }
    }
    return recipe;
}

}  // namespace bitwright::test
