// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/stream.h"

#include <algorithm>

namespace bitwright::demo {

void Stream::received(std::string bytes)
{
    const std::scoped_lock hold(lock_);
    if (at_ == buffer_.size()) {
        buffer_ = std::move(bytes);
        at_ = 0;
    } else {
        buffer_ += bytes;
    }
    owes_okay_ = true;
    changed_.notify_all();
}

void Stream::acknowledged()
{
    const std::scoped_lock hold(lock_);
    ready_ = true;
    changed_.notify_all();
}

void Stream::closed()
{
    const std::scoped_lock hold(lock_);
    closed_ = told_ = true;
    changed_.notify_all();
}

void Stream::consumed(std::unique_lock<std::mutex>& hold)
{
    if (!owes_okay_ || at_ < buffer_.size() || closed_) return;
    owes_okay_ = false;
    hold.unlock();
    wire_.okay();
    hold.lock();
}

std::string Stream::read(std::size_t bytes)
{
    std::unique_lock hold(lock_);
    std::string out;
    while (out.size() < bytes) {
        changed_.wait(hold, [&] { return at_ < buffer_.size() || closed_; });
        if (at_ == buffer_.size()) throw StreamClosed{};
        const std::size_t take = std::min(bytes - out.size(), buffer_.size() - at_);
        out.append(buffer_, at_, take);
        at_ += take;
        consumed(hold);
    }
    return out;
}

std::string Stream::read_some()
{
    std::unique_lock hold(lock_);
    changed_.wait(hold, [&] { return at_ < buffer_.size() || closed_; });
    std::string out = buffer_.substr(at_);
    at_ = buffer_.size();
    consumed(hold);
    return out;
}

void Stream::write(std::string_view bytes)
{
    const std::scoped_lock one_writer(writing_);
    while (!bytes.empty()) {
        {
            std::unique_lock hold(lock_);
            changed_.wait(hold, [&] { return ready_ || closed_; });
            if (closed_) throw StreamClosed{};
            ready_ = false;
        }
        const auto piece = bytes.substr(0, largest_);
        wire_.write(piece);
        bytes.remove_prefix(piece.size());
    }
}

void Stream::close()
{
    {
        const std::scoped_lock hold(lock_);
        closed_ = true;
        changed_.notify_all();
        if (told_) return;
        told_ = true;
    }
    wire_.close();
}

}  // namespace bitwright::demo
