// SPDX-License-Identifier: GPL-3.0-or-later
// Every folder of golden/bad against what its README says a good error names. The tokenizer's own faults are tested with the tokenizer.
#include "core/architecture/model.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

namespace bitwright {
namespace {

struct Bad {
    const char* folder;
    std::vector<std::string> names;
};
void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.folder; }

class BadCheckpoint : public ::testing::TestWithParam<Bad> {};

TEST_P(BadCheckpoint, IsOneSentence)
{
    const auto folder = test::golden() / "bad" / GetParam().folder;
    std::string message;
    try {
        (void)open_model(folder);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_input);
        message = error.what();
    }
    ASSERT_FALSE(message.empty()) << "it opened";
    EXPECT_EQ(message.find('\n'), std::string::npos);
    EXPECT_NE(message.find(folder.string()), std::string::npos) << message;
    for (const auto& name : GetParam().names) EXPECT_NE(message.find(name), std::string::npos) << "no “" << name << "” in: " << message;
}

const std::string q = "model.layers.0.self_attn.q_proj.weight", up = "model.layers.0.mlp.up_proj.weight";
INSTANTIATE_TEST_SUITE_P(
    Golden, BadCheckpoint,
    ::testing::Values(Bad{"truncated", {"model.safetensors", "10348", "17248", "model.layers.0."}}, Bad{"empty-file", {"model.safetensors", "too short"}},
                      Bad{"header-beyond-file", {"model.safetensors", "1099511627776", "17248"}}, Bad{"header-not-json", {"model.safetensors", "at byte "}},
                      Bad{"header-list", {"model.safetensors", "object"}}, Bad{"overlapping-offsets", {q, "model.layers.0.self_attn.o_proj.weight", "bytes ["}},
                      Bad{"offsets-beyond-file", {"model.norm.weight", "data_offsets [", "data of "}}, Bad{"byte-count", {q, "1024", "1020"}},
                      Bad{"negative-shape", {q, "-16"}}, Bad{"shape-overflow", {q, "[4294967296, 4294967296]"}}, Bad{"unknown-dtype", {q, "Q4_X"}},
                      Bad{"unsupported-dtype", {up, "F8_E4M3"}}, Bad{"missing-tensor", {up}}, Bad{"wrong-shape", {q, "[8, 16]", "[16, 16]"}},
                      Bad{"config-missing-field", {"config.json", "hidden_size"}},
                      Bad{"config-wrong-type", {"config.json", "num_hidden_layers", "\"two\"", "integer"}},
                      Bad{"config-negative", {"config.json", "num_hidden_layers", "-1"}}, Bad{"unknown-model-type", {"quasillama", "llama", "qwen3"}},
                      Bad{"heads-not-dividing", {"num_attention_heads", "5", "16"}}, Bad{"kv-heads-not-dividing", {"num_key_value_heads", "3", "4"}},
                      Bad{"unknown-rope", {"rope_type", "spiral", "llama3"}}, Bad{"config-not-json", {"config.json", "at byte 1"}},
                      Bad{"no-weights", {"model.safetensors", "model.safetensors.index.json"}}, Bad{"shard-absent", {"model-00002-of-00002.safetensors"}},
                      Bad{"index-wrong-shard", {up, "model-0000"}}, Bad{"tokenizer-too-large", {"tokenizer.json", "80", "64"}}),
    [](const auto& bad) {
        std::string name = bad.param.folder;
        std::replace(name.begin(), name.end(), '-', '_');
        return name;
    });

TEST(BadCheckpoints, TheGoodOneOpensAndReads)
{
    const auto model = open_model(test::golden() / "bad" / "good");
    for (const auto& name : model.checkpoint->tensor_names()) EXPECT_FALSE(model.checkpoint->read_float(name).empty());
    EXPECT_TRUE(model.checkpoint->verify(Control()).empty());
}

TEST(BadCheckpoints, NonFiniteWeightsAreFoundWhenRead)
{
    const auto model = open_model(test::golden() / "bad" / "nan-weights");
    EXPECT_NO_THROW((void)model.checkpoint->read_float(q));
    const auto expect_found = [](const std::string& message) {
        EXPECT_NE(message.find(up), std::string::npos) << message;
        EXPECT_NE(message.find("2 of 384 values are not finite"), std::string::npos) << message;
    };
    try {
        (void)read_weight(*model.checkpoint, *model.description->weight(WeightRole::up_proj, 0));
        FAIL();
    } catch (const Error& error) {
        expect_found(error.what());
    }
    const auto faults = model.checkpoint->verify(Control());
    ASSERT_EQ(faults.size(), 1u);
    expect_found(faults.front());
}

TEST(BadCheckpoints, FoldersThatAreNone)
{
    EXPECT_THROW((void)open_model("/nowhere"), Error);
    EXPECT_THROW((void)open_model(test::scratch("empty")), Error);
}

}  // namespace
}  // namespace bitwright
