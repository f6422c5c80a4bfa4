// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/detached.h"

#include "device_bridge/adb/shell.h"
#include "device_bridge/phone/lines.h"
#include "device_bridge/phone/shell_quote.h"

#include <algorithm>
#include <thread>

namespace bitwright {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Field 22 of /proc/PID/stat is when the process started; with the boot it tells a process from a later one with the same number. Field 3 is Z for a dead one.
constexpr std::string_view boot = "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)";

constexpr milliseconds longest_look{60000};  ///< a look takes a tenth of a second; one that hangs is tried again by whoever waits

}  // namespace

std::int64_t start_detached(const AdbTarget& target, const std::string& folder, std::string_view command, const Control& control)
{
    if (look_at_detached(target, folder, control).kind == DetachedState::Kind::running)
        throw AdbError(AdbFault::refused,
                       printable(target.serial, 100) + ": " + printable(folder, 200) + ": a command is still running there; wait for it or end it first");
    // Deaf to the hang-up that ends adbd's shells. The command is in parentheses, so that its `exit` does not skip the last line.
    std::string inner = "trap '' HUP\necho $$ $(cut -d' ' -f22 /proc/$$/stat) " + std::string(boot) + " > group.part && mv group.part group || exit 1\n(\n";
    inner.append(command).append("\n) > stdout 2> stderr\necho $? > done.part && mv done.part done\n");
    const auto place = shell_quoted(folder);
    const std::string script =
        "mkdir -p " + place + " && cd " + place + " || exit 1\nrm -f group done stdout stderr\nsetsid sh -c " + shell_quoted(inner) +
        " < /dev/null > /dev/null 2>&1 &\nfor i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -f group ] && break; sleep 0.1; done\ncat group\n";
    const auto printed = shell_output(target, script, control);
    const auto words = words_of(std::string_view(printed).substr(0, printed.find('\n')));
    const auto group = words.empty() ? std::nullopt : whole_number(words[0]);
    if (!group || *group <= 1)
        throw AdbError(AdbFault::refused, printable(target.serial, 100) + ": the phone did not start the command; it says \"" + printable(printed) + "\"");
    return *group;
}

DetachedState look_at_detached(const AdbTarget& target, const std::string& folder, const Control& control)
{
    const std::string script = "cd " + shell_quoted(folder) + " 2>/dev/null || exit 0\n[ -f group ] || exit 0\nread group started boot < group\n" +
                               "end() { [ -f done ] && echo finished $(cat done) $group && exit 0; }\nend\n[ \"$boot\" = \"" + std::string(boot) +
                               "\" ] && case \"$(cut -d' ' -f3,22 /proc/$group/stat 2>/dev/null)\" in Z*) ;; *\" $started\") echo running $group; exit 0 ;; "
                               "esac\nend\necho died $group\n";
    const auto answer = run_shell(target, script, {.time_limit = longest_look}, control);
    if (answer.exit_code != 0) throw sync_refusal(target.serial, printable(folder, 200), answer.error);
    return parse_detached_state(answer.output);
}

DetachedState wait_for_detached(const AdbTarget& target, const std::string& folder, milliseconds interval, milliseconds patience, const Control& control)
{
    for (auto heard = steady_clock::now();;) {
        try {
            const auto state = look_at_detached(target, folder, control);
            if (state.kind != DetachedState::Kind::running) return state;
            heard = steady_clock::now();
        } catch (const AdbError& error) {
            const bool away = error.passes_with_reconnect() || error.fault() == AdbFault::no_server || error.fault() == AdbFault::unauthorized;
            if (!away || (patience > milliseconds::zero() && steady_clock::now() - heard > patience)) throw;
        }
        for (auto end = steady_clock::now() + interval; steady_clock::now() < end; std::this_thread::sleep_for(std::min(interval, milliseconds(50))))
            control.check();
    }
}

bool end_detached(const AdbTarget& target, const std::string& folder, const Control& control)
{
    const auto state = look_at_detached(target, folder, control);
    if (state.kind != DetachedState::Kind::running || end_process_group(target, state.group, control)) return true;
    return look_at_detached(target, folder, control).kind != DetachedState::Kind::running;  // a dead process nobody has waited for still has its number
}

}  // namespace bitwright
