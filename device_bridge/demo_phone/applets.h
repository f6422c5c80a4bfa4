// SPDX-License-Identifier: GPL-3.0-or-later
// The phone's own commands (getprop, dumpsys …): this program under their names, answering from files the phone keeps in its tree.
// Threading: a process each.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright::demo {

[[nodiscard]] const std::vector<std::string>& applet_names();
/// A file that the phone keeps, by its path on the phone.
[[nodiscard]] std::filesystem::path of_phone(const std::string& path);
[[nodiscard]] std::string text_of(const std::string& path, const std::string& otherwise = {});
/// `perfetto --txt -c - -o FILE`: records the battery's counters for as long as the configuration on standard input says.
int perfetto(const std::vector<std::string>& words);
/// The exit code when the program was called under a command's name.
[[nodiscard]] std::optional<int> run_applet(int argc, char** argv);

}  // namespace bitwright::demo
