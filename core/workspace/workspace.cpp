// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/workspace/workspace.h"

#include "core/workspace/database.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <utility>

namespace bitwright {

Workspace::Workspace(const std::filesystem::path& path, std::chrono::milliseconds busy, LockWait on_lock) : database_(std::make_unique<Database>(path, busy, std::move(on_lock))) {}
Workspace::~Workspace() = default;

const std::filesystem::path& Workspace::path() const noexcept { return database_->path; }
std::filesystem::path Workspace::data_folder() const { return database_->path.string() + ".data"; }
bool Workspace::read_only() const noexcept { return database_->read_only; }
const std::string& Workspace::notice() const noexcept { return database_->notice; }
Database& Workspace::database() const noexcept { return *database_; }

std::string timestamp(std::chrono::system_clock::time_point time)
{
    const auto seconds = std::chrono::system_clock::to_time_t(time);
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count() % 1000;
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[40];
    const auto length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(text + length, sizeof text - length, ".%03dZ", static_cast<int>(milliseconds));
    return text;
}

bool parse_reference(const std::string& text, Reference& reference)
{
    static constexpr const char* kinds[] = {"recipe", "calibration", "run", "job", "evaluation", "package", "task"};
    const auto colon = text.find(':');
    if (colon == std::string::npos) return false;
    const auto kind = text.substr(0, colon);
    if (std::find(std::begin(kinds), std::end(kinds), kind) == std::end(kinds)) return false;
    std::int64_t id = 0;
    const auto* last = text.data() + text.size();
    if (const auto [end, error] = std::from_chars(text.data() + colon + 1, last, id); error != std::errc() || end != last || id <= 0) return false;
    reference = {kind, id};
    return true;
}

std::string to_string(const Reference& reference) { return reference.kind + ":" + std::to_string(reference.id); }

}  // namespace bitwright
