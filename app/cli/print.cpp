// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/print.h"

#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <ostream>
#include <vector>

namespace bitwright::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t shown_numbers = 8;  ///< of a long list

bool line_is_open = false;

std::string text_of(const Json& value)
{
    if (value.is_string()) return value.get<std::string>();
    if (value.is_null()) return "–";
    if (value.is_number_float()) {
        char text[32];
        std::snprintf(text, sizeof text, "%.6g", value.get<double>());
        return text;
    }
    if (value.is_array()) {
        std::string text;
        for (std::size_t i = 0; i < value.size() && i < shown_numbers; ++i) text += (i ? ", " : "") + text_of(value[i]);
        if (value.size() > shown_numbers) text += ", … (" + std::to_string(value.size()) + ")";
        return "[" + text + "]";
    }
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Characters on a terminal: bytes that do not continue a UTF-8 sequence.
std::size_t width(const std::string& text)
{
    std::size_t n = 0;
    for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return n;
}

void print_table(std::ostream& out, const Json& rows)
{
    std::vector<std::vector<std::string>> cells(1);
    for (const auto& [key, value] : rows.front().items()) cells.front().push_back(key);
    for (const auto& row : rows) {
        auto& line = cells.emplace_back();
        for (const auto& key : cells.front()) line.push_back(row.contains(key) ? text_of(row[key]) : "");
    }
    std::vector<std::size_t> widths(cells.front().size());
    for (const auto& line : cells)
        for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));
    for (const auto& line : cells) {
        out << "  ";
        for (std::size_t i = 0; i < line.size(); ++i) out << line[i] << (i + 1 == line.size() ? "" : std::string(widths[i] - width(line[i]) + 2, ' '));
        out << "\n";
    }
}

}  // namespace

void print_for_people(std::ostream& out, const Json& object)
{
    std::size_t longest = 0;
    for (const auto& [key, value] : object.items()) longest = std::max(longest, key.size());
    for (const auto& [key, value] : object.items()) {
        if (value.is_array() && !value.empty() && value.front().is_object()) {
            out << key << "\n";
            print_table(out, value);
        } else if (value.is_array() && !value.empty() && value.front().is_string()) {
            out << key << "\n";
            for (const auto& entry : value) out << "  " << entry.get<std::string>() << "\n";
        } else {
            out << key << std::string(longest - key.size() + 2, ' ') << text_of(value) << "\n";
        }
    }
}

void show_progress(const Progress& progress)
{
    static const bool terminal = ::isatty(STDERR_FILENO);
    static std::chrono::steady_clock::time_point last;
    const auto now = std::chrono::steady_clock::now();
    if (!terminal || now - last < std::chrono::milliseconds(100)) return;
    last = now;
    std::fprintf(stderr, "\r\033[K%s %lld", progress.stage.c_str(), static_cast<long long>(progress.done));
    if (progress.total > 0) std::fprintf(stderr, "/%lld", static_cast<long long>(progress.total));
    if (progress.has_value) std::fprintf(stderr, "  %.6g", progress.value);
    std::fflush(stderr);
    line_is_open = true;
}

void clear_progress()
{
    if (!line_is_open) return;
    std::fputs("\r\033[K", stderr);
    line_is_open = false;
}

}  // namespace bitwright::cli
