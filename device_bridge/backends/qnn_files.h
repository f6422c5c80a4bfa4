// SPDX-License-Identifier: GPL-3.0-or-later
// Which of Qualcomm's files a phone needs for its NPU, by name only, and the two small configuration files. The files are the user's: nothing of them is shipped
// or linked. Source: device specification §3.1.
// Threading: pure functions.
#pragma once

#include "device_bridge/backends/backend.h"

#include <string>
#include <vector>

namespace bitwright::backends {

[[nodiscard]] Licence qualcomm_licence();

/// Libraries below a QAIRT folder for this Hexagon version ("v75"): lib/aarch64-android/…, lib/hexagon-v75/unsigned/….
/// @param extras also what qnn-net-run and Genie load beside the back end (libQnnHtpNetRunExtensions.so, libQnnSystem.so)
[[nodiscard]] std::vector<std::string> htp_libraries(const std::string& hexagon, bool extras);

/// probe() of whatever uses the NPU through QNN: the phone's side, and `files` looked for by path, else by name.
[[nodiscard]] Support probe_htp(const Target& target, const RuntimeFolder& runtime, const std::vector<std::string>& files);
/// Every one of `files` as a push into `folder`. Throws Error (bad_input) naming those that are missing.
[[nodiscard]] std::vector<Push> pushes_of(const RuntimeFolder& runtime, const std::vector<std::string>& files, const std::string& folder);
/// The file below the folder: at this path, else anywhere by its name. "" when it is not there.
[[nodiscard]] std::string locate(const RuntimeFolder& runtime, const std::string& file);

/// qnn-net-run's --config_file: where the extensions and their configuration lie.
[[nodiscard]] std::string htp_basic_config(const std::string& extensions_library, const std::string& extensions_config);
/// The extensions' configuration for this SoC. What the profile does not know is left out and QNN decides.
/// @param graph the graph's name in the context binary
[[nodiscard]] std::string htp_extensions_config(const Target& target, const std::string& graph, const std::string& performance_profile);

/// qnn-net-run's names, best first. Throws Error (usage) for another.
void check_performance_profile(const std::string& name);

}  // namespace bitwright::backends
