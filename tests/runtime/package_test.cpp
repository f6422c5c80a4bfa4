// SPDX-License-Identifier: GPL-3.0-or-later
// What a package file may not be: every fault gives one sentence that names it, and nothing that opens can make the engine read outside.
#include "core/runtime/engine.h"
#include "core/runtime/kernels/laid_out.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "tests/runtime/tiny_package.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <random>

namespace bitwright::test {
namespace {

/// The message of opening `path`, "" if it opens.
std::string fault_of(const std::filesystem::path& path)
{
    try {
        (void)Package::open(path);
        return {};
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_input) << error.what();
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
        return error.what();
    }
}

TEST(Package, OpensAndSaysWhatItIs)
{
    const auto path = scratch("package") / "tiny.safetensors";
    TinyPackage::make(1).write(path);
    const auto package = Package::open(path);
    EXPECT_EQ(package->graph().layers.size(), 2U);
    EXPECT_EQ(package->tokenizer_json(), "{\"model\":{}}");
    EXPECT_EQ(package->recipe_hash(), std::string(64, 'a'));
    EXPECT_EQ(package->metadata("made_by"), "test");
    EXPECT_EQ(package->file_size(), std::filesystem::file_size(path));
    EXPECT_FALSE(package->graph().layers[1].attention_add);
}

struct Fault {
    const char* names;  ///< what the message must name
    std::function<void(TinyPackage&)> spoil;
};

template <typename T>
void set_first(TinyPackage& package, const char* tensor, T value)
{
    std::memcpy(package.tensors.at(tensor).data.data(), &value, sizeof value);
}

TEST(Package, EveryFaultIsNamed)
{
    const Fault faults[] = {
        {"format: \"2\"", [](auto& p) { p.metadata["format"] = "2"; }},
        {"not a Bitwright package", [](auto& p) { p.metadata.erase("format"); }},
        {"layout: \"tiles\"", [](auto& p) { p.metadata["layout"] = "tiles"; }},
        {"architecture", [](auto& p) { p.architecture = nullptr; }},
        {"operations", [](auto& p) { p.operations = nullptr; }},
        {"recipe", [](auto& p) { p.metadata["recipe"] = "{\"hash\":\"abc\"}"; }},
        {"architecture.heads", [](auto& p) { p.architecture["heads"] = 0; }},
        {"architecture.heads", [](auto& p) { p.architecture["heads"] = "four"; }},
        {"architecture.kv_heads", [](auto& p) { p.architecture["kv_heads"] = 3; }},
        {"architecture.layers", [](auto& p) { p.architecture["layers"] = 4000; }},
        {"architecture.layers", [](auto& p) { p.architecture["layers"] = 1000; }},
        {"architecture.head_dim", [](auto& p) { p.architecture["heads"] = 4096, p.architecture["head_dim"] = 65; }},
        {"architecture.context", [](auto& p) { p.architecture["heads"] = 64, p.architecture["kv_heads"] = 64, p.architecture["head_dim"] = 4096, p.architecture["context"] = 1 << 20; p.tensors.erase("embedding.positions"); }},
        {"layers.2.", [](auto& p) { p.architecture["layers"] = 3; }},
        {"layers.1.", [](auto& p) { p.architecture["layers"] = 1; }},
        {"embedding.weight", [](auto& p) { p.architecture["vocab"] = 31; }},
        {"embedding.weight", [](auto& p) { p.architecture["hidden"] = 65536; }},
        {"rope.0.cosine", [](auto& p) { p.architecture["context"] = 41; p.tensors.erase("embedding.positions"); }},
        {"architecture.logit_scale", [](auto& p) { p.architecture["logit_scale"] = 0; }},
        {"architecture.eos", [](auto& p) { p.architecture["eos"] = 30; }},
        {"layers.0.q_proj.weight", [](auto& p) { p.tensors.erase("layers.0.q_proj.weight"); }},
        {"layers.0.q_proj.weight", [](auto& p) { p.tensors["layers.0.q_proj.weight"] = p.tensors["layers.0.k_proj.weight"]; }},
        {"layers.0.q_proj.multiplier", [](auto& p) { set_first<std::int32_t>(p, "layers.0.q_proj.multiplier", 77); }},
        {"layers.0.q_proj.shift", [](auto& p) { set_first<std::uint8_t>(p, "layers.0.q_proj.shift", 0); }},
        {"layers.0.q_proj.shift", [](auto& p) { set_first<std::uint8_t>(p, "layers.0.q_proj.shift", 63); }},
        {"layers.0.q_proj.shift", [](auto& p) { p.tensors.erase("layers.0.q_proj.shift"); }},
        {"layers.0.q_proj.bias", [](auto& p) { p.tensors["layers.0.q_proj.bias"] = p.tensors["layers.0.k_proj.bias"]; }},
        {"layers.0.q_proj.zero_point", [](auto& p) { p.tensors["layers.0.q_proj.zero_point"].shape = {2, 12}; }},
        {"layers.0.up_proj.zero_point", [](auto& p) { set_first<std::int8_t>(p, "layers.0.up_proj.zero_point", 8); }},
        {"layers.1.v_proj.group_scale", [](auto& p) { set_first<std::uint8_t>(p, "layers.1.v_proj.group_scale", 0); }},
        {"layers.1.v_proj.group", [](auto& p) { p.operations["layers.1.v_proj"]["group"] = 13; }},
        {"layers.1.v_proj.output.bits", [](auto& p) { p.operations["layers.1.v_proj"]["output"]["bits"] = 16; p.operations["layers.1.v_proj"]["output"]["zero_point"] = 0; }},
        {"layers.1.q_proj.permutation", [](auto& p) { set_first<std::int32_t>(p, "layers.1.q_proj.permutation", 12); }},
        {"layers.1.q_proj.permutation", [](auto& p) { set_first<std::int32_t>(p, "layers.1.q_proj.permutation", -1); }},
        {"layers.1.q_norm", [](auto& p) { p.operations["layers.1.q_proj"]["output"] = {{"bits", 8}, {"zero_point", 1}, {"scale", 1}}; }},
        {"layers.0.q_proj.output.zero_point", [](auto& p) { p.operations["layers.0.q_proj"]["output"]["zero_point"] = 128; }},
        {"layers.0.o_proj.output.zero_point", [](auto& p) { p.operations["layers.0.o_proj"]["output"]["zero_point"] = 1; }},
        {"layers.0.q_proj.output.scale", [](auto& p) { p.operations["layers.0.q_proj"]["output"]["scale"] = -1; }},
        {"layers.0.q_proj.output", [](auto& p) { p.operations["layers.0.q_proj"].erase("output"); }},
        {"layers.1.q_norm.heads", [](auto& p) { p.operations["layers.1.q_norm"]["heads"] = 7; }},
        {"layers.1.q_norm.gamma", [](auto& p) { p.operations["layers.1.q_norm"]["heads"] = p.architecture["heads"]; }},  // its weights are of one head
        {"layers.0.attention_norm.kind", [](auto& p) { p.operations["layers.0.attention_norm"]["kind"] = "batch"; }},
        {"layers.0.attention_norm.epsilon", [](auto& p) { p.operations["layers.0.attention_norm"]["epsilon"] = -1; }},
        {"layers.0.attention_norm.factor.shift", [](auto& p) { p.operations["layers.0.attention_norm"]["factor"]["shift"] = 9; }},
        {"layers.0.attention_norm.gamma", [](auto& p) { p.tensors["layers.0.attention_norm.gamma"].dtype = Dtype::u16; }},
        {"layers.0.q_rope.dims", [](auto& p) { p.operations["layers.0.q_rope"]["dims"] = 3; }},
        {"layers.0.q_rope.dims", [](auto& p) { p.operations["layers.0.q_rope"]["dims"] = 8; }},
        {"rope.1.cosine", [](auto& p) { p.operations["layers.0.q_rope"]["table"] = 1; }},
        {"layers.0.k_rope.output.bits", [](auto& p) { p.operations["layers.0.k_rope"]["output"] = {{"bits", 16}, {"zero_point", 0}, {"scale", 1}}; }},
        {"layers.0.attention.score.multiplier", [](auto& p) { p.operations["layers.0.attention"]["score"]["multiplier"] = 5; }},
        {"layers.0.attention.window", [](auto& p) { p.operations["layers.0.attention"]["window"] = -1; }},
        {"layers.1.attention.softcap", [](auto& p) { p.tensors["layers.1.attention.softcap"] = p.tensors["layers.1.attention.slopes"]; }},
        {"layers.0.attention_add.multipliers", [](auto& p) { p.operations["layers.0.attention_add"]["multipliers"] = {1, 2, 3}; }},
        {"layers.0.attention_add.multipliers", [](auto& p) { p.operations["layers.0.attention_add"]["multipliers"] = {1, -2}; }},
        {"layers.0.mlp_add.output.zero_point", [](auto& p) { p.operations["layers.0.mlp_add"]["output"] = {{"bits", 8}, {"zero_point", 3}, {"scale", 1}}; }},
        {"layers.0.mlp_norm", [](auto& p) { p.operations.erase("layers.0.mlp_norm"); }},
        {"layers.1.activation.table", [](auto& p) { p.tensors["layers.1.activation.table"] = p.tensors["layers.0.activation.table"]; }},
        {"layers.0.activation.table", [](auto& p) { p.operations["layers.0.activation"]["output"] = {{"bits", 8}, {"zero_point", 0}, {"scale", 1}}; }},
        {"layers.0.product", [](auto& p) { p.operations.erase("layers.0.product"); }},
        {"layers.0.extra", [](auto& p) { p.operations["layers.0.extra"] = {{"group", 0}}; }},
        {"stray", [](auto& p) { p.tensors["stray"] = p.tensors["layers.0.q_proj.bias"]; }},
    };
    const auto path = scratch("faults") / "bad.safetensors";
    for (const Fault& fault : faults) {
        TinyPackage package = TinyPackage::make(1);
        fault.spoil(package);
        package.write(path);
        const std::string message = fault_of(path);
        EXPECT_NE(message.find(fault.names), std::string::npos) << "expected " << fault.names << ", got \"" << message << "\"";
    }
}

TEST(Package, OtherFilesAreRefused)
{
    const auto folder = scratch("others");
    write_text(folder / "text", "hello");
    write_text(folder / "empty", "");
    EXPECT_NE(fault_of(folder / "text"), "");
    EXPECT_NE(fault_of(folder / "empty"), "");
    EXPECT_NE(fault_of(folder / "absent"), "");
}

TEST(Package, TruncatedAnywhereIsRefused)
{
    const auto folder = scratch("truncated");
    TinyPackage::make(1).write(folder / "whole");
    const std::string bytes = read_text(folder / "whole");
    for (std::size_t length = 0; length < bytes.size(); length += std::max<std::size_t>(1, bytes.size() / 97)) {
        write_text(folder / "cut", std::string_view(bytes).substr(0, length));
        EXPECT_NE(fault_of(folder / "cut"), "") << length;
    }
}

TEST(Package, MutatedBytesNeverCrash)
{
    const auto folder = scratch("mutated");
    TinyPackage::make(1).write(folder / "whole");
    const std::string bytes = read_text(folder / "whole");
    std::uint64_t header = 0;
    std::memcpy(&header, bytes.data(), sizeof header);
    std::mt19937 random(99);
    int opened = 0;
    for (int round = 0; round < 600; ++round) {
        std::string changed = bytes;
        const std::size_t reach = round % 3 == 0 ? changed.size() : static_cast<std::size_t>(header) + 8;  // mostly the header
        for (unsigned i = 0; i <= random() % 3; ++i) {
            char& byte = changed[random() % reach];
            byte = round % 2 == 0 ? "0123456789-\",{}[]e"[random() % 18] : static_cast<char>(random());
        }
        {
            std::ofstream(folder / "mutant", std::ios::binary) << changed;
        }
        try {
            Engine engine(Package::open(folder / "mutant"));
            ++opened;
            if (engine.graph().vocab == 30 && engine.graph().context >= 9) (void)engine.prefill(std::vector<std::int32_t>{1, 5, 29, 0, 7, 7, 7, 12, 3});
        } catch (const Error&) {
        }
    }
    EXPECT_GT(opened, 40);
    EXPECT_LT(opened, 560);
}

TEST(Package, InPanelsGivesTheSameBytesAndRefusesWhatDoesNotFit)
{
    const auto folder = scratch("package-panels");
    TinyPackage::make(5).write(folder / "rows.safetensors");
    const auto rows = Package::open(folder / "rows.safetensors");
    const std::vector<std::int32_t> ids{3, 1, 4, 1, 5, 9, 2, 6};
    Engine defined(rows, {.kernels = &reference_kernels()});
    const auto logits = defined.forward(ids, WantedLogits::all);
    for (const KernelSet* set : kernel_sets()) {
        const auto path = folder / (std::string(set->name) + ".safetensors");
        write_laid_out(*rows, set->layout, path, Control());
        const auto panels = Package::open(path);
        EXPECT_EQ(panels->metadata("layout"), name_of(set->layout));
        for (const KernelSet* used : {set, &reference_kernels()}) {  // the reference reads any layout
            Engine engine(panels, {.kernels = used});
            const auto found = engine.forward(ids, WantedLogits::all);
            EXPECT_TRUE(std::equal(found.begin(), found.end(), logits.begin(), logits.end())) << set->name << " by " << used->name;
        }
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(panels->graph().layers[0].gate_proj->weight.bytes.data()) % std::min(64, set->layout.rows * set->layout.depth), 0U);
    }
    auto broken = TinyPackage::make(5);
    broken.metadata["layout"] = "panels-7x3";
    broken.write(folder / "broken.safetensors");
    EXPECT_THROW((void)Package::open(folder / "broken.safetensors"), Error);
    broken.metadata["layout"] = "panels-32x4";
    auto& weight = broken.tensors["layers.0.gate_proj.weight"];
    weight.shape = {1, 3, 32, 4};  // 22 rows of 12 inputs, but no row_sum
    weight.data.resize(384);
    broken.write(folder / "broken.safetensors");
    try {
        (void)Package::open(folder / "broken.safetensors");
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("gate_proj.row_sum"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace bitwright::test
