// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/merged_checkpoint.h"

#include "core/recipe/outliers.h"
#include "core/recipe/placement.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "core/runtime/random.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>

namespace bitwright {
namespace {

namespace fs = std::filesystem;

// Written under a recipe and opened again, a model's plain weights are the materialized ones: fused, transposed, stacked and offset storage included.
TEST(MergedCheckpoint, EveryFamilyReadsBackWhatWasMaterialized)
{
    BITWRIGHT_NEEDS_SHARED();
    const fs::path out = test::scratch("merged");
    const Control control;
    for (const auto& entry : fs::directory_iterator(test::shared() / "golden" / "models")) {
        if (!entry.is_directory()) continue;
        SCOPED_TRACE(entry.path().filename());
        const Model model = open_model(entry.path());
        Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
        Random random(17);
        for (const LegalPair& pair : legal_pairs(model)) {
            std::vector<float> s(static_cast<std::size_t>(pair.channels), static_cast<float>(0.5 + random.uniform()));
            if (!pair.tied_rope_pairs) {
                for (float& value : s) value = static_cast<float>(0.5 + random.uniform());
            }
            recipe.transforms.emplace_back(ScalePair{pair.pair, pair.layer, numbers(std::move(s))});
        }
        for (const Site& site : model.sites->sites()) {
            if (site.role == SiteRole::q_norm_weight) recipe.transforms.emplace_back(Clip{site.name, numbers({0.9f}), numbers({1.1f})});
        }
        const fs::path folder = out / entry.path().filename();
        write_merged_checkpoint(model, recipe, folder, MergedStorage::f32, {{"NOTE", "x"}}, control);
        const Model again = open_model(folder);
        EXPECT_EQ(architecture_fingerprint(again.architecture()), architecture_fingerprint(model.architecture()));
        const auto dtype = again.checkpoint->config().contains("dtype") ? "dtype" : "torch_dtype";
        EXPECT_EQ(again.checkpoint->config().at(dtype), "float32");
        for (const Site& site : model.sites->sites()) {
            if (site.kind != SiteKind::weight) continue;
            const auto expected = materialize(model, &recipe, site.id), got = materialize(again, nullptr, site.id);
            ASSERT_EQ(expected.shape, got.shape) << site.name;
            ASSERT_EQ(expected.bias, got.bias) << site.name;
            for (std::size_t i = 0; i < expected.weight.size(); ++i)
                ASSERT_NEAR(expected.weight[i], got.weight[i], 1e-6) << site.name << " " << i;  // w − 1 + 1
        }
        EXPECT_EQ(fs::exists(folder / "tokenizer.json"), fs::exists(entry.path() / "tokenizer.json"));
    }
    EXPECT_EQ(std::distance(fs::directory_iterator(out), fs::directory_iterator()), 35);  // nothing half-written beside them
}

TEST(MergedCheckpoint, RefusesWhatItCannotDo)
{
    BITWRIGHT_NEEDS_SHARED();
    const fs::path out = test::scratch("merged-refused");
    Control control;
    const Model model = open_model(test::shared() / "golden" / "models" / "llama-gqa-tied");
    EXPECT_THROW(write_merged_checkpoint(model, {}, out, MergedStorage::f32, {}, control), Error);  // exists
    Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
    recipe.transforms.emplace_back(Clip{"lm_head.weight", numbers({-1}), numbers({1})});
    EXPECT_THROW(write_merged_checkpoint(model, recipe, out / "a", MergedStorage::f32, {}, control), Error);  // tied
    const Model halves = open_model(test::shared() / "golden" / "models" / "llama-bf16");
    recipe = {};
    recipe.transforms.emplace_back(ScalePair{"norm_qkv", 0, numbers(std::vector<float>(48, 1.1f))});
    EXPECT_THROW(write_merged_checkpoint(halves, recipe, out / "b", MergedStorage::exact, {}, control), Error);  // no BF16 number
    control.request_cancel();
    EXPECT_THROW(write_merged_checkpoint(model, {}, out / "c", MergedStorage::f32, {}, control), Cancelled);
    EXPECT_TRUE(fs::is_empty(out));
}

std::vector<std::string> table_of(const std::string& readme)
{
    std::vector<std::string> rows;
    for (std::size_t at = 0; at < readme.size();) {
        const std::size_t end = std::min(readme.find('\n', at), readme.size());
        if (readme[at] == '|') rows.push_back(readme.substr(at, end - at));
        at = end + 1;
    }
    return rows;
}

// The reference outlier copy (made elsewhere, channels in its README) comes out again, byte for byte per tensor.
TEST(Outliers, ReproduceTheReferenceCopy)
{
    BITWRIGHT_NEEDS_SHARED();
    const fs::path models = test::shared() / "data" / "models";
    const std::string reference_readme = read_text(models / "TinyStories-656K-outliers" / "README.md");
    std::vector<OutlierChannel> channels;
    for (const auto& row : table_of(reference_readme)) {
        int layer = 0, consumed = 0;
        char place[64];
        if (std::sscanf(row.c_str(), "| %d.%63s |%n", &layer, place, &consumed) != 2) continue;
        const std::string pair = std::string(place) == "input_layernorm" ? "norm_qkv" : std::string(place) == "up_down" ? "up_down" : "norm_mlp";
        int channel = 0, factor = 0, length = 0;
        for (const char* at = row.c_str() + consumed; std::sscanf(at, " %d: x%d%n", &channel, &factor, &length) == 2; at += length + 1)
            channels.push_back({pair, layer, channel, factor});
    }
    ASSERT_EQ(channels.size(), 24u);

    const fs::path folder = test::scratch("outliers") / "copy";
    const Control control;
    write_outlier_copy(open_model(models / "TinyStories-656K"), channels, "Channels by hand.", folder, control);
    const Model mine = open_model(folder), reference = open_model(models / "TinyStories-656K-outliers");
    EXPECT_EQ(mine.checkpoint->tensor_names(), reference.checkpoint->tensor_names());
    for (const auto& name : mine.checkpoint->tensor_names()) {
        const TensorView a = mine.checkpoint->tensor(name), b = reference.checkpoint->tensor(name);
        ASSERT_EQ(a.dtype, b.dtype);
        ASSERT_TRUE(std::equal(a.data.begin(), a.data.end(), b.data.begin(), b.data.end())) << name;
    }
    EXPECT_EQ(table_of(read_text(folder / "README.md")), table_of(reference_readme));
    EXPECT_EQ(read_text(folder / "tokenizer.json"), read_text(models / "TinyStories-656K" / "tokenizer.json"));
}

TEST(Outliers, ChosenFromTheSeed)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = open_model(test::shared() / "data" / "models" / "TinyStories-656K");
    const auto chosen = choose_outliers(model, {.seed = 7}), again = choose_outliers(model, {.seed = 7}), other = choose_outliers(model, {.seed = 8});
    const auto text = [](const std::vector<OutlierChannel>& list) {
        std::string all;
        for (const auto& c : list) all += std::to_string(c.layer) + c.pair + std::to_string(c.channel) + "x" + std::to_string(c.factor) + " ";
        return all;
    };
    EXPECT_EQ(chosen.size(), 24u);
    EXPECT_EQ(text(chosen), text(again));
    EXPECT_NE(text(chosen), text(other));
    EXPECT_THROW(static_cast<void>(choose_outliers(model, {.factors = {48}})), Error);
    EXPECT_THROW(static_cast<void>(choose_outliers(model, {.norm_channels = 129})), Error);
    EXPECT_THROW(static_cast<void>(choose_outliers(open_model(test::shared() / "golden" / "models" / "bloom-post-residual"), {})), Error);
    // Gemma stores w − 1: its norms are left out, its MLP is not.
    for (const auto& c : choose_outliers(open_model(test::shared() / "golden" / "models" / "gemma"), {})) EXPECT_EQ(c.pair, "up_down");
}

TEST(Outliers, EveryFamilyStaysExact)
{
    BITWRIGHT_NEEDS_SHARED();
    const fs::path out = test::scratch("outliers-families");
    const Control control;
    for (const char* name : {"llama-bf16", "llama-f16", "phi3", "opt", "gpt2", "falcon-new", "gemma"}) {
        SCOPED_TRACE(name);
        const Model model = open_model(test::shared() / "golden" / "models" / name);
        const auto channels = choose_outliers(model, {.seed = 3});
        Recipe recipe;
        recipe.transforms = outlier_transforms(model, channels);
        write_outlier_copy(model, channels, "Seed 3.", out / name, control);
        const Model copy = open_model(out / name);
        for (const Site& site : model.sites->sites()) {
            if (site.kind != SiteKind::weight) continue;
            ASSERT_EQ(materialize(model, &recipe, site.id).weight, materialize(copy, nullptr, site.id).weight) << site.name;
        }
    }
}

}  // namespace
}  // namespace bitwright
