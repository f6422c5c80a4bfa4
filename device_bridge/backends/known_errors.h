// SPDX-License-Identifier: GPL-3.0-or-later
// Error texts of the runtimes and of Android's loader as sentences with the next step. Source: device specification §3.1, §3.2; exit codes: POSIX shells.
// Threading: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bitwright::backends {

struct KnownError {
    std::string sentence;
    bool accelerator = false;  ///< after it, nothing proves that work still ran on the accelerator
};
/// What a line of output means, if it is a known error.
[[nodiscard]] std::optional<KnownError> known_error(std::string_view line);

/// Why a program ended with this exit code (not 0), in a sentence.
[[nodiscard]] std::string exit_sentence(int code);

}  // namespace bitwright::backends
