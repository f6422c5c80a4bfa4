// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/phone/shell_quote.h"

#include "core/runtime/error.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <random>

namespace bitwright {
namespace {

/// What the shell hands to a program as its only argument.
std::string through_the_shell(const std::string& quoted)
{
    std::FILE* pipe = ::popen(("printf %s " + quoted).c_str(), "r");
    std::string text;
    std::array<char, 256> buffer{};
    for (std::size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) text.append(buffer.data(), n);
    ::pclose(pipe);
    return text;
}

TEST(ShellQuote, PlainWordsStayReadable) { EXPECT_EQ(shell_command({"/data/local/tmp/runner", "--tokens", "32"}), "/data/local/tmp/runner --tokens 32"); }

TEST(ShellQuote, NothingIsSyntax)
{
    for (const std::string text : {"", "a b", "it's", "''", "$(reboot)", "`reboot`", "a;b", "a\nb", "\\", "\"x\"", "~", "*", "A=b", "-", "a\tb", "\xc3\xa9", "#c", "!1"})
        EXPECT_EQ(through_the_shell(shell_quoted(text)), text);
}

TEST(ShellQuote, RandomBytesComeBack)
{
    std::mt19937 random(1);
    for (int i = 0; i < 100; ++i) {
        std::string text(random() % 40, ' ');
        for (auto& c : text) c = static_cast<char>(1 + random() % 255);
        EXPECT_EQ(through_the_shell(shell_quoted(text)), text);
    }
}

TEST(ShellQuote, NulIsRefused)
{
    EXPECT_THROW((void)shell_quoted(std::string_view("a\0b", 3)), Error);
}

}  // namespace
}  // namespace bitwright
