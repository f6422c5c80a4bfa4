// SPDX-License-Identifier: GPL-3.0-or-later
// Output in pieces of any size becomes lines, JSON objects and a kept copy, in bounded memory. The same bytes give the same result however they are cut.
// Threading: plain values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitwright::backends {

/// Where bytes come from: the program's standard output, its standard error, or a file it wrote (or what a reader made of that file).
enum class Stream : std::uint8_t { output, error, file };

/// Cuts at '\n'; a '\r' before it is dropped. A line beyond the limit is cut there and its rest dropped.
class LineSplitter {
public:
    static constexpr std::size_t longest = std::size_t{1} << 20;

    template <typename Take>
    void feed(std::string_view bytes, Take take)
    {
        while (!bytes.empty()) {
            const auto end = bytes.find('\n');
            const auto part = bytes.substr(0, end);
            if (end != std::string_view::npos && line_.empty() && part.size() <= longest) {
                take(without_return(part));
            } else {
                line_.append(part.substr(0, longest - std::min(longest, line_.size())));
                if (end == std::string_view::npos) return;
                take(without_return(line_));
                line_.clear();
            }
            bytes.remove_prefix(end + 1);
        }
    }
    /// What came after the last '\n'.
    [[nodiscard]] std::string_view rest() const noexcept { return without_return(line_); }

private:
    static std::string_view without_return(std::string_view text) noexcept { return text.ends_with('\r') ? text.substr(0, text.size() - 1) : text; }
    std::string line_;
};

/// The first and the last part of a stream.
class RawText {
public:
    static constexpr std::size_t part = std::size_t{1} << 20;

    void append(std::string_view bytes);
    /// All of it, or both parts around "\n[… N bytes left out …]\n".
    [[nodiscard]] std::string text() const;

private:
    std::string head_, tail_;
    std::uint64_t total_ = 0;
};

/// Finds JSON objects among lines of other text: one a line, or spread over lines, alone or in an array. A line that begins with '{' begins a new object
/// (an unfinished one before it is dropped), as all tools read here write them.
class JsonObjects {
public:
    static constexpr std::size_t largest = std::size_t{4} << 20;

    /// @return an object that ended in this line; the last one if there are several.
    [[nodiscard]] std::optional<std::string> line(std::string_view text);
    [[nodiscard]] bool inside() const noexcept { return depth_ > 0; }

private:
    std::string object_;
    std::size_t depth_ = 0;
    bool quoted_ = false, escaped_ = false;
};

}  // namespace bitwright::backends
