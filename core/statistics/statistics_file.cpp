// SPDX-License-Identifier: GPL-3.0-or-later
// Statistics as a safetensors file: what identifies them is JSON in the metadata, a row per site in `summary` and `counts`, and the vectors of site i as "i/NAME".
#include "core/runtime/error.h"
#include "core/runtime/safetensors.h"
#include "core/statistics/statistics.h"

#include <nlohmann/json.hpp>

#include <limits>

namespace bitwright {
namespace {

constexpr const char* metadata_key = "bitwright.statistics";
constexpr int file_format = 1;
constexpr const char* channel_abs_p999 = "channel_abs_p999";  // files of earlier versions lack it
constexpr std::int64_t summary_columns = 8, count_columns = 2;

// The vectors of one site, in the order in which they are declared and written.
template <typename Visit>
void each_vector(const SiteStatistics& s, const Visit& visit)
{
    const auto flat = [&](const char* name, Dtype dtype, const auto& values) {
        visit(name, dtype, Shape{static_cast<std::int64_t>(values.size())}, std::as_bytes(std::span(values)));
    };
    flat("channel_min", Dtype::f32, s.channel_min);
    flat("channel_max", Dtype::f32, s.channel_max);
    flat("channel_abs_max", Dtype::f32, s.channel_abs_max);
    flat(channel_abs_p999, Dtype::f32, s.channel_abs_p999);
    flat("position_abs_max", Dtype::f32, s.position_abs_max);
    flat("histogram", Dtype::u64, s.histogram.counts);
    flat("smallest", Dtype::f32, s.smallest);
    flat("largest", Dtype::f32, s.largest);
    flat("reservoir_tokens", Dtype::u32, s.reservoir_tokens);
    const auto width = static_cast<std::int64_t>(s.reservoir_rows == 0 ? 0 : s.channel_min.size());
    visit("reservoir", Dtype::f16, Shape{s.reservoir_rows, width}, std::as_bytes(std::span(s.reservoir)));
}

template <typename T>
std::vector<T> read(const SafetensorsFile& file, const std::string& name, Dtype dtype, std::size_t size = std::numeric_limits<std::size_t>::max())
{
    const TensorView view = file.tensor(name);
    const std::span<const T> values = view.as<T>();
    if (view.dtype != dtype || (size != std::numeric_limits<std::size_t>::max() && values.size() != size)) {
        throw bad_input(file.path().string(), name, "has the wrong type or size; calibrate again");
    }
    return {values.begin(), values.end()};
}

SiteStatistics get(const SafetensorsFile& file, const std::string& prefix, const double* summary, const std::uint64_t* counts)
{
    SiteStatistics s;
    s.min = static_cast<float>(summary[0]);
    s.max = static_cast<float>(summary[1]);
    s.mean = summary[2];
    s.sigma = summary[3];
    s.kurtosis = summary[4];
    s.entropy = summary[5];
    s.histogram.low = summary[6];
    s.histogram.high = summary[7];
    s.count = counts[0];
    s.tokens = counts[1];
    s.channel_min = read<float>(file, prefix + "channel_min", Dtype::f32);
    const std::size_t channels = s.channel_min.size();
    s.channel_max = read<float>(file, prefix + "channel_max", Dtype::f32, channels);
    s.channel_abs_max = read<float>(file, prefix + "channel_abs_max", Dtype::f32, channels);
    if (file.find(prefix + channel_abs_p999)) {
        s.channel_abs_p999 = read<float>(file, prefix + channel_abs_p999, Dtype::f32);
        if (!s.channel_abs_p999.empty() && s.channel_abs_p999.size() != channels)
            throw bad_input(file.path().string(), prefix + channel_abs_p999, "has the wrong type or size; calibrate again");
    }
    s.position_abs_max = read<float>(file, prefix + "position_abs_max", Dtype::f32);
    s.histogram.counts = read<std::uint64_t>(file, prefix + "histogram", Dtype::u64);
    s.smallest = read<float>(file, prefix + "smallest", Dtype::f32);
    s.largest = read<float>(file, prefix + "largest", Dtype::f32, s.smallest.size());
    if (s.count == 0 || s.smallest.empty() || s.histogram.counts.empty()) throw bad_input(file.path().string(), prefix + "smallest", "is empty; calibrate again");
    s.reservoir_tokens = read<std::uint32_t>(file, prefix + "reservoir_tokens", Dtype::u32);
    s.reservoir_rows = static_cast<std::int64_t>(s.reservoir_tokens.size());
    s.reservoir = read<std::uint16_t>(file, prefix + "reservoir", Dtype::f16, s.reservoir_tokens.size() * channels);
    return s;
}

}  // namespace

void save_statistics(const Statistics& statistics, const std::filesystem::path& path)
{
    nlohmann::json names = nlohmann::json::array();
    std::vector<double> summary;
    std::vector<std::uint64_t> counts;
    for (std::size_t i = 0; i < statistics.sites.size(); ++i) {
        const SiteStatistics& s = statistics.sites[i];
        names.push_back(s.site);
        for (const double value : {static_cast<double>(s.min), static_cast<double>(s.max), s.mean, s.sigma, s.kurtosis, s.entropy, s.histogram.low, s.histogram.high}) {
            summary.push_back(value);
        }
        counts.push_back(s.count);
        counts.push_back(s.tokens);
    }
    const auto rows = static_cast<std::int64_t>(statistics.sites.size());
    std::vector<SafetensorsWriter::Declared> declared{{"summary", Dtype::f64, {rows, summary_columns}}, {"counts", Dtype::u64, {rows, count_columns}}};
    for (std::size_t i = 0; i < statistics.sites.size(); ++i) {
        each_vector(statistics.sites[i], [&](const char* name, Dtype dtype, const Shape& shape, std::span<const std::byte>) {
            declared.push_back({std::to_string(i) + "/" + name, dtype, shape});
        });
    }
    const nlohmann::json about = {{"format", file_format},
                                  {"model_identity", statistics.model_identity},
                                  {"transforms", statistics.transforms},
                                  {"token_hash", statistics.token_hash},
                                  {"settings", statistics.settings},
                                  {"windows", statistics.windows},
                                  {"length", statistics.length},
                                  {"summary", {"min", "max", "mean", "sigma", "kurtosis", "entropy", "histogram low", "histogram high"}},
                                  {"counts", {"values", "tokens"}},
                                  {"sites", names}};
    SafetensorsWriter writer(path, std::move(declared), {{metadata_key, about.dump()}});
    writer.append(std::as_bytes(std::span(summary)));
    writer.append(std::as_bytes(std::span(counts)));
    for (const SiteStatistics& s : statistics.sites) {
        each_vector(s, [&](const char*, Dtype, const Shape&, std::span<const std::byte> bytes) { writer.append(bytes); });
    }
    writer.finish();
}

Statistics load_statistics(const std::filesystem::path& path)
{
    const SafetensorsFile file(path);
    const auto found = file.metadata().find(metadata_key);
    if (found == file.metadata().end()) throw bad_input(path.string(), metadata_key, "is missing; this is no statistics file");
    Statistics out;
    std::vector<std::string> names;
    try {
        const nlohmann::json about = nlohmann::json::parse(found->second);
        if (const int format = about.at("format").get<int>(); format != file_format) {
            throw bad_input(path.string(), "format", std::to_string(format) + " is not known to this version; calibrate again or use a newer Bitwright");
        }
        about.at("model_identity").get_to(out.model_identity);
        about.at("transforms").get_to(out.transforms);
        about.at("token_hash").get_to(out.token_hash);
        about.at("settings").get_to(out.settings);
        about.at("windows").get_to(out.windows);
        about.at("length").get_to(out.length);
        about.at("sites").get_to(names);
    } catch (const nlohmann::json::exception& e) {
        throw bad_input(path.string(), metadata_key, std::string("cannot be read (") + e.what() + "); calibrate again");
    }
    const auto summary = read<double>(file, "summary", Dtype::f64, names.size() * summary_columns);
    const auto counts = read<std::uint64_t>(file, "counts", Dtype::u64, names.size() * count_columns);
    for (std::size_t i = 0; i < names.size(); ++i) {
        out.sites.push_back(get(file, std::to_string(i) + "/", summary.data() + i * summary_columns, counts.data() + i * count_columns));
        out.sites.back().site = names[i];
    }
    return out;
}

}  // namespace bitwright
