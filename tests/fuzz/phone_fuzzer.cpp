// SPDX-License-Identifier: GPL-3.0-or-later
// Everything a phone or a user's file says, as bytes: the first one chooses the reader. Run by packaging/fuzz phone.
#include "core/runtime/error.h"
#include "device_bridge/energy/energy.h"
#include "device_bridge/energy/meter_csv.h"
#include "device_bridge/energy/perfetto.h"
#include "device_bridge/energy/sources.h"
#include "device_bridge/phone/facts.h"
#include "device_bridge/phone/soc_profile.h"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace bitwright;

EnergySession session()
{
    EnergySession session;
    session.plugged = false;
    session.windows = {{WindowKind::idle, {0, 60'000'000'000}, 0, 0},
                       {WindowKind::decode, {62'000'000'000, 124'000'000'000}, 100, 0},
                       {WindowKind::idle, {126'000'000'000, 190'000'000'000}, 0, 0}};
    return session;
}

void facts(std::string_view text)
{
    const auto facts = parse_facts(text);
    const auto json = to_json(facts);
    if (to_json(facts_from_json(json, "x")) != json) std::abort();
    (void)json.dump();
    (void)big_core_mask(facts.state.cores);
    (void)next_probes(facts, {});
}

void samples(std::string_view text)
{
    const auto report = energy_of_gauge(read_samples(text), session());
    if ((report.tier == EnergyTier::X) != report.quantities.empty()) std::abort();
    (void)to_json(report).dump();
}

void trace(const EnergyTrace& trace) { (void)to_json(energy_of_trace(trace, session(), "x")).dump(); }

void read(std::uint8_t which, std::string_view text)
{
    switch (which % 8) {
        case 0:
            return facts(text);
        case 1:
            return samples(text);
        case 2:
            return trace(rails_trace(read_rails(text)));
        case 3: {
            const auto power = read_perfetto(text);
            trace(rails_trace(power));
            (void)energy_of_gauge(power.battery, session());
            return;
        }
        case 4: {
            const std::vector<Span> marker{{51'000'000'000, 52'000'000'000}, {53'000'000'000, 54'000'000'000}, {55'000'000'000, 56'000'000'000}};
            const auto record = read_meter_csv(text, "x");
            return trace(meter_trace(record, align_meter(record, marker, "x")));
        }
        case 5:
            (void)parse_soc_profile(text, "x");
            return;
        case 6:
            (void)choose_source({}, {{"rails", std::string(text)}, {"perfetto", std::string(text)}, {"service", std::string(text)}});
            return;
        default:
            if (const auto json = nlohmann::json::parse(text, nullptr, false); !json.is_discarded()) (void)facts_from_json(json, "x");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) return 0;
    try {
        read(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
    } catch (const bitwright::Error& error) {
        if (error.kind() != bitwright::ErrorKind::bad_input) std::abort();
    }
    return 0;
}
