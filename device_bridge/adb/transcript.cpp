// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/transcript.h"

#include "core/runtime/error.h"
#include "core/runtime/json.h"
#include "core/runtime/utf8.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

namespace bitwright {
namespace {

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(std::string_view bytes)
{
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto n = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t bits = 0;
        for (std::size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k) text += k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
    return text;
}

std::string from_base64(std::string_view text, std::string_view where)
{
    while (!text.empty() && text.back() == '=') text.remove_suffix(1);
    std::string bytes;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        const auto digit = digits.find(c);
        if (digit == std::string_view::npos) throw bad_input(where, "", "holds base64 that is none; record the session again");
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        bytes += static_cast<char>(bits >> held & 0xff);
    }
    return bytes;
}

/// Reads back as the same bytes from JSON.
bool is_text(std::string_view bytes)
{
    return utf8::first_invalid(bytes) == std::string_view::npos && std::ranges::none_of(bytes, [](char c) {
               const auto byte = static_cast<unsigned char>(c);
               return (byte < 0x20 && c != '\n' && c != '\t' && c != '\r') || byte == 0x7f;
           });
}

}  // namespace

Transcript::Transcript(const std::filesystem::path& path) : file_(path, std::ios::binary | std::ios::trunc), begin_(std::chrono::steady_clock::now())
{
    file_ << "{\"bitwright_adb_transcript\":1}\n" << std::flush;
    if (!file_) throw failure(path.string() + ": cannot be written; choose another file for the transcript");
}

std::unique_ptr<TranscriptSocket> Transcript::open_socket()
{
    int number = 0;
    {
        const std::lock_guard lock(mutex_);
        number = ++sockets_;
    }
    write(number, "open", "true");
    return std::make_unique<TranscriptSocket>(shared_from_this(), number);
}

void Transcript::write(int socket, std::string_view key, std::string_view json_value)
{
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin_;
    std::array<char, 32> ms{};
    std::snprintf(ms.data(), ms.size(), "%.1f", time.count());
    const std::lock_guard lock(mutex_);
    file_ << "{\"socket\":" << socket << ",\"ms\":" << ms.data() << ",\"" << key << "\":" << json_value << "}\n" << std::flush;
}

TranscriptSocket::~TranscriptSocket() { flush(); }

void TranscriptSocket::add(int direction, std::string_view bytes)
{
    if (direction != direction_) flush();
    direction_ = direction;
    auto& kept = kept_[direction];
    const auto keep = std::min(bytes.size(), (direction == 0 ? Transcript::kept_out : Transcript::kept_in) - kept);
    if (keep > 0) pending_.append(bytes.substr(0, keep));
    kept += keep;
    skipped_ += bytes.size() - keep;
    if (direction == 1 && keep > 0) flush();  // what came is written when it came
}

void TranscriptSocket::ended()
{
    flush();
    transcript_->write(number_, "end", "true");
}

void TranscriptSocket::flush()
{
    const std::string name = direction_ == 0 ? "out" : "in";
    if (!pending_.empty()) {
        const bool text = is_text(pending_);
        transcript_->write(number_, text ? name : name + "64", json::quoted(text ? pending_ : base64(pending_)));
    }
    if (skipped_ > 0) transcript_->write(number_, name + "_bytes", std::to_string(skipped_));
    pending_.clear();
    skipped_ = 0;
}

std::vector<std::vector<TranscriptEvent>> read_transcript(std::string_view text, std::string_view where)
{
    std::map<std::int64_t, std::vector<TranscriptEvent>> sockets;
    std::size_t line_number = 0;
    bool headed = false;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const auto place = std::string(where) + ": line " + std::to_string(++line_number);
        if (line.empty()) continue;
        if (end == std::string_view::npos && headed && line.back() != '}') break;  // the recording ended in the middle of a line
        const auto value = json::parse(line, place);
        if (!headed) {
            const auto* version = value.find("bitwright_adb_transcript");
            if (version == nullptr || version->kind != json::Kind::integer || version->integer != 1)
                throw bad_input(where, "", "is no adb transcript of a version this program knows; choose a file that Bitwright recorded");
            headed = true;
            continue;
        }
        const auto* number = value.find("socket");
        const auto* time = value.find("ms");
        if (number == nullptr || number->kind != json::Kind::integer) throw bad_input(place, "socket", "is missing; record the session again");
        auto& events = sockets[number->integer];
        TranscriptEvent event;
        if (time != nullptr && (time->kind == json::Kind::number || time->kind == json::Kind::integer)) event.ms = time->number;
        using Kind = TranscriptEvent::Kind;
        for (const auto& [key, content] : value.object) {
            const bool out = key.starts_with("out");
            if ((key == "out" || key == "in") && content.kind == json::Kind::string)
                events.push_back({out ? Kind::out : Kind::in, content.string, 0, event.ms});
            else if ((key == "out64" || key == "in64") && content.kind == json::Kind::string)
                events.push_back({out ? Kind::out : Kind::in, from_base64(content.string, place), 0, event.ms});
            else if ((key == "out_bytes" || key == "in_bytes") && content.kind == json::Kind::integer && content.integer > 0)
                events.push_back({out ? Kind::out_skipped : Kind::in_skipped, {}, static_cast<std::uint64_t>(content.integer), event.ms});
            else if (key == "end")
                events.push_back({Kind::end, {}, 0, event.ms});
            else if (key != "socket" && key != "ms" && key != "open")
                throw bad_input(place, key, "is not known here; record the session again");
        }
    }
    if (!headed) throw bad_input(where, "", "is empty; choose a file that Bitwright recorded");
    std::vector<std::vector<TranscriptEvent>> all;
    for (auto& [number, events] : sockets) all.push_back(std::move(events));
    return all;
}

}  // namespace bitwright
