// SPDX-License-Identifier: GPL-3.0-or-later
// One connection to the adb server: the "smart socket" (spec device.md §1.2). A request is four hex digits of length and text; the answer OKAY, or FAIL and
// words. Blocking calls for a worker thread: each looks at the Control at least every 100 ms and gives up after `silence` without a byte. Errors: AdbError with
// a sentence; Cancelled. Threading: one object per thread. It keeps references to nothing but the Control.
#pragma once

#include "core/runtime/control.h"
#include "device_bridge/adb/adb_error.h"
#include "device_bridge/adb/adb_settings.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bitwright {

class TranscriptSocket;

class HostSocket {
public:
    /// Connects to the server on loopback; it must already run (AdbServer). Throws AdbError (no_server).
    HostSocket(const AdbSettings& settings, const Control& control);
    ~HostSocket();
    HostSocket(const HostSocket&) = delete;
    HostSocket& operator=(const HostSocket&) = delete;

    /// Sends `service` and waits for OKAY. Throws server_refusal(who, words) for FAIL.
    void request(std::string_view service, std::string_view who = {});
    /// Four hex digits and that many bytes. Throws AdbError (protocol) beyond `limit`.
    [[nodiscard]] std::string read_block(std::size_t limit = 1 << 20);

    void read(std::span<char> all);
    /// At least one byte, or 0 at the end of the stream.
    [[nodiscard]] std::size_t read_some(std::span<char> buffer);
    [[nodiscard]] std::string read_to_end(std::size_t limit);
    void write(std::string_view all);

    struct Ready {
        bool readable = false, writable = false;
    };
    /// Waits until something can be done, at most `at_most`; checks the Control. Both false: time is up.
    [[nodiscard]] Ready wait(bool readable, bool writable, std::chrono::milliseconds at_most);
    /// What can be sent at once (0: nothing now). Throws AdbError (connection_lost) when the other side is gone.
    [[nodiscard]] std::size_t write_some(std::string_view data);

    /// No byte for this long ends read() and write() with AdbError (no_answer). 0: waits for ever.
    void set_silence(std::chrono::milliseconds silence) noexcept { silence_ = silence; }
    /// Who is named in sentences: the phone's serial, once the socket speaks to it.
    void set_peer(std::string peer) { peer_ = std::move(peer); }

    /// Another Control from now on: what tidies up after a cancel must not be cancelled by it.
    void set_control(const Control& control) noexcept { control_ = &control; }

    [[nodiscard]] AdbError lost() const;    ///< "the connection broke …"
    [[nodiscard]] AdbError silent() const;  ///< "no answer for N s …"

private:
    void send_request(std::string_view service);

    int socket_ = -1;
    const Control* control_;
    std::chrono::milliseconds silence_;
    std::string peer_ = "adb";
    std::unique_ptr<TranscriptSocket> record_;
};

/// A socket that speaks to `target`'s service (shell, sync …): switches to the phone, then asks for the service.
[[nodiscard]] std::unique_ptr<HostSocket> open_service(const AdbTarget& target, std::string_view service, const Control& control);

/// One request that the server answers with a block of text.
[[nodiscard]] std::string ask_server(const AdbSettings& settings, std::string_view service, const Control& control, std::string_view who = {});

}  // namespace bitwright
