// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/authors.h"

#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bitwright {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path golden(const std::string& name) { return test::shared() / "golden" / "mobilequant" / name; }
Model model_of(const std::string& name)
{
    return open_model(test::shared() / "data" / "models" / (name == "tso" ? "TinyStories-656K-outliers" : "TinyStories-656K"));
}

void write_json(const fs::path& path, const json& value) { write_text(path, value.dump()); }

// Their files → recipe → files → recipe, for every pair of golden files.
TEST(AuthorsFiles, RoundTrip)
{
    BITWRIGHT_NEEDS_SHARED();
    const fs::path out = test::scratch("authors-round-trip");
    for (const std::string name : {"ts", "tso"}) {
        const Model model = model_of(name);
        for (const std::string smoothing : {"rtn", "sqs", "sqe"}) {
            for (const std::string bits : {"w8a8", "w4a8", "w4a8sym"}) {
                SCOPED_TRACE(name + " " + smoothing + " " + bits);
                const AuthorsFiles files{golden("act_dict_" + name + "_" + smoothing + ".json"), golden("qcfg_" + bits + ".json"), {}};
                const Recipe recipe = import_authors(model, files);
                EXPECT_EQ(recipe.semantics, Semantics::authors);
                EXPECT_NO_THROW(validate(recipe, model));

                const json ranges = authors_act_dict(model, recipe), schemes = authors_qcfg(model, recipe);
                json expected_schemes = json::parse(read_text(files.qcfg));
                for (auto& [module, fields] : expected_schemes.items()) {
                    if (module.find("norm") != std::string::npos) fields.at("weight").at("is_per_channel") = "False";
                }
                EXPECT_EQ(schemes, expected_schemes);
                // Theirs repeats shared tensors as the consumer's input; ours adds the default of σ(x).
                const json theirs = json::parse(read_text(files.act_dict));
                std::size_t repeated = 0;
                for (const auto& [module, fields] : theirs.items()) {
                    for (const auto& [field, range] : fields.items()) {
                        if (ranges.contains(module) && ranges.at(module).contains(field)) {
                            EXPECT_EQ(ranges.at(module).at(field), range) << module << "." << field;
                            continue;
                        }
                        EXPECT_EQ(field, "input") << module;
                        ++repeated;
                    }
                }
                EXPECT_EQ(repeated, 1u + 2 * 7);
                EXPECT_EQ(ranges.at("model.layers.1.mlp.act_fn").at("input2"), (json{0.0, 1.0}));

                write_json(out / "act_dict.json", ranges);
                write_json(out / "default_qcfg.json", schemes);
                const Recipe again = import_authors(model, authors_files(out));
                EXPECT_EQ(authors_act_dict(model, again), ranges);
                EXPECT_EQ(authors_qcfg(model, again), schemes);
            }
        }
    }
}

TEST(AuthorsFiles, SchemesAreThePlacementsOfThePaper)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = model_of("ts");
    const Recipe recipe =
        import_authors(model, {golden("act_dict_ts_sqe.json"), golden("qcfg_w4a8sym.json"), golden("smoothquant_edge_scales_ts.safetensors")});
    const auto words = [&](const std::string& site) { return in_words(recipe.sites.at(site).scheme); };
    EXPECT_EQ(words("layers.1.mlp.gate_proj.weight"), "4 bit symmetric per row");
    EXPECT_EQ(words("layers.1.input_layernorm.weight"), "16 bit symmetric per tensor");
    EXPECT_EQ(words("layers.0.self_attn.qk.output"), "16 bit asymmetric per tensor");
    EXPECT_EQ(words("norm.input"), "16 bit symmetric per tensor");
    EXPECT_FLOAT_EQ(recipe.sites.at("layers.0.mlp.down_proj.input").range.max->front(), 7.3554277420043945f);
    EXPECT_FALSE(recipe.sites.contains("residual_embedding"));
    std::vector<std::string> pairs;
    for (const auto& transform : recipe.transforms) pairs.push_back(std::get<ScalePair>(transform).pair);
    EXPECT_EQ(pairs, (std::vector<std::string>{"norm_qkv", "norm_mlp", "up_down", "norm_qkv", "norm_mlp", "up_down"}));
    EXPECT_NO_THROW(validate(recipe, model));
}

