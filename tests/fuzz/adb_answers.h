// SPDX-License-Identifier: GPL-3.0-or-later
// Every reader of the adb client that is a function of bytes, behind one entry: for mutations from a fixed seed and for libFuzzer. Bytes from a phone may be
// anything; none of it throws, hangs or costs memory beyond its size.
#pragma once

#include "device_bridge/adb/adb_error.h"
#include "device_bridge/adb/detached.h"
#include "device_bridge/adb/device_lines.h"
#include "device_bridge/adb/shell_packets.h"
#include "device_bridge/adb/sync_wire.h"
#include "device_bridge/phone/lines.h"

#include <cstdlib>
#include <string>
#include <string_view>

namespace bitwright::test {

/// Ends the program where libFuzzer and a test alike see it.
inline void must(bool holds)
{
    if (!holds) std::abort();
}

/// Reads `bytes` as each kind of answer; aborts where an invariant is broken.
inline void read_adb_answers(std::string_view bytes)
{
    for (const auto& phone : phone_lines(bytes)) {
        must(!phone.serial.empty() && phone.serial.size() <= 500 && printable(phone.serial, 500) == phone.serial);
        must(!phone.state_words.empty() && !state_name(phone.state).empty());
        (void)advice(phone.state);
    }
    const auto read = [bytes](std::size_t step, std::string& text) {
        ShellPacketReader reader;
        reader.on_output = reader.on_error = [&text](std::string_view part) { text += part; };
        for (std::size_t at = 0; at < bytes.size(); at += step) reader.feed(bytes.substr(at, step));
        return reader.exit_code().value_or(-1);
    };
    std::string whole, pieces;
    must(read(bytes.size() + 1, whole) == read(3, pieces) && whole == pieces && whole.size() <= bytes.size());
    if (bytes.size() >= sync_wire::head_size) (void)sync_wire::read_head(bytes);
    (void)sync_wire::read_stat(bytes.substr(0, sync_wire::stat_size));
    const auto state = parse_detached_state(bytes);
    must(state.group == 0 || state.group > 1);
    must((state.kind == DetachedState::Kind::finished) == state.exit_code.has_value());
    if (const auto free = df_free_bytes(bytes)) must(*free >= 0);
    must(std::string(server_refusal(bytes, bytes).what()).size() < 3000 && std::string(sync_refusal(bytes, bytes, bytes).what()).size() < 3000);
}

}  // namespace bitwright::test
