// SPDX-License-Identifier: GPL-3.0-or-later
// The engine's benchmark as a user calls it, on a package small enough to take no time: its keys, and what the workspace keeps.
#include "core/workspace/engine_speeds.h"
#include "core/workspace/results.h"
#include "tests/app/program.h"
#include "tests/runtime/tiny_package.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

namespace bitwright::test {
namespace {

TEST(Bench, PrintsAllKeysAndTheWorkspaceKeepsWhatWasMeasured)
{
    const auto folder = scratch("bench");
    TinyPackage::make(1).write(folder / "tiny.safetensors");
    const auto ended = run_cli({"bench", "--package", (folder / "tiny.safetensors").string(), "-w", (folder / "w.bitwright").string(), "--json"});
    ASSERT_EQ(ended.code, 0) << ended.err;
    const auto object = ended.json();
    for (const char* key : {"isa", "gemm_w8a8_of_peak", "gemm_w4a8_of_w8a8", "gemm_w4a8_g32_of_w8a8", "prefill_of_ceiling", "decode_w8_of_sweep", "decode_w4_of_sweep", "busy_core_decode_of_t1",
                            "peak_rss_of_weights_and_kv", "attention_of_prefill", "attention_of_decode", "warm_start_ms"})
        EXPECT_TRUE(object.contains(key)) << key;
    EXPECT_GT(object["decode_tokens_per_s_w8"].get<double>(), 0);
    EXPECT_GT(object["attention_of_prefill"].get<double>(), 0);
    EXPECT_LT(object["attention_of_prefill"].get<double>(), 1);
    EXPECT_TRUE(object["decode_w4_of_sweep"].is_null());  // the package has 8-bit weights: not measured, not 0

    const Workspace workspace(folder / "w.bitwright");
    const auto kept = list_engine_speeds(workspace);
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(object["stored"], "engine_speed:1");
    EXPECT_EQ(kept[0].isa, object["isa"]);
    EXPECT_EQ(kept[0].package.value_or("").size(), 64U);
    for (const auto& [name, value] : kept[0].figures) EXPECT_DOUBLE_EQ(object[name].get<double>(), value) << name;
    EXPECT_GT(kept[0].figures.size(), 8U);
    EXPECT_EQ(get_conditions(workspace, kept[0].conditions).threads, 1);
}

}  // namespace
}  // namespace bitwright::test
