// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/aimet.h"

#include "core/recipe/grid.h"
#include "core/recipe/placement.h"
#include "core/recipe/transforms.h"
#include "core/runtime/file.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace bitwright {
namespace {

constexpr auto down = "layers.1.mlp.down_proj.weight", tensor = "model.layers.1.mlp.down_proj.weight", activation = "layers.0.mlp.down_proj.input";

struct Exchanged {
    Model model = open_model(test::golden() / "models" / "llama-gqa-tied");
    std::filesystem::path file = test::scratch("aimet") / "model.encodings";
    Recipe recipe = base_recipe(model, {4, 8, true}, Semantics::bitwright);

    Exchanged()
    {
        float step = 0.37F;
        for (auto& [name, decision] : recipe.sites) {
            if ((*model.sites)[model.sites->find(name)].kind == SiteKind::activation) decision.range = {numbers({-step}), numbers({2 * step}), {}, {}, "min-max"};
            step += 0.11F;
        }
    }
    [[nodiscard]] nlohmann::json written(AimetVersion version) const
    {
        (void)export_aimet(model, recipe, file, version, {}, {});
        return nlohmann::json::parse(read_text(file));
    }
    /// Grids of a site, as the simulation uses them.
    [[nodiscard]] std::vector<Grid> grids(const Recipe& of, const std::string& name) const
    {
        const auto& decision = of.sites.at(name);
        const auto& site = (*model.sites)[model.sites->find(name)];
        if (site.kind == SiteKind::activation) return {grid_of(decision.range, 0, decision.scheme, of.semantics)};
        const auto weight = materialize(model, &of, site.id);
        return weight_grids(decision, weight.shape, weight.weight, of.semantics);
    }
    void expect_same_grids(const Recipe& other) const
    {
        for (const auto& [name, decision] : recipe.sites) {
            if (decision.scheme.kind == SchemeKind::floating) continue;
            ASSERT_TRUE(other.sites.contains(name)) << name;
            const auto a = grids(recipe, name), b = grids(other, name);
            ASSERT_EQ(a.size(), b.size()) << name;
            for (std::size_t i = 0; i < a.size(); ++i) {
                EXPECT_EQ(a[i].scale, b[i].scale) << name;
                EXPECT_EQ(a[i].qmin - a[i].offset, b[i].qmin - b[i].offset) << name;
                EXPECT_EQ(a[i].qmax - a[i].qmin, b[i].qmax - b[i].qmin) << name;
            }
        }
    }
    std::string fault(const std::string& text) const
    {
        write_text(file, text);
        try {
            (void)import_aimet(model, file, {});
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::bad_input);
            return error.what();
        }
        ADD_FAILURE() << "accepted: " << text;
        return {};
    }
};

// mobilequant §7.4: real = (q + offset)·scale, offset = round(min/scale) ≤ 0.
TEST(Aimet, SignsAndOffsetsAreTheirs)
{
    Exchanged e;
    e.recipe.sites.at(activation).range = {numbers({-1}), numbers({3}), {}, {}, "min-max"};
    const auto json = e.written(AimetVersion::v0_6_1);
    EXPECT_EQ(json["version"], "0.6.1");
    const auto& asymmetric = json["activation_encodings"][activation];
    ASSERT_EQ(asymmetric.size(), 1U);
    EXPECT_EQ(asymmetric[0]["bitwidth"], 8);
    EXPECT_EQ(asymmetric[0]["dtype"], "int");
    EXPECT_EQ(asymmetric[0]["is_symmetric"], "False") << "a string";
    EXPECT_EQ(asymmetric[0]["offset"], -64);
    EXPECT_FLOAT_EQ(asymmetric[0]["scale"].get<float>(), 4.0F / 255);
    EXPECT_NEAR(asymmetric[0]["min"].get<double>(), -64 * 4.0 / 255, 1e-6);
    EXPECT_NEAR(asymmetric[0]["max"].get<double>(), 191 * 4.0 / 255, 1e-6);
    const auto& symmetric = json["param_encodings"][tensor];
    EXPECT_EQ(static_cast<std::int64_t>(symmetric.size()), e.model.architecture().hidden) << "one for each output row, under the checkpoint's name";
    EXPECT_EQ(symmetric[0]["bitwidth"], 4);
    EXPECT_EQ(symmetric[0]["is_symmetric"], "True");
    EXPECT_EQ(symmetric[0]["offset"], -8);
    EXPECT_NEAR(symmetric[0]["max"].get<double>(), 7 * symmetric[0]["scale"].get<double>(), 1e-9);
    EXPECT_EQ(json["quantizer_args"]["activation_bitwidth"], 8);
    EXPECT_EQ(json["quantizer_args"]["param_bitwidth"], 4);
}

