// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/recipe.h"

#include "core/runtime/error.h"
#include "core/runtime/safetensors.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <bit>
#include <cmath>
#include <fstream>
#include <functional>

namespace bitwright {
namespace {

std::vector<float> ramp(std::size_t n, float start, float step)
{
    std::vector<float> values(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = start + step * static_cast<float>(i);
    return values;
}

Recipe example()
{
    Recipe recipe;
    recipe.model_hash = "abc";
    recipe.architecture = "llama 2x8 heads 2/1x4 ffn 16 vocab 32";
    recipe.semantics = Semantics::authors;
    recipe.sites["layers.0.mlp.down_proj.input"] = {Scheme{}, {numbers({-1.1f}), numbers({18.4f}), {}, {}, "min-max"}};
    Scheme rows;
    rows.bits = 4;
    rows.granularity = Granularity::group;
    rows.group_size = 4;
    rows.integer_group_scales = true;
    recipe.sites["layers.0.mlp.down_proj.weight"] = {rows, {numbers(ramp(64, -0.7f, 1e-3f)), numbers(ramp(64, 0.1f, 1e-3f)), {}, {}, "mse"}};
    recipe.sites["layers.0.self_attn.pv.input"] = {Scheme{}, {{}, {}, numbers({1.5258789e-05f}), numbers({0.25f}), "learned"}};
    Scheme dynamic;
    dynamic.granularity = Granularity::token;
    dynamic.dynamic = true;
    recipe.sites["layers.0.mlp.up_proj.output"] = {dynamic, {}};
    Scheme off;
    off.kind = SchemeKind::floating;
    recipe.sites["layers.0.mlp.act.output"] = {off, {}};
    recipe.transforms.emplace_back(ScalePair{"norm_qkv", 0, numbers(ramp(8, 0.5f, 0.25f))});
    recipe.transforms.emplace_back(ScalePair{"up_down", 0, numbers(ramp(16, 0.5f, 0.125f))});
    recipe.transforms.emplace_back(Clip{"layers.0.mlp.down_proj.weight", numbers(ramp(64, -0.6f, 1e-3f)), numbers(ramp(64, 0.05f, 1e-3f))});
    recipe.transforms.emplace_back(Codes{"layers.0.self_attn.q_proj.weight", std::make_shared<const std::vector<std::int16_t>>(64, std::int16_t{-3})});
    recipe.parent = "def";
    recipe.made_by = {"mobilequant-paper", R"({"steps":256})", "tokens", "0.1.0", 18446744073709551615u, 256};
    return recipe;
}

TEST(RecipeJson, RoundTripIsIdentical)
{
    const Recipe recipe = example();
    std::map<std::string, Tensor, std::less<>> tensors;
    const TensorStore store{[&](const Tensor& tensor) {
                                const std::string name = tensor_sha256(tensor);
                                tensors[name] = tensor;
                                return name;
                            },
                            [&](std::string_view name) { return tensors.find(name)->second; }};
    const nlohmann::json json = to_json(recipe, store);
    EXPECT_EQ(tensors.size(), 6u);  // vectors of 8 numbers are written out
    const Recipe again = recipe_from_json(nlohmann::json::parse(json.dump()), store, "memory");
    EXPECT_EQ(to_json(again, store), json);
    EXPECT_EQ(recipe_hash(again), recipe_hash(recipe));
    EXPECT_EQ(*again.sites.at("layers.0.mlp.down_proj.weight").range.min, *recipe.sites.at("layers.0.mlp.down_proj.weight").range.min);
    EXPECT_EQ(again.sites.at("layers.0.mlp.down_proj.weight").scheme, recipe.sites.at("layers.0.mlp.down_proj.weight").scheme);
}

TEST(RecipeJson, NumbersAreReadableAndExact)
{
    const TensorStore store{tensor_sha256, {}};
    EXPECT_NE(to_json(example(), store).dump().find("\"max\":18.4"), std::string::npos);
    std::uint32_t bits = 1;
    for (int i = 0; i < 20000; ++i) {
        bits = bits * 1664525u + 1013904223u;
        const float value = std::bit_cast<float>(bits);
        if (!std::isfinite(value)) continue;
        Recipe recipe;
        recipe.sites["x"] = {Scheme{}, {numbers({value}), numbers({value}), {}, {}, ""}};
        const auto again = recipe_from_json(nlohmann::json::parse(to_json(recipe, store).dump()), store, "memory");
        ASSERT_EQ(std::bit_cast<std::uint32_t>(again.sites.at("x").range.min->front()), bits);
    }
}

TEST(RecipeHash, EveryFieldCounts)
{
    const Recipe recipe = example();
    EXPECT_EQ(recipe_hash(recipe), recipe_hash(example()));
    Recipe other = recipe;
    other.sites.at("layers.0.mlp.down_proj.input").scheme.bits = 7;
    EXPECT_NE(recipe_hash(other), recipe_hash(recipe));
    other = recipe;
    std::get<ScalePair>(other.transforms[1]).scale = numbers(ramp(16, 0.5f, 0.126f));
    EXPECT_NE(recipe_hash(other), recipe_hash(recipe));
    other = recipe;
    std::swap(other.transforms[0], other.transforms[1]);
    EXPECT_NE(recipe_hash(other), recipe_hash(recipe));
    other = recipe;
    other.parent = "";
    EXPECT_NE(recipe_hash(other), recipe_hash(recipe));
}

TEST(RecipeFile, SelfContainedAndSafetensors)
{
    const auto folder = test::scratch("recipe-file");
    const Recipe recipe = example();
    save_recipe(recipe, folder / "r.safetensors");
    EXPECT_EQ(recipe_hash(load_recipe(folder / "r.safetensors")), recipe_hash(recipe));
    save_recipe(Recipe{}, folder / "empty.safetensors");
    EXPECT_EQ(recipe_hash(load_recipe(folder / "empty.safetensors")), recipe_hash(Recipe{}));
}

std::string message_of(const std::function<void()>& action)
{
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_input);
        return error.what();
    }
    return "no error";
}

TEST(RecipeFile, FaultsAreNamed)
{
    const auto folder = test::scratch("recipe-faults");
    write_safetensors(folder / "other.safetensors", {{"a", Tensor::from<float>(Dtype::f32, {1}, std::vector<float>{1})}});
    EXPECT_NE(
        message_of([&] { static_cast<void>(load_recipe(folder / "other.safetensors")); }).find("other.safetensors: recipe: is not in the file's metadata"),
        std::string::npos);

    save_recipe(example(), folder / "r.safetensors");
    {
        std::fstream file(folder / "r.safetensors", std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(-1, std::ios::end);
        file.put('\x55');
    }
    EXPECT_NE(message_of([&] { static_cast<void>(load_recipe(folder / "r.safetensors")); }).find("damaged"), std::string::npos);

    std::map<std::string, Tensor, std::less<>> tensors;
    const TensorStore store{[&](const Tensor& tensor) { return tensors.emplace(tensor_sha256(tensor), tensor).first->first; },
                            [&](std::string_view name) { return tensors.find(name)->second; }};
    const nlohmann::json good = to_json(example(), store);
    const auto fault = [&](const char* pointer, const nlohmann::json& value) {
        nlohmann::json bad = good;
        bad[nlohmann::json::json_pointer(pointer)] = value;
        return message_of([&] { static_cast<void>(recipe_from_json(bad, store, "W")); });
    };
    EXPECT_EQ(fault("/format", 2), "W: format: 2 is unknown; this version reads format 1");
    EXPECT_EQ(fault("/semantics", "theirs"), "W: semantics: \"theirs\" is unknown to this version");
    EXPECT_EQ(fault("/sites/layers.0.mlp.down_proj.input/scheme/bits", 33), "W: sites.layers.0.mlp.down_proj.input.scheme.bits: 33 is outside 2 … 16");
    EXPECT_EQ(fault("/sites/layers.0.mlp.down_proj.input/range/min", "x"), "W: sites.layers.0.mlp.down_proj.input.range.min: must be an object");
    EXPECT_EQ(fault("/sites/layers.0.mlp.down_proj.input/range/min", 1e300), "W: sites.layers.0.mlp.down_proj.input.range.min: is not finite as a float");
    EXPECT_EQ(fault("/transforms/0/kind", "permutation"), "W: transforms[0].kind: \"permutation\" is unknown to this version");
    EXPECT_EQ(fault("/transforms", 3), "W: transforms: must be a list");
}

TEST(TensorHash, DependsOnTypeShapeAndBytes)
{
    const std::vector<float> zeros(4);
    const Tensor a = Tensor::from<float>(Dtype::f32, {4}, zeros), b = Tensor::from<float>(Dtype::f32, {2, 2}, zeros);
    const Tensor c = Tensor::from<float>(Dtype::i32, {4}, zeros);
    EXPECT_NE(tensor_sha256(a), tensor_sha256(b));
    EXPECT_NE(tensor_sha256(a), tensor_sha256(c));
    EXPECT_EQ(tensor_sha256(a), tensor_sha256(Tensor::from<float>(Dtype::f32, {4}, zeros)));
}

using Lines = std::vector<std::string>;

TEST(RecipeDiff, NumbersSchemesAndTransforms)
{
    const Recipe before = example();
    EXPECT_TRUE(diff_in_words(before, before).empty());
    EXPECT_TRUE(diff_in_words(before, example()).empty());
    Recipe after = before;
    after.sites.at("layers.0.mlp.down_proj.input").range.max = numbers({9.25f});
    after.sites.at("layers.0.mlp.up_proj.output").scheme.bits = 4;
    after.sites.erase("layers.0.mlp.act.output");
    after.transforms.erase(after.transforms.begin());
    std::get<Clip>(after.transforms[1]).max = numbers(ramp(64, 0.05f, 2e-3f));
    after.made_by.steps = 1024;
    EXPECT_EQ(diff_in_words(before, after),
              (Lines{"steps: 256 → 1024", "layers.0.mlp.act.output: float → float (no decision)", "layers.0.mlp.down_proj.input: max 18.4 → 9.25",
                     "layers.0.mlp.up_proj.output: 8 bit asymmetric per token, dynamic → 4 bit asymmetric per token, dynamic",
                     "layers.0.norm_qkv: removed (was scales of 8 numbers, 0.5 … 2.25)",
                     "layers.0.mlp.down_proj.weight clip: clip max mean 0.0815 → 0.113 (63 of 64 numbers moved, by at most 0.063)"}));
}

TEST(RecipeDiff, RunsOfLayersAreOneLine)
{
    Recipe before, after;
    for (int layer = 0; layer < 22; ++layer) {
        const std::string name = "layers." + std::to_string(layer) + ".mlp.down_proj.weight";
        before.sites[name] = {};
        after.sites[name] = {};
        after.sites[name].scheme.bits = layer == 7 ? 8 : 4;
    }
    EXPECT_EQ(diff_in_words(before, after), (Lines{"layers.0-6.mlp.down_proj.weight: 8 bit asymmetric per tensor → 4 bit asymmetric per tensor",
                                                   "layers.8-21.mlp.down_proj.weight: 8 bit asymmetric per tensor → 4 bit asymmetric per tensor"}));
}

}  // namespace
}  // namespace bitwright
