// SPDX-License-Identifier: GPL-3.0-or-later
// The phone's own commands (getprop, dumpsys …): this program under their names, answering from files the phone keeps in its tree.
// Threading: a process each.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright::demo {

[[nodiscard]] const std::vector<std::string>& applet_names();
/// The exit code when the program was called under a command's name.
[[nodiscard]] std::optional<int> run_applet(int argc, char** argv);

}  // namespace bitwright::demo
