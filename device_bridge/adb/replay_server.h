// SPDX-License-Identifier: GPL-3.0-or-later
// A recorded session as an adb server with its phones: what a user's bug report holds, without the phone. The client is the same as ever, only its port is this
// one. A connection is answered from the recorded socket whose requests begin as its own do, each used once in the order of recording and then again from the
// last; run ids (what follows "/runs/") may differ where they have the same length, and so may the times of files that are pushed; the files themselves are the
// same. A request that nobody recorded is refused with FAIL and named; the version and the list of phones are answered also where only commands were recorded.
// Threading: serves on threads of its own until destroyed. Opens loopback only.
#pragma once

#include "device_bridge/adb/adb_settings.h"
#include "device_bridge/adb/transcript.h"

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bitwright {

class ReplayServer {
public:
    /// @param speed 1: answers come as late as they did; 10: in a tenth of the time; 0: at once. Throws Error (bad_input) for a file that is no transcript.
    explicit ReplayServer(const std::filesystem::path& transcript, double speed = 0);
    ReplayServer(std::vector<std::vector<TranscriptEvent>> sockets, double speed);
    ~ReplayServer();
    ReplayServer(const ReplayServer&) = delete;
    ReplayServer& operator=(const ReplayServer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// Settings to reach it with; it needs no adb.
    [[nodiscard]] AdbSettings settings() const;
    /// The serials of the phones that were spoken to.
    [[nodiscard]] std::vector<std::string> serials() const;

private:
    struct Recorded {
        std::vector<TranscriptEvent> events;
        bool used = false;
    };
    class Conversation;
    void listen();
    void serve(int client);
    [[nodiscard]] std::string list_of_phones() const;
    void pause(double ms);

    std::vector<Recorded> sockets_;
    double speed_;
    std::uint16_t port_ = 0;
    int listener_ = -1;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stop_ = false;
    std::vector<int> clients_;  ///< one per connection being served
    std::thread accepting_;
};

}  // namespace bitwright
