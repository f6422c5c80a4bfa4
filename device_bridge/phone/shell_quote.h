// SPDX-License-Identifier: GPL-3.0-or-later
// The one place where text becomes part of a command line for a phone's shell. Names and paths that come from users or phones are data, never syntax.
// Threading: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

/// `text` as one word of a POSIX shell (mksh, dash): unchanged where it holds only letters, digits and _ - . / : + , @ %; else in single quotes, a quote
/// inside as '\''. Throws Error (bad_input) for a NUL byte, which no command line can carry.
[[nodiscard]] std::string shell_quoted(std::string_view text);

/// The words quoted and joined by spaces.
[[nodiscard]] std::string shell_command(const std::vector<std::string>& words);

}  // namespace bitwright
