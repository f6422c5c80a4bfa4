// SPDX-License-Identifier: GPL-3.0-or-later
// The methods by name, for command lines, forms and loops that have not opened LibTorch. What a method does and its options are in core/numerics/methods.
// Threading: immutable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

struct MethodInfo {
    std::string_view name, title;           ///< "mobilequant", "MobileQuant"
    std::string_view summary;               ///< one line for people
    bool optimizes = false;                 ///< has steps
    std::vector<std::string_view> presets;  ///< of --preset, from short to long, where they say how long it runs
    bool usual = true;                      ///< part of a comparison where nobody says which methods
};

/// In the order in which a comparison lists them.
[[nodiscard]] const std::vector<MethodInfo>& method_list();
/// "rtn, smoothquant-static, …"
[[nodiscard]] std::string method_names();
/// nullptr where there is none.
[[nodiscard]] const MethodInfo* find_method(std::string_view name);

}  // namespace bitwright
