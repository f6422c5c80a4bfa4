// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/architecture/model.h"
#include "core/runtime/file.h"
#include "tests/support/models.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <numeric>
#include <set>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

Model golden_model(const std::string& name) { return open_model(test::golden_models() / name); }

std::int64_t elements_in_files(const Checkpoint& checkpoint)
{
    std::int64_t count = 0;
    for (const auto& name : checkpoint.tensor_names()) count += element_count(checkpoint.entry(name).shape);
    return count;
}

// Every element of every file belongs to exactly one weight or bias: nothing is missed, nothing is counted twice.
TEST(Families, ParameterCountsEqualTheFiles)
{
    std::set<std::string> seen;
    for (const auto& name : test::golden_model_names()) {
        SCOPED_TRACE(name);
        const auto model = golden_model(name);
        EXPECT_EQ(model.description->parameter_count(), elements_in_files(*model.checkpoint));
        seen.insert(model.architecture().model_type);
    }
    // Our own copies leave out the two families whose models are large.
    EXPECT_GE(seen.size(), test::shared().empty() ? supported_families().size() - 2 : supported_families().size());
}

TEST(Families, BothSpellingsGiveTheSameArchitecture)
{
    for (const auto& name : test::golden_model_names()) {
        SCOPED_TRACE(name);
        const auto folder = test::linked_copy(test::golden_models() / name, "hub");
        fs::rename(folder / "config.hub.json", folder / "config.json");
        EXPECT_TRUE(open_model(folder).architecture() == golden_model(name).architecture());
    }
}

// Reading every weight in linear convention and summing must give the sum over the files (norms that store w − 1 add their count).
TEST(Families, WeightsAreReadCompletelyAndOnce)
{
    for (const auto& name : test::golden_model_names()) {
        SCOPED_TRACE(name);
        const auto model = golden_model(name);
        const auto& description = *model.description;
        double read = 0, added = 0;
        const auto take = [&](const std::optional<WeightSource>& source, std::int64_t expected) {
            if (!source) return;
            const auto values = read_weight(*model.checkpoint, *source);
            EXPECT_EQ(static_cast<std::int64_t>(values.size()), expected);
            read += std::accumulate(values.begin(), values.end(), 0.0, [](double sum, float v) { return sum + std::abs(v) * (1 + 1e-3 * v); });
            added += source->add;
        };
        for (std::int64_t layer = -1; layer < model.architecture().layers; ++layer)
            for (int r = 0; r <= static_cast<int>(WeightRole::lm_head); ++r) {
                const auto role = static_cast<WeightRole>(r);
                if (role == WeightRole::lm_head && model.architecture().tied_embeddings) continue;
                take(description.weight(role, layer), element_count(description.shape(role, layer)));
                if (description.bias(role, layer)) take(description.bias(role, layer), description.shape(role, layer).front());
            }
        if (added != 0) continue;  // Gemma: compared below
        double stored = 0;
        for (const auto& tensor : model.checkpoint->tensor_names())
            for (const float v : model.checkpoint->read_float(tensor)) stored += std::abs(v) * (1 + 1e-3 * v);
        EXPECT_NEAR(read, stored, 1e-9 * stored);
    }
}

std::vector<float> read(const Model& model, WeightRole role, std::int64_t layer)
{
    return read_weight(*model.checkpoint, *model.description->weight(role, layer));
}

TEST(Families, GemmaNormsAddOne)
{
    const auto model = golden_model("gemma");
    const auto stored = model.checkpoint->read_float("model.layers.1.input_layernorm.weight");
    const auto weight = read(model, WeightRole::attention_norm, 1);
    for (std::size_t i = 0; i < stored.size(); ++i) EXPECT_EQ(weight[i], stored[i] + 1.0f);
    EXPECT_DOUBLE_EQ(model.architecture().embedding_scale, static_cast<double>(std::sqrt(48.0f)));
}

/// Row r of a fused tensor, as stored.
std::vector<float> row(const std::vector<float>& matrix, std::size_t cols, std::size_t r)
{
    return {matrix.begin() + static_cast<std::ptrdiff_t>(r * cols), matrix.begin() + static_cast<std::ptrdiff_t>((r + 1) * cols)};
}

TEST(Families, FusedProjectionsGiveTheirRows)
{
    struct Case {
        std::string model, tensor;
        WeightRole role;
        std::size_t own_row, stored_row;
    };
    // Row numbers worked out by hand from golden/models' README: head_dim 6 in bloom-odd, 12 in falcon-new (2 kv heads of 2 queries) and phi3, 16 in gpt-neox.
    const std::vector<Case> cases{
        {"bloom-odd", "transformer.h.1.self_attention.query_key_value.weight", WeightRole::q_proj, 7, 19},
        {"bloom-odd", "transformer.h.1.self_attention.query_key_value.weight", WeightRole::k_proj, 7, 25},
        {"bloom-odd", "transformer.h.1.self_attention.query_key_value.weight", WeightRole::v_proj, 7, 31},
        {"gpt-neox", "gpt_neox.layers.1.attention.query_key_value.weight", WeightRole::v_proj, 17, 81},
        {"falcon-new", "transformer.h.1.self_attention.query_key_value.weight", WeightRole::q_proj, 25, 49},
        {"falcon-new", "transformer.h.1.self_attention.query_key_value.weight", WeightRole::k_proj, 13, 73},
        {"falcon-new", "transformer.h.1.self_attention.query_key_value.weight", WeightRole::v_proj, 13, 85},
        {"phi3", "model.layers.1.self_attn.qkv_proj.weight", WeightRole::k_proj, 5, 53},
        {"phi3", "model.layers.1.self_attn.qkv_proj.weight", WeightRole::v_proj, 5, 77},
        {"phi3", "model.layers.1.mlp.gate_up_proj.weight", WeightRole::gate_proj, 3, 3},
        {"phi3", "model.layers.1.mlp.gate_up_proj.weight", WeightRole::up_proj, 3, 75},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.model + " " + std::to_string(static_cast<int>(c.role)));
        const auto model = golden_model(c.model);
        const auto cols = static_cast<std::size_t>(model.description->shape(c.role, 1).back());
        EXPECT_EQ(row(read(model, c.role, 1), cols, c.own_row), row(model.checkpoint->read_float(c.tensor), cols, c.stored_row));
    }
}

