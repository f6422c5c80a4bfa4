// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/phone.h"

#include "core/runtime/json.h"

#include <algorithm>
#include <iostream>
#include <thread>

namespace bitwright::demo {

using std::chrono::duration;
using std::chrono::steady_clock;

namespace {

std::int64_t times(const std::optional<Trigger>& trigger) { return trigger ? trigger->times : 0; }
auto after(double seconds) { return steady_clock::now() + std::chrono::duration_cast<steady_clock::duration>(duration<double>(seconds)); }

}  // namespace

Phone::Phone(const Scenario& described, const Tree& around)
    : scenario(described), tree(around), drops_left_(times(described.faults.drop)), freezes_left_(times(described.faults.freeze)), reboots_left_(times(described.faults.reboot))
{
}

double Phone::seconds() const { return duration<double>(steady_clock::now() - start_).count(); }

void Phone::happened(const std::string& fault)
{
    const double second = seconds();
    const std::scoped_lock hold(telling_);
    const bool often = fault == "drop" || fault == "freeze" || fault == "reboot";
    if (told_.insert(fault).second || often) std::cout << R"({"happened":)" << json::quoted(fault) << R"(,"second":)" << second << "}" << std::endl;
}

bool Phone::denied(std::string_view path) const
{
    for (const auto& prefix : scenario.faults.denied) {
        if (path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/')) return true;
    }
    return false;
}

bool Phone::due(const std::optional<Trigger>& trigger, std::int64_t& left, Direction direction)
{
    std::uint64_t& total = passed_[static_cast<std::size_t>(direction)];
    if (!trigger || left == 0 || trigger->direction != direction || total < trigger->bytes) return false;
    --left;
    total = 0;
    return true;
}

void Phone::passed(Direction direction, std::uint64_t bytes, const std::function<void()>& cut)
{
    const Faults& faults = scenario.faults;
    if (faults.bytes_per_second > 0) happened("slow");
    if (faults.bytes_per_second > 0) std::this_thread::sleep_for(duration<double>(static_cast<double>(bytes) / faults.bytes_per_second));
    bool drops = false, reboots = false, freezes = false;
    {
        const std::scoped_lock hold(lock_);
        passed_[static_cast<std::size_t>(direction)] += bytes;
        drops = due(faults.drop, drops_left_, direction);
        reboots = due(faults.reboot, reboots_left_, direction);
        freezes = due(faults.freeze, freezes_left_, direction);
        if (freezes) freeze();
    }
    if (freezes) happened("freeze");
    if (reboots) {
        reboot();
        throw Gone{};
    }
    if (drops) {
        happened("drop");
        cut();
        throw Gone{};
    }
    wait_while_frozen();
}

const ScriptedCommand* Phone::scripted(const std::string& command)
{
    using Match = ScriptedCommand::Match;
    std::vector<const ScriptedCommand*> alike;
    for (const ScriptedCommand& each : scenario.commands) {
        const bool matches = each.match == Match::equals ? command == each.text : each.match == Match::starts ? command.starts_with(each.text) : command.find(each.text) != std::string::npos;
        if (matches && (alike.empty() || (each.match == alike[0]->match && each.text == alike[0]->text))) alike.push_back(&each);
    }
    if (alike.empty()) return nullptr;
    const std::scoped_lock hold(lock_);
    return alike[std::min(answered_[alike[0]]++, alike.size() - 1)];
}

void Phone::freeze() { frozen_until_ = scenario.faults.freeze_s > 0 ? after(scenario.faults.freeze_s) : steady_clock::time_point::max(); }

void Phone::wait_while_frozen()
{
    std::unique_lock hold(lock_);
    while (frozen_until_ && steady_clock::now() < *frozen_until_) {
        if (*frozen_until_ == steady_clock::time_point::max()) thawed_.wait(hold);
        else thawed_.wait_until(hold, *frozen_until_);
    }
    frozen_until_.reset();
}

void Phone::elapsed(double second)
{
    const Faults& faults = scenario.faults;
    bool reboots = false, freezes = false, drops = false;
    std::vector<std::function<void()>> cuts;
    {
        const std::scoped_lock hold(lock_);
        const auto at_time = [&](const std::optional<Trigger>& trigger, std::int64_t& left) {
            if (!trigger || !trigger->after_s || left == 0 || second < *trigger->after_s * static_cast<double>(trigger->times - left + 1)) return false;
            --left;
            return true;
        };
        freezes = at_time(faults.freeze, freezes_left_);
        if (freezes) freeze();
        reboots = at_time(faults.reboot, reboots_left_);
        drops = at_time(faults.drop, drops_left_);
        for (const auto& [id, cut] : connections_) {
            if (drops) cuts.push_back(cut);
        }
    }
    if (freezes) happened("freeze");
    if (drops) happened("drop");
    if (reboots) reboot();
    for (const auto& cut : cuts) cut();
}

bool Phone::down() const
{
    const std::scoped_lock hold(lock_);
    return down_until_ && steady_clock::now() < *down_until_;
}

void Phone::reboot()
{
    happened("reboot");
    std::vector<std::function<void()>> cuts;
    {
        const std::scoped_lock hold(lock_);
        down_until_ = after(scenario.faults.reboot_down_s);
        for (const auto& [id, cut] : connections_) cuts.push_back(cut);
    }
    for (const auto& cut : cuts) cut();
    children.kill_all();
    tree.booted(scenario);
}

std::uint64_t Phone::add_connection(std::function<void()> cut)
{
    const std::scoped_lock hold(lock_);
    connections_[next_connection_] = std::move(cut);
    return next_connection_++;
}

void Phone::remove_connection(std::uint64_t id)
{
    const std::scoped_lock hold(lock_);
    connections_.erase(id);
}

}  // namespace bitwright::demo
