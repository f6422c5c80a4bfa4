// SPDX-License-Identifier: GPL-3.0-or-later
// Programs start without LibTorch; it comes with the first call that needs it. This binary links neither LibTorch nor bitwright_numerics.
#include "core/numerics/numerics.h"

#include <gtest/gtest.h>

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
}

// A child, as load_numerics() remembers its first success.
TEST(NumericsLoader, SaysWhatToDoWhenTheLibraryIsMissing)
{
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
