// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/detached.h"
#include "device_bridge/phone/lines.h"

namespace bitwright {

DetachedState parse_detached_state(std::string_view answer)
{
    DetachedState state;
    const auto words = words_of(answer.substr(0, answer.find('\n')));
    if (words.size() < 2) return state;
    const auto first = whole_number(words[1]);
    if (words[0] == "finished" && first && *first >= 0 && *first <= 255) {
        state.kind = DetachedState::Kind::finished;
        state.exit_code = static_cast<int>(*first);
        if (const auto group = words.size() > 2 ? whole_number(words[2]) : std::nullopt; group && *group > 1) state.group = *group;
    } else if ((words[0] == "running" || words[0] == "died") && first && *first > 1) {
        state.kind = words[0] == "running" ? DetachedState::Kind::running : DetachedState::Kind::died;
        state.group = *first;
    }
    return state;
}

}  // namespace bitwright
