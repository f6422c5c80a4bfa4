// SPDX-License-Identifier: GPL-3.0-or-later
// (Model, Recipe) → Package → Engine, held against float64: every golden family the integer level takes, and TinyStories-656K.
#include "core/checkpoint/token_windows.h"
#include "core/exchange/package_export.h"
#include "core/runtime/error.h"
#include "core/runtime/scoring.h"
#include "tests/exchange/float_reference.h"
#include "tests/support/models.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bitwright::test {
namespace {

std::vector<std::int32_t> prompt_of(const std::filesystem::path& folder, const char* name)
{
    const SafetensorsFile golden(folder / "golden.safetensors");
    std::vector<std::int32_t> ids;
    for (const std::int64_t id : to_int64(golden.tensor(std::string(name) + ".input_ids"))) ids.push_back(static_cast<std::int32_t>(id));
    return ids;
}

/// Hidden states and logits of an engine run, as real numbers.
FloatReference::Result run_engine(const std::shared_ptr<const Package>& package, const std::vector<std::int32_t>& ids, std::int64_t chunk = 64)
{
    Engine engine(package, {1, chunk});
    FloatReference::Result result;
    result.hidden.resize(package->graph().layers.size() + 1);
    engine.set_hidden_tap([&](std::int64_t state, std::int64_t, std::span<const std::int16_t> codes, double scale) {
        for (const std::int16_t code : codes) result.hidden[static_cast<std::size_t>(state)].push_back(code * scale);
    });
    const double cap = package->graph().final_softcap;
    for (const std::int32_t code : engine.forward(ids, WantedLogits::all)) {
        const double logit = code * package->graph().logit_scale;
        result.logits.push_back(cap > 0 ? cap * std::tanh(logit / cap) : logit);
    }
    return result;
}

/// Families with something the integer level refuses by name.
const std::vector<std::string> unsupported{"bloom-post-residual", "opt-post-norm"};

/// 16 bits for every input of a linear and for the MLP: both byte planes and the interpolated activation table.
void widen_linears(const Model& model, Recipe& recipe)
{
    for (const Site& site : model.sites->sites())
        for (const SiteRole role : {SiteRole::attention_norm_output, SiteRole::mlp_norm_output, SiteRole::pv_output, SiteRole::gate_output, SiteRole::up_output, SiteRole::down_input})
            if (site.role == role) recipe.sites.at(site.name).scheme.bits = 16;
}

class EveryFamily : public testing::TestWithParam<std::string> {};

TEST_P(EveryFamily, IntegerLevelFollowsFloat64)
{
    const auto folder = golden_models() / GetParam();
    const Model model = open_model(folder);
    const auto ids = prompt_of(folder, "p1");
    const auto path = scratch("export-" + GetParam()) / "model.safetensors";
    PackageOptions options;
    options.context = static_cast<std::int64_t>(ids.size());
    const Control control;
    if (std::ranges::find(unsupported, GetParam()) != unsupported.end()) {
        try {
            (void)export_package(model, observed_recipe(model, {}, 8, 8), path, options, control);
            FAIL() << "exported";
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find("the integer level does not support"), std::string::npos) << error.what();
        }
        EXPECT_TRUE(std::filesystem::is_empty(path.parent_path()));
        return;
    }
    const auto exact = float_reference(model, options.context).forward(ids);
    const SafetensorsFile golden(folder / "golden.safetensors");
    std::vector<float> logits(exact.logits.size());
    to_float(golden.tensor("p1.f64.logits"), logits);
    for (std::size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(exact.logits[i], logits[i], 2e-4) << "the test's own reference is wrong";

    for (const bool wide : {false, true}) {
        Recipe recipe = observed_recipe(model, {ids}, wide ? 4 : 8, 8);
        if (wide) widen_linears(model, recipe);
        (void)export_package(model, recipe, path, options, control);
        const auto integer = run_engine(Package::open(path), ids);
        const auto rounded = rounded_reference(model, recipe, options.context).forward(ids);
        // Against float64 rounded at the same places only the arithmetic differs: single codes that flip, and what they become further on.
        const double added = sqnr_db(rounded.hidden[1], integer.hidden[1]), whole = sqnr_db(exact.logits, integer.logits), last = sqnr_db(rounded.logits, integer.logits);
        EXPECT_GE(sqnr_db(rounded.hidden[0], integer.hidden[0]), 80) << wide;
        EXPECT_GE(added, 32) << wide;
        EXPECT_GE(last, 22) << wide;
        if (!wide) {
            EXPECT_GE(whole, 18);
        }
        std::printf("%-22s %s  layer 0 against rounded float64 %.1f dB; logits against rounded %.1f dB, against float64 %.1f dB\n", GetParam().c_str(), wide ? "W4 A16" : "W8 A8 ", added, last, whole);
    }
}

INSTANTIATE_TEST_SUITE_P(PackageExport, EveryFamily, testing::ValuesIn(golden_model_names()), [](const auto& parameter) {
    std::string name = parameter.param;
    std::ranges::replace(name, '-', '_');
    return name;
});

}  // namespace
}  // namespace bitwright::test
