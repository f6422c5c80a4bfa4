// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/transforms.h"

#include "core/recipe/placement.h"
#include "core/recipe/range_rules.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "core/runtime/random.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

namespace bitwright {
namespace {

Model golden_model(const std::string& name) { return open_model(test::shared() / "golden" / "models" / name); }

std::string pairs_of_layer(const Model& model, std::int64_t layer)
{
    std::string text;
    for (const LegalPair& pair : legal_pairs(model)) {
        if (pair.layer != layer) continue;
        text += (text.empty() ? "" : " ") + pair.pair;
        if (pair.pair.rfind("norm", 0) == 0) text += ":" + std::to_string(pair.consumers.size());
        if (pair.repeat > 1) text += "*" + std::to_string(pair.repeat);
        if (pair.positive_only) text += "+";
        if (pair.tied_rope_pairs) text += "~" + std::to_string(pair.rope_dims);
    }
    return text;
}

TEST(LegalPairs, FollowTheArchitecture)
{
    BITWRIGHT_NEEDS_SHARED();
    const std::map<std::string, std::string> expected{
        {"llama", "norm_qkv:3 norm_mlp:2 v_o up_down q_k~12"},
        {"llama-gqa-tied", "norm_qkv:3 norm_mlp:2 v_o*2 up_down q_k*2~12"},
        {"llama-head-dim", "norm_qkv:3 norm_mlp:2 v_o*2 up_down q_k*2~20"},
        {"gemma", "norm_qkv:3 norm_mlp:2 v_o*3 up_down q_k*3~20"},
        {"gemma2", "norm_qkv:3 norm_mlp:2 v_o*2 up_down q_k*2~20"},
        {"gemma3", "norm_qkv:3 norm_mlp:2 v_o*2 up_down"},
        {"stablelm", "norm_qkv:3 norm_mlp:2 v_o up_down q_k~4"},
        {"stablelm-parallel", "norm_qkv:5 v_o*3 up_down"},
        {"opt", "norm_qkv:3 norm_mlp:1 v_o up_down+ q_k"},
        {"opt-post-norm", "v_o up_down+ q_k"},
        {"bloom-pow2", "norm_qkv:3 norm_mlp:1 v_o q_k"},
        {"bloom-post-residual", "v_o q_k"},
        {"qwen3", "norm_qkv:3 norm_mlp:2 v_o*2 up_down"},
        {"phi", "norm_qkv:4 v_o q_k~8"},
        {"phi3", "norm_qkv:3 norm_mlp:2 v_o*2 up_down q_k*2~12"},
        {"gpt2", "norm_qkv:3 norm_mlp:1 v_o q_k"},
        {"gpt-neox", "norm_qkv:3 norm_mlp:1 v_o q_k~4"},
        {"olmo2", "v_o*2 up_down"},
        {"falcon", "norm_qkv:4 v_o*4 q_k*4~12"},
        {"falcon-new", "norm_qkv:3 norm_mlp:1 v_o*2 q_k*2~12"},
    };
    for (const auto& [name, pairs] : expected) EXPECT_EQ(pairs_of_layer(golden_model(name), 0), pairs) << name;
    EXPECT_EQ(pairs_of_layer(golden_model("smollm3"), 1), "norm_qkv:3 norm_mlp:2 v_o*2 up_down q_k*2");  // layer 1 has no RoPE
}

std::vector<float> random_scales(const LegalPair& pair, Random& random)
{
    std::vector<float> s(static_cast<std::size_t>(pair.channels));
    for (float& value : s) value = static_cast<float>(0.5 + 1.5 * random.uniform());
    if (pair.tied_rope_pairs) {
        for (std::int64_t c = 0; c < pair.channels; ++c) {
            if (c % pair.head_dim < pair.rope_dims / 2) s[static_cast<std::size_t>(c + pair.rope_dims / 2)] = s[static_cast<std::size_t>(c)];
        }
    }
    return s;
}

TEST(Materialize, ProducerDividedConsumersMultiplied)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = golden_model("llama-bias");  // grouped queries, biases everywhere
    Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
    Random random(5);
    std::map<std::string, std::vector<float>> s;
    for (const LegalPair& pair : legal_pairs(model)) {
        if (pair.layer != 1) continue;
        s[pair.pair] = random_scales(pair, random);
        recipe.transforms.emplace_back(ScalePair{pair.pair, 1, numbers(s[pair.pair])});
    }
    const auto of = [&](const char* name, bool changed) {
        return materialize(model, changed ? &recipe : nullptr, model.sites->find("layers.1." + std::string(name) + ".weight"));
    };
    const auto check = [&](const char* name, const std::function<float(std::size_t, std::size_t)>& factor, const std::function<float(std::size_t)>& bias) {
        const auto before = of(name, false), after = of(name, true);
        const std::size_t rows = static_cast<std::size_t>(before.shape[0]), cols = before.weight.size() / rows;
        for (std::size_t r = 0; r < rows; ++r) {
            for (std::size_t c = 0; c < cols; ++c)
                ASSERT_NEAR(after.weight[r * cols + c], before.weight[r * cols + c] * factor(r, c), 1e-6) << name << " " << r << "," << c;
            if (!before.bias.empty()) {
                ASSERT_NEAR(after.bias[r], before.bias[r] * bias(r), 1e-6) << name;
            }
        }
    };
    const std::size_t head = 12;
    const auto tied = [&](std::size_t channel) { return channel / (2 * head) * head + channel % head; };
    check(
        "input_layernorm", [&](auto r, auto) { return 1 / s["norm_qkv"][r]; }, [](auto) { return 1.0f; });
    check(
        "self_attn.q_proj", [&](auto r, auto c) { return s["norm_qkv"][c] / s["q_k"][tied(r)]; }, [&](auto r) { return 1 / s["q_k"][tied(r)]; });
    check(
        "self_attn.k_proj", [&](auto r, auto c) { return s["norm_qkv"][c] * s["q_k"][r]; }, [&](auto r) { return s["q_k"][r]; });
    check(
        "self_attn.v_proj", [&](auto r, auto c) { return s["norm_qkv"][c] / s["v_o"][r]; }, [&](auto r) { return 1 / s["v_o"][r]; });
    check(
        "self_attn.o_proj", [&](auto, auto c) { return s["v_o"][tied(c)]; }, [](auto) { return 1.0f; });
    check(
        "mlp.gate_proj", [&](auto, auto c) { return s["norm_mlp"][c]; }, [](auto) { return 1.0f; });
    check(
        "mlp.up_proj", [&](auto r, auto c) { return s["norm_mlp"][c] / s["up_down"][r]; }, [&](auto r) { return 1 / s["up_down"][r]; });
    check(
        "mlp.down_proj", [&](auto, auto c) { return s["up_down"][c]; }, [](auto) { return 1.0f; });
    EXPECT_EQ(materialize(model, &recipe, model.sites->find("layers.0.self_attn.q_proj.weight")).weight,
              materialize(model, nullptr, model.sites->find("layers.0.self_attn.q_proj.weight")).weight);
    EXPECT_EQ(materialize(model, nullptr, model.sites->find("lm_head.weight")).shape, (Shape{112, 48}));
}

// Static min-max ranges, so that validate() is content.
Recipe with_dummy_ranges(Recipe recipe, const Model& model)
{
    for (auto& [name, decision] : recipe.sites) {
        if ((*model.sites)[model.sites->find(name)].kind == SiteKind::activation) decision.range = {numbers({-1}), numbers({1}), {}, {}, "min-max"};
    }
    return recipe;
}

TEST(QuantizeWeight, EveryGranularityOnItsOwnGrids)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = golden_model("llama");
    const SiteId id = model.sites->find("layers.0.mlp.down_proj.weight");
    const auto plain = materialize(model, nullptr, id);
    const std::size_t rows = static_cast<std::size_t>(plain.shape[0]), cols = static_cast<std::size_t>(plain.shape[1]);
    for (const Granularity granularity : {Granularity::tensor, Granularity::row, Granularity::channel, Granularity::group}) {
        for (const bool symmetric : {false, true}) {
            for (const int bits : {4, 8, 16}) {
                Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
                Scheme& scheme = recipe.sites.at("layers.0.mlp.down_proj.weight").scheme;
                scheme.bits = bits;
                scheme.symmetric = symmetric;
                scheme.granularity = granularity;
                scheme.group_size = granularity == Granularity::group ? 8 : 0;
                SCOPED_TRACE(in_words(scheme));
                ASSERT_EQ(cols % 8, 0u);
                const QuantizedWeight q = quantize_weight(model, recipe, id);
                const auto slice = [&](std::size_t r, std::size_t c) -> std::size_t {
                    switch (granularity) {
                        case Granularity::row:
                            return r;
                        case Granularity::channel:
                            return c;
                        case Granularity::group:
                            return r * (cols / 8) + c / 8;
                        default:
                            return 0;
                    }
                };
                EXPECT_EQ(q.grids.size(), slice(rows - 1, cols - 1) + 1);
                for (std::size_t r = 0; r < rows; ++r) {
                    for (std::size_t c = 0; c < cols; ++c) {
                        const Grid& grid = q.grids[slice(r, c)];
                        const std::int16_t code = q.codes[r * cols + c];
                        ASSERT_GE(code, grid.qmin);
                        ASSERT_LE(code, grid.qmax);
                        // Half a step; at 16 bits the division's rounding may add a little.
                        ASSERT_NEAR((static_cast<float>(code) - grid.offset) * grid.scale, plain.weight[r * cols + c], 0.51f * grid.scale) << r << "," << c;
                    }
                }
                // Codes fixed by a method give the same weight and the same codes again.
                recipe.transforms.emplace_back(Codes{"layers.0.mlp.down_proj.weight", std::make_shared<const std::vector<std::int16_t>>(q.codes)});
                recipe.sites.at("layers.0.mlp.down_proj.weight").range = weight_range(plain.weight, plain.shape, scheme, Semantics::bitwright, {});
                EXPECT_EQ(quantize_weight(model, recipe, id).codes, q.codes);
                EXPECT_NO_THROW(validate(with_dummy_ranges(recipe, model), model));
            }
        }
    }
}

