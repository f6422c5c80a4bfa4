// SPDX-License-Identifier: GPL-3.0-or-later
// One adb server's connection to the phone: hello, authorization, conversations.
// Threading: run() is one thread's; every conversation has a thread of its own.
#pragma once

#include "device_bridge/demo_phone/message.h"
#include "device_bridge/demo_phone/phone.h"
#include "device_bridge/demo_phone/stream.h"

#include <atomic>
#include <memory>

namespace bitwright::demo {

class Connection : public std::enable_shared_from_this<Connection> {
public:
    /// Takes over the socket.
    Connection(Phone& phone, int socket) : phone_(phone), socket_(socket) {}
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Until the other side goes away or the phone does.
    void run();
    /// Ends it from any thread.
    void cut() const;

private:
    void handle(Message message);
    void greet();
    void open(std::uint32_t remote, const std::string& service);
    void send(Command command, std::uint32_t first, std::uint32_t second, std::string_view payload = {});
    std::shared_ptr<Stream> find(std::uint32_t local);
    std::shared_ptr<Stream> take(std::uint32_t local);

    Phone& phone_;
    int socket_;
    std::mutex sending_, streams_lock_;
    std::map<std::uint32_t, std::shared_ptr<Stream>> streams_;
    std::uint32_t next_ = 1, largest_ = 4096;
    std::atomic<bool> greeted_{false};  ///< set by the reader or by the thread that waits for the user's tap
};

}  // namespace bitwright::demo
