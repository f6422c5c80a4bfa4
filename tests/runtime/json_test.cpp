// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/json.h"
#include "core/runtime/error.h"

#include <gtest/gtest.h>

namespace bitwright {
namespace {

std::string message_of(std::string_view text)
{
    try {
        (void)json::parse(text, "x.json");
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_input);
        return error.what();
    }
    return "";
}

TEST(Json, ValuesOfEveryKind)
{
    const auto value = json::parse(R"( {"a": [1, -2.5e1, true, false, null], "b": {"c": "x\n\"é\u00e9\ud83d\ude00"}, "big": 18446744073709551616} )", "x");
    const auto& a = value.find("a")->array;
    EXPECT_EQ(a[0].kind, json::Kind::integer);
    EXPECT_EQ(a[0].integer, 1);
    EXPECT_EQ(a[0].number, 1.0);
    EXPECT_EQ(a[1].kind, json::Kind::number);
    EXPECT_EQ(a[1].number, -25.0);
    EXPECT_TRUE(a[2].boolean);
    EXPECT_EQ(a[3].kind, json::Kind::boolean);
    EXPECT_EQ(a[4].kind, json::Kind::null);
    EXPECT_EQ(value.find("b")->find("c")->string, "x\n\"éé😀");
    EXPECT_EQ(value.find("big")->kind, json::Kind::number);
    EXPECT_EQ(value.find("none"), nullptr);
}

TEST(Json, FaultsNameThePosition)
{
    EXPECT_EQ(message_of(R"({"a": 1,})"), "x.json: not JSON at byte 8: expected '\"'");
    EXPECT_EQ(message_of("[1, 2"), "x.json: not JSON at byte 5: it ends too early");
    for (const auto* text : {"",
                             " ",
                             "{",
                             "[",
                             "\"",
                             "\"a",
                             "tru",
                             "nul",
                             "01",
                             "-",
                             "1.",
                             "1e",
                             "1e999",
                             "+1",
                             ".5",
                             "NaN",
                             "{\"a\" 1}",
                             "{a:1}",
                             "[1 2]",
                             "1 2",
                             "\"\\x\"",
                             "\"\\u12\"",
                             "\"\\ud800\"",
                             "\"\\udc00\"",
                             "\"\x01\"",
                             "\"\xff\"",
                             "\"\xc0\x80\"",
                             "\"\xed\xa0\x80\"",
                             "{\"a\":1,\"a\":2}"})
        EXPECT_NE(message_of(text).find("not JSON at byte"), std::string::npos) << text;
}

TEST(Json, DepthIsBounded)
{
    EXPECT_EQ(message_of(std::string(60, '[') + std::string(60, ']')), "");
    EXPECT_NE(message_of(std::string(1'000'000, '[')).find("nested deeper"), std::string::npos);
}

TEST(Json, QuotedReadsBack)
{
    const std::string text = "a\"b\\c\n\t\r\x01é😀/";
    EXPECT_EQ(json::parse(json::quoted(text), "x").string, text);
}

}  // namespace
}  // namespace bitwright