TEST(Aimet, BothVersionsComeBackAsTheSameGrids)
{
    Exchanged e;
    e.recipe.sites.at("layers.0.mlp.up_proj.output").scheme.bits = 16;
    e.recipe.sites.at("layers.0.mlp.up_proj.weight").scheme = {.bits = 8, .granularity = Granularity::tensor};
    for (const auto version : {AimetVersion::v0_6_1, AimetVersion::v1_0_0}) {
        (void)e.written(version);
        const auto back = import_aimet(e.model, e.file, {});
        EXPECT_TRUE(back.unknown.empty());
        validate(back.recipe, e.model);
        e.expect_same_grids(back.recipe);
        (void)export_aimet(e.model, back.recipe, e.file.string() + ".2", version, {}, {});
        EXPECT_EQ(read_text(e.file), read_text(e.file.string() + ".2")) << "the same bytes again";
    }
}

TEST(Aimet, GroupsNeedVersionOneAndLpbqIsRead)
{
    Exchanged e;
    const auto columns = (*e.model.sites)[e.model.sites->find(down)].channels;
    e.recipe.sites.at(down).scheme = {.bits = 4, .symmetric = true, .granularity = Granularity::group, .group_size = columns / 2};
    EXPECT_THROW((void)e.written(AimetVersion::v0_6_1), Error);
    auto json = e.written(AimetVersion::v1_0_0);
    e.expect_same_grids(import_aimet(e.model, e.file, {}).recipe);
    for (auto& entry : json["param_encodings"]) {
        if (entry["name"] != tensor) continue;
        EXPECT_EQ(entry["enc_type"], "PER_BLOCK");
        EXPECT_EQ(entry["is_sym"], true);
        const auto rows = entry["scale"].size() / 2;
        entry["enc_type"] = "LPBQ";
        entry["bw"] = 8;
        entry["compressed_bw"] = 4;
        entry["scale"] = std::vector<double>(rows, 0.5);
        entry["offset"] = std::vector<int>(rows, -128);
        std::vector<int> factors(2 * rows, 3);
        factors[1] = 7;
        entry["per_block_int_scale"] = factors;
    }
    write_text(e.file, json.dump());
    const auto read = import_aimet(e.model, e.file, {});
    const auto& decision = read.recipe.sites.at(down);
    EXPECT_EQ(decision.scheme.bits, 4);
    EXPECT_TRUE(decision.scheme.symmetric);
    EXPECT_EQ((*decision.range.scale)[0], 1.5F);
    EXPECT_EQ((*decision.range.scale)[1], 3.5F);
}

TEST(Aimet, ModuleKeyedFilesAndOtherNamesAreRead)
{
    Exchanged e;
    const std::string encoding = R"({"bitwidth": 8, "is_symmetric": "False", "max": 191.0, "min": -64.0, "offset": -64.0, "scale": 1.0})";
    write_text(e.file, R"({"version": "0.5.0", "activation_encodings": {"model.layers.0.self_attn.qk": {"input": {"0": )" + encoding + R"(, "1": )" + encoding + R"(}, "output": {"0": )" + encoding +
                           R"(}}, "elsewhere": {"output": {"0": )" + encoding + R"(}}}, "param_encodings": {"w": [)" + encoding + "]}}");
    const auto read = import_aimet(e.model, e.file, {{down, "w"}});
    EXPECT_EQ(read.version, "0.5.0");
    EXPECT_EQ(read.unknown, std::vector<std::string>{"elsewhere.output"});
    for (const char* site : {"layers.0.self_attn.qk.input", "layers.0.self_attn.qk.input2", "layers.0.self_attn.qk.output", down}) {
        ASSERT_TRUE(read.recipe.sites.contains(site)) << site;
        EXPECT_EQ(read.recipe.sites.at(site).range.offset->front(), 64);
    }
    EXPECT_EQ(read.recipe.sites.at(down).range.source, "AIMET 0.5.0");
}

TEST(Aimet, TruncatedOffsetsAndWideFloatsAreSaid)
{
    Exchanged e;
    // the authors' export: offset = int(min/scale) truncates, so min and offset disagree by almost a code
    write_text(e.file, R"({"activation_encodings": {")" + std::string(activation) + R"(": [{"bitwidth": 8, "is_symmetric": "False", "max": 190.1, "min": -64.9, "offset": -64, "scale": 1.0}],
        "norm.output": [{"bitwidth": 32, "is_symmetric": "False", "max": 1, "min": 0, "offset": 0, "scale": 1}], "lm_head.output": [{"bitwidth": 16, "dtype": "float"}]}, "param_encodings": {}})");
    const auto read = import_aimet(e.model, e.file, {});
    EXPECT_EQ(read.version, "0.4.0") << "files without a version are of 0.4";
    EXPECT_EQ(read.recipe.sites.size(), 1U);
    ASSERT_EQ(read.conversions.size(), 2U);
    EXPECT_NE(read.conversions[0].what.find("scale and offset count"), std::string::npos);
    EXPECT_NE(read.conversions[1].what.find("32 bits"), std::string::npos);
}

