// SPDX-License-Identifier: GPL-3.0-or-later
// Every malformed checkpoint of golden/bad: exit code 3 and one sentence that names what its README says it should.
#include "tests/app/program.h"
#include "tests/support/shared_data.h"

#include <algorithm>

namespace bitwright::test {
namespace {

struct Bad {
    const char* folder;
    std::vector<std::string> names;  ///< what the sentence holds
    bool verify = false;             ///< found only when weights are read
};

void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.folder; }

class BadCheckpoint : public ::testing::TestWithParam<Bad> {};

TEST_P(BadCheckpoint, IsRefusedInOneSentence)
{
    BITWRIGHT_NEEDS_SHARED();
    const auto& bad = GetParam();
    const auto folder = shared() / "golden" / "bad" / bad.folder;
    Arguments arguments{"inspect", folder.string(), "--json"};
    if (bad.verify) arguments.push_back("--verify");
    const auto ended = run_cli(arguments);
    EXPECT_EQ(ended.code, 3) << ended.err;
    EXPECT_EQ(ended.out, "");
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
    for (const auto& name : bad.names) EXPECT_NE(ended.err.find(name), std::string::npos) << "\"" << name << "\" is not in: " << ended.err;
}

INSTANTIATE_TEST_SUITE_P(Golden, BadCheckpoint,
                         ::testing::Values(Bad{"truncated", {"model.safetensors"}}, Bad{"empty-file", {"model.safetensors"}},
                                           Bad{"header-beyond-file", {"model.safetensors", "1099511627776"}}, Bad{"header-not-json", {"model.safetensors"}},
                                           Bad{"header-list", {"model.safetensors", "object"}}, Bad{"overlapping-offsets", {"q_proj", "o_proj"}},
                                           Bad{"offsets-beyond-file", {"model.norm.weight"}},
                                           Bad{"byte-count", {"model.layers.0.self_attn.q_proj.weight", "1024", "1020"}},
                                           Bad{"negative-shape", {"q_proj.weight", "-16"}}, Bad{"shape-overflow", {"q_proj.weight", "4294967296"}},
                                           Bad{"unknown-dtype", {"q_proj.weight", "Q4_X"}}, Bad{"unsupported-dtype", {"up_proj.weight", "F8_E4M3"}},
                                           Bad{"missing-tensor", {"model.layers.0.mlp.up_proj.weight"}}, Bad{"wrong-shape", {"[8, 16]", "[16, 16]"}},
                                           Bad{"nan-weights", {"up_proj.weight", "2"}, true}, Bad{"config-missing-field", {"config.json", "hidden_size"}},
                                           Bad{"config-wrong-type", {"num_hidden_layers", "two"}}, Bad{"config-negative", {"num_hidden_layers", "-1"}},
                                           Bad{"unknown-model-type", {"quasillama", "llama"}}, Bad{"heads-not-dividing", {"5", "16"}},
                                           Bad{"kv-heads-not-dividing", {"3", "4"}}, Bad{"unknown-rope", {"spiral", "yarn"}},
                                           Bad{"config-not-json", {"config.json"}}, Bad{"no-weights", {"no-weights", "model.safetensors"}},
                                           Bad{"shard-absent", {"model-00002-of-00002.safetensors"}}, Bad{"index-wrong-shard", {"up_proj.weight"}},
                                           Bad{"tokenizer-too-large", {"80", "64"}}, Bad{"tokenizer-unknown-model", {"tokenizer.json", "WordMagic"}},
                                           Bad{"tokenizer-bad-merge", {"tokenizer.json", "merge"}}),
                         [](const auto& bad) {
                             std::string name = bad.param.folder;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

TEST(GoodCheckpoint, Opens)
{
    BITWRIGHT_NEEDS_SHARED();
    const auto ended = run_cli({"inspect", (shared() / "golden" / "bad" / "good").string(), "--json", "--verify"});
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_TRUE(ended.json()["verified"]);
}

}  // namespace
}  // namespace bitwright::test
