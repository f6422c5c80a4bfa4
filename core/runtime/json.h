// SPDX-License-Identifier: GPL-3.0-or-later
// A small strict JSON reader for headers and metadata, standard library only (the runner has no other). Not for writing recipes or reports:
// the rest of core uses nlohmann-json. Bounded depth and size; errors give the byte position.
// Threading: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright::json {

enum class Kind : std::uint8_t { null, boolean, integer, number, string, array, object };

struct Member;

struct Value {
    Kind kind = Kind::null;
    bool boolean = false;
    std::int64_t integer = 0;  ///< valid for Kind::integer
    double number = 0;         ///< valid for integer and number
    std::string string;
    std::vector<Value> array;
    std::vector<Member> object;  ///< in file order; a repeated key is an error

    [[nodiscard]] const Value* find(std::string_view key) const noexcept;
};

struct Member {
    std::string key;
    Value value;
};

/// Parses one whole document. Throws Error (bad_input) "WHERE: not JSON at byte N: …".
[[nodiscard]] Value parse(std::string_view text, std::string_view where);

/// `text` quoted and escaped as a JSON string.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace bitwright::json
