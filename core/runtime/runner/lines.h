// SPDX-License-Identifier: GPL-3.0-or-later
// The JSON lines the runner writes, and the clock all of them share.
// Invariants: every line is complete and flushed before the next; a file whose last line is no `end` was aborted.
// Threading: write() may be called from several threads.
#pragma once

#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

namespace bitwright::runner {

/// CLOCK_BOOTTIME in nanoseconds: goes on while the phone sleeps, and is what power samples have, too.
[[nodiscard]] std::int64_t now_ns();

[[nodiscard]] std::string number_field(const char* key, std::int64_t value);          ///< ,"key":value
[[nodiscard]] std::string text_field(const char* key, std::string_view value);        ///< ,"key":"value"
/// {"type":"phase","name":…,"run":…,"t0_ns":…,"t1_ns":…,"tokens":…}
[[nodiscard]] std::string phase_line(const char* name, std::int64_t run, std::int64_t t0, std::int64_t t1, std::int64_t tokens);

class Lines {
public:
    /// `path` "": standard output. Throws Error (failed) when the file cannot be made.
    explicit Lines(const std::string& path);
    ~Lines();
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;
    /// Throws Error (failed), naming the file, when the disk is full.
    void write(const std::string& line);

private:
    std::mutex mutex_;
    std::string path_;
    std::FILE* file_ = stdout;
};

}  // namespace bitwright::runner
