// SPDX-License-Identifier: GPL-3.0-or-later
// Programs start without LibTorch; it comes with the first call that needs it. This binary links neither LibTorch nor bitwright_numerics.
#include "core/numerics/numerics.h"
#include "tests/support/shared_data.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace bitwright {
namespace {

bool torch_is_mapped()
{
    std::ifstream maps("/proc/self/maps");
    const std::string text{std::istreambuf_iterator<char>(maps), {}};
    return text.find("libtorch") != std::string::npos;
}

TEST(NumericsLoader, OpensLibTorchOnDemandAndOnce)
{
    ASSERT_FALSE(torch_is_mapped());
    Numerics& numerics = load_numerics();
    EXPECT_TRUE(torch_is_mapped());
    EXPECT_EQ(numerics.version().substr(0, 9), "LibTorch ");
    EXPECT_EQ(&numerics, &load_numerics());
    ASSERT_NE(std::getenv("GOMP_SPINCOUNT"), nullptr) << "set before LibTorch's OpenMP read it";
    EXPECT_STREQ(std::getenv("GOMP_SPINCOUNT"), "1000");
}

TEST(NumericsLoader, ComputesAndFailsInWordsAcrossTheLibraryBoundary)
{
    Numerics& numerics = load_numerics();
    numerics.set_threads(1);
    const auto folder = test::golden() / "models" / "opt";
    const Model model = open_model(folder);
    const SafetensorsFile golden(folder / "golden.safetensors");
    const auto prompt = to_int64(golden.tensor("p0.input_ids"));
    const std::vector<std::int32_t> ids(prompt.begin(), prompt.end());
    const Control control;

    const auto result = numerics.forward(model, nullptr, Level::floating, Placement::paper, ids, control);
    const auto mine = result.logits.as<float>(), reference = golden.tensor("p0.f64.logits").as<float>();
    ASSERT_EQ(mine.size(), reference.size());
    for (std::size_t i = 0; i < mine.size(); ++i) ASSERT_NEAR(mine[i], reference[i], 2e-4);

    const auto next = numerics.generate(model, nullptr, Level::floating, ids, 16, false, control);
    const auto greedy = to_int64(golden.tensor("p0.greedy_ids"));
    EXPECT_EQ(next, std::vector<std::int32_t>(greedy.begin(), greedy.end()));

    try {
        static_cast<void>(numerics.forward(model, nullptr, Level::simulated, Placement::paper, ids, control));
        FAIL() << "the simulated level without a recipe";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
    }
    Control stopped;
    stopped.request_cancel();
    EXPECT_THROW(static_cast<void>(numerics.forward(model, nullptr, Level::floating, Placement::paper, ids, stopped)), Cancelled);
}

// In a process of its own, as load_numerics() remembers its first success.
TEST(NumericsLoader, SaysWhatToDoWhenTheLibraryIsMissing)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            ::setenv("BITWRIGHT_NUMERICS", "/nowhere/libbitwright_numerics.so", 1);
            try {
                static_cast<void>(load_numerics());
            } catch (const Error& error) {
                const std::string message = error.what();
                const bool clear = message.find("/nowhere/libbitwright_numerics.so") != std::string::npos && message.find("packaging/run") != std::string::npos;
                std::_Exit(error.kind() == ErrorKind::failed && clear ? 0 : 2);
            }
            std::_Exit(1);
        },
        ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace bitwright
