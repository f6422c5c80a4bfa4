// SPDX-License-Identifier: GPL-3.0-or-later
// A phone's paths in a plain folder: put in front of absolute paths in a command line, and taken out again of what commands print.
// Threading: plain values.
#pragma once

#include <string>
#include <string_view>

namespace bitwright::demo {

/// `line` with `root` before every absolute path of the phone's own folders (/data, /sdcard, /system, /sys …), inside quotes, too. `root` holds nothing that a
/// shell reads as syntax.
[[nodiscard]] std::string with_root(std::string_view line, std::string_view root);

/// Takes `root` out of text that comes in pieces.
class PathHider {
public:
    explicit PathHider(std::string root) : root_(std::move(root)) {}
    /// What can be shown now; a beginning of `root` at the end is kept back.
    [[nodiscard]] std::string operator()(std::string_view piece);
    [[nodiscard]] std::string rest();

private:
    std::string root_, kept_;
};

}  // namespace bitwright::demo
