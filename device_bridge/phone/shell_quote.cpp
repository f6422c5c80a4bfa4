// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/phone/shell_quote.h"

#include "core/runtime/error.h"

#include <algorithm>

namespace bitwright {
namespace {

/// Has no meaning to a shell anywhere in a word ('=' would make an assignment of a first word, '~' a home).
bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("_-./:+,@%").find(c) != std::string_view::npos;
}

}  // namespace

std::string shell_quoted(std::string_view text)
{
    if (text.find('\0') != std::string_view::npos) throw bad_input("command line", "argument", "holds a NUL byte; remove it from the name");
    if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return std::string(text);
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'') quoted += "'\\''";
        else quoted += c;
    }
    return quoted + "'";
}

std::string shell_command(const std::vector<std::string>& words)
{
    std::string line;
    for (const auto& word : words) line += (line.empty() ? "" : " ") + shell_quoted(word);
    return line;
}

}  // namespace bitwright
