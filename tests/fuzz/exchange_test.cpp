// SPDX-License-Identifier: GPL-3.0-or-later
// Readers of what other quantization tools write.
#include "core/exchange/aimet.h"
#include "core/exchange/foreign_ranges.h"
#include "core/recipe/npu_profile.h"
#include "core/recipe/placement.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "tests/exchange/npz_writer.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/reader.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

using test::accepts;
using test::write_plain;

Model tiny() { return open_model(test::golden() / "models" / "llama-gqa-tied"); }

TEST(FuzzExchange, Aimet)
{
    const auto model = tiny();
    const auto path = test::scratch("fuzz-aimet") / "x.encodings";
    const std::array<std::string, 3> corpus{
        R"({"version":"0.6.1","activation_encodings":{"layers.0.mlp.down_proj.input":[{"bitwidth":8,"dtype":"int","is_symmetric":"False","max":3.0,"min":-1.0,"offset":-64,"scale":0.0157}]},"param_encodings":{"model.layers.0.mlp.up_proj.weight":[{"bitwidth":4,"dtype":"int","is_symmetric":"True","max":0.7,"min":-0.8,"offset":-8,"scale":0.1}]},"quantizer_args":{"dtype":"int"}})",
        R"({"version":"1.0.0","activation_encodings":[{"name":"layers.0.mlp.down_proj.input","enc_type":"PER_TENSOR","dtype":"INT","bw":8,"is_sym":false,"scale":[0.5],"offset":[-3]}],"param_encodings":[{"name":"layers.0.mlp.up_proj.weight","enc_type":"LPBQ","dtype":"INT","bw":8,"compressed_bw":4,"block_size":16,"is_sym":true,"scale":[0.5],"offset":[-128],"per_block_int_scale":[1,2]}]})",
        R"({"activation_encodings":{"model.layers.1.self_attn.qk":{"input":{"0":{"bitwidth":8,"is_symmetric":"False","max":191.0,"min":-64.0,"offset":-64.0,"scale":1.0},"1":{"bitwidth":16,"dtype":"float"}}}},"param_encodings":{}})"};
    test::Mutator mutate(11);
    int accepted = 0;
    for (int i = 0; i < 12'000; ++i) {
        write_plain(path, mutate(corpus[static_cast<std::size_t>(i) % corpus.size()]));
        accepted += accepts(i, [&] { validate(import_aimet(model, path, {}).recipe, model); });
    }
    EXPECT_GT(accepted, 100);
}

TEST(FuzzExchange, ForeignRanges)
{
    const auto model = tiny();
    const auto folder = test::scratch("fuzz-ranges");
    const std::string json = R"({"sites":{"layers.0.mlp.down_proj.input":{"min":[-1,-3],"max":61.5},"model.layers.1.mlp.down_proj":{"input":[-3,61.5]}}})";
    const auto npz = test::npz({{"layers.0.mlp.down_proj.input.min", test::npy("2", {-1, -3})}, {"layers.0.mlp.down_proj.input.max", test::npy("", {61.5F})}});
    test::Mutator mutate(12);
    int texts = 0, arrays = 0;
    for (int i = 0; i < 6'000; ++i) {
        write_plain(folder / "x.json", mutate(json));
        texts += accepts(i, [&] { (void)read_foreign_ranges(model, folder / "x.json", {}); });
        write_plain(folder / "x.npz", mutate(npz));
        arrays += accepts(i, [&] { (void)read_foreign_ranges(model, folder / "x.npz", {}); });
    }
    EXPECT_GT(texts, 50);
    EXPECT_GT(arrays, 50);
}

TEST(FuzzExchange, NpuProfiles)
{
    const std::string profile = R"({"format":1,"name":"n","title":"t","dynamic":false,"float":true,"takes":[{"op":"linear","weights":4,"activations":[8,16],"granularity":["row","group"],"group":32,"symmetric":true,"source":"s"},{"op":"kv","activations":[8],"granularity":["tensor"],"source":"s"}]})";
    test::Mutator mutate(13);
    int accepted = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto text = mutate(profile);
        accepted += accepts(i, [&] { (void)parse_npu_profile(text, "x"); });
    }
    EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace bitwright
