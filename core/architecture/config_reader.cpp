// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/architecture/config_reader.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace bitwright {
namespace {

constexpr std::int64_t max_size = std::int64_t{1} << 28;  // products of two sizes and an element size stay far from overflow

std::string shown(const nlohmann::json& value)
{
    auto text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return text.size() > 60 ? text.substr(0, 57) + "…" : text;
}

}  // namespace

const nlohmann::json* ConfigReader::find(std::string_view field) const
{
    const auto found = object_->find(field);
    return found == object_->end() || found->is_null() ? nullptr : &*found;
}

const nlohmann::json& ConfigReader::need(std::string_view field) const
{
    if (const auto* value = find(field)) return *value;
    throw fault(field, "is missing; this family cannot be read without it");
}

Error ConfigReader::wrong_type(std::string_view field, const nlohmann::json& found, std::string_view expected) const
{
    return fault(field, "is " + shown(found) + "; " + std::string(expected) + " is expected");
}

bool ConfigReader::has(std::string_view field) const { return find(field) != nullptr; }

bool ConfigReader::has_null(std::string_view field) const
{
    const auto found = object_->find(field);
    return found != object_->end() && found->is_null();
}

std::string_view ConfigReader::spelling(std::initializer_list<std::string_view> fields) const
{
    for (const auto field : fields)
        if (has(field)) return field;
    return *fields.begin();
}

std::int64_t ConfigReader::size(std::string_view field) const
{
    const auto& value = need(field);
    if (!value.is_number_integer()) throw wrong_type(field, value, "an integer");
    const bool fits = !value.is_number_unsigned() || value.get<std::uint64_t>() <= static_cast<std::uint64_t>(max_size);
    const auto count = fits ? value.get<std::int64_t>() : max_size + 1;
    if (count < 1 || count > max_size) throw fault(field, "is " + shown(value) + "; an integer from 1 to " + std::to_string(max_size) + " is expected");
    return count;
}

std::int64_t ConfigReader::size(std::string_view field, std::int64_t otherwise) const { return has(field) ? size(field) : otherwise; }

std::int64_t ConfigReader::integer(std::string_view field, std::int64_t otherwise) const
{
    const auto* value = find(field);
    if (!value) return otherwise;
    const bool fits = !value->is_number_unsigned() || value->get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (!value->is_number_integer() || !fits) throw wrong_type(field, *value, "an integer");
    return value->get<std::int64_t>();
}

double ConfigReader::number(std::string_view field) const
{
    const auto& value = need(field);
    if (!value.is_number() || !std::isfinite(value.get<double>())) throw wrong_type(field, value, "a number");
    return value.get<double>();
}

double ConfigReader::number(std::string_view field, double otherwise) const { return has(field) ? number(field) : otherwise; }

double ConfigReader::positive(std::string_view field, double otherwise) const
{
    const double value = number(field, otherwise);
    if (!(value > 0)) throw wrong_type(field, need(field), "a number above 0");
    return value;
}

bool ConfigReader::flag(std::string_view field, bool otherwise) const
{
    const auto* value = find(field);
    if (value && !value->is_boolean()) throw wrong_type(field, *value, "true or false");
    return value ? value->get<bool>() : otherwise;
}

std::string ConfigReader::text(std::string_view field) const
{
    const auto& value = need(field);
    if (!value.is_string()) throw wrong_type(field, value, "a string");
    return value.get<std::string>();
}

std::string ConfigReader::text(std::string_view field, std::string_view otherwise) const { return has(field) ? text(field) : std::string(otherwise); }

std::vector<double> ConfigReader::numbers(std::string_view field) const
{
    const auto& list = need(field);
    if (!list.is_array()) throw wrong_type(field, list, "a list of numbers");
    std::vector<double> values;
    for (const auto& value : list) {
        if (!value.is_number() || !std::isfinite(value.get<double>())) throw wrong_type(field, list, "a list of numbers");
        values.push_back(value.get<double>());
    }
    return values;
}

std::vector<std::string> ConfigReader::texts(std::string_view field) const
{
    const auto& list = need(field);
    if (!list.is_array()) throw wrong_type(field, list, "a list of strings");
    std::vector<std::string> values;
    for (const auto& value : list) {
        if (!value.is_string()) throw wrong_type(field, list, "a list of strings");
        values.push_back(value.get<std::string>());
    }
    return values;
}

bool ConfigReader::is_object(std::string_view field) const
{
    const auto* value = find(field);
    return value && value->is_object();
}

ConfigReader ConfigReader::object(std::string_view field) const
{
    const auto& value = need(field);
    if (!value.is_object()) throw wrong_type(field, value, "an object");
    return {value, where_, path_ + std::string(field) + "."};
}

std::int64_t ConfigReader::first_integer(std::string_view field, std::int64_t otherwise) const
{
    const auto* value = find(field);
    if (!value || !value->is_array()) return integer(field, otherwise);
    if (value->empty() || !value->front().is_number_integer()) throw wrong_type(field, *value, "an integer or a list of integers");
    return value->front().get<std::int64_t>();
}

}  // namespace bitwright
