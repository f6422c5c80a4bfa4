// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/replay_server.h"

#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "device_bridge/adb/adb_error.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>

namespace bitwright {
namespace {

using Kind = TranscriptEvent::Kind;

std::string block(std::string_view text)
{
    std::array<char, 5> length{};
    std::snprintf(length.data(), length.size(), "%04x", static_cast<unsigned>(std::min<std::size_t>(text.size(), 0xffff)));
    return std::string(length.data(), 4).append(text.substr(0, 0xffff));
}

bool id_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.'; }

/// True where byte `at` of what was sent may be another now: the id of a run, the time of a file that is pushed ("DONE", u32).
bool may_differ(std::string_view recorded, std::size_t at, char sent)
{
    static constexpr std::string_view runs = "/runs/", done = "DONE";
    for (std::size_t back = done.size(); back < 2 * done.size() && back <= at; ++back)
        if (recorded.substr(at - back, done.size()) == done) return true;
    if (!id_character(recorded[at]) || !id_character(sent)) return false;
    while (at > 0 && id_character(recorded[at - 1])) --at;
    return at >= runs.size() && recorded.substr(at - runs.size(), runs.size()) == runs;
}

bool agrees(std::string_view recorded, std::size_t at, std::string_view sent)
{
    for (std::size_t i = 0; i < sent.size(); ++i)
        if (recorded[at + i] != sent[i] && !may_differ(recorded, at + i, sent[i])) return false;
    return true;
}

/// The first request of a socket, without its length.
std::string_view first_request(const std::vector<TranscriptEvent>& events)
{
    if (events.empty() || events.front().kind != Kind::out || events.front().bytes.size() < 4) return {};
    return std::string_view(events.front().bytes).substr(4);
}

}  // namespace

/// Goes through a recorded socket as bytes arrive; says what is to be sent.
class ReplayServer::Conversation {
public:
    explicit Conversation(const std::vector<TranscriptEvent>& events) : events_(&events) {}

    /// Takes what the client sent. False: this is not what was sent then.
    bool take(std::string_view sent)
    {
        while (!sent.empty()) {
            while (at_ < events_->size() && (*events_)[at_].kind != Kind::out && (*events_)[at_].kind != Kind::out_skipped) ++at_;
            if (at_ == events_->size()) return false;
            const auto& event = (*events_)[at_];
            const auto size = event.kind == Kind::out ? event.bytes.size() : event.count;
            const auto part = sent.substr(0, std::min<std::uint64_t>(sent.size(), size - offset_));
            if (event.kind == Kind::out && !agrees(event.bytes, offset_, part)) return false;
            sent.remove_prefix(part.size());
            offset_ += part.size();
            if (offset_ < size) continue;
            offset_ = 0;
            ++at_;
        }
        return true;
    }

    /// The events that are due: everything up to the next bytes of the client.
    [[nodiscard]] std::vector<const TranscriptEvent*> due()
    {
        const auto from_client = [this](std::size_t i) { return (*events_)[i].kind == Kind::out || (*events_)[i].kind == Kind::out_skipped; };
        if (offset_ == 0)
            while (at_ < events_->size() && !from_client(at_)) ++at_;
        std::vector<const TranscriptEvent*> events;
        for (; answered_ < at_; ++answered_)
            if (!from_client(answered_)) events.push_back(&(*events_)[answered_]);
        return events;
    }
    [[nodiscard]] double time_before(const TranscriptEvent& event) const
    {
        const auto index = static_cast<std::size_t>(&event - events_->data());
        return index == 0 ? 0 : event.ms - (*events_)[index - 1].ms;
    }

private:
    const std::vector<TranscriptEvent>* events_;
    std::size_t at_ = 0, answered_ = 0;
    std::uint64_t offset_ = 0;  ///< into the event at at_
};

ReplayServer::ReplayServer(const std::filesystem::path& transcript, double speed)
    : ReplayServer(read_transcript(read_text(transcript), transcript.string()), speed)
{
}

ReplayServer::ReplayServer(std::vector<std::vector<TranscriptEvent>> sockets, double speed) : speed_(speed)
{
    for (auto& events : sockets) sockets_.push_back({std::move(events)});
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        const std::string why = std::strerror(errno);
        if (listener_ >= 0) ::close(listener_);
        throw failure("no port on this computer can be opened to replay the transcript (" + why + "); close other programs");
    }
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { listen(); });
}

