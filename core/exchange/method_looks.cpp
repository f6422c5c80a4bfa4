// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/method_looks.h"

#include <utility>

namespace bitwright {

int category_of(std::string_view method) noexcept
{
    using Known = std::pair<std::string_view, int>;
    constexpr std::array known{Known{"float", 7},             Known{"rtn", 0},         Known{"smoothquant-static", 4}, Known{"smoothquant-edge", 1},
                               Known{"mobilequant-paper", 2}, Known{"mobilequant", 5}, Known{"gptq", 6},               Known{"by hand", 3}};
    for (const auto& [name, index] : known) {
        if (method == name) return index;
    }
    unsigned sum = 0;
    for (const char c : method) sum = (sum * 31 + static_cast<unsigned char>(c)) % category_colours.size();
    return static_cast<int>(sum);
}

}  // namespace bitwright
