// SPDX-License-Identifier: GPL-3.0-or-later
// libFuzzer's entry; packaging/fuzz builds and runs it. First byte: which reader (packets of an adb server, a command line, an output in a plain folder);
// second: how the bytes are cut. Scenarios are fuzzed in demo_phone_tests.
#include "core/runtime/error.h"
#include "device_bridge/demo_phone/message.h"
#include "device_bridge/demo_phone/text_map.h"
#include "tests/fuzz/seeds.h"

#include <cstdlib>
#include <string_view>

using namespace bitwright;

namespace {

const std::vector<std::string>& seeds()
{
    using demo::Command;
    static const std::vector<std::string> all{
        demo::encoded({Command::connect, demo::protocol_version, demo::largest_payload, "host::features=shell_v2"}) + demo::encoded({Command::open, 1, 0, "shell,v2:ls"}) +
            demo::encoded({Command::close, 1, 2, ""}),
        "cd /data/local/tmp && cat '/sys/class/power_supply/battery/status' > /sdcard/x; /root/data",
        "/r/data/x\n/r /r/r/sdcard end /",
    };
    return all;
}

void require(bool holds)
{
    if (!holds) std::abort();
}

/// All packets with what is not checked left out, and whether the rest was refused.
std::string packets(std::string_view bytes, std::size_t piece)
{
    demo::MessageReader reader;
    std::string read;
    try {
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            reader.feed(bytes.substr(at, piece));
            while (const auto message = reader.next()) read += demo::encoded(*message);
        }
    } catch (const Error&) {
        read += "refused";
    }
    return read;
}

std::string hidden(std::string_view text, std::size_t piece)
{
    demo::PathHider hide("/r");
    std::string shown;
    for (std::size_t at = 0; at < text.size(); at += piece) shown += hide(text.substr(at, piece));
    return shown + hide.rest();
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned random)
{
    return fuzz::mutate_or_restart(data, size, most, random, seeds(), 2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
    const std::size_t piece = 1 + data[1] % 40;
    switch (data[0] % 3) {
        case 0: require(packets(bytes, piece) == packets(bytes, bytes.size() + 1)); break;
        case 1: {
            const std::string once = demo::with_root(bytes, "/tmp/r1");
            require(once.size() >= bytes.size() && demo::with_root(once, "/tmp/r1") == once);  // a script of a script is not changed again
            break;
        }
        default: require(hidden(bytes, piece) == hidden(bytes, bytes.size() + 1));
    }
    return 0;
}
