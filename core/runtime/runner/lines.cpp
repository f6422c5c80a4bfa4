// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/runner/lines.h"

#include "core/runtime/error.h"
#include "core/runtime/json.h"

#include <cerrno>
#include <cstring>
#include <ctime>

namespace bitwright::runner {

std::int64_t now_ns()
{
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

std::string number_field(const char* key, std::int64_t value) { return std::string(",\"") + key + "\":" + std::to_string(value); }
std::string text_field(const char* key, std::string_view value) { return std::string(",\"") + key + "\":" + json::quoted(value); }

std::string phase_line(const char* name, std::int64_t run, std::int64_t t0, std::int64_t t1, std::int64_t tokens)
{
    return std::string("{\"type\":\"phase\"") + text_field("name", name) + number_field("run", run) + number_field("t0_ns", t0) + number_field("t1_ns", t1) +
           number_field("tokens", tokens) + "}";
}

Lines::Lines(const std::string& path) : path_(path)
{
    if (!path.empty() && !(file_ = std::fopen(path.c_str(), "we"))) throw failure("--jsonl: " + path + ": " + std::strerror(errno));
}

Lines::~Lines()
{
    if (file_ != stdout) std::fclose(file_);
}

void Lines::write(const std::string& line)
{
    const std::lock_guard lock(mutex_);
    if (std::fputs((line + "\n").c_str(), file_) < 0 || std::fflush(file_) != 0) throw failure((path_.empty() ? "standard output" : path_) + ": " + std::strerror(errno));
}

}  // namespace bitwright::runner
