// SPDX-License-Identifier: GPL-3.0-or-later
// A plan as text: the one line the phone's shell gets, and a script for the user that does what Bitwright would do. Every word that is data goes through
// shell_quote.h; what is written here is syntax.
// Threading: pure functions.
#pragma once

#include "device_bridge/backends/backend.h"

#include <string>

namespace bitwright::backends {

/// For the phone's shell: cd to the folder, then exec the program in its environment (so that a signal reaches it and not a shell). Throws Error (bad_input)
/// when a word holds a NUL byte.
[[nodiscard]] std::string remote_command(const Plan& plan);

/// A POSIX shell script for this computer that pushes, runs and fetches with adb (at most 100 executions). It leaves folders that read_run_folder() reads.
/// @param serial the phone's
[[nodiscard]] std::string dry_run_script(const Plan& plan, const std::string& serial);

/// What the script left in `folder`: run-1, run-2 … with output.txt, errors.txt, file.txt (what was to be parsed) and exit.txt (absent: the connection was lost),
/// as one result; warm-up is passed over. A folder with output.txt itself is one execution. Throws Error (bad_input) when it is neither, Error (usage) for an
/// unknown id.
[[nodiscard]] Result read_run_folder(std::string_view id, Accelerator accelerator, const std::filesystem::path& folder);

}  // namespace bitwright::backends
