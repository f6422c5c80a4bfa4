// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/parse_json.h"

#include "core/runtime/error.h"

#include <nlohmann/json.hpp>

namespace bitwright {

nlohmann::json parse_json(std::string_view text, std::string_view where)
{
    constexpr int deepest = 64;
    const auto shallow = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
        if (depth > deepest) throw bad_input(where, "", "nested deeper than " + std::to_string(deepest) + " levels; fetch the file again");
        return true;
    };
    try {
        return nlohmann::json::parse(text, shallow);
    } catch (const nlohmann::json::parse_error& error) {
        throw bad_input(where, "", "not JSON at byte " + std::to_string(error.byte) + "; fetch the file again");
    } catch (const nlohmann::json::out_of_range&) {
        throw bad_input(where, "", "holds a number that is too large; fetch the file again");
    }
}

}  // namespace bitwright
