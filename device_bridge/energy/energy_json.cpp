// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/energy/energy.h"

namespace bitwright {
namespace {

using nlohmann::json;

json object_of(const Estimate& estimate)
{
    json out{{"value", estimate.value}};
    if (estimate.low) out["low"] = *estimate.low;
    if (estimate.high) out["high"] = *estimate.high;
    return out;
}

json object_of(const RunEnergy& run)
{
    json out{{"kind", window_name(run.kind)}, {"run", run.run},         {"tokens", run.tokens}, {"t0_ns", run.span.t0_ns},
             {"t1_ns", run.span.t1_ns},       {"gross_j", run.gross_j}, {"mean_w", run.mean_w}, {"uncertainty_j", run.uncertainty_j},
             {"updates", run.updates},        {"missing", run.missing}};
    if (run.net_j) out["net_j"] = *run.net_j;
    if (run.peak_w) out["peak_w"] = *run.peak_w;
    return out;
}

}  // namespace

json to_json(const EnergyReport& report)
{
    json out{{"tier", tier_name(report.tier)}, {"source", report.source}, {"refusals", json::array()},
             {"flags", json::array()},         {"runs", json::array()},   {"quantities", json::array()}};
    for (const auto& one : report.refusals) out["refusals"].push_back({{"what", one.what}, {"code", one.code}, {"reason", one.reason}});
    for (const auto& one : report.flags) out["flags"].push_back({{"code", one.code}, {"text", one.text}});
    for (const auto& one : report.runs) out["runs"].push_back(object_of(one));
    for (const auto& one : report.quantities) {
        json entry = object_of(one.estimate);
        entry["name"] = one.name;
        entry["unit"] = one.unit;
        entry["samples"] = one.samples;
        if (one.bootstrap) entry["bootstrap"] = object_of(*one.bootstrap);
        out["quantities"].push_back(std::move(entry));
    }
    if (report.idle_before_w) out["idle_before_w"] = *report.idle_before_w;
    if (report.idle_after_w) out["idle_after_w"] = *report.idle_after_w;
    if (report.idle_resident_w) out["idle_resident_w"] = *report.idle_resident_w;
    if (report.charge_check) out["charge_check"] = *report.charge_check;
    if (report.period_s) out["period_s"] = *report.period_s;
    if (report.units) out["units"] = to_json(*report.units);
    return out;
}

}  // namespace bitwright
