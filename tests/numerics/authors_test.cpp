// SPDX-License-Identifier: GPL-3.0-or-later
// Under `authors` semantics the last layer's hidden states are those of the MobileQuant release: round-to-nearest at W8A8 and W4A8 bit for bit; the float
// run to the rounding of matrix products (their order of summation depends on the processor, and no grid hides it).
#include "core/numerics/evaluate/evaluate.h"
#include "core/recipe/placement.h"
#include "tests/numerics/torch_support.h"
#include "tests/support/shared_data.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>

namespace bitwright {
namespace {

/// Our site "layers.0.mlp.down_proj.input" in the release's names: module "model.layers.0.mlp.w2", field "input".
std::pair<std::string, std::string> authors_name(const std::string& site)
{
    const auto dot = site.rfind('.');
    std::string module = "model." + site.substr(0, dot);
    static const std::map<std::string, std::string> renamed{{"gate_proj", "w1"}, {"down_proj", "w2"}, {"up_proj", "w3"}, {"qk", "qk_bmm"}, {"pv", "pv_bmm"}, {"act", "act_fn"}};
    const auto last = module.rfind('.') + 1;
    if (const auto found = renamed.find(module.substr(last)); found != renamed.end()) module = module.substr(0, last) + found->second;
    return {module, site.substr(dot + 1)};
}

Recipe rounding_recipe(const Model& model, int weight_bits)
{
    const auto folder = test::shared() / "golden" / "mobilequant";
    nlohmann::json ranges;
    std::ifstream(folder / "act_dict_ts_rtn.json") >> ranges;
    Recipe recipe = base_recipe(model, {.weight_bits = weight_bits}, Semantics::authors);
    for (const Site& site : model.sites->sites()) {
        if (site.kind != SiteKind::activation || !site.levels.simulated) continue;
        const auto [module, field] = authors_name(site.name);
        if (site.role == SiteRole::activation_sigmoid) {
            recipe.sites[site.name].range = {numbers({0}), numbers({1}), {}, {}, "fixed"};  // never collected by the release
        } else {
            const auto& pair = ranges.at(module).at(field);
            recipe.sites[site.name].range = {numbers({pair[0].get<float>()}), numbers({pair[1].get<float>()}), {}, {}, "min-max"};
        }
    }
    return recipe;
}

struct Difference {
    std::size_t differing = 0;
    double relative_rms = 0;
};

Difference difference(const Recipe& recipe, Level level, const std::string& tensor)
{
    const auto shared = test::shared();
    const Model model = open_model(shared / "data" / "models" / "TinyStories-656K");
    const SafetensorsFile golden(shared / "golden" / "mobilequant" / "hidden_ts.safetensors");
    const auto window = to_int64(golden.tensor("window"));
    const Control control;
    LevelModel at_level(model, &recipe, level, Placement::paper, control);
    const auto hidden = run_forward(at_level, {window.begin(), window.end()}).hidden.back();
    const auto mine = hidden.as<float>(), theirs = golden.tensor(tensor).as<float>();
    Difference result{mine.size() == theirs.size() ? std::size_t{0} : mine.size(), 0};
    double error = 0, size = 0;
    for (std::size_t i = 0; i < std::min(mine.size(), theirs.size()); ++i) {
        result.differing += mine[i] != theirs[i];
        error += std::pow(static_cast<double>(mine[i]) - static_cast<double>(theirs[i]), 2);
        size += std::pow(static_cast<double>(theirs[i]), 2);
    }
    result.relative_rms = std::sqrt(error / size);
    std::printf("authors %s: %zu of %zu values differ, relative RMS %.2g\n", tensor.c_str(), result.differing, mine.size(), result.relative_rms);
    return result;
}

TEST(AuthorsSemantics, FloatHiddenStatesEqualToRounding)
{
    BITWRIGHT_NEEDS_SHARED();
    Recipe recipe;
    recipe.semantics = Semantics::authors;
    const double authors = difference(recipe, Level::floating, "fp32").relative_rms;
    recipe.semantics = Semantics::bitwright;
    const double own_norm = difference(recipe, Level::floating, "fp32").relative_rms;
    EXPECT_LE(authors, 1e-6);
    EXPECT_GT(own_norm, 2 * authors);  // the model's eps shows
}

TEST(AuthorsSemantics, RoundToNearestIsEqualToTheBit)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = open_model(test::shared() / "data" / "models" / "TinyStories-656K");
    EXPECT_EQ(difference(rounding_recipe(model, 8), Level::simulated, "rtn_w8a8").differing, 0u);
    EXPECT_EQ(difference(rounding_recipe(model, 4), Level::simulated, "rtn_w4a8").differing, 0u);
}

}  // namespace
}  // namespace bitwright