ReplayServer::~ReplayServer()
{
    std::unique_lock lock(mutex_);
    stop_ = true;
    for (const int client : clients_) ::shutdown(client, SHUT_RDWR);
    changed_.notify_all();
    changed_.wait(lock, [this] { return clients_.empty(); });
    lock.unlock();
    ::shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    ::close(listener_);
}

AdbSettings ReplayServer::settings() const
{
    AdbSettings settings;
    settings.port = port_;
    return settings;
}

std::vector<std::string> ReplayServer::serials() const
{
    std::vector<std::string> all;
    for (const auto& socket : sockets_) {
        const auto request = first_request(socket.events);
        for (const std::string_view begin : {"host:transport:", "host:tport:serial:"}) {
            if (!request.starts_with(begin)) continue;
            // The service's request may be in the same bytes.
            auto length = socket.events.front().bytes.substr(0, 4);
            const auto size = std::strtoul(length.c_str(), nullptr, 16);
            const auto serial = printable(request.substr(0, size).substr(begin.size()), 500);
            if (!serial.empty() && std::ranges::find(all, serial) == all.end()) all.push_back(serial);
        }
    }
    return all;
}

std::string ReplayServer::list_of_phones() const
{
    std::string list;
    int id = 0;
    for (const auto& serial : serials()) list += serial + " device product:replay model:Replay device:replay transport_id:" + std::to_string(++id) + "\n";
    return list;
}

void ReplayServer::listen()
{
    for (;;) {
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0 && errno == EINTR) continue;
        if (client < 0) return;
        const std::lock_guard lock(mutex_);
        if (stop_) {
            ::close(client);
            return;
        }
        clients_.push_back(client);
        std::thread([this, client] { serve(client); }).detach();
    }
}

void ReplayServer::pause(double ms)
{
    if (speed_ <= 0 || ms <= 0) return;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::duration<double, std::milli>(std::min(ms, 3'600'000.0) / speed_), [this] { return stop_; });
}

void ReplayServer::serve(int client)
{
    std::string history;  // while the recorded socket can still turn out to be another
    std::optional<Conversation> talk;
    std::uint64_t answered = 0;  // bytes sent to the client
    const auto send_all = [client](std::string_view bytes) {
        while (!bytes.empty()) {
            const auto count = ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    };
    Recorded* current = nullptr;
    bool claimed = false;  // by us, not by an earlier conversation
    /// A recorded socket that began as this conversation did.
    const auto choose = [&]() -> bool {
        const std::lock_guard lock(mutex_);
        Recorded* found = nullptr;
        for (auto& socket : sockets_) {
            if (!Conversation(socket.events).take(history)) continue;
            found = &socket;
            if (!socket.used) break;
        }
        if (found == nullptr) return false;
        if (current != nullptr && claimed) current->used = false;
        current = found;
        claimed = !found->used;
        found->used = true;
        talk.emplace(found->events);
        (void)talk->take(history);
        return true;
    };
    std::uint64_t skip = 0;
    std::array<char, 65536> buffer;
    bool open = true;
    while (open) {
        const auto count = ::recv(client, buffer.data(), buffer.size(), 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        const std::string_view sent(buffer.data(), static_cast<std::size_t>(count));
        if (history.size() < 4 * Transcript::kept_out) history.append(sent);
        if (!talk || !talk->take(sent)) {
            if (choose()) {
                skip = answered;
            } else {
                const auto request = std::string_view(history).substr(std::min<std::size_t>(4, history.size()));
                if (request == "host:version")
                    (void)send_all("OKAY00040029");
                else if (request == "host:devices-l" || request == "host:track-devices-l") {
                    (void)send_all("OKAY" + block(list_of_phones()));
                    if (request == "host:track-devices-l") continue;
                } else {
                    (void)send_all("FAIL" + block("the transcript holds no answer to " + printable(request, 200)));
                }
                break;
            }
        }
        for (const auto* event : talk->due()) {
            if (event->kind == Kind::end || event->kind == Kind::in_skipped) {  // what was only counted cannot be played
                ::shutdown(client, SHUT_WR);
                break;
            }
            const auto drop = std::min<std::uint64_t>(skip, event->bytes.size());
            skip -= drop;
            if (drop == event->bytes.size()) continue;
            pause(talk->time_before(*event));
            if (!send_all(std::string_view(event->bytes).substr(drop))) {
                open = false;
                break;
            }
            answered += event->bytes.size() - drop;
        }
    }
    const std::lock_guard lock(mutex_);
    std::erase(clients_, client);
    ::close(client);
    changed_.notify_all();
}

}  // namespace bitwright
