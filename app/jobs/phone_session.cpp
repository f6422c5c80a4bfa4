// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/phone_session.h"

#include "device_bridge/adb/adb_server.h"
#include "device_bridge/adb/host_socket.h"
#include "device_bridge/adb/shell.h"
#include "device_bridge/phone/shell_quote.h"
#include "device_bridge/run/phone_run.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace bitwright {

namespace {

constexpr auto settling = std::chrono::seconds(5);  ///< a fresh connection passes through "offline"

/// What adb says about the phone once it has made up its mind.
std::optional<PhoneLine> settled_line(const AdbSettings& settings, const std::string& serial, const Control& control)
{
    for (const auto end = std::chrono::steady_clock::now() + settling;; std::this_thread::sleep_for(std::chrono::milliseconds(100))) {
        control.check();
        const auto phones = connected_phones(settings, control);
        const auto found = std::find_if(phones.begin(), phones.end(), [&](const PhoneLine& phone) { return phone.serial == serial; });
        if (found == phones.end()) return std::nullopt;
        const bool passing = found->state == ConnectionState::offline || found->state == ConnectionState::connecting || found->state == ConnectionState::authorizing;
        if (!passing || std::chrono::steady_clock::now() > end) return *found;
    }
}

}  // namespace

std::vector<PhoneLine> connected_phones(const AdbSettings& settings, const Control& control)
{
    ensure_adb_server(settings, control);
    return phone_lines(ask_server(settings, "host:devices-l", control));
}

Conditions PhoneSession::conditions(const std::optional<PhoneState>& state) const
{
    Conditions conditions;
    conditions.device_kind = simulated ? "simulated" : "phone";
    conditions.device_identity = identity;
    conditions.device_name = name;
    auto lasting = to_json(facts);
    for (const char* changing : {"state", "complete", "battery_files"}) lasting.erase(changing);
    conditions.device_facts = lasting.dump();
    conditions.program = "Bitwright " BITWRIGHT_VERSION;
    if (!state) return conditions;
    if (state->battery) {
        conditions.power_source = state->battery->power_source;
        conditions.temperature_c = state->battery->celsius;
    }
    const auto fastest = std::max_element(state->cores.begin(), state->cores.end(), [](const auto& a, const auto& b) { return a.max_khz.value_or(0) < b.max_khz.value_or(0); });
    if (fastest != state->cores.end()) conditions.governor = fastest->governor;
    return conditions;
}

PhoneSession open_phone(const AdbSettings& settings, const std::string& serial, const Control& control)
{
    const auto line = settled_line(settings, serial, control);
    if (!line) throw AdbError(AdbFault::no_device, printable(serial, 100) + ": no such phone is connected; bitwright-cli devices shows them");
    if (line->state != ConnectionState::device)
        throw AdbError(line->state == ConnectionState::unauthorized ? AdbFault::unauthorized : AdbFault::offline,
                       printable(serial, 100) + ": is " + std::string(state_name(line->state)) + ". " + std::string(advice(line->state)));
    PhoneSession phone;
    phone.target = {settings, serial, 0};
    phone.facts = read_facts(phone.target, control);
    if (!phone.facts.complete) throw failure(printable(serial, 100) + ": the phone's answer about itself has no end; try again (the replay of a recording answers only what was recorded)");
    phone.identity = device_identity(serial);
    phone.simulated = is_simulated(serial, phone.facts, nullptr);
    phone.name = phone_name(phone.facts).value_or("a phone that does not say its name") + (phone.simulated ? " (simulated)" : "");
    return phone;
}

std::size_t undo_changes(Workspace& workspace, const PhoneSession& phone, const Control& control)
{
    std::size_t left = 0;
    for (const auto& change : phone_changes(workspace, phone.identity)) {
        const auto answer = run_shell(phone.target, shell_command(change.undo), control);
        const bool refused = answer.exit_code != 0;
        left += refused;
        phone_change_undone(workspace, change.id, refused ? std::optional(printable(answer.error.empty() ? "exit code " + std::to_string(answer.exit_code) : answer.error)) : std::nullopt);
    }
    return left;
}

void change_phone(Workspace& workspace, const PhoneSession& phone, const std::string& what, const std::vector<std::string>& command, const std::vector<std::string>& undo, const Control& control)
{
    const auto id = put_phone_change(workspace, {0, phone.identity, what, "", undo, {}});
    const auto answer = run_shell(phone.target, shell_command(command), control);
    if (answer.exit_code == 0) return;
    phone_change_undone(workspace, id);
    throw AdbError(AdbFault::refused, printable(phone.target.serial, 100) + ": the phone refuses that " + what + " (" + printable(answer.error) + "); measure without it");
}

}  // namespace bitwright
