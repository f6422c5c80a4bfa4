// SPDX-License-Identifier: GPL-3.0-or-later
// The tiny checkpoints and what the reference implementation computes for them (tests/golden/README.md; all of them: golden/models of the shared data).
#pragma once

#include "core/architecture/model.h"
#include "core/checkpoint/token_windows.h"
#include "tests/support/shared_data.h"

#include <algorithm>
#include <string>
#include <vector>

namespace bitwright::test {

/// All golden models where the shared data lies, else the ones of this repository.
inline std::filesystem::path golden_models() { return (shared().empty() ? golden() : shared() / "golden") / "models"; }

inline std::vector<std::string> golden_model_names()
{
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(golden_models())) {
        if (entry.is_directory()) names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

/// The same folder with config.hub.json (spelling of transformers 4) as its config.json.
inline std::filesystem::path hub_folder(const std::filesystem::path& folder)
{
    const auto copy = scratch("hub-" + folder.filename().string());
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const auto name = entry.path().filename().string();
        if (name.starts_with("model")) std::filesystem::create_symlink(entry.path(), copy / name);
    }
    std::filesystem::create_symlink(folder / "config.hub.json", copy / "config.json");
    return copy;
}

/// Windows of ids without a pattern a model could know; `first` gives others.
inline TokenWindows odd_windows(const Model& model, std::int64_t count = 2, std::int64_t length = 12, std::int64_t first = 0)
{
    TokenWindows windows;
    windows.count = count;
    windows.length = length;
    for (std::int64_t i = first; i < first + count * length; ++i) windows.ids.push_back(static_cast<std::int32_t>((7 + 13 * i + i * i) % model.architecture().vocab));
    return windows;
}

/// As GoogleTest wants parameter names.
inline std::string test_name(std::string text)
{
    std::replace_if(text.begin(), text.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
    return text;
}

}  // namespace bitwright::test
