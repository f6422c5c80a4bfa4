// SPDX-License-Identifier: GPL-3.0-or-later
// Fields of a JSON object, each checked for its type; every fault names the file and the field.
// Threading: plain values; the object must outlive its reader.
#pragma once

#include "core/runtime/error.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace bitwright {

class CheckedObject {
public:
    /// Throws Error (bad_input) when `json` is no object. @param field path so far, "" at the top
    CheckedObject(const nlohmann::json& json, std::string_view where, std::string field = "") : json_(json), where_(where), field_(std::move(field))
    {
        if (!json_.is_object()) throw bad_input(where_, field_, "is no JSON object");
    }

    /// "state.battery" for the member "battery" of what is called "state".
    [[nodiscard]] std::string path(std::string_view name) const { return field_.empty() ? std::string(name) : field_ + "." + std::string(name); }
    [[nodiscard]] const nlohmann::json* find(std::string_view name) const
    {
        const auto found = json_.find(name);
        return found == json_.end() ? nullptr : &*found;
    }
    [[nodiscard]] Error fault(std::string_view name, std::string_view what) const { return bad_input(where_, path(name), what); }

    /// T: bool, std::int64_t, double, std::string or a vector of strings. Absent when there is no such member.
    template <typename T>
    [[nodiscard]] std::optional<T> optional(std::string_view name) const
    {
        const auto* value = find(name);
        if (!value) return std::nullopt;
        if constexpr (std::is_same_v<T, bool>) {
            if (!value->is_boolean()) throw fault(name, "is neither true nor false");
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
            const bool fits = value->is_number_integer() && (!value->is_number_unsigned() || value->template get<std::uint64_t>() <= INT64_MAX);
            if (!fits) throw fault(name, "is no whole number");
        } else if constexpr (std::is_same_v<T, double>) {
            if (!value->is_number() || !std::isfinite(value->template get<double>())) throw fault(name, "is no number");
        } else if constexpr (std::is_same_v<T, std::string>) {
            if (!value->is_string()) throw fault(name, "is no text");
        } else {
            static_assert(std::is_same_v<T, std::vector<std::string>>);
            if (!value->is_array()) throw fault(name, "is no list");
            for (const auto& one : *value)
                if (!one.is_string()) throw fault(name, "is no list of texts");
        }
        return value->template get<T>();
    }
    template <typename T>
    [[nodiscard]] T required(std::string_view name) const
    {
        auto value = optional<T>(name);
        if (!value) throw fault(name, "is missing");
        return *std::move(value);
    }
    [[nodiscard]] CheckedObject object(std::string_view name) const
    {
        const auto* value = find(name);
        if (!value) throw fault(name, "is missing");
        return {*value, where_, path(name)};
    }
    /// The objects of a list; empty when there is no such member.
    [[nodiscard]] std::vector<CheckedObject> objects(std::string_view name) const
    {
        std::vector<CheckedObject> found;
        const auto* value = find(name);
        if (!value) return found;
        if (!value->is_array()) throw fault(name, "is no list");
        for (std::size_t i = 0; i < value->size(); ++i) found.emplace_back((*value)[i], where_, path(name) + "[" + std::to_string(i) + "]");
        return found;
    }
    [[nodiscard]] const nlohmann::json& json() const noexcept { return json_; }

private:
    const nlohmann::json& json_;
    std::string where_, field_;
};

}  // namespace bitwright
