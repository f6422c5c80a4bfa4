// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/checkpoint.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "tests/support/models.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <limits>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

fs::path good() { return test::golden() / "bad" / "good"; }

TEST(Checkpoint, ReadsAllFloatingDtypes)
{
    const auto folder = test::scratch("dtypes");
    fs::copy_file(good() / "config.json", folder / "config.json");
    const std::array<float, 3> f32{1.5f, -0.0f, 3e38f};
    const std::array<double, 2> f64{0.1, -1e-300};
    const std::array<std::uint16_t, 4> f16{0x3e00, 0x8001, 0x7bff, 0x0400};  // 1.5, −2^−24, 65504, 2^−14
    const std::array<std::uint16_t, 2> bf16{0x3fc0, 0x8001};                 // 1.5, the smallest negative subnormal
    const std::array<std::int32_t, 1> i32{7};
    write_safetensors(folder / "model.safetensors", {{"f32", Tensor::from<float>(Dtype::f32, {3}, f32)},
                                                     {"f64", Tensor::from<double>(Dtype::f64, {2}, f64)},
                                                     {"f16", Tensor::from<std::uint16_t>(Dtype::f16, {2, 2}, f16)},
                                                     {"bf16", Tensor::from<std::uint16_t>(Dtype::bf16, {2}, bf16)},
                                                     {"i32", Tensor::from<std::int32_t>(Dtype::i32, {1}, i32)}});
    const auto checkpoint = Checkpoint::open(folder);
    EXPECT_EQ(checkpoint->read_float("f32"), (std::vector<float>{1.5f, -0.0f, 3e38f}));
    EXPECT_EQ(checkpoint->read_float("f64"), (std::vector<float>{0.1f, -0.0f}));
    EXPECT_EQ(checkpoint->read_float("f16"), (std::vector<float>{1.5f, -0x1p-24f, 65504.0f, 0x1p-14f}));
    EXPECT_EQ(checkpoint->read_float("bf16"), (std::vector<float>{1.5f, -0x1p-133f}));
    std::array<float, 2> part{};
    checkpoint->read_float("f16", 1, part);
    EXPECT_EQ(part, (std::array<float, 2>{-0x1p-24f, 65504.0f}));
    EXPECT_THROW((void)checkpoint->read_float("i32"), Error);
    EXPECT_THROW((void)checkpoint->read_float("none"), Error);
    EXPECT_EQ(checkpoint->weight_bytes(), 12u + 16 + 8 + 4 + 4);
    EXPECT_EQ(checkpoint->tensor_names(), (std::vector<std::string>{"bf16", "f16", "f32", "f64", "i32"}));
    EXPECT_FALSE(checkpoint->has_tokenizer());
}

TEST(Checkpoint, ShardsReadLikeOneFile)
{
    BITWRIGHT_NEEDS_SHARED();
    const auto sharded = Checkpoint::open(test::golden_models() / "llama-sharded");
    EXPECT_EQ(sharded->tensor_names().size(), 21u);
    EXPECT_EQ(sharded->weight_bytes(), 182208u);
    EXPECT_EQ(sharded->file_of("lm_head.weight").filename(), "model-00004-of-00004.safetensors");
    EXPECT_EQ(sharded->read_float("lm_head.weight").size(), 112u * 48);
    EXPECT_EQ(sharded->content_hash(Control()).size(), 64u);
}

TEST(Checkpoint, IdentityChangesWithTheFolderContentHashWithTheBytes)
{
    const auto folder = test::scratch("identity");
    fs::copy(good(), folder, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    const auto first = Checkpoint::open(folder);
    EXPECT_EQ(first->identity(), Checkpoint::open(folder)->identity());
    EXPECT_EQ(first->content_hash(Control()), sha256_hex(read_text(folder / "config.json") + read_text(folder / "model.safetensors")));

    fs::last_write_time(folder / "model.safetensors", fs::last_write_time(folder / "model.safetensors") + std::chrono::seconds(1));
    const auto touched = Checkpoint::open(folder);
    EXPECT_NE(first->identity(), touched->identity());
    EXPECT_EQ(first->content_hash(Control()), touched->content_hash(Control()));
}

TEST(Checkpoint, HashingAndVerifyingCanBeCancelled)
{
    const auto checkpoint = Checkpoint::open(good());
    Control control;
    control.request_cancel();
    EXPECT_THROW((void)checkpoint->content_hash(control), Cancelled);
    EXPECT_THROW((void)checkpoint->verify(control), Cancelled);
}

TEST(Checkpoint, ReleasedTensorsReadAgain)
{
    const auto checkpoint = Checkpoint::open(good());
    const auto before = checkpoint->read_float("model.norm.weight");
    for (const auto& name : checkpoint->tensor_names()) checkpoint->release(name);
    checkpoint->release("none");
    EXPECT_EQ(checkpoint->read_float("model.norm.weight"), before);
}

TEST(Checkpoint, AnIndexMayNotLeaveTheFolder)
{
    const auto folder = test::scratch("escape");
    fs::copy_file(good() / "config.json", folder / "config.json");
    for (const auto* name : {"../model.safetensors", "/etc/passwd", "", ".."}) {
        write_text(folder / "model.safetensors.index.json", std::string(R"({"weight_map": {"a": ")") + name + "\"}}");
        EXPECT_THROW((void)Checkpoint::open(folder), Error) << name;
    }
    for (const auto* text : {"{}", R"({"weight_map": {}})", R"({"weight_map": []})", R"({"weight_map": {"a": 1}})", "[]", "{"}) {
        write_text(folder / "model.safetensors.index.json", text);
        EXPECT_THROW((void)Checkpoint::open(folder), Error) << text;
    }
}

}  // namespace
}  // namespace bitwright