TEST(Clip, PerSliceAfterTheScalesBeforeIt)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = golden_model("llama");
    Recipe recipe = base_recipe(model, {4, 8}, Semantics::authors);
    const std::string name = "layers.0.mlp.up_proj.weight";
    const SiteId id = model.sites->find(name);
    const auto plain = materialize(model, nullptr, id);
    const std::size_t rows = static_cast<std::size_t>(plain.shape[0]), cols = static_cast<std::size_t>(plain.shape[1]);
    recipe.transforms.emplace_back(ScalePair{"norm_mlp", 0, numbers(std::vector<float>(cols, 2.0f))});
    std::vector<float> low(rows), high(rows);
    for (std::size_t r = 0; r < rows; ++r) high[r] = -(low[r] = -0.1f - 0.01f * static_cast<float>(r));
    recipe.transforms.emplace_back(Clip{name, numbers(low), numbers(high)});
    const auto clipped = materialize(model, &recipe, id);
    for (std::size_t i = 0; i < plain.weight.size(); ++i) ASSERT_EQ(clipped.weight[i], std::clamp(plain.weight[i] * 2, low[i / cols], high[i / cols]));
    EXPECT_EQ(weight_grids(recipe.sites.at(name), plain.shape, clipped.weight, Semantics::authors).size(), rows);
}

