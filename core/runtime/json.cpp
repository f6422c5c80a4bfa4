// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/json.h"

#include "core/runtime/error.h"
#include "core/runtime/utf8.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace bitwright::json {
namespace {

constexpr int max_depth = 64;
constexpr std::size_t max_size = std::size_t{1} << 28;

class Parser {
public:
    Parser(std::string_view text, std::string_view where) : text_(text), where_(where) {}

    Value document()
    {
        if (text_.size() > max_size) throw bad_input(where_, "", "is longer than " + std::to_string(max_size) + " bytes");
        Value result = value(0);
        skip_space();
        if (at_ < text_.size()) fail("something follows the document");
        return result;
    }

private:
    [[noreturn]] void fail(std::string_view what) const { throw bad_input(where_, "", "not JSON at byte " + std::to_string(at_) + ": " + std::string(what)); }

    [[nodiscard]] char peek() const
    {
        if (at_ >= text_.size()) fail("it ends too early");
        return text_[at_];
    }
    void skip_space() noexcept
    {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
    }
    void expect(char c)
    {
        if (peek() != c) fail(std::string("expected '") + c + "'");
        ++at_;
    }
    bool accept(char c)
    {
        skip_space();
        if (peek() != c) return false;
        ++at_;
        return true;
    }
    void word(std::string_view expected)
    {
        if (text_.substr(at_, expected.size()) != expected) fail("expected a value");
        at_ += expected.size();
    }

    Value value(int depth)
    {
        if (depth > max_depth) fail("nested deeper than " + std::to_string(max_depth));
        skip_space();
        Value result;
        switch (peek()) {
            case '{':
                object(result, depth);
                break;
            case '[':
                array(result, depth);
                break;
            case '"':
                result.kind = Kind::string;
                result.string = string();
                break;
            case 't':
                word("true");
                result.kind = Kind::boolean;
                result.boolean = true;
                break;
            case 'f':
                word("false");
                result.kind = Kind::boolean;
                break;
            case 'n':
                word("null");
                break;
            default:
                number(result);
        }
        return result;
    }

    void object(Value& result, int depth)
    {
        result.kind = Kind::object;
        ++at_;
        if (accept('}')) return;
        do {
            skip_space();
            std::string key = string();
            skip_space();
            expect(':');
            result.object.push_back({std::move(key), value(depth + 1)});
        } while (accept(','));
        expect('}');
        std::vector<std::string_view> keys;
        keys.reserve(result.object.size());
        for (const auto& [key, member] : result.object) keys.emplace_back(key);
        std::sort(keys.begin(), keys.end());
        if (const auto twice = std::adjacent_find(keys.begin(), keys.end()); twice != keys.end()) fail("the key " + quoted(*twice) + " is repeated");
    }

    void array(Value& result, int depth)
    {
        result.kind = Kind::array;
        ++at_;
        if (accept(']')) return;
        do result.array.push_back(value(depth + 1));
        while (accept(','));
        expect(']');
    }

    std::uint32_t hex4()
    {
        std::uint32_t code = 0;
        if (text_.size() - at_ < 4) fail("an escape is cut");
        const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + at_ + 4, code, 16);
        if (error != std::errc() || end != text_.data() + at_ + 4) fail("\\u needs four hexadecimal digits");
        at_ += 4;
        return code;
    }

    void escape(std::string& out)
    {
        const char c = peek();
        ++at_;
        switch (c) {
            case '"':
            case '\\':
            case '/':
                out += c;
                return;
            case 'b':
                out += '\b';
                return;
            case 'f':
                out += '\f';
                return;
            case 'n':
                out += '\n';
                return;
            case 'r':
                out += '\r';
                return;
            case 't':
                out += '\t';
                return;
            case 'u':
                break;
            default:
                --at_;
                fail("an unknown escape");
        }
        std::uint32_t code = hex4();
        if (code >= 0xdc00 && code <= 0xdfff) fail("a surrogate without its pair");
        if (code >= 0xd800 && code <= 0xdbff) {
            if (text_.substr(at_, 2) != "\\u") fail("a surrogate without its pair");
            at_ += 2;
            const std::uint32_t low = hex4();
            if (low < 0xdc00 || low > 0xdfff) fail("a surrogate without its pair");
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        utf8::append(out, code);
    }

    std::string string()
    {
        expect('"');
        std::string out;
        for (;;) {
            const char c = peek();
            if (c == '"') break;
            if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a string");
            if (c == '\\') {
                ++at_;
                escape(out);
                continue;
            }
            const std::size_t length = utf8::valid_length(text_.substr(at_));
            if (length == 0) fail("the string is not UTF-8");
            out.append(text_, at_, length);
            at_ += length;
        }
        ++at_;
        return out;
    }

    void number(Value& result)
    {
        const std::size_t start = at_;
        const auto digits = [&] {
            const std::size_t first = at_;
            while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
            return at_ - first;
        };
        const auto next_is = [&](std::string_view any) { return at_ < text_.size() && any.find(text_[at_]) != std::string_view::npos; };
        if (next_is("-")) ++at_;
        const std::size_t first_digit = at_;
        const std::size_t count = digits();
        if (count == 0) fail("expected a value");
        if (count > 1 && text_[first_digit] == '0') fail("a number with a leading zero");
        bool whole = true;
        if (next_is(".")) {
            whole = false;
            ++at_;
            if (digits() == 0) fail("a number without digits after the point");
        }
        if (next_is("eE")) {
            whole = false;
            ++at_;
            if (next_is("+-")) ++at_;
            if (digits() == 0) fail("a number without an exponent's digits");
        }
        const char* begin = text_.data() + start;
        const char* end = text_.data() + at_;
        const auto [number_end, error] = std::from_chars(begin, end, result.number);
        if (error == std::errc::result_out_of_range) fail("a number out of range");
        if (error != std::errc() || number_end != end) fail("expected a value");
        result.kind = Kind::number;
        if (whole && std::from_chars(begin, end, result.integer).ec == std::errc()) result.kind = Kind::integer;
    }

    std::string_view text_, where_;
    std::size_t at_ = 0;
};

}  // namespace

const Value* Value::find(std::string_view key) const noexcept
{
    const auto found = std::find_if(object.begin(), object.end(), [&](const auto& member) { return member.key == key; });
    return found == object.end() ? nullptr : &found->value;
}

Value parse(std::string_view text, std::string_view where) { return Parser(text, where).document(); }

std::string quoted(std::string_view text)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    out += "\\u00";
                    out += digits[c >> 4];
                    out += digits[c & 15];
                } else {
                    out += c;
                }
        }
    }
    return out + '"';
}

}  // namespace bitwright::json
