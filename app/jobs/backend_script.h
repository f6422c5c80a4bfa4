// SPDX-License-Identifier: GPL-3.0-or-later
// Runtimes of others on a phone, by hand: what they need of it and of the user's folder, and the script that runs one. What came out is read by
// backends::read_run_folder().
// Threading: blocking functions without state.
#pragma once

#include "device_bridge/backends/backend.h"
#include "device_bridge/backends/plan_text.h"

#include <filesystem>
#include <string>
#include <vector>

namespace bitwright {

struct BackendRequest {
    std::string backend;                ///< id
    std::filesystem::path runtime;      ///< folder
    std::filesystem::path soc_profile;  ///< file; "": none
    std::string hexagon;                ///< "v75"; "": the profile's
    std::string accelerator = "cpu";    ///< cpu, gpu, npu
    std::vector<std::string> files;     ///< "model=FILE", "tokenizer=…", "input=…", "config=…", "other=…"; without a role: the model
    backends::RunSpec run;              ///< its accelerator and folders are set from the others
};

/// Throws Error (usage) for a name that is none.
[[nodiscard]] backends::Accelerator accelerator_named(const std::string& name);
/// What every back end says of this folder and phone, in the order of backend_ids(). Throws Error (bad_input) when the folder or the profile cannot be read.
[[nodiscard]] std::vector<std::pair<std::string, backends::Support>> probe_backends(const BackendRequest& request);
/// The script for the phone `serial`; nothing is changed. Throws Error.
[[nodiscard]] std::string backend_script(const BackendRequest& request, const std::string& serial);

}  // namespace bitwright