std::string fault_of(const Recipe& recipe, const Model& model)
{
    try {
        validate(recipe, model);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_input);
        return error.what();
    }
    return "valid";
}

TEST(Validate, SaysWhatDoesNotFit)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = golden_model("llama");
    const Recipe good = with_dummy_ranges(base_recipe(model, {}, Semantics::bitwright), model);
    EXPECT_EQ(good.architecture, "llama 2x48 heads 4/4x12 ffn 72 vocab 112");
    EXPECT_EQ(fault_of(good, model), "valid");
    EXPECT_EQ(fault_of(good, golden_model("gemma")).find("recipe: architecture: it was made for \"llama 2x48"), 0u);

    const auto with = [&](const std::function<void(Recipe&)>& change) {
        Recipe recipe = good;
        change(recipe);
        return fault_of(recipe, model);
    };
    const std::string weight = "layers.0.mlp.down_proj.weight", input = "layers.0.mlp.down_proj.input";
    EXPECT_EQ(with([&](Recipe& r) { r.sites["layers.9.x"] = {}; }), "recipe: layers.9.x: is no site of this model");
    EXPECT_EQ(with([&](Recipe& r) { r.sites[input].scheme.bits = 17; }), "recipe: " + input + ": 17 bits are outside 2 … 16");
    EXPECT_EQ(with([&](Recipe& r) { r.sites[input].range = {}; }), "recipe: " + input + ": has no range; calibrate, or set min and max");
    EXPECT_EQ(with([&](Recipe& r) { r.sites[input].range.min = numbers({2}); }), "recipe: " + input + ": min is above max");
    EXPECT_EQ(with([&](Recipe& r) { r.sites[input].range.max = numbers({2, 3}); }), "recipe: " + input + ": max has 2 numbers where the scheme needs 1");
    EXPECT_EQ(with([&](Recipe& r) { r.sites[input].scheme.granularity = Granularity::token; }),
              "recipe: " + input + ": a range per token cannot be known beforehand; add dynamic=true, or use granularity=tensor");
    EXPECT_EQ(with([&](Recipe& r) { r.sites[weight].scheme.granularity = Granularity::group, r.sites[weight].scheme.group_size = 32; }),
              "recipe: " + weight + ": a group of 32 does not divide its 72 inputs; use a divisor");
    EXPECT_EQ(with([&](Recipe& r) {
                  r.transforms.emplace_back(ScalePair{"up_down", 5, numbers({1})});
              }),
              "recipe: up_down of layer 5: is no legal scale pair of llama 2x48 heads 4/4x12 ffn 72 vocab 112; remove it");
    EXPECT_EQ(with([&](Recipe& r) {
                  r.transforms.emplace_back(ScalePair{"up_down", 0, numbers({1})});
              }),
              "recipe: up_down of layer 0: scale has 1 numbers where the scheme needs 72");
    std::vector<float> ramp(48);
    std::iota(ramp.begin(), ramp.end(), 1.0f);
    EXPECT_EQ(with([&](Recipe& r) {
                  r.transforms.emplace_back(ScalePair{"q_k", 0, numbers(ramp)});
              }),
              "recipe: q_k of layer 0: channels 0 and 6 are rotated together (RoPE) and need one scale");
    EXPECT_EQ(with([&](Recipe& r) {
                  r.transforms.emplace_back(Codes{weight, std::make_shared<const std::vector<std::int16_t>>(72 * 48, std::int16_t{256})});
              }),
              "recipe: " + weight + ": code 256 is outside 0 … 255");
}

