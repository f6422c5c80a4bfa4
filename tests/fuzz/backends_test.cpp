// SPDX-License-Identifier: GPL-3.0-or-later
// Readers of what runs on phones, against mutated outputs: nothing throws, nothing that is no number comes out, a lost connection never counts, and the result
// does not depend on how the bytes were cut. The corpus of every reader is the output of all tools.
#include "tests/device_bridge/recorded_outputs.h"
#include "tests/device_bridge/transcript.h"
#include "tests/fuzz/mutate.h"

#include <cmath>
#include <cstdlib>

namespace bitwright::backends::test {
namespace {

using bitwright::test::Mutator;

const std::vector<std::string>& corpus()
{
    static const std::vector<std::string> texts{
        runner_lines,         llama_load_log + llama_table,        llama_json_prompt + "\n" + llama_json_decode + "\n",       "[\n  " + llama_json_prompt + "\n]\n",
        llama_performance,    qnn_older_profile,                   qnn_newer_profile,                                         genie_profile,
        executorch_observer + executorch_log, "100 inferences took 512.3 ms, avg 5.123 ms\n1 inference took 512.3 ms, avg 512.3 ms\n", litert_on_npu + litert_warm_up + litert_timings + litert_memory,
        litert_lm_info,       litert_lm_older_info,                onnxruntime_output,                                        "[PROMPT]: a [BEGIN]: b\nc[END]\n",
        "CANNOT LINK EXECUTABLE: library \"libx.so\" not found\nincorrect Value 68, expected >= 73\n"};
    return texts;
}

void expect_sound(const Result& result, bool lost)
{
    if (lost) {
        EXPECT_FALSE(result.complete);
    }
    EXPECT_EQ(result.complete, result.error.empty());
    EXPECT_LE(result.quantities.size(), 1000u);
    for (const auto& quantity : result.quantities)
        for (const double sample : quantity.samples) EXPECT_TRUE(std::isfinite(sample)) << quantity.name;
    for (const auto& measurement : measurements(result)) EXPECT_TRUE(std::isfinite(measurement.value)) << measurement.quantity;
    if (result.offload.state == Offload::verified) {
        EXPECT_FALSE(result.offload.evidence.empty());
    }
}

void run(std::string_view id, std::uint64_t seed, int rounds)
{
    Mutator mutate(seed);
    int complete = 0;
    for (int i = 0; i < rounds; ++i) {
        Transcript transcript{std::string(id), static_cast<Accelerator>(i % 3), {}, i % 5 == 4 ? std::nullopt : std::optional(i % 7 == 6 ? 1 : 0)};
        for (auto pieces = 1 + mutate.below(3); pieces > 0; --pieces)
            transcript.pieces.push_back({static_cast<Stream>(mutate.below(3)), mutate(corpus()[mutate.below(corpus().size())])});
        const auto result = i % 8 == 0 ? read_any_way(transcript) : read(transcript);
        expect_sound(result, !transcript.exit);
        complete += result.complete ? 1 : 0;
        if (::testing::Test::HasFailure()) {
            ADD_FAILURE() << id << ", iteration " << i;
            return;
        }
    }
    EXPECT_GT(complete, 0) << id << ": the mutations reach further than a refusal";
}

/// $BITWRIGHT_FUZZ_ITERATIONS, for more than the quick set's.
int iterations()
{
    const char* given = std::getenv("BITWRIGHT_FUZZ_ITERATIONS");
    return given ? std::max(1000, std::atoi(given)) : 2000;
}

class FuzzBackend : public ::testing::TestWithParam<std::string_view> {};
TEST_P(FuzzBackend, ReadsAnything) { run(GetParam(), 11, iterations()); }
std::string letters(const ::testing::TestParamInfo<std::string_view>& info)
{
    std::string name;
    for (const char c : info.param)
        if (std::isalnum(static_cast<unsigned char>(c))) name += c;
    return name;
}
INSTANTIATE_TEST_SUITE_P(Each, FuzzBackend, ::testing::ValuesIn(backend_ids()), letters);

}  // namespace
}  // namespace bitwright::backends::test
