// SPDX-License-Identifier: GPL-3.0-or-later
// A session with a phone as a file: every byte of every socket to the adb server, in order and with its time, one JSON object a line. A user adds it to a bug
// report, and ReplayServer plays the phone from it.
//
// Lines: {"bitwright_adb_transcript":1} first; then {"socket":N,"ms":T} with one of "open":true, "out":TEXT, "in":TEXT, "out64"/"in64":BASE64 (bytes that are
// no text), "out_bytes"/"in_bytes":COUNT (beyond kept_out and kept_in of a socket bytes are only counted: a file's contents do not go into a report),
// "end":true (the other side closed). It names the phone's serial number and what commands printed; nothing else of this computer is in it. Threading:
// Transcript may be used from any thread; a TranscriptSocket belongs to one.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

class TranscriptSocket;

class Transcript : public std::enable_shared_from_this<Transcript> {
public:
    static constexpr std::size_t kept_out = 16 << 10, kept_in = 1 << 20;

    /// Begins the file. Throws Error (failed) naming it when it cannot be written.
    explicit Transcript(const std::filesystem::path& path);
    [[nodiscard]] std::unique_ptr<TranscriptSocket> open_socket();

private:
    friend class TranscriptSocket;
    void write(int socket, std::string_view key, std::string_view json_value);

    std::mutex mutex_;
    std::ofstream file_;
    std::chrono::steady_clock::time_point begin_;
    int sockets_ = 0;
};

class TranscriptSocket {
public:
    TranscriptSocket(std::shared_ptr<Transcript> transcript, int number) : transcript_(std::move(transcript)), number_(number) {}
    ~TranscriptSocket();
    TranscriptSocket(const TranscriptSocket&) = delete;
    TranscriptSocket& operator=(const TranscriptSocket&) = delete;

    void sent(std::string_view bytes) { add(0, bytes); }
    void received(std::string_view bytes) { add(1, bytes); }
    void ended();

private:
    void add(int direction, std::string_view bytes);
    void flush();

    std::shared_ptr<Transcript> transcript_;
    int number_;
    int direction_ = 0;  ///< of what is pending
    std::string pending_;
    std::uint64_t skipped_ = 0;  ///< pending bytes that are only counted
    std::size_t kept_[2] = {0, 0};
};

/// One thing that happened on a recorded socket.
struct TranscriptEvent {
    enum class Kind : std::uint8_t { out, in, out_skipped, in_skipped, end };
    Kind kind = Kind::out;
    std::string bytes;
    std::uint64_t count = 0;  ///< of bytes that were only counted
    double ms = 0;            ///< since the recording began
};

/// The sockets of a transcript in the order they were opened. Throws Error (bad_input) naming the line.
[[nodiscard]] std::vector<std::vector<TranscriptEvent>> read_transcript(std::string_view text, std::string_view where);

}  // namespace bitwright
