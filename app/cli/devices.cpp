// SPDX-License-Identifier: GPL-3.0-or-later
// devices: what is connected, how to connect it, and its self-test. push: the runner and a package onto a phone, or everything of ours off it.
#include "app/cli/command_line.h"
#include "app/cli/device_json.h"
#include "app/jobs/phone_job.h"
#include "app/jobs/phone_self_test.h"

#include <memory>

namespace bitwright::cli {
namespace {

struct Arguments {
    std::string serial, package, workspace, address, code;
    bool facts = false, remove = false;
};

void list_devices(const CommandLine& line, const Arguments& arguments)
{
    const auto settings = adb_settings_from_environment();
    Json devices = Json::array();
    for (const auto& phone : connected_phones(settings, line.control)) {
        Json device{{"serial", phone.serial},
                    {"state", state_name(phone.state)},
                    {"model", phone.model.empty() ? Json() : Json(phone.model)},
                    {"advice", advice(phone.state).empty() ? Json() : Json(advice(phone.state))}};
        if (arguments.facts && phone.state == ConnectionState::device) {
            try {
                const auto session = open_phone(settings, phone.serial, line.control);
                device["name"] = session.name;
                device["identity"] = session.identity;
                device["simulated"] = session.simulated;
                device["facts"] = facts_json(session);
            } catch (const Error& error) {  // of this phone; the others are listed
                device["problem"] = error.what();
            }
        }
        devices.push_back(std::move(device));
    }
    line.print({{"devices", devices}});
}

void push(const CommandLine& line, const Arguments& arguments)
{
    if (arguments.remove != arguments.package.empty()) throw usage_error("either --package FILE or --remove is needed");
    const auto phone = open_phone(adb_settings_from_environment(), arguments.serial, line.control);
    if (arguments.remove) {
        remove_from_phone(phone, line.control);
        return line.print({{"device", phone.target.serial}, {"removed", true}});
    }
    (void)Package::open(arguments.package);  // refused here rather than on the phone
    const auto pushed = push_to_phone(phone, arguments.package, "", line.control);
    line.print({{"device", phone.target.serial},
                {"package_sha256", pushed.package_sha256},
                {"path", pushed.remote.package},
                {"runner", pushed.remote.runner},
                {"bytes", pushed.bytes},
                {"sent_bytes", pushed.sent},
                {"seconds", pushed.seconds}});
}

void connect(const CommandLine& line, const Arguments& arguments)
{
    line.print({{"device", connect_phone(adb_settings_from_environment(), arguments.address, line.control)}, {"connected", true}});
}

void disconnect(const CommandLine& line, const Arguments& arguments)
{
    disconnect_phone(adb_settings_from_environment(), arguments.address, line.control);
    line.print({{"device", arguments.address}, {"connected", false}});
}

void pair(const CommandLine& line, const Arguments& arguments)
{
    pair_phone(adb_settings_from_environment(), arguments.address, arguments.code, line.control);
    line.print({{"address", arguments.address}, {"paired", true}});
}

/// The phone named, else the only one there is.
std::string phone_to_test(const AdbSettings& settings, const Arguments& arguments, const Control& control)
{
    if (!arguments.serial.empty()) return arguments.serial;
    const auto phones = connected_phones(settings, control);
    if (phones.size() > 1) throw usage_error("several phones are connected; name one with --device SERIAL");
    return phones.empty() ? "" : phones.front().serial;
}

void self_test(const CommandLine& line, const Arguments& arguments)
{
    const auto settings = adb_settings_from_environment();
    const auto serial = phone_to_test(settings, arguments, line.control);
    const auto workspace = arguments.workspace.empty() ? nullptr : line.open_workspace(arguments.workspace);
    const auto test = serial.empty() ? untried("no phone is connected") : test_phone(settings, serial, workspace.get(), line.control);
    Json items = Json::array();
    for (const auto& item : test.items) items.push_back({{"id", item.id}, {"title", item.title}, {"outcome", name_of(item.outcome)}, {"words", item.words}});
    line.print({{"device", serial.empty() ? Json() : Json(serial)},
                {"name", test.device.empty() ? Json() : Json(test.device)},
                {"simulated", test.simulated},
                {"note", test.simulated ? Json("simulated: this says that the program works, and nothing about phones") : Json()},
                {"items", items}});
}

}  // namespace

void add_devices(CLI::App& app, CommandLine& line)
{
    auto arguments = std::make_shared<Arguments>();
    auto* devices = add_command(app, "devices", "phones that adb sees", "devices[{serial, state, model, advice; with --facts also name, identity, simulated, facts, or problem}]");
    devices->add_flag("--facts", arguments->facts, "ask each phone what it is: SoC, cores, memory, battery, temperatures");
    devices->callback([&line, arguments, devices] {
        if (devices->get_subcommands().empty()) line.action = [&line, arguments] { list_devices(line, *arguments); };
    });
    auto* connecting = add_command(*devices, "connect", "connect a phone over the network: HOST or HOST:PORT", "device, connected");
    connecting->add_option("address", arguments->address)->required();
    connecting->callback([&line, arguments] { line.action = [&line, arguments] { connect(line, *arguments); }; });
    auto* disconnecting = add_command(*devices, "disconnect", "let go of a phone on the network", "device, connected");
    disconnecting->add_option("serial", arguments->address, "as devices prints it")->required();
    disconnecting->callback([&line, arguments] { line.action = [&line, arguments] { disconnect(line, *arguments); }; });
    auto* pairing = add_command(*devices, "pair", "pair with a phone's \"Wireless debugging\" once; needs platform tools 30 or newer", "address, paired");
    pairing->add_option("address", arguments->address, "HOST:PORT as the phone shows them")->required();
    pairing->add_option("code", arguments->code, "the six digits")->required();
    pairing->callback([&line, arguments] { line.action = [&line, arguments] { pair(line, *arguments); }; });
    auto* testing = add_command(*devices, "self-test", "what only a real phone can prove, tried on the phone at hand, item by item",
                                "device, name, simulated, note, items[{id, title, outcome (passed, failed, could not be tried), words}]");
    testing->add_option("--device", arguments->serial, "serial, as devices prints it; not needed where only one phone is connected");
    testing->add_option("-w,--workspace", arguments->workspace, "workspace file, where what is changed on the phone is written down first; without one nothing is changed");
    testing->callback([&line, arguments] { line.action = [&line, arguments] { self_test(line, *arguments); }; });

    auto* pushing = add_command(app, "push", "put the runner and a package onto a phone, once: what lies there with the same SHA-256 is not sent",
                                "device, package_sha256, path, runner, bytes, sent_bytes, seconds; with --remove: device, removed");
    pushing->add_option("--device", arguments->serial, "serial, as devices prints it")->required();
    pushing->add_option("--package", arguments->package, "package file");
    pushing->add_flag("--remove", arguments->remove, "take everything that Bitwright put there off the phone");
    pushing->callback([&line, arguments] { line.action = [&line, arguments] { push(line, *arguments); }; });
}

}  // namespace bitwright::cli