// A damaged recipe is refused or harmless: nothing but Error ever comes out.
TEST(Validate, MutatedRecipesNeverBreak)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = golden_model("llama");
    Recipe recipe = with_dummy_ranges(base_recipe(model, {4, 8}, Semantics::bitwright), model);
    recipe.sites.at("layers.0.mlp.down_proj.weight").scheme.granularity = Granularity::group;
    recipe.sites.at("layers.0.mlp.down_proj.weight").scheme.group_size = 8;
    Random random(41);
    for (const LegalPair& pair : legal_pairs(model)) recipe.transforms.emplace_back(ScalePair{pair.pair, pair.layer, numbers(random_scales(pair, random))});
    recipe.transforms.emplace_back(Clip{"layers.0.mlp.up_proj.weight", numbers(std::vector<float>(72, -0.1f)), numbers(std::vector<float>(72, 0.1f))});
    const auto path = test::scratch("mutated-recipes") / "r.safetensors";
    save_recipe(recipe, path);
    const std::string good = read_text(path);
    int refused = 0, kept = 0;
    for (int i = 0; i < 400; ++i) {
        std::string bad = good;
        for (std::uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
            const auto at = static_cast<std::size_t>(random.below(bad.size()));
            // Digits often, so that numbers change and the JSON stays whole.
            bad[at] = random.below(2) ? static_cast<char>('0' + random.below(10)) : static_cast<char>(random.below(256));
        }
        std::ofstream(path, std::ios::binary) << bad;
        try {
            const Recipe loaded = load_recipe(path);
            static_cast<void>(diff_in_words(recipe, loaded));
            for (const Site& site : model.sites->sites()) {
                if (site.kind == SiteKind::weight && site.layer == 0) static_cast<void>(materialize(model, &loaded, site.id));
            }
            validate(loaded, model);
            for (const Site& site : model.sites->sites()) {
                if (site.kind == SiteKind::weight && site.layer == 0) static_cast<void>(quantize_weight(model, loaded, site.id));
            }
            ++kept;
        } catch (const Error&) {
            ++refused;
        }
    }
    EXPECT_GT(refused, 50);
    EXPECT_GT(kept, 0);
}

