// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/backends/fields.h"
#include "device_bridge/backends/known_errors.h"
#include "tests/device_bridge/transcript.h"

#include <cmath>

namespace bitwright::backends::test {
namespace {

TEST(BackendLines, NumbersAsToolsWriteThem)
{
    EXPECT_EQ(leading_number("  1.24027e+06 x"), 1240270.0);
    EXPECT_EQ(leading_number("-3"), -3.0);
    for (const auto* none : {"", "x1", "inf", "nan", "1e999", "+"}) EXPECT_FALSE(leading_number(none)) << none;
    EXPECT_EQ(number_after("a avg=12.5 b", "avg="), 12.5);
    EXPECT_FALSE(number_after("a", "avg="));
    EXPECT_FALSE(leading_integer("99999999999999999999"));
}

TEST(BackendLines, DurationsOfGoAndAbseil)
{
    const auto near = [](std::string_view text, double seconds) {
        const auto value = leading_duration_s(text);
        ASSERT_TRUE(value) << text;
        EXPECT_NEAR(*value, seconds, 1e-12) << text;
    };
    near("819.9514ms duration.", 0.8199514);
    near("8.7038005s", 8.7038005);
    near("1m2.5s.", 62.5);
    near("1h3m", 3780);
    near("15us", 15e-6);
    near("15\u00b5s", 15e-6);
    near("7ns,", 7e-9);
    near("0", 0);
    near("1.5e-05s", 1.5e-5);
    for (const auto* none : {"", "12", "12 parsecs", "ms", "-5s", "1e308h"}) EXPECT_FALSE(leading_duration_s(none)) << none;
}

TEST(BackendLines, ShownTextIsFitForPeople)
{
    EXPECT_EQ(shown("  a\x1b[31mb\xff\t"), "a [31mb\ufffd");
    const auto cut = shown(std::string(150, 'x') + "\u00e4\u00e4\u00e4", 151);
    EXPECT_EQ(cut, std::string(150, 'x') + "\u2026");
    EXPECT_EQ(shown(std::string(5000, 'y'), 10), std::string(10, 'y') + "\u2026");
}

TEST(BackendLines, MemoryStaysBounded)
{
    const auto backend = make_backend("llama.cpp");
    const std::string block(std::size_t{1} << 20, 'x');
    for (int i = 0; i < 24; ++i) backend->feed(Stream::output, block);  // one line of 24 MiB
    backend->feed(Stream::output, "\n{\"a\":\"");
    for (int i = 0; i < 24; ++i) backend->feed(Stream::output, block + "\n");
    const auto result = backend->finish(0);
    EXPECT_LT(result.raw_output.size(), 2 * RawText::part + 100);
    EXPECT_NE(result.raw_output.find("bytes left out"), std::string::npos);
}

TEST(BackendLines, JsonObjectsAmongOtherText)
{
    JsonObjects objects;
    EXPECT_FALSE(objects.line("log {not json} [1]"));
    EXPECT_EQ(objects.line(R"({"a":"}\"{","b":[{}]})"), R"({"a":"}\"{","b":[{}]})");
    EXPECT_FALSE(objects.line("["));
    EXPECT_FALSE(objects.line("  {"));
    EXPECT_FALSE(objects.line("    \"a\": 1"));
    EXPECT_EQ(objects.line("  },"), "{\n    \"a\": 1\n  }");
    EXPECT_FALSE(objects.line(R"({"cut": [1, 2)"));
    EXPECT_EQ(objects.line("{}"), "{}");
    EXPECT_FALSE(objects.inside());
}

TEST(BackendLines, KnownErrors)
{
    EXPECT_TRUE(known_error("fastrpc error 0x80000406 in open")->accelerator);
    EXPECT_TRUE(known_error("transportStatus: 9"));
    EXPECT_TRUE(known_error("Error code: 0x138d"));
    EXPECT_FALSE(known_error("address 0x3ead01"));  // another number that begins alike
    EXPECT_TRUE(known_error("rc 0x3ea."));
    EXPECT_NE(known_error("[4] incorrect Value 68, expected >= 73.")->sentence.find("needs Hexagon v73; this phone has v68"), std::string::npos);
    EXPECT_NE(known_error("library \"libcdsprpc.so\" not found")->sentence.find("libcdsprpc.so"), std::string::npos);
    EXPECT_FALSE(known_error("all is well"));
}

TEST(BackendLines, ExecutionsAreCombined)
{
    Result first, second;
    first.complete = second.complete = true;
    first.output_hash = second.output_hash = "h";
    first.offload.state = Offload::verified, second.offload.state = Offload::unverified;
    first.warnings = {"w"}, second.warnings = {"w"};
    add_sample(first, "ttft_s", "s", 1), add_sample(second, "ttft_s", "s", 3);
    const auto both = combined({first, second});
    EXPECT_TRUE(both.complete);
    EXPECT_EQ(both.offload.state, Offload::unverified);
    EXPECT_EQ(both.find("ttft_s")->samples, (std::vector<double>{1, 3}));
    EXPECT_EQ(both.warnings.size(), 1u);
    second.complete = false, second.error = "e";
    EXPECT_EQ(combined({first, second}).error, "e");
    EXPECT_EQ(measurements(both).at(0).value, 2);
}

}  // namespace
}  // namespace bitwright::backends::test
