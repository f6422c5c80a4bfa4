// SPDX-License-Identifier: GPL-3.0-or-later
// The demo phone through a genuine adb: every point that the specification of the transport proved.
#include "tests/support/demo_phone.h"
#include "tests/support/shared_data.h"

#include <fstream>

namespace bitwright::test {
namespace {

class DemoPhoneByAdb : public ::testing::TestWithParam<const char*> {
protected:
    void SetUp() override
    {
        BITWRIGHT_NEEDS_ADB();
        if (GetParam() == std::string("namespace") && !has_namespaces()) GTEST_SKIP() << "skipped: this kernel does not let us make namespaces";
    }
};

TEST_P(DemoPhoneByAdb, RunsCommandsAndMovesFiles)
{
    const DemoPhone phone(scenario("demo"), {.tree = GetParam()});
    const PrivateAdb adb;
    ASSERT_TRUE(adb.connect(phone));
    EXPECT_EQ(phone.tree(), GetParam());

    const Ran both = adb.on(phone, {"shell", "echo out; echo err >&2; exit 42"});
    EXPECT_EQ(both.out, "out\n");
    EXPECT_EQ(both.error, "err\n");
    EXPECT_EQ(both.code, 42);
    EXPECT_EQ(adb.on(phone, {"shell", "getprop ro.product.model"}).out, "Demo Phone\n");
    EXPECT_EQ(adb.on(phone, {"exec-out", R"(printf '\001\000\377\r\n')"}).out, std::string("\001\000\377\r\n", 5));
    EXPECT_EQ(adb.on(phone, {"shell", "cat; echo end"}, "hello\n").out, "hello\nend\n");

    const auto folder = scratch("demo_phone");
    std::string bytes(3 << 20, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761U >> 13);
    std::ofstream(folder / "a", std::ios::binary) << bytes;
    const Ran pushed = adb.on(phone, {"push", folder / "a", "/data/local/tmp/x/a"});
    EXPECT_EQ(pushed.code, 0) << pushed.error;
    EXPECT_EQ(adb.on(phone, {"pull", "/data/local/tmp/x/a", folder / "b"}).code, 0);
    std::ifstream back(folder / "b", std::ios::binary);
    EXPECT_TRUE(std::string(std::istreambuf_iterator<char>(back), {}) == bytes);
}

INSTANTIATE_TEST_SUITE_P(Trees, DemoPhoneByAdb, ::testing::Values("namespace", "plain"), [](const auto& tree) { return std::string(tree.param); });

}  // namespace
}  // namespace bitwright::test
