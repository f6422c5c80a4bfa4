// SPDX-License-Identifier: GPL-3.0-or-later
// devices: what is connected. push: the runner and a package onto a phone, or everything of ours off it.
#include "app/cli/command_line.h"
#include "app/cli/device_json.h"
#include "app/jobs/phone_job.h"

#include <memory>

namespace bitwright::cli {
namespace {

struct Arguments {
    std::string serial, package, workspace;
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

}  // namespace

void add_devices(CLI::App& app, CommandLine& line)
{
    auto arguments = std::make_shared<Arguments>();
    auto* devices = add_command(app, "devices", "phones that adb sees", "devices[{serial, state, model, advice; with --facts also name, identity, simulated, facts, or problem}]");
    devices->add_flag("--facts", arguments->facts, "ask each phone what it is: SoC, cores, memory, battery, temperatures");
    devices->callback([&line, arguments] { line.action = [&line, arguments] { list_devices(line, *arguments); }; });

    auto* pushing = add_command(app, "push", "put the runner and a package onto a phone, once: what lies there with the same SHA-256 is not sent",
                                "device, package_sha256, path, runner, bytes, sent_bytes, seconds; with --remove: device, removed");
    pushing->add_option("--device", arguments->serial, "serial, as devices prints it")->required();
    pushing->add_option("--package", arguments->package, "package file");
    pushing->add_flag("--remove", arguments->remove, "take everything that Bitwright put there off the phone");
    pushing->callback([&line, arguments] { line.action = [&line, arguments] { push(line, *arguments); }; });
}

}  // namespace bitwright::cli
