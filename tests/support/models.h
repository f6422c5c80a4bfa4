// SPDX-License-Identifier: GPL-3.0-or-later
// The tiny checkpoints tests run on: those of the shared data where there are any, else our own copies (one per family).
#pragma once

#include "tests/support/shared_data.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace bitwright::test {

/// The folder of golden models: shared()/golden/models or tests/golden/models.
[[nodiscard]] inline std::filesystem::path golden_models() { return (shared().empty() ? golden() : shared() / "golden") / "models"; }

/// Names of the model folders, sorted.
[[nodiscard]] inline std::vector<std::string> golden_model_names()
{
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(golden_models()))
        if (entry.is_directory()) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

/// A scratch folder with links to a model's files, to change one of them.
[[nodiscard]] inline std::filesystem::path linked_copy(const std::filesystem::path& model, const std::string& name)
{
    const auto folder = scratch(name);
    for (const auto& entry : std::filesystem::directory_iterator(model))
        std::filesystem::create_symlink(std::filesystem::absolute(entry.path()), folder / entry.path().filename());
    return folder;
}

}  // namespace bitwright::test