TEST(Aimet, LearnedOffsetsAreRoundedAndSaid)
{
    Exchanged e;
    auto& range = e.recipe.sites.at(activation).range;
    range = {{}, {}, numbers({0.5F}), numbers({100.4F}), "learned"};
    const auto written = export_aimet(e.model, e.recipe, e.file, AimetVersion::v1_0_0, {}, {});
    ASSERT_EQ(written.conversions.size(), 1U);
    EXPECT_EQ(written.conversions[0].site, activation);
    EXPECT_EQ(import_aimet(e.model, e.file, {}).recipe.sites.at(activation).range.offset->front(), 100);
    range = {{}, {}, numbers({0.5F}), numbers({-4.0F}), "learned"};  // 2 … 129.5 without a zero
    EXPECT_NE(export_aimet(e.model, e.recipe, e.file, AimetVersion::v1_0_0, {}, {}).conversions.at(0).what.find("widened"), std::string::npos);
}

TEST(Aimet, WhatEncodingsCannotSayIsRefused)
{
    Exchanged e;
    const auto refused = [&](const char* site, const Scheme& scheme, const std::string& words) {
        auto recipe = e.recipe;
        recipe.sites.at(site).scheme = scheme;
        recipe.sites.at(site).range = {};
        try {
            (void)export_aimet(e.model, recipe, e.file, AimetVersion::v1_0_0, {}, {});
            ADD_FAILURE() << words;
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
        }
    };
    refused(down, {.bits = 3, .granularity = Granularity::row}, "encodings know 4 to 32");
    refused(down, {.bits = 8, .granularity = Granularity::channel}, "per channel");
    refused(activation, {.bits = 8, .granularity = Granularity::token, .dynamic = true}, "dynamic");
}

TEST(Aimet, FaultsNameFileAndField)
{
    Exchanged e;
    const auto one = [](const std::string& entry) { return R"({"version": "1.0.0", "activation_encodings": [], "param_encodings": [)" + entry + "]}"; };
    const std::string good = R"("name": ")" + std::string(tensor) + R"(", "enc_type": "PER_TENSOR", "dtype": "INT", "bw": 8, "is_sym": false)";
    EXPECT_NE(e.fault("[]").find("must be an object"), std::string::npos);
    EXPECT_NE(e.fault(R"({"version": "7.0.0", "activation_encodings": {}, "param_encodings": {}})").find("version"), std::string::npos);
    EXPECT_NE(e.fault(R"({"version": "0.6.1", "activation_encodings": {}})").find("param_encodings: is missing"), std::string::npos);
    EXPECT_NE(e.fault(R"({"version": "1.0.0", "activation_encodings": {}, "param_encodings": []})").find("activation_encodings"), std::string::npos);
    EXPECT_NE(e.fault(one("{" + good + R"(, "scale": [0], "offset": [0]})")).find("not positive"), std::string::npos);
    EXPECT_NE(e.fault(one("{" + good + R"(, "scale": [1], "offset": [3]})")).find("offset"), std::string::npos);
    EXPECT_NE(e.fault(one("{" + good + R"(, "scale": [1], "offset": [-300]})")).find("offset"), std::string::npos);
    EXPECT_NE(e.fault(one("{" + good + R"(, "scale": [1, 2], "offset": [0]})")).find("2 scales and 1 offsets"), std::string::npos);
    EXPECT_NE(e.fault(one("{" + good + R"(, "scale": "x", "offset": [0]})")).find("param_encodings[0].scale"), std::string::npos);
    EXPECT_NE(e.fault(one(R"({"name": "nobody", "enc_type": "PER_TENSOR", "dtype": "INT", "bw": 8, "is_sym": false, "scale": [1], "offset": [0]})")).find("nobody"), std::string::npos);
    EXPECT_NE(e.fault(one("{" + good + R"(, "scale": [1], "offset": [0]}, {)" + good + R"(, "scale": [1], "offset": [0]})")).find("a second time"), std::string::npos);
    write_text(e.file.string() + ".names", R"({"layers.9.mlp.down_proj.weight": "x"})");
    EXPECT_THROW((void)export_aimet(e.model, e.recipe, e.file, AimetVersion::v0_6_1, read_name_map(e.file.string() + ".names"), {}), Error);
    write_text(e.file.string() + ".names", R"({"a": "x", "b": "x"})");
    EXPECT_THROW((void)read_name_map(e.file.string() + ".names"), Error);
}

}  // namespace
}  // namespace bitwright
