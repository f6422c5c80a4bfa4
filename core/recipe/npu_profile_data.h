// SPDX-License-Identifier: GPL-3.0-or-later
// The texts of resources/npu, compiled in (embed_npu_profiles.cmake). Internal to recipe.
// Threading: constant.
#pragma once

#include <span>
#include <string_view>
#include <utility>

namespace bitwright {

/// File name and text, by file name.
[[nodiscard]] std::span<const std::pair<std::string_view, std::string_view>> npu_profile_texts() noexcept;

}  // namespace bitwright