TEST(AuthorsExport, FolderTheirProgramsRead)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = model_of("ts");
    Recipe recipe = import_authors(model, {golden("act_dict_ts_sqe.json"), golden("qcfg_w8a8.json"), golden("smoothquant_edge_scales_ts.safetensors")});
    recipe.sites.at("layers.0.mlp.act.output").range = {{}, {}, numbers({0.03f}), numbers({11.25f}), "learned"};
    recipe.sites.at("layers.0.mlp.up_proj.weight").range = {numbers({-0.05f}), numbers({0.04f}), {}, {}, "mse"};
    const fs::path folder = test::scratch("authors-export") / "out";
    const Control control;
    export_authors(model, recipe, folder, control);

    const json ranges = json::parse(read_text(folder / "act_dict.json"));
    EXPECT_FLOAT_EQ(ranges.at("model.layers.0.mlp.act_fn").at("output")[0].get<float>(), -11.25f * 0.03f);
    EXPECT_FLOAT_EQ(ranges.at("model.layers.0.mlp.act_fn").at("output")[1].get<float>(), (255 - 11.25f) * 0.03f);
    const Model merged = open_model(folder);
    EXPECT_EQ(merged.checkpoint->entry("model.layers.0.mlp.up_proj.weight").dtype, Dtype::f32);
    EXPECT_EQ(merged.checkpoint->config().at("torch_dtype"), "float32");
    EXPECT_TRUE(fs::exists(folder / "tokenizer.json"));
    const auto up = materialize(merged, nullptr, merged.sites->find("layers.0.mlp.up_proj.weight"));
    EXPECT_EQ(*std::max_element(up.weight.begin(), up.weight.end()), 0.04f);  // clipped, so that min–max finds the range again
    EXPECT_EQ(*std::min_element(up.weight.begin(), up.weight.end()), -0.05f);
    const SiteId down = merged.sites->find("layers.1.mlp.down_proj.weight");
    EXPECT_EQ(materialize(merged, nullptr, down).weight, materialize(model, &recipe, down).weight);
    // What was exported imports on the merged model, without transforms.
    const Recipe again = import_authors(merged, authors_files(folder));
    EXPECT_TRUE(again.transforms.empty());
    EXPECT_EQ(authors_qcfg(merged, again), authors_qcfg(model, recipe));
    EXPECT_THROW(export_authors(model, recipe, folder, control), Error);  // it exists
}

TEST(AuthorsFiles, FaultsAreNamed)
{
    BITWRIGHT_NEEDS_SHARED();
    const fs::path folder = test::scratch("authors-faults");
    const Model model = model_of("ts");
    const json ranges = json::parse(read_text(golden("act_dict_ts_rtn.json"))), schemes = json::parse(read_text(golden("qcfg_w8a8.json")));
    const auto fault = [&](json changed_ranges, json changed_schemes) -> std::string {
        write_json(folder / "act_dict.json", changed_ranges);
        write_json(folder / "default_qcfg.json", changed_schemes);
        try {
            static_cast<void>(import_authors(model, authors_files(folder)));
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::bad_input);
            const std::string text = error.what();
            return text.substr(text.find(folder.string()) + folder.string().size() + 1);
        }
        return "none";
    };
    const auto with = [](json value, const char* pointer, const json& replacement) {
        value[json::json_pointer(pointer)] = replacement;
        return value;
    };
    EXPECT_EQ(fault(ranges, schemes), "none");
    EXPECT_EQ(fault(with(ranges, "/model.layers.0.mlp.w2/input", "x"), schemes), "act_dict.json: model.layers.0.mlp.w2.input: must be [min, max]");
    EXPECT_EQ(fault(with(ranges, "/model.layers.0.mlp.w2/input", {2, 1}), schemes),
              "act_dict.json: model.layers.0.mlp.w2.input: must be finite with min ≤ max");
    EXPECT_EQ(fault(with(ranges, "/model.layers.2.mlp.w2/input", {1, 2}), schemes),
              "act_dict.json: model.layers.2.mlp.w2: this model has layers 0 … 1; take the file of this model");
    EXPECT_EQ(fault(ranges, with(schemes, "/model.layers.0.mlp.w2/input/bitwidth", "eight")),
              "default_qcfg.json: model.layers.0.mlp.w2.input: bitwidth \"eight\" is no integer");
    EXPECT_EQ(fault(ranges, with(schemes, "/model.layers.0.mlp.w2/input/bitwidth", "1")),
              "default_qcfg.json: model.layers.0.mlp.w2.input: 1 bits are outside 2 … 16");
    EXPECT_EQ(fault(ranges, with(schemes, "/model.layers.0.mlp.w2/input", json::object())),
              "default_qcfg.json: model.layers.0.mlp.w2.input: \"bitwidth\" is missing");
    json missing = ranges;
    missing.at("model.layers.0.mlp.w2").erase("input");
    EXPECT_EQ(fault(missing, schemes),
              "act_dict.json: model.layers.0.mlp.w2.input: is missing, but default_qcfg.json quantizes it; take both files of one model");
    write_text(folder / "act_dict.json", "{");
    EXPECT_THROW(static_cast<void>(import_authors(model, authors_files(folder))), Error);
    EXPECT_THROW(static_cast<void>(authors_files(folder / "nowhere")), Error);
}

}  // namespace
}  // namespace bitwright
