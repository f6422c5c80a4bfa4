// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/wireless.h"

#include "device_bridge/adb/adb_server.h"
#include "device_bridge/adb/host_socket.h"

#include <algorithm>
#include <cctype>

namespace bitwright {
namespace {

using std::chrono::milliseconds;

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// adb waits 10 s for an address that says nothing.
AdbSettings patient(AdbSettings settings)
{
    settings.silence = std::max(settings.silence, milliseconds(20000));
    return settings;
}

void check_address(const std::string& address)
{
    const bool plain = !address.empty() && address.size() <= 255 && std::ranges::all_of(address, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
    if (!plain) throw usage_error("\"" + printable(address, 60) + "\" is no address of a phone; give it as 192.168.1.20:5555");
}

AdbError not_connected(const std::string& address, const std::string& said)
{
    if (has(said, "authenticate") || has(said, "unauthorized"))
        return {AdbFault::unauthorized,
                address + ": the phone asks whether to allow this computer; unlock it and accept the dialog, then it connects by itself"};
    if (has(said, "Connection refused"))
        return {AdbFault::no_device, address +
                                         ": nothing listens at this address; switch on wireless debugging on the phone (or connect it by USB once and let it "
                                         "listen), and look up its port there"};
    if (has(said, "No route") || has(said, "unreachable"))
        return {AdbFault::no_device, address + ": this address cannot be reached; phone and computer must be in the same network"};
    if (has(said, "resolve") || has(said, "Name or service") || has(said, "Temporary failure"))
        return {AdbFault::no_device, address + ": no such name in the network; give the phone's IP address as its Wi-Fi settings show it"};
    if (has(said, "could not connect to localfilesystem"))
        return {AdbFault::no_device, address + ": nothing listens at this socket; start the phone behind it"};
    if (has(said, "failed to connect"))
        return {AdbFault::no_device, address +
                                         ": the phone does not answer at this address; check that it is on, in the same network, and listens (adb says \"" +
                                         printable(said) + "\")"};
    return {AdbFault::refused, address + ": adb says \"" + printable(said) + "\"; check the address"};
}

}  // namespace

std::string connect_phone(const AdbSettings& settings, const std::string& address, const Control& control)
{
    check_address(address);
    ensure_adb_server(settings, control);
    const auto said = ask_server(patient(settings), "host:connect:" + address, control, address);
    for (const std::string_view begin : {"already connected to ", "connected to "}) {
        if (!said.starts_with(begin)) continue;
        auto serial = said.substr(begin.size());
        while (!serial.empty() && (serial.back() == '\n' || serial.back() == ' ')) serial.pop_back();
        return serial;
    }
    throw not_connected(printable(address, 100), said);
}

void disconnect_phone(const AdbSettings& settings, const std::string& serial, const Control& control)
{
    check_address(serial);
    ensure_adb_server(settings, control);
    (void)ask_server(settings, "host:disconnect:" + serial, control, serial);
}

bool can_pair(const AdbSettings& settings, const Control& control)
{
    ensure_adb_server(settings, control);
    try {
        (void)ask_server(settings, "host:mdns:check", control);  // came with pairing, in 30
        return true;
    } catch (const AdbError& error) {
        if (error.fault() == AdbFault::unsupported) return false;
        if (error.fault() == AdbFault::refused) return true;
        throw;
    }
}

void pair_phone(const AdbSettings& settings, const std::string& address, const std::string& code, const Control& control)
{
    check_address(address);
    if (code.empty() || code.size() > 64 || !std::ranges::all_of(code, [](unsigned char c) { return std::isalnum(c) != 0; }))
        throw usage_error("the pairing code is not as the phone shows it; it has six digits");
    ensure_adb_server(settings, control);
    std::string said;
    try {
        said = ask_server(patient(settings), "host:pair:" + code + ":" + address, control, address);
    } catch (const AdbError& error) {
        if (error.fault() == AdbFault::unsupported)
            throw AdbError(AdbFault::unsupported,
                           "this computer's adb is too old to pair; install Android platform tools 30 or newer, or connect the phone by USB once and let it "
                           "listen on the network");
        throw;
    }
    if (said.starts_with("Successfully paired")) return;
    if (has(said, "password") || has(said, "protocol fault"))
        throw AdbError(
            AdbFault::refused,
            printable(address, 100) + ": the phone did not accept the code; open \"Pair device with pairing code\" again and type the new code and port");
    if (has(said, "pairing client"))
        throw AdbError(AdbFault::no_device, printable(address, 100) +
                                                ": nothing waits for a pairing code at this address; open \"Pair device with pairing code\" on the phone and type the port "
                                                "shown there, which is another than the one for connecting");
    throw not_connected(printable(address, 100), said);
}

void listen_on_network(const AdbTarget& target, std::uint16_t port, const Control& control)
{
    if (port == 0) throw usage_error("0 is no port a phone can listen on; use 5555");
    const auto socket = open_service(target, "tcpip:" + std::to_string(port), control);
    const auto said = socket->read_to_end(4096);
    if (!said.empty() && !has(said, "restarting"))
        throw AdbError(AdbFault::refused, printable(target.serial, 100) + ": the phone does not listen on its network, it says \"" + printable(said) + "\"");
}

void reconnect_offline(const AdbSettings& settings, const Control& control) { (void)ask_server(settings, "host:reconnect-offline", control); }

}  // namespace bitwright
