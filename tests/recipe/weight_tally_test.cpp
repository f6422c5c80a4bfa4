// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/weight_tally.h"

#include "core/recipe/placement.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "tests/support/models.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bitwright {
namespace {

/// Every weight of a golden model at 4 bits, after scale pairs that change it.
std::shared_ptr<Recipe> recipe_of(const Model& model, Granularity granularity)
{
    auto recipe = std::make_shared<Recipe>(base_recipe(model, {}, Semantics::bitwright));
    for (auto& [name, decision] : recipe->sites) {
        const Site& site = (*model.sites)[model.sites->find(name)];
        if (site.kind != SiteKind::weight) continue;
        decision.scheme = {};
        decision.scheme.bits = 4;
        decision.scheme.granularity = site.rows > 1 ? granularity : Granularity::tensor;
        decision.scheme.group_size = decision.scheme.granularity == Granularity::group ? site.channels / 2 : 0;
        decision.range = {};
    }
    for (const LegalPair& pair : legal_pairs(model)) {
        std::vector<float> scale(static_cast<std::size_t>(pair.channels));
        for (std::size_t i = 0; i < scale.size(); ++i) scale[i] = 1.0F + 0.1F * static_cast<float>(i % 7);
        recipe->transforms.emplace_back(ScalePair{pair.pair, pair.layer, numbers(std::move(scale))});
    }
    return recipe;
}

TEST(WeightTally, InStepsIsWhatThePreviewOfAllValuesSays)
{
    for (const char* name : {"llama", "gpt2"}) {  // gpt2 stores transposed and stacked
        const Model model = open_model(test::golden_models() / name);
        for (const auto granularity : {Granularity::tensor, Granularity::row, Granularity::channel, Granularity::group}) {
            const auto recipe = recipe_of(model, granularity);
            int several = 0;
            for (const Site& site : model.sites->sites()) {
                const auto decision = recipe->sites.find(site.name);
                if (site.kind != SiteKind::weight || decision == recipe->sites.end()) continue;
                WeightTally tally(model, recipe, site.id, 3 * site.channels);
                int steps = 1;
                while (tally.step(Control())) ++steps;
                several += steps > 2 ? 1 : 0;
                const SitePreview found = tally.result();
                const SitePreview truth = preview_weight(sample_weight(model, recipe.get(), site.id, 0), decision->second.scheme, decision->second.range, recipe->semantics);
                ASSERT_EQ(found.sqnr_db.has_value(), truth.sqnr_db.has_value()) << site.name;
                EXPECT_EQ(found.saturation()->value, truth.saturation()->value) << site.name;
                EXPECT_EQ(found.zeros->value, truth.zeros->value) << site.name;
                if (!truth.sqnr_db) continue;
                if (std::isinf(truth.sqnr_db->value)) EXPECT_EQ(found.sqnr_db->value, truth.sqnr_db->value) << site.name;
                else EXPECT_NEAR(found.sqnr_db->value, truth.sqnr_db->value, 1e-4) << site.name;
                EXPECT_EQ(found.sqnr_db->from, Provenance::values);
            }
            EXPECT_GT(several, 0) << name;
        }
    }
}

TEST(WeightTally, ACancelledStepIsRepeated)
{
    const Model model = open_model(test::golden_models() / "llama");
    const auto recipe = recipe_of(model, Granularity::tensor);
    const SiteId id = model.sites->find("layers.0.mlp.down_proj.weight");
    const auto channels = (*model.sites)[id].channels;
    WeightTally straight(model, recipe, id, 2 * channels), stopped(model, recipe, id, 2 * channels);
    while (straight.step(Control())) {}
    Control cancelled;
    cancelled.request_cancel();
    bool more = true;
    while (more) {
        EXPECT_THROW(static_cast<void>(stopped.step(cancelled)), Cancelled);
        more = stopped.step(Control());
    }
    EXPECT_EQ(stopped.result().sqnr_db->value, straight.result().sqnr_db->value);
    EXPECT_FALSE(stopped.step(Control())) << "a step too many changes nothing";
    EXPECT_EQ(stopped.result().sqnr_db->value, straight.result().sqnr_db->value);
    EXPECT_THROW(WeightTally(model, recipe, model.sites->find("layers.0.mlp.down_proj.input")), Error);
}

}  // namespace
}  // namespace bitwright
