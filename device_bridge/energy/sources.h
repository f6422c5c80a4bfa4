// SPDX-License-Identifier: GPL-3.0-or-later
// Where energy can be read on a phone: which commands to run next, and what their answers mean. The caller runs the commands.
// Order: power rails, Perfetto's battery counters, the battery's files, the battery service, the charge counter; an external meter's record beats them all.
// Threading: pure functions.
#pragma once

#include "device_bridge/phone/facts.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

enum class EnergySource { rails, perfetto, gauge_files, gauge_service, charge_files, charge_service, none };
[[nodiscard]] std::string source_name(EnergySource source);  ///< for people: "power rails" …

/// A command for the phone's shell; its standard output is the answer to `id`.
struct Probe {
    std::string id, command;
    int patience_s = 10;  ///< how long it may take
};
using ProbeAnswers = std::map<std::string, std::string>;

/// What is still to be asked before the choice is certain; empty: nothing. A better source that works makes asking for worse ones needless.
[[nodiscard]] std::vector<Probe> next_probes(const PhoneFacts& facts, const ProbeAnswers& answers);

struct Rejected {
    EnergySource source = EnergySource::none;
    std::string why;  ///< a sentence
};
struct SourceChoice {
    EnergySource source = EnergySource::none;
    std::string why;                 ///< a sentence: what was seen
    char tier = 'X';                 ///< the best tier this source can reach
    std::vector<std::string> rails;  ///< names, for rails
    std::vector<Rejected> rejected;  ///< the better ones, in order, and why not
    bool unplug = false;             ///< only an unplugged phone gives a number
    bool voltage = true;             ///< false: Perfetto\'s counters lack it (perfetto_script writes it beside)
};
/// Precondition: next_probes is empty; otherwise what was not asked counts as not there.
[[nodiscard]] SourceChoice choose_source(const PhoneFacts& facts, const ProbeAnswers& answers);

/// Asks the phone not to charge (property power.battery_input.suspended; androidx benchmark does the same), and takes it back. Whether it obeys is for
/// judge_suspension.
[[nodiscard]] std::string suspend_input_command(bool suspend);
struct Suspension {
    bool works = false;
    std::string why;
};
/// @param before with a plug in @param after some seconds after the command
[[nodiscard]] Suspension judge_suspension(const BatteryState& before, const BatteryState& after);

/// A POSIX shell loop like sampler_script (samples.h) that asks the battery service instead of files: about one sample a second.
[[nodiscard]] std::string service_sampler_script(const std::string& file, const std::string& stop);

}  // namespace bitwright