TEST(Placement, TableOfThePaper)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = golden_model("llama");
    const Recipe w8 = base_recipe(model, {8, 8}, Semantics::authors), w4 = base_recipe(model, {4, 8, true}, Semantics::authors);
    EXPECT_EQ(w8.sites.size(), model.sites->sites().size());
    const auto words = [](const Recipe& recipe, const std::string& name) { return in_words(recipe.sites.at(name).scheme); };
    EXPECT_EQ(words(w8, "layers.1.self_attn.q_proj.weight"), "8 bit asymmetric per tensor");
    EXPECT_EQ(words(w8, "layers.1.mlp.down_proj.weight"), "8 bit asymmetric per row");
    EXPECT_EQ(words(w4, "layers.1.self_attn.q_proj.weight"), "4 bit symmetric per row");
    EXPECT_EQ(words(w4, "layers.1.input_layernorm.weight"), "16 bit asymmetric per tensor");
    for (const char* name : {"layers.0.input_layernorm.input", "layers.0.self_attn.qk.output", "layers.0.self_attn.pv.input",
                             "layers.0.self_attn.o_proj.output", "layers.0.mlp.down_proj.output", "layers.0.post_attention_layernorm.input"}) {
        EXPECT_EQ(words(w8, name), "16 bit asymmetric per tensor") << name;
    }
    for (const char* name : {"layers.0.input_layernorm.output", "layers.0.self_attn.q_proj.output", "layers.0.self_attn.qk.input",
                             "layers.0.self_attn.pv.input2", "layers.0.self_attn.pv.output", "layers.0.mlp.gate_proj.output", "layers.0.mlp.act.input2",
                             "layers.0.mlp.act.output", "layers.0.mlp.down_proj.input"}) {
        EXPECT_EQ(words(w8, name), "8 bit asymmetric per tensor") << name;
    }
    for (const char* name : {"residual_embedding", "layers.0.residual_mlp", "norm.input", "norm.output", "lm_head.output"}) {
        EXPECT_EQ(words(w8, name), "16 bit symmetric per tensor") << name;
    }
    EXPECT_EQ(words(w4, "lm_head.weight"), "8 bit symmetric per row");
    EXPECT_EQ(words(w4, "embed_tokens.weight"), "8 bit symmetric per row");

    PlacementOptions options{4, 8};
    options.weight_scheme = Scheme{};
    options.weight_scheme->granularity = Granularity::group;
    options.weight_scheme->group_size = 16;
    options.softmax_input_8bit = options.softmax_output_8bit = true;
    const Recipe grouped = base_recipe(model, options, Semantics::authors);
    EXPECT_EQ(words(grouped, "layers.0.mlp.down_proj.weight"), "4 bit asymmetric per group of 16");
    EXPECT_EQ(words(grouped, "layers.0.self_attn.qk.output"), "8 bit asymmetric per tensor");
    EXPECT_EQ(words(grouped, "layers.0.self_attn.pv.input"), "8 bit asymmetric per tensor");

    EXPECT_EQ(words(base_recipe(golden_model("gemma2"), {}, Semantics::bitwright), "layers.0.attention_branch_norm.output"), "16 bit asymmetric per tensor");
    EXPECT_EQ(words(base_recipe(golden_model("opt-post-norm"), {}, Semantics::bitwright), "layers.0.input_layernorm.output"), "16 bit asymmetric per tensor");
    EXPECT_EQ(words(base_recipe(golden_model("qwen3"), {}, Semantics::bitwright), "layers.0.self_attn.q_norm.output"), "8 bit asymmetric per tensor");
    for (const auto& entry : std::filesystem::directory_iterator(test::shared() / "golden" / "models")) {
        if (!entry.is_directory()) continue;
        const Model any = open_model(entry.path());
        const Recipe recipe = with_dummy_ranges(base_recipe(any, {4, 8}, Semantics::bitwright), any);
        EXPECT_EQ(fault_of(recipe, any), "valid") << entry.path();
        EXPECT_EQ(recipe_hash(recipe), recipe_hash(recipe));
    }
}

}  // namespace
}  // namespace bitwright
