// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/runner_log.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

constexpr std::size_t longest_line = 1 << 20;
constexpr std::int64_t most_lines = 1'000'000;
constexpr double outlier_limit = 3.5, normal_quartile = 0.6745;

void add_sample(std::vector<Measurement>& all, const std::string& quantity, const std::string& unit, double value)
{
    for (auto& measurement : all)
        if (measurement.quantity == quantity) return measurement.samples.push_back(value);
    all.push_back({quantity, unit, 0, {value}});
}

/// A whole number whose differences do not overflow either. Throws Error (bad_input).
std::int64_t integer(const nlohmann::json& value)
{
    constexpr std::int64_t limit = std::int64_t{1} << 62;
    if (!value.is_number_integer() || value < -limit || value > limit) throw bad_input("", "", value.dump().substr(0, 40) + " is no whole number in range");
    return value.get<std::int64_t>();
}
std::int64_t integer(const nlohmann::json& object, const char* key) { return integer(object.at(key)); }
std::optional<std::int64_t> optional_integer(const nlohmann::json& object, const char* key)
{
    return object.contains(key) ? std::optional(integer(object, key)) : std::nullopt;
}

/// One phase as a sample: tokens per second, or seconds of loading.
void add_phase(RunnerLog& log, const nlohmann::json& object)
{
    RunnerPhase phase{object.at("name").get<std::string>(), optional_integer(object, "run").value_or(0), integer(object, "t0_ns"), integer(object, "t1_ns"),
                      optional_integer(object, "tokens").value_or(0)};
    if (phase.name == "load") add_sample(log.measurements, "load_s", "s", phase.seconds());
    const bool counted = (phase.name == "prefill" || phase.name == "decode") && phase.run >= 0 && phase.tokens > 0 && phase.seconds() > 0;
    if (counted) add_sample(log.measurements, phase.name + "_tokens_per_s", "1/s", static_cast<double>(phase.tokens) / phase.seconds());
    log.phases.push_back(std::move(phase));
}

void add_power(RunnerLog& log, const nlohmann::json& object)
{
    log.power.push_back({integer(object, "t_ns"), optional_integer(object, "uV"), optional_integer(object, "uA_raw"), optional_integer(object, "uAh"), optional_integer(object, "level_percent"),
                         optional_integer(object, "temp_dC"), object.value("status", "")});
}

void add_thermal(RunnerLog& log, const nlohmann::json& object)
{
    RunnerThermal sample{integer(object, "t_ns"), {}};
    for (const auto& [zone, value] : object.at("raw").items()) sample.raw[zone] = integer(value);
    log.thermal.push_back(std::move(sample));
}

void add_frequencies(RunnerLog& log, const nlohmann::json& object)
{
    RunnerFrequencies sample{integer(object, "t_ns"), {}};
    for (const auto& value : object.at("kHz")) sample.kHz.push_back(value.is_null() ? std::nullopt : std::optional(integer(value)));
    log.frequencies.push_back(std::move(sample));
}

void add_end(RunnerLog& log, const nlohmann::json& end)
{
    log.complete = integer(end, "rc") == 0;
    log.output_hash = end.value("sha256", "");
    log.error = end.value("error", "");
    for (const auto& [quantity, unit] : {std::pair{"peak_rss_bytes", "B"}, std::pair{"cache_bytes", "B"}, std::pair{"minor_faults", "1"}, std::pair{"major_faults", "1"}})
        if (const auto value = optional_integer(end, quantity); value && (*value > 0 || std::string_view(unit) == "1")) add_sample(log.measurements, quantity, unit, static_cast<double>(*value));
}

}  // namespace

const Measurement* RunnerLog::find(std::string_view quantity) const noexcept
{
    const auto found = std::find_if(measurements.begin(), measurements.end(), [&](const Measurement& m) { return m.quantity == quantity; });
    return found == measurements.end() ? nullptr : &*found;
}

void RunnerLogReader::feed(std::string_view piece)
{
    while (!piece.empty()) {
        const auto newline = piece.find('\n');
        rest_ += piece.substr(0, newline);
        if (rest_.size() > longest_line) throw bad_input(where_, "line " + std::to_string(number_ + 1), "is longer than the runner writes; measure again");
        if (newline == std::string_view::npos) return;
        piece.remove_prefix(newline + 1);
        if (++number_ > most_lines) throw bad_input(where_, "", "has more than a million lines; measure for a shorter time");
        read_line(rest_);
        rest_.clear();
    }
}

void RunnerLogReader::read_line(std::string_view line)
{
    try {
        const auto object = nlohmann::json::parse(line);
        const auto type = object.at("type").get<std::string>();
        if (type == "hello") {
            log_.began = true;
            log_.emulated = object.value("emulated", false);
            log_.version = object.value("version", "");
            log_.isa = object.value("isa", "");
            log_.kernels = object.value("kernels", log_.isa);
            log_.hwcap = object.value("hwcap", std::vector<std::string>());
            log_.pid = optional_integer(object, "pid").value_or(0);
        }
        if (type == "phase") add_phase(log_, object);
        if (type == "token" && integer(object, "run") >= 0) token_times_[integer(object, "run")].push_back(integer(object, "t_ns"));
        if (type == "power") add_power(log_, object);
        if (type == "thermal") add_thermal(log_, object);
        if (type == "freq") add_frequencies(log_, object);
        if (type == "end") add_end(log_, object);
    } catch (const Error& error) {
        throw bad_input(where_, "line " + std::to_string(number_), std::string("is not what the runner writes: ") + error.what());
    } catch (const nlohmann::json::exception& error) {
        throw bad_input(where_, "line " + std::to_string(number_), std::string("is not what the runner writes: ") + error.what());
    }
}

RunnerLog RunnerLogReader::log() const
{
    RunnerLog log = log_;
    for (const auto& [run, times] : token_times_) {
        if (times.size() < 2) continue;
        std::vector<double> latencies;
        for (std::size_t i = 1; i < times.size(); ++i) latencies.push_back(static_cast<double>(times[i] - times[i - 1]) * 1e-9);
        for (const auto& [quantity, fraction] : {std::pair{"token_latency_p50_s", 0.5}, std::pair{"token_latency_p90_s", 0.9}, std::pair{"token_latency_p99_s", 0.99}})
            add_sample(log.measurements, quantity, "s", percentile(latencies, fraction));
    }
    for (auto& measurement : log.measurements) measurement.value = median(measurement.samples);
    return log;
}

RunnerLog read_runner_log(std::string_view text, const std::string& where)
{
    RunnerLogReader reader(where);
    reader.feed(text);
    return reader.log();
}

std::vector<bool> outliers(const std::vector<double>& samples)
{
    std::vector<bool> marks(samples.size(), false);
    if (samples.size() < 5) return marks;
    const double middle = median(samples);
    std::vector<double> deviations;
    for (const double sample : samples) deviations.push_back(std::abs(sample - middle));
    const double spread = median(deviations);
    if (!(spread > 0)) return marks;
    for (std::size_t i = 0; i < samples.size(); ++i) marks[i] = normal_quartile * deviations[i] / spread > outlier_limit;
    return marks;
}

double percentile(std::vector<double> values, double fraction)
{
    std::sort(values.begin(), values.end());
    const double at = fraction * static_cast<double>(values.size() - 1);
    const auto low = static_cast<std::size_t>(at);
    const auto high = std::min(low + 1, values.size() - 1);
    return values[low] + (values[high] - values[low]) * (at - static_cast<double>(low));
}

}  // namespace bitwright
