// SPDX-License-Identifier: GPL-3.0-or-later
// A part of tokenizer.json together with its place in it, so that every error names file and field.
// Threading: a view; must not outlive the document.
#pragma once

#include "core/runtime/error.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace bitwright {

class TokenizerField {
public:
    TokenizerField(const nlohmann::json& value, std::string_view where, std::string path = {}) : value_(&value), where_(where), path_(std::move(path)) {}

    [[nodiscard]] const nlohmann::json& json() const noexcept { return *value_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// "FILE: model.type: what".
    [[nodiscard]] Error error(std::string_view what) const { return bad_input(where_, path_, what); }

    /// The member; nullopt when absent or null. Throws Error when this is no object.
    [[nodiscard]] std::optional<TokenizerField> find(const std::string& key) const
    {
        if (!value_->is_object()) throw error("found " + std::string(value_->type_name()) + ", expected an object");
        const auto found = value_->find(key);
        if (found == value_->end() || found->is_null()) return std::nullopt;
        return TokenizerField(*found, where_, path_.empty() ? key : path_ + "." + key);
    }
    [[nodiscard]] TokenizerField at(const std::string& key) const
    {
        if (auto field = find(key)) return *field;
        throw error("no \"" + key + "\"; the file is incomplete");
    }
    /// The elements of an array. Throws Error when this is none.
    [[nodiscard]] std::size_t size() const
    {
        if (!value_->is_array()) throw error("found " + std::string(value_->type_name()) + ", expected an array");
        return value_->size();
    }
    [[nodiscard]] TokenizerField element(std::size_t i) const { return {(*value_)[i], where_, path_ + "[" + std::to_string(i) + "]"}; }

    [[nodiscard]] const std::string& text() const
    {
        if (!value_->is_string()) throw error("found " + std::string(value_->type_name()) + ", expected a string");
        return value_->get_ref<const std::string&>();
    }
    [[nodiscard]] std::string text(const std::string& key, std::string_view otherwise) const
    {
        const auto field = find(key);
        return field ? field->text() : std::string(otherwise);
    }
    [[nodiscard]] bool flag(const std::string& key, bool otherwise) const
    {
        const auto field = find(key);
        if (!field) return otherwise;
        if (!field->value_->is_boolean()) throw field->error("found " + std::string(field->value_->type_name()) + ", expected true or false");
        return field->value_->get<bool>();
    }
    /// A token id, 0 … 2^31 − 1.
    [[nodiscard]] std::int32_t id() const
    {
        if (!value_->is_number_integer() || *value_ < 0 || *value_ > 0x7FFFFFFE) throw error("found " + value_->dump() + ", expected a token id");
        return value_->get<std::int32_t>();
    }

private:
    const nlohmann::json* value_;
    std::string_view where_;
    std::string path_;
};

}  // namespace bitwright
