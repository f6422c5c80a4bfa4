// SPDX-License-Identifier: GPL-3.0-or-later
// Fields of config.json by name, type and range: every fault names file, field, what was found and what is expected.
// `null` counts as absent, as transformers writes it; find() tells the two apart.
// Threading: a view of a json object that must outlive it.
#pragma once

#include "core/runtime/error.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

class ConfigReader {
public:
    /// @param path prefix of field names in errors ("rope_parameters."), "" at the top.
    ConfigReader(const nlohmann::json& object, std::string where, std::string path = "") : object_(&object), where_(std::move(where)), path_(std::move(path)) {}

    [[nodiscard]] bool has(std::string_view field) const;          ///< present and not null
    [[nodiscard]] bool has_null(std::string_view field) const;     ///< present and null
    /// The first of these spellings that is present, else the first: one field under the names of several versions.
    [[nodiscard]] std::string_view spelling(std::initializer_list<std::string_view> fields) const;

    /// A count of something: 1 … 2^28.
    [[nodiscard]] std::int64_t size(std::string_view field) const;
    [[nodiscard]] std::int64_t size(std::string_view field, std::int64_t otherwise) const;
    [[nodiscard]] std::int64_t integer(std::string_view field, std::int64_t otherwise) const;
    /// A finite number.
    [[nodiscard]] double number(std::string_view field) const;
    [[nodiscard]] double number(std::string_view field, double otherwise) const;
    /// A finite number above 0.
    [[nodiscard]] double positive(std::string_view field, double otherwise) const;
    [[nodiscard]] bool flag(std::string_view field, bool otherwise) const;
    [[nodiscard]] std::string text(std::string_view field) const;
    [[nodiscard]] std::string text(std::string_view field, std::string_view otherwise) const;
    [[nodiscard]] std::vector<double> numbers(std::string_view field) const;
    [[nodiscard]] std::vector<std::string> texts(std::string_view field) const;
    [[nodiscard]] bool is_object(std::string_view field) const;
    [[nodiscard]] ConfigReader object(std::string_view field) const;
    /// First element of a list, or the value itself (eos_token_id is one or the other).
    [[nodiscard]] std::int64_t first_integer(std::string_view field, std::int64_t otherwise) const;

    /// "FILE: FIELD: what".
    [[nodiscard]] Error fault(std::string_view field, std::string_view what) const { return bad_input(where_, path_ + std::string(field), what); }

private:
    [[nodiscard]] const nlohmann::json* find(std::string_view field) const;
    [[nodiscard]] const nlohmann::json& need(std::string_view field) const;
    [[nodiscard]] Error wrong_type(std::string_view field, const nlohmann::json& found, std::string_view expected) const;

    const nlohmann::json* object_;
    std::string where_, path_;
};

}  // namespace bitwright
