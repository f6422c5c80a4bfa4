// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/run/phone_reading.h"

#include "core/runtime/error.h"
#include "device_bridge/adb/adb_error.h"
#include "device_bridge/adb/shell.h"
#include "device_bridge/run/phone_run.h"

namespace bitwright {
namespace {

constexpr int most_rounds = 8;

}  // namespace

PhoneReading read_phone(const AdbTarget& target, const Control& control)
{
    PhoneReading reading;
    reading.facts = read_facts(target, control);
    if (!reading.facts.complete) throw failure(printable(target.serial, 100) + ": the phone's answer about itself was cut off; try again");
    reading.simulated = is_simulated(target.serial, reading.facts, nullptr);
    reading.name = phone_name(reading.facts).value_or("a phone that does not say its name");
    return reading;
}

SourceChoice probe_energy(const AdbTarget& target, const PhoneFacts& facts, const Control& control)
{
    ProbeAnswers answers;
    for (int round = 0; round < most_rounds; ++round) {  // each asks what the answers before it made worth asking
        const auto probes = next_probes(facts, answers);
        if (probes.empty()) break;
        for (const auto& probe : probes) {
            const ShellOptions options{.output_limit = 8U << 20, .time_limit = std::chrono::seconds(probe.patience_s)};
            try {
                answers[probe.id] = run_shell(target, probe.command, options, control).output;
            } catch (const AdbError& error) {
                if (error.fault() != AdbFault::no_answer && error.fault() != AdbFault::output_limit) throw;
                answers[probe.id] = "";  // a source that hangs is none
            }
        }
    }
    return choose_source(facts, answers);
}

}  // namespace bitwright
