// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/method.h"

#include "core/numerics/methods/resources.h"
#include "core/numerics/method_list.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace bitwright {
namespace {

std::string joined(const std::vector<std::string>& words)
{
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
}

// "0.001", not "1.000000e-03": shortest form that reads back the same.
std::string shortest(double value)
{
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    return {buffer, end};
}

const Method& method_named(const std::string& name)
{
    const auto found = std::find_if(methods().begin(), methods().end(), [&](const Method& m) { return m.name == name; });
    if (found != methods().end()) return *found;
    throw usage_error("there is no method '" + name + "'; the methods are " + method_names());
}

}  // namespace

MethodOption& MethodOptions::read(const std::string& key, const std::string& fallback, const std::string& values)
{
    const auto found = given_.find(key);
    return used_[key] = {key, found == given_.end() ? fallback : found->second, fallback, values};
}

std::string MethodOptions::text(const std::string& key, const std::string& fallback) { return read(key, fallback, "").value; }

double MethodOptions::number(const std::string& key, double fallback, double low, double high)
{
    MethodOption& option = read(key, shortest(fallback), shortest(low) + " to " + shortest(high));
    const std::string value = option.value;
    double out = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
    if (error != std::errc() || end != value.data() + value.size() || !(out >= low && out <= high))
        throw usage_error(method_ + ": option " + key + "=" + value + " is no number from " + option.values);
    option.value = shortest(out);
    return out;
}

std::int64_t MethodOptions::integer(const std::string& key, std::int64_t fallback, std::int64_t low, std::int64_t high)
{
    const double value = number(key, static_cast<double>(fallback), static_cast<double>(low), static_cast<double>(high));
    if (value != std::floor(value)) throw usage_error(method_ + ": option " + key + "=" + shortest(value) + " is no whole number");
    return static_cast<std::int64_t>(value);
}

std::string MethodOptions::word(const std::string& key, const std::string& fallback, const std::vector<std::string>& words)
{
    const std::string value = read(key, fallback, joined(words)).value;
    if (std::find(words.begin(), words.end(), value) == words.end())
        throw usage_error(method_ + ": option " + key + "=" + value + " is none of " + joined(words));
    return value;
}

void MethodOptions::finish() const
{
    for (const auto& [key, value] : given_) {
        if (used_.contains(key)) continue;
        std::vector<std::string> known;
        for (const auto& [name, now] : used_) known.push_back(name + "=" + now.value);
        throw usage_error(method_ + ": there is no option '" + key + "'; the options are " + joined(known));
    }
}

std::string MethodOptions::json() const
{
    nlohmann::json values = nlohmann::json::object();
    for (const auto& [key, option] : used_) values[key] = option.value;
    return values.dump();
}

std::vector<MethodOption> MethodOptions::all() const
{
    std::vector<MethodOption> options;
    for (const auto& [key, option] : used_) options.push_back(option);
    return options;
}

const std::vector<Method>& methods()
{
    static const std::vector<Method> all{
        {"rtn", run_rtn, read_rtn_options, forecast_closed_form},
        {"seqmse", run_rtn, read_rtn_options, forecast_closed_form},
        {"smoothquant-dynamic", run_smoothquant_dynamic, read_smoothquant_dynamic_options, forecast_closed_form},
        {"smoothquant-static", run_smoothquant_static, read_smoothquant_options, forecast_closed_form},
        {"smoothquant-edge", run_smoothquant_edge, read_smoothquant_options, forecast_closed_form},
        {"awq", run_awq, read_awq_options, forecast_closed_form},
        {"gptq", run_gptq, read_gptq_method_options, forecast_closed_form},
        {"quarot", run_rotation, read_rotation_options, forecast_rotation},
        {"spinquant", run_rotation, read_rotation_options, forecast_rotation},
        {"omniquant-static", run_mobilequant_paper, read_mobilequant_options, forecast_mobilequant_paper},
        {"omniquant-edge", run_mobilequant_paper, read_mobilequant_options, forecast_mobilequant_paper},
        {"mobilequant-paper", run_mobilequant_paper, read_mobilequant_options, forecast_mobilequant_paper},
        {"mobilequant", run_bitwright_mode, read_bitwright_mode_options, forecast_bitwright_mode},
    };
    return all;
}

MethodOutcome run_method(Numerics& numerics, const MethodRequest& request, Control& control)
{
    const Method& method = method_named(request.method);
    if (request.calibration.count < 1) throw usage_error(request.method + ": there are no calibration windows");
    MethodContext context{request, numerics, control};
    restart_peak_rss();
    return method.run(context);
}

MethodForecast forecast_method(const MethodRequest& request)
{
    const Method& method = method_named(request.method);
    MethodOptions options(request);
    method.read(options, request);
    MethodForecast forecast = method.forecast(request);
    forecast.options = options.all();
    return forecast;
}

}  // namespace bitwright