TEST(Families, Conv1dIsTransposed)
{
    const auto model = golden_model("gpt2");
    const auto stored = model.checkpoint->read_float("transformer.h.1.attn.c_attn.weight");  // [48, 144]
    const auto v = read(model, WeightRole::v_proj, 1);
    ASSERT_EQ(v.size(), 48u * 48u);
    for (std::size_t r = 0; r < 48; ++r)
        for (std::size_t c = 0; c < 48; ++c) ASSERT_EQ(v[r * 48 + c], stored[c * 144 + 96 + r]);
    const auto bias = model.checkpoint->read_float("transformer.h.1.attn.c_attn.bias");
    EXPECT_EQ(read_weight(*model.checkpoint, *model.description->bias(WeightRole::v_proj, 1)), std::vector<float>(bias.begin() + 96, bias.end()));
}

TEST(Families, NormsPerHeadAreStacked)
{
    BITWRIGHT_NEEDS_SHARED();
    const auto model = golden_model("stablelm-parallel");
    EXPECT_EQ(model.description->shape(WeightRole::q_norm, 0), (Shape{3, 16}));
    const auto weight = read(model, WeightRole::q_norm, 1);
    EXPECT_EQ(row(weight, 16, 2), model.checkpoint->read_float("model.layers.1.self_attn.q_layernorm.norms.2.weight"));
}

TEST(Families, TheBareModelsNamesAreFound)
{
    const auto source = test::golden_models() / "gpt2";
    const auto folder = test::scratch("bare");
    fs::copy_file(source / "config.json", folder / "config.json");
    const SafetensorsFile file(source / "model.safetensors");
    std::map<std::string, Tensor> tensors;
    for (const auto& entry : file.entries()) {
        const auto view = file.tensor(entry.name);
        tensors[entry.name.substr(std::string("transformer.").size())] = {view.dtype, view.shape, {view.data.begin(), view.data.end()}};
    }
    write_safetensors(folder / "model.safetensors", tensors);
    const auto model = open_model(folder);
    EXPECT_EQ(model.description->weight(WeightRole::up_proj, 0)->tensor, "h.0.mlp.c_fc.weight");
    EXPECT_EQ(read(model, WeightRole::up_proj, 0), read(golden_model("gpt2"), WeightRole::up_proj, 0));
}

/// A copy of a golden model with one field of its config changed (null: removed).
Architecture changed(const std::string& name, const std::string& field, const nlohmann::json& value)
{
    const auto folder = test::linked_copy(test::golden_models() / name, "changed");
    auto config = nlohmann::json::parse(read_text(folder / "config.json"));
    if (value.is_discarded())
        config.erase(field);
    else
        config[field] = value;
    write_text(folder / "config.json", config.dump());
    return open_model(folder).architecture();
}

TEST(Families, WhatPublishedConfigsLeaveOutHasTransformersDefaults)
{
    const nlohmann::json absent(nlohmann::json::value_t::discarded);
    EXPECT_TRUE(changed("gemma", "tie_word_embeddings", absent).tied_embeddings);
    EXPECT_FALSE(changed("mistral", "tie_word_embeddings", absent).tied_embeddings);
    EXPECT_EQ(changed("mistral", "sliding_window", absent).attention[0].window, 4096);
    EXPECT_EQ(changed("mistral", "sliding_window", nullptr).attention[0].window, 0);
    EXPECT_EQ(changed("llama-gqa-tied", "rms_norm_eps", absent).norm_eps, 1e-6);
    EXPECT_EQ(changed("llama-gqa-tied", "head_dim", nullptr).head_dim, 12);
    EXPECT_EQ(changed("llama-gqa-tied", "eos_token_id", {5, 6}).eos, 5);
    EXPECT_EQ(changed("smollm3", "no_rope_layers", absent).attention[1].rope, -1);
    EXPECT_THROW((void)changed("llama-gqa-tied", "quantization_config", {{"quant_method", "gptq"}}), Error);
    EXPECT_THROW((void)changed("llama-gqa-tied", "hidden_act", "quick_gelu"), Error);
    EXPECT_THROW((void)changed("qwen3", "layer_types", {"full_attention"}), Error);
    EXPECT_THROW((void)changed("llama-gqa-tied", "num_hidden_layers", 200'000'000), Error);
    EXPECT_THROW((void)changed("llama-gqa-tied", "hidden_size", 1e300), Error);
}

}  // namespace
}  // namespace bitwright
