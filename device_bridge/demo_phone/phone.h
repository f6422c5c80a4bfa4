// SPDX-License-Identifier: GPL-3.0-or-later
// What all connections of one demo phone share: its scenario, its tree, its processes, and what was already let go wrong.
// Threading: every member function may be called from any thread.
#pragma once

#include "device_bridge/demo_phone/children.h"
#include "device_bridge/demo_phone/scenario.h"
#include "device_bridge/demo_phone/tree.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>

namespace bitwright::demo {

/// The phone goes away while something is under way: the service ends, its connection is closed.
struct Gone {};

class Phone {
public:
    Phone(const Scenario& described, const Tree& around);

    const Scenario& scenario;
    const Tree& tree;
    Children children;
    std::atomic<bool> authorized{false};  ///< the user has accepted this computer

    /// `bytes` went through in that direction: waits as the bandwidth asks, then lets happen what the scenario says. Throws Gone after a drop or reboot.
    void passed(Direction direction, std::uint64_t bytes, const std::function<void()>& cut);
    /// Something the scenario lets go wrong has happened: a line of JSON on standard output, the first time (drop, freeze and restart every time).
    void happened(const std::string& fault);
    /// Below what the shell user may not use.
    [[nodiscard]] bool denied(std::string_view path) const;
    /// Waits while the phone is frozen.
    void wait_while_frozen();
    /// The scripted answer to a command. Entries that match alike are used in turn, the last of them again and again: what was asked twice may have two answers.
    const ScriptedCommand* scripted(const std::string& command);
    /// For the ticker: what happens at a time.
    void elapsed(double second);
    /// True while it restarts: nobody is answered.
    [[nodiscard]] bool down() const;
    /// Kills everything that runs on it, cuts every connection, and is away for `down_s`.
    void reboot();

    [[nodiscard]] double seconds() const;  ///< since the start
    /// A live connection's way to be cut; the returned number takes it off again.
    std::uint64_t add_connection(std::function<void()> cut);
    void remove_connection(std::uint64_t id);

private:
    bool due(const std::optional<Trigger>& trigger, std::int64_t& left, Direction direction);
    void freeze();

    mutable std::mutex lock_;
    std::mutex telling_;
    std::set<std::string> told_;  ///< faults that were said
    std::condition_variable thawed_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::optional<std::chrono::steady_clock::time_point> frozen_until_, down_until_;
    std::array<std::uint64_t, 3> passed_{};
    std::map<const ScriptedCommand*, std::size_t> answered_;  ///< by the first of those that match alike
    std::int64_t drops_left_, freezes_left_, reboots_left_;
    std::map<std::uint64_t, std::function<void()>> connections_;
    std::uint64_t next_connection_ = 1;
};

}  // namespace bitwright::demo
