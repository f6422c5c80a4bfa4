// SPDX-License-Identifier: GPL-3.0-or-later
// One conversation of a connection: bytes from the computer in pieces as large as asked for, bytes to it, one packet unacknowledged at a time.
// What was received is acknowledged when it was consumed: that is the flow control.
// Threading: the connection's reader calls received(), acknowledged(), closed(); one thread reads, any may write.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace bitwright::demo {

/// The computer closed the conversation or went away.
struct StreamClosed {};

class Stream {
public:
    struct Wire {
        std::function<void(std::string_view)> write;  ///< one packet
        std::function<void()> okay, close;
    };
    Stream(Wire wire, std::size_t largest) : wire_(std::move(wire)), largest_(largest) {}

    void received(std::string bytes);
    void acknowledged();
    void closed();

    /// Exactly that many bytes. Throws StreamClosed.
    [[nodiscard]] std::string read(std::size_t bytes);
    /// What is there, at least one byte; empty once it was closed.
    [[nodiscard]] std::string read_some();
    /// Throws StreamClosed.
    void write(std::string_view bytes);
    /// Tells the computer; later calls do nothing.
    void close();

private:
    void consumed(std::unique_lock<std::mutex>& hold);

    Wire wire_;
    std::size_t largest_;
    std::mutex lock_, writing_;
    std::condition_variable changed_;
    std::string buffer_;
    std::size_t at_ = 0;  ///< of the buffer, consumed
    bool owes_okay_ = false, ready_ = true, closed_ = false, told_ = false;
};

}  // namespace bitwright::demo
