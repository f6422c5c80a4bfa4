// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/architecture/model.h"
#include "core/checkpoint/tokenizer.h"
#include "core/checkpoint/vocabulary_size.h"
#include "core/exchange/runner_log.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "core/runtime/json.h"
#include "core/runtime/safetensors.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/reader.h"
#include "tests/support/models.h"

#include <gtest/gtest.h>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

using test::accepts;
using test::write_plain;

std::string golden_config(const std::string& model) { return read_text(test::golden() / "models" / model / "config.json"); }

TEST(Fuzz, Json)
{
    test::Mutator mutate(1);
    const std::array<std::string, 3> corpus{golden_config("phi3"), read_text(test::golden() / "bad" / "good" / "tokenizer.json"),
                                            R"({"a":[1,-2.5e-3,true,null,"é\u00e9\ud83d\ude00\n"],"b":{"c":{}}})"};
    int accepted = 0;
    for (int i = 0; i < 30'000; ++i) {
        const auto text = mutate(corpus[static_cast<std::size_t>(i) % corpus.size()]);
        accepted += accepts(i, [&] { (void)json::parse(text, "x"); });
        (void)vocabulary_size_of(text);
    }
    EXPECT_GT(accepted, 300);  // the mutations reach further than the first byte
}

TEST(Fuzz, RunnerLog)
{
    test::Mutator mutate(6);
    const std::string golden = R"({"type":"hello","version":"0.1.0","isa":"aarch64","kernels":"scalar","hwcap":["asimd"],"pid":77}
{"type":"phase","name":"load","run":0,"t0_ns":5,"t1_ns":2000000,"tokens":0}
{"type":"power","t_ns":5,"uV":4100000,"uA_raw":-350,"uAh":3000000,"level_percent":57,"temp_dC":312,"status":"Discharging"}
{"type":"thermal","t_ns":6,"raw":{"cpu-0":41000,"battery":312}}
{"type":"freq","t_ns":7,"kHz":[1800000,null]}
{"type":"phase","name":"decode","run":0,"t0_ns":5,"t1_ns":3000000,"tokens":2}
{"type":"token","run":0,"t_ns":2000000,"id":5}
{"type":"token","run":0,"t_ns":3000000,"id":6}
{"type":"end","rc":0,"sha256":"abc","peak_rss_bytes":1000,"minor_faults":0}
)";
    int accepted = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto text = mutate(golden);
        accepted += accepts(i, [&] { (void)read_runner_log(text, "x"); });
    }
    EXPECT_GT(accepted, 300);
}

TEST(Fuzz, Tokenizer)
{
    test::Mutator mutate(5);
    const auto golden = read_text(test::golden() / "bad" / "good" / "tokenizer.json");
    int accepted = 0;
    for (int i = 0; i < 2000; ++i) {
        const auto text = mutate(golden);
        accepted += accepts(i, [&] {
            const auto tokenizer = Tokenizer::parse(text, "x");
            (void)tokenizer->decode(tokenizer->encode("The quick brown föx, 12 times.", true), false);
        });
    }
    EXPECT_GT(accepted, 20);
}

TEST(Fuzz, Safetensors)
{
    test::Mutator mutate(2);
    const auto path = test::scratch("fuzz") / "x.safetensors";
    const auto whole = read_text(test::golden() / "bad" / "good" / "model.safetensors");
    std::uint64_t header_size = 0;
    for (std::size_t b = 0; b < 8; ++b) header_size |= static_cast<std::uint64_t>(static_cast<unsigned char>(whole[b])) << (8 * b);
    int accepted = 0;
    for (int i = 0; i < 10'000; ++i) {
        std::string bytes;
        if (i % 4 == 0) {
            bytes = mutate(whole.substr(0, 2000)) + whole.substr(2000);
        } else {  // a header whose length is right, so that its content is reached
            const auto header = mutate(whole.substr(8, header_size));
            for (std::size_t b = 0; b < 8; ++b) bytes += static_cast<char>(header.size() >> (8 * b));
            bytes += header + whole.substr(8 + header_size);
        }
        write_plain(path, bytes);
        accepted += accepts(i, [&] {
            const SafetensorsFile file(path);
            for (const auto& entry : file.entries()) {
                if (!entry.supported) continue;
                const auto view = file.tensor(entry.name);
                ASSERT_EQ(view.data.size(), static_cast<std::size_t>(element_count(view.shape)) * size_of(view.dtype)) << "iteration " << i;
                std::uint64_t sum = 0;
                for (const auto byte : view.data) sum += static_cast<std::uint64_t>(byte);
                ASSERT_LE(sum, 255 * view.data.size());
            }
        });
    }
    EXPECT_GT(accepted, 100);
}

TEST(Fuzz, Config)
{
    test::Mutator mutate(3);
    int accepted = 0, iteration = 0;
    for (const auto* name : {"phi3", "smollm3", "gemma", "opt", "bloom-odd", "gpt2", "falcon-new"}) {
        const auto config = golden_config(name);
        const auto folder = test::linked_copy(test::golden() / "models" / name, std::string("fuzz-") + name);
        for (int i = 0; i < 800; ++i, ++iteration) {
            write_plain(folder / "config.json", mutate(config));
            accepted += accepts(iteration, [&] {
                const auto model = open_model(folder);
                for (const auto& rope : model.architecture().ropes) (void)rope.inverse_frequencies(1000);
            });
        }
    }
    EXPECT_GT(accepted, 100);
}

TEST(Fuzz, Index)
{
    test::Mutator mutate(4);
    const auto folder = test::linked_copy(test::golden() / "bad" / "good", "fuzz-index");
    fs::rename(folder / "model.safetensors", folder / "model-00001-of-00001.safetensors");
    std::string index = R"({"metadata": {"total_size": 1}, "weight_map": {)";
    const SafetensorsFile shard(folder / "model-00001-of-00001.safetensors");
    for (const auto& entry : shard.entries()) index += (index.back() == '{' ? "" : ", ") + json::quoted(entry.name) + ": \"model-00001-of-00001.safetensors\"";
    index += "}}";
    int accepted = 0;
    for (int i = 0; i < 2000; ++i) {
        write_plain(folder / "model.safetensors.index.json", mutate(index));
        accepted += accepts(i, [&] { (void)open_model(folder); });
    }
    EXPECT_GT(accepted, 10);
}

}  // namespace
}  // namespace bitwright
