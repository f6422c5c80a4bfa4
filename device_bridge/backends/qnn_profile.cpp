// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/backends/qnn_profile.h"

#include "device_bridge/backends/fields.h"

#include <algorithm>

namespace bitwright::backends {
namespace {

constexpr std::size_t most_quantities = 256;

/// "Backend (RPC (execute) time)" and "RPC (execute) time" alike.
std::string_view plain_name(std::string_view name)
{
    name = trimmed(name);
    if (name.starts_with("Backend (") && name.ends_with(')')) name = name.substr(9, name.size() - 10);
    return name;
}

bool is_time_of(std::string_view name, std::string_view who) { return name.starts_with(who) && name.ends_with(") time"); }

}  // namespace

bool QnnProfile::line(std::string_view text)
{
    auto bare = trimmed(text);
    while (bare.starts_with('-')) bare.remove_prefix(1);  // rules between sections
    bare = trimmed(bare);
    const auto begins = [&](std::string_view header) { return bare.starts_with(header); };
    const auto section = begins("Init Stats")             ? Section::init
                         : begins("Compose Graphs Stats") ? Section::compose
                         : begins("Finalize Stats")       ? Section::finalize
                         : begins("De-Init Stats")        ? Section::deinit
                         : begins("Execute Stats (Overall)") ? Section::overall
                         : begins("Execute Stats") || begins("Total Inference Time") ? Section::execute
                         : begins("Execute Stat ") ? Section::one
                                                   : Section::none;
    if (section != Section::none) {
        section_ = section;
        graph_.clear();
        return true;
    }
    if (section_ == Section::none) return false;
    if (begins("Graph ") && bare.ends_with("):")) {
        const auto name = after(bare, "(").value_or("):");
        graph_ = shown(name.substr(0, name.size() - 2), 60);
        if (first_graph_.empty()) first_graph_ = graph_;
        return true;
    }
    const auto colon = bare.rfind(':');
    if (colon == std::string_view::npos) return false;
    const auto rest = trimmed(bare.substr(colon + 1));
    const auto number = leading_number(rest);
    if (!number || *number < 0) return false;
    const auto unit = rest.find_first_of(" \t");
    value(plain_name(bare.substr(0, colon)), *number, unit == std::string_view::npos ? std::string_view() : rest.substr(unit));
    return true;
}

void QnnProfile::value(std::string_view name, double number, std::string_view unit)
{
    unit = trimmed(unit);
    const auto seconds = seconds_of(unit);
    switch (section_) {
        case Section::init:
        case Section::compose:
        case Section::finalize:
        case Section::deinit:
            if (name != "NetRun" || !seconds) return;
            return add(section_ == Section::init ? "init_s" : section_ == Section::compose ? "compose_s" : section_ == Section::finalize ? "finalize_s" : "deinit_s", "s", number * *seconds);
        case Section::execute:
        case Section::one:
            if (name == "NetRun" && seconds) return add("inference_s", "s", number * *seconds);
            if (is_time_of(name, "RPC (") && seconds) return add("rpc_s", "s", number * *seconds);
            if (is_time_of(name, "QNN accelerator (") && seconds) {
                if (number > 0 && evidence_.empty()) evidence_ = "QNN accelerator (execute) time: " + std::to_string(static_cast<long long>(std::min(number, 9e15))) + " " + shown(unit, 10);
                return add("accelerator_s", "s", number * *seconds);
            }
            if (name == "Accelerator (execute) time (cycles)" && unit == "cycles") return add("accelerator_cycles", "1", number);
            if (name == "Number of HVX threads used") return add("hvx_threads", "1", number);
            return;
        case Section::overall:
        case Section::none: return;
    }
}

/// The viewer gives averages (a summary) and, where asked, every execution ("Execute Stat N": a sample).
void QnnProfile::add(std::string name, std::string_view unit, double number)
{
    if (!graph_.empty() && graph_ != first_graph_) name += "[" + graph_ + "]";
    if (section_ == Section::one) {
        if (read_.quantities.size() < most_quantities || read_.find(name)) add_sample(read_, name, unit, number);
        return;
    }
    auto found = std::ranges::find(read_.quantities, name, &Quantity::name);
    if (found == read_.quantities.end()) {
        if (read_.quantities.size() >= most_quantities) return;
        found = read_.quantities.insert(found, {name, std::string(unit), {}});
    }
    if (!found->summary) found->summary = Quantity::Summary{.count = 0, .mean = number};
}

void QnnProfile::conclude(Result& result) const
{
    result.quantities.insert(result.quantities.end(), read_.quantities.begin(), read_.quantities.end());
    if (evidence_.empty()) return;
    result.offload.state = Offload::verified;
    result.offload.device = "HTP", result.offload.evidence = evidence_;
}

}  // namespace bitwright::backends
