// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/prediction.h"

#include "core/exchange/budget.h"
#include "core/recipe/linear_inputs.h"
#include "core/runtime/error.h"
#include "core/workspace/engine_speeds.h"
#include "core/workspace/local_machine.h"
#include "core/workspace/results.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace bitwright {
namespace {

/// Keys that the tokens first … first + count − 1 see together.
double seen_keys(std::int64_t first, std::int64_t count, std::int64_t window)
{
    double keys = 0;
    for (std::int64_t t = first; t < first + count; ++t) keys += static_cast<double>(window > 0 ? std::min(window, t + 1) : t + 1);
    return keys;
}

struct Times {
    double products, reading;
    [[nodiscard]] double longer() const { return std::max(products, reading); }
};

/// q·k and p·v of one layer: probabilities have 16 bits, so the second takes two passes.
Times attention(const Architecture& a, const DeviceRates& rates, double keys, double cached)
{
    return {2 * keys * static_cast<double>(a.query_width()) * 3 / rates.w8_operations_per_s, 2 * cached * static_cast<double>(a.key_width()) / rates.bytes_per_s};
}

}  // namespace

std::optional<DeviceRates> rates_of(std::span<const std::pair<std::string, double>> figures)
{
    const auto figure = [&](std::string_view name) -> std::optional<double> {
        const auto found = std::ranges::find_if(figures, [&](const auto& f) { return f.first == name && f.second > 0; });
        return found == figures.end() ? std::nullopt : std::optional(found->second);
    };
    const auto bandwidth = figure("sweep_gb_s_w8"), products = figure("gemm_w8a8_gop_s"), narrow = figure("gemm_w4a8_of_w8a8"), grouped = figure("gemm_w4a8_g32_of_w8a8");
    if (!bandwidth || !products || !narrow || !grouped) return std::nullopt;
    return DeviceRates{*bandwidth * 1e9, *products * 1e9, *products * *narrow * 1e9, *products * *grouped * 1e9};
}

std::optional<RatesHere> rates_of_this_computer(const Workspace& workspace)
{
    const auto processor = [](const Conditions& conditions) {
        const auto facts = nlohmann::json::parse(conditions.device_facts, nullptr, false);
        return facts.is_object() ? facts.value("processor", std::string()) + " " + facts.value("machine", std::string()) : std::string();
    };
    const std::string here = processor(local_conditions({}, {}, {}));
    for (const EngineSpeedRow& row : list_engine_speeds(workspace)) {
        const auto rates = rates_of(row.figures);
        if (!rates) continue;
        const Conditions conditions = get_conditions(workspace, row.conditions);
        if (processor(conditions) == here) return RatesHere{*rates, row.isa, row.created, conditions.threads};
    }
    return std::nullopt;
}

std::optional<Prediction> predict_latency(const Model& model, const Recipe& recipe, const DeviceRates& rates, const PredictedWork& work)
{
    if (work.prompt < 1 || work.position < 0) throw usage_error("prediction: needs a prompt of at least one token");
    const Architecture& a = model.architecture();
    Prediction prediction;
    for (std::int64_t layer = 0; layer < a.layers; ++layer) prediction.layers.push_back({layer});
    prediction.layers.push_back({-1});
    std::vector<double> read(prediction.layers.size()), bound(prediction.layers.size());
    for (const SiteBytes& entry : budget_of(model, recipe).sites) {
        const Site& site = (*model.sites)[entry.site];
        const bool head = site.role == SiteRole::lm_head_weight;
        const SiteId input = input_of_linear(model, entry.site);
        if (!head && input == no_site) continue;  // a norm, an embedding: a row is read
        if (!entry.packaged || (site.layer < 0 && !head)) return std::nullopt;
        const Scheme& scheme = recipe.sites.at(site.name).scheme;
        const bool grouped = scheme.granularity == Granularity::group, narrow = scheme.bits <= 4;
        const double rate = !narrow ? rates.w8_operations_per_s * (grouped ? rates.w4_group_operations_per_s / rates.w4_operations_per_s : 1) : grouped ? rates.w4_group_operations_per_s : rates.w4_operations_per_s;
        const auto decision = input == no_site ? recipe.sites.end() : recipe.sites.find((*model.sites)[input].name);
        const double passes = decision == recipe.sites.end() ? (head ? 2 : 1) : decision->second.scheme.bits > 8 || decision->second.scheme.kind != SchemeKind::uniform ? 2 : 1;
        const double operations = 2 * static_cast<double>(site.rows) * static_cast<double>(site.channels) * passes;
        const Times whole{operations * static_cast<double>(head ? 1 : work.prompt) / rate, static_cast<double>(entry.bytes) / rates.bytes_per_s}, one{operations / rate, whole.reading};
        const auto at = static_cast<std::size_t>(head ? a.layers : site.layer);
        prediction.layers[at].prefill_s += whole.longer();
        prediction.layers[at].decode_s += one.longer();
        read[at] += one.reading;
        bound[at] += one.reading >= one.products ? one.reading : 0;
    }
    for (std::int64_t layer = 0; layer < a.layers; ++layer) {
        auto& latency = prediction.layers[static_cast<std::size_t>(layer)];
        const std::int64_t window = a.attention.at(static_cast<std::size_t>(layer)).window;
        const double keys = seen_keys(work.position, 1, window);
        latency.prefill_s += attention(a, rates, seen_keys(0, work.prompt, window), 0).longer();  // a prompt's keys are still near
        latency.decode_s += attention(a, rates, keys, keys).longer();
    }
    for (std::size_t i = 0; i < prediction.layers.size(); ++i) {
        prediction.layers[i].decode_reads = 2 * bound[i] >= read[i];
        prediction.prefill_s += prediction.layers[i].prefill_s;
        prediction.decode_s += prediction.layers[i].decode_s;
    }
    return prediction;
}

}  // namespace bitwright
