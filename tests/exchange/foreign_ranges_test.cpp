// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/foreign_ranges.h"

#include "core/exchange/npz.h"
#include "core/recipe/placement.h"
#include "core/runtime/file.h"
#include "tests/exchange/npz_writer.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

namespace bitwright {
namespace {

constexpr auto site = "layers.0.mlp.down_proj.input";

struct Foreign {
    Model model = open_model(test::golden() / "models" / "llama-gqa-tied");
    std::filesystem::path folder = test::scratch("foreign");
    [[nodiscard]] ForeignRanges read(const std::string& name, const std::string& text) const
    {
        write_text(folder / name, text);
        return read_foreign_ranges(model, folder / name, {});
    }
    [[nodiscard]] std::string fault(const std::string& name, const std::string& text) const
    {
        try {
            (void)read(name, text);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::bad_input);
            return error.what();
        }
        ADD_FAILURE() << "accepted: " << text.substr(0, 100);
        return {};
    }
    [[nodiscard]] ForeignRange of(const ForeignRanges& ranges) const { return ranges.sites.at(model.sites->find(site)); }
};

TEST(Npz, ArraysComeBackWithTheirShapes)
{
    const auto path = test::scratch("npz") / "a.npz";
    write_text(path, test::npz({{"m", test::npy("2, 3", {1, 2, 3, 4, 5, 6})}, {"s", test::npy("", {7})}}));
    const auto arrays = read_npz(path);
    ASSERT_EQ(arrays.size(), 2U);
    EXPECT_EQ(arrays.at("m").shape, (Shape{2, 3}));
    EXPECT_EQ(arrays.at("m").values, (std::vector<double>{1, 2, 3, 4, 5, 6}));
    EXPECT_TRUE(arrays.at("s").shape.empty());
    EXPECT_EQ(arrays.at("s").values, std::vector<double>{7});
}

TEST(Npz, CutAndCompressedFilesAreRefused)
{
    const auto path = test::scratch("npz-bad") / "a.npz";
    const auto whole = test::npz({{"m", test::npy("2", {1, 2})}});
    for (const std::size_t size : {std::size_t{0}, std::size_t{10}, whole.size() / 2, whole.size() - 1}) {
        write_text(path, whole.substr(0, size));
        EXPECT_THROW((void)read_npz(path), Error) << size;
    }
    auto compressed = whole;
    compressed[whole.rfind("PK\x01\x02") + 10] = 8;
    write_text(path, compressed);
    try {
        (void)read_npz(path);
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("savez"), std::string::npos) << error.what();
    }
    write_text(path, test::npz({{"m", test::npy("9999999999", {1, 2})}}));
    EXPECT_THROW((void)read_npz(path), Error) << "its shape is larger than the file";
}

TEST(ForeignRanges, EveryFormSaysTheSame)
{
    const Foreign f;
    const std::vector<std::pair<std::string, std::string>> files{
        {"a.json", R"({"layers.0.mlp.down_proj.input": {"min": -3, "max": 61.5}})"},
        {"b.json", R"({"program": "mine 1.2", "sites": {"model.layers.0.mlp.down_proj.input": {"min": [-1, -3], "max": [61.5, 2]}}})"},
        {"act_dict.json", R"({"model.layers.0.mlp.down_proj": {"input": [-3, 61.5]}, "model.embed_tokens": {"output": [0, 1]}})"},
        {"c.npz", test::npz({{std::string(site) + ".min", test::npy("2", {-1, -3})}, {std::string(site) + ".max", test::npy("", {61.5F})}})}};
    for (const auto& [name, text] : files) {
        const auto range = f.of(f.read(name, text));
        EXPECT_EQ(range.min, -3) << name;
        EXPECT_EQ(range.max, 61.5F) << name;
    }
    EXPECT_EQ(f.read("act_dict.json", files[2].second).unknown, std::vector<std::string>{"model.embed_tokens.output"});
    const auto both = f.of(f.read("d.npz", test::npz({{std::string(site) + ".abs_max", test::npy("2", {4, 5})}})));
    EXPECT_EQ(both.min, -5);
}

TEST(ForeignRanges, TheRecipeSaysWhereTheyCameFrom)
{
    const Foreign f;
    auto recipe = base_recipe(f.model, {8, 8}, Semantics::bitwright);
    const auto ranges = f.read("theirs.json", R"({"layers.0.mlp.down_proj.input": {"min": -3, "max": 61.5}})");
    std::size_t used = 0;
    const auto after = with_foreign_ranges(recipe, f.model, ranges, used);
    EXPECT_EQ(used, 1U);
    const auto& range = after.sites.at(site).range;
    EXPECT_EQ(range.max->front(), 61.5F);
    EXPECT_NE(range.source.find("theirs.json"), std::string::npos);
    EXPECT_NE(range.source.find(ranges.sha256.substr(0, 8)), std::string::npos);
    EXPECT_EQ(after.parent, recipe_hash(recipe));
    EXPECT_NE(after.made_by.options.find(ranges.sha256), std::string::npos);
    recipe.sites.at(site).scheme.dynamic = true;
    (void)with_foreign_ranges(recipe, f.model, ranges, used);
    EXPECT_EQ(used, 0U) << "a dynamic site takes its range from the tensor";
}

TEST(ForeignRanges, FaultsNameFileAndField)
{
    const Foreign f;
    EXPECT_NE(f.fault("x.json", "{").find("x.json"), std::string::npos);
    EXPECT_NE(f.fault("x.json", R"({"layers.0.mlp.down_proj.input": {"min": -3}})").find("has no max"), std::string::npos);
    EXPECT_NE(f.fault("x.json", R"({"layers.0.mlp.down_proj.input": {"min": 3, "max": 1}})").find("min above its max"), std::string::npos);
    EXPECT_NE(f.fault("x.json", R"({"layers.0.mlp.down_proj.input": {"min": -1, "max": 1e300}})").find("not finite"), std::string::npos);
    EXPECT_NE(f.fault("x.json", R"({"layers.0.mlp.down_proj.input": {"min": -1, "max": "wide"}})").find("max"), std::string::npos);
    EXPECT_NE(f.fault("x.json", R"({"nobody": {"min": -1, "max": 1}})").find("nobody"), std::string::npos);
    EXPECT_NE(f.fault("x.npz", test::npz({{"layers.0.mlp.down_proj.input.mean", test::npy("", {1})}})).find(".min, .max or .abs_max"), std::string::npos);
    EXPECT_NE(f.fault("x.npz", "no zip").find("numpy.savez"), std::string::npos);
}

}  // namespace
}  // namespace bitwright
