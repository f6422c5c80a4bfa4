// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/connection.h"

#include "core/runtime/error.h"
#include "device_bridge/demo_phone/services.h"

#include <array>
#include <cerrno>
#include <random>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace bitwright::demo {
namespace {

constexpr std::uint32_t token = 1, signature = 2, public_key = 3;
constexpr std::size_t most_streams = 256;

}  // namespace

Connection::~Connection() { ::close(socket_); }

void Connection::cut() const { ::shutdown(socket_, SHUT_RDWR); }

void Connection::run()
{
    const auto id = phone_.add_connection([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->cut();
    });
    MessageReader reader;
    std::string buffer(256 << 10, '\0');
    try {
        while (!phone_.down()) {
            const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) break;
            phone_.wait_while_frozen();
            reader.feed(std::string_view(buffer).substr(0, static_cast<std::size_t>(count)));
            while (auto message = reader.next()) handle(std::move(*message));
        }
    } catch (const Error&) {  // no adb server: what it sent is no packet
    }
    cut();
    phone_.remove_connection(id);
    std::map<std::uint32_t, std::shared_ptr<Stream>> left;
    {
        const std::scoped_lock hold(streams_lock_);
        left.swap(streams_);
    }
    for (const auto& [local, stream] : left) stream->closed();
}

void Connection::send(Command command, std::uint32_t first, std::uint32_t second, std::string_view payload)
{
    const std::string bytes = encoded({command, first, second, std::string(payload)});
    phone_.wait_while_frozen();
    const std::scoped_lock hold(sending_);
    std::string_view rest = bytes;
    while (!rest.empty()) {
        const ssize_t count = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return;  // gone: the reader sees it, too
        rest.remove_prefix(static_cast<std::size_t>(count));
    }
}

void Connection::greet()
{
    const PhoneFacts& facts = phone_.scenario.phone;
    send(Command::connect, protocol_version, largest_payload,
         "device::ro.product.name=" + facts.product + ";ro.product.model=" + facts.model + ";ro.product.device=" + facts.device +
             ";features=shell_v2,cmd,stat_v2,ls_v2,fixed_push_mkdir");
    greeted_ = true;
}

void Connection::handle(Message message)
{
    const Faults& faults = phone_.scenario.faults;
    const auto ask = [&] {
        std::string random(20, '\0');
        std::random_device device;
        for (char& c : random) c = static_cast<char>(device());
        send(Command::authenticate, token, 0, random);
        phone_.happened("asked");
    };
    switch (message.command) {
        case Command::connect:
            largest_ = std::clamp<std::uint32_t>(message.second, 4096, largest_payload);
            if (faults.authorize == Faults::Authorize::at_once || phone_.authorized) greet();
            else if (faults.authorize == Faults::Authorize::silent) phone_.happened("silent");
            else ask();
            break;
        case Command::authenticate:
            if (message.first == signature) ask();  // no key is known: the user has to tap
            else if (message.first == public_key && faults.authorize == Faults::Authorize::later) {
                std::thread([self = shared_from_this()] {
                    std::this_thread::sleep_for(std::chrono::duration<double>(self->phone_.scenario.faults.authorize_after_s));
                    self->phone_.authorized = true;
                    self->phone_.happened("accepted");
                    self->greet();
                }).detach();
            }
            break;
        case Command::open:
            if (!greeted_) break;
            while (!message.payload.empty() && message.payload.back() == '\0') message.payload.pop_back();
            open(message.first, message.payload);
            break;
        case Command::write:
            if (const auto stream = find(message.second)) stream->received(std::move(message.payload));
            else send(Command::close, 0, message.first);
            break;
        case Command::okay:
            if (const auto stream = find(message.second)) stream->acknowledged();
            break;
        case Command::close:
            if (const auto stream = take(message.second)) {
                stream->closed();
                send(Command::close, message.second, message.first);
            }
            break;
        default:
            break;
    }
}

void Connection::open(std::uint32_t remote, const std::string& name)
{
    const auto service = find_service(phone_, name, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->cut();
    });
    std::uint32_t local = 0;
    std::shared_ptr<Stream> stream;
    if (service) {
        const std::scoped_lock hold(streams_lock_);
        if (streams_.size() < most_streams) {
            local = next_++;
            const std::weak_ptr<Connection> weak = weak_from_this();
            const auto tell = [weak, local, remote](Command command, std::string_view payload) {
                if (const auto self = weak.lock()) self->send(command, local, remote, payload);
            };
            stream = std::make_shared<Stream>(Stream::Wire{[tell](std::string_view bytes) { tell(Command::write, bytes); }, [tell] { tell(Command::okay, {}); },
                                                           [tell, weak, local] {
                                                               if (const auto self = weak.lock()) self->take(local);
                                                               tell(Command::close, {});
                                                           }},
                                              largest_);
            streams_[local] = stream;
        }
    }
    if (!stream) {
        send(Command::close, 0, remote);
        return;
    }
    send(Command::okay, local, remote);
    std::thread([self = shared_from_this(), service, stream] {
        try {
            service(*stream);
        } catch (const StreamClosed&) {
        } catch (const Gone&) {
        } catch (const std::exception&) {  // the service ends as on a phone that has no memory for it
        }
        stream->close();
    }).detach();
}

std::shared_ptr<Stream> Connection::find(std::uint32_t local)
{
    const std::scoped_lock hold(streams_lock_);
    const auto found = streams_.find(local);
    return found == streams_.end() ? nullptr : found->second;
}

std::shared_ptr<Stream> Connection::take(std::uint32_t local)
{
    const std::scoped_lock hold(streams_lock_);
    auto node = streams_.extract(local);
    return node ? node.mapped() : nullptr;
}

}  // namespace bitwright::demo
