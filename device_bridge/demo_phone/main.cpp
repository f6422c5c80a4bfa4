// SPDX-License-Identifier: GPL-3.0-or-later
// bitwright-demo-phone: a phone that is not there, for a genuine adb server.
//   bitwright-demo-phone --scenario FILE (--socket PATH | --port N) [--root DIR] [--tree auto|namespace|plain] [--aarch64 auto|prefix|none]
// Prints one line of JSON when adb can connect, then one for everything that the scenario lets go wrong, when it does. Ends on SIGTERM and SIGINT; leaves nothing behind, also when it is killed.
#include "device_bridge/demo_phone/applets.h"
#include "device_bridge/demo_phone/start.h"

#include "core/runtime/error.h"

#include <charconv>
#include <iostream>
#include <string_view>

namespace {

using namespace bitwright;

demo::Options parse(int argc, char** argv)
{
    demo::Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--help" || i + 1 == argc) {
            throw usage_error("usage: bitwright-demo-phone --scenario FILE (--socket PATH | --port N) [--root DIR] [--tree auto|namespace|plain] [--aarch64 auto|prefix|none]");
        }
        const std::string_view value = argv[++i];
        if (name == "--scenario") options.scenario = value;
        else if (name == "--socket") options.socket = value;
        else if (name == "--root") options.root = value;
        else if (name == "--tree" && value == "auto") options.tree = demo::Options::TreeChoice::automatic;
        else if (name == "--tree" && value == "namespace") options.tree = demo::Options::TreeChoice::namespaces;
        else if (name == "--tree" && value == "plain") options.tree = demo::Options::TreeChoice::plain;
        else if (name == "--aarch64" && value == "auto") options.aarch64 = demo::Aarch64Choice::automatic;
        else if (name == "--aarch64" && value == "prefix") options.aarch64 = demo::Aarch64Choice::prefix;
        else if (name == "--aarch64" && value == "none") options.aarch64 = demo::Aarch64Choice::none;
        else if (name == "--port") {
            if (std::from_chars(value.data(), value.data() + value.size(), options.port).ec != std::errc()) throw usage_error("--port: is no number from 0 to 65535");
            options.listens_on_port = true;
        } else {
            throw usage_error(std::string(name) + " " + std::string(value) + ": not known; --help lists the options");
        }
    }
    if (options.scenario.empty()) throw usage_error("--scenario FILE is missing");
    if (options.socket.empty() != options.listens_on_port) throw usage_error("give either --socket PATH or --port N");
    return options;
}

}  // namespace

int main(int argc, char** argv)
{
    if (const auto code = demo::run_applet(argc, argv)) return *code;
    try {
        return demo::run(parse(argc, argv));
    } catch (const Error& error) {
        std::cerr << "bitwright-demo-phone: " << error.what() << "\n";
        return static_cast<int>(error.kind());
    } catch (const std::exception& error) {
        std::cerr << "bitwright-demo-phone: " << error.what() << "\n";
        return 1;
    }
}
