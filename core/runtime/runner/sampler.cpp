// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/runner/sampler.h"

#include "core/runtime/error.h"
#include "core/runtime/json.h"
#include "core/runtime/runner/machine.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <unistd.h>

namespace fs = std::filesystem;

namespace bitwright::runner {
namespace {

constexpr std::size_t most_zones = 128;

std::optional<std::int64_t> number_of_file(const std::string& path)
{
    const auto line = line_of_file(path);
    if (!line) return std::nullopt;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(line->data(), line->data() + line->size(), value);
    return error == std::errc() && end == line->data() + line->size() ? std::optional(value) : std::nullopt;
}

bool tells_something(const std::string& folder) { return number_of_file(folder + "/voltage_now") || number_of_file(folder + "/charge_counter"); }

std::vector<std::string> folders_in(const std::string& path)
{
    std::vector<std::string> found;
    std::error_code error;
    for (auto entry = fs::directory_iterator(path, error); !error && entry != fs::directory_iterator(); entry.increment(error)) found.push_back(entry->path().string());
    std::sort(found.begin(), found.end());
    return found;
}

std::string find_battery(const std::string& sysfs)
{
    for (const auto& folder : folders_in(sysfs + "/class/power_supply"))
        if (line_of_file(folder + "/type") == "Battery" && tells_something(folder)) return folder;
    const std::string usual = sysfs + "/class/power_supply/battery";  // listing the folder may be forbidden where the battery's own files are not
    return tells_something(usual) ? usual : "";
}

}  // namespace

std::optional<std::string> line_of_file(const std::string& path)
{
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return std::nullopt;
    std::array<char, 256> buffer;
    const auto count = ::read(file, buffer.data(), buffer.size());
    ::close(file);
    if (count <= 0) return std::nullopt;
    std::string line(buffer.data(), static_cast<std::size_t>(count));
    line.resize(std::min(line.find('\n'), line.size()));
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.pop_back();
    for (char& c : line)
        if (c < ' ' || c > '~') c = '?';  // goes into JSON, whatever a driver calls itself
    return line.empty() ? std::nullopt : std::optional(line);
}

std::optional<std::int64_t> battery_temperature(const std::string& folder) { return folder.empty() ? std::nullopt : number_of_file(folder + "/temp"); }

Sampler::Sampler(Lines& lines, const std::string& battery, const std::string& sysfs, int per_second, std::uint64_t away_from) : lines_(lines), cpus_(sysfs + "/devices/system/cpu/cpu")
{
    if (battery == "auto") battery_ = find_battery(sysfs);
    else if (battery != "none") {
        if (!tells_something(battery)) throw bad_input("--battery", battery, "has neither a readable voltage_now nor charge_counter; use auto or none");
        battery_ = battery;
    }
    std::map<std::string, int> names;
    for (const auto& folder : folders_in(sysfs + "/class/thermal")) {
        if (zones_.size() == most_zones || !number_of_file(folder + "/temp")) continue;
        const auto type = line_of_file(folder + "/type").value_or(fs::path(folder).filename().string());
        const int seen = ++names[type];
        zones_.push_back({seen == 1 ? type : type + "#" + std::to_string(seen), folder + "/temp"});
    }
    processors_ = static_cast<int>(std::clamp(sysconf(_SC_NPROCESSORS_CONF), 1L, 64L));
    thread_ = std::thread([this, per_second, away_from] {
        keep_away_from(away_from);
        work(per_second);
    });
}

Sampler::~Sampler()
{
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void Sampler::work(int per_second)
{
    const auto period = std::chrono::nanoseconds(std::chrono::seconds(1)) / per_second;
    auto next = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex_);
    for (int turn = 0;; ++turn) {
        const bool last = stop_;  // one more after the end, so that the samples cover all that was done
        lock.unlock();
        try {
            if (!battery_.empty()) write_power();
            if (turn % per_second == 0) {
                write_thermal();
                write_frequencies();
            }
        } catch (const Error&) {  // the disk is full: the runs meet it, too, and say so
            return;
        }
        if (last) return;
        lock.lock();
        next += period;
        wake_.wait_until(lock, next, [this] { return stop_; });
    }
}

void Sampler::write_power()
{
    std::string line = "{\"type\":\"power\"" + number_field("t_ns", now_ns());
    static constexpr std::array keys{std::pair{"voltage_now", "uV"}, std::pair{"current_now", "uA_raw"}, std::pair{"charge_counter", "uAh"}, std::pair{"capacity", "level_percent"},
                                     std::pair{"temp", "temp_dC"}};
    for (const auto& [file, key] : keys)
        if (const auto value = number_of_file(battery_ + "/" + file)) line += number_field(key, *value);
    if (const auto status = line_of_file(battery_ + "/status")) line += text_field("status", *status);
    lines_.write(line + "}");
}

void Sampler::write_thermal()
{
    std::string values;
    for (const auto& zone : zones_)
        if (const auto value = number_of_file(zone.file)) values += (values.empty() ? "" : ",") + json::quoted(zone.name) + ":" + std::to_string(*value);
    if (!values.empty()) lines_.write("{\"type\":\"thermal\"" + number_field("t_ns", now_ns()) + ",\"raw\":{" + values + "}}");
}

void Sampler::write_frequencies()
{
    std::string values;
    bool any = false;
    for (int cpu = 0; cpu < processors_; ++cpu) {
        const auto value = number_of_file(cpus_ + std::to_string(cpu) + "/cpufreq/scaling_cur_freq");
        any = any || value;
        values += (cpu == 0 ? "" : ",") + (value ? std::to_string(*value) : "null");
    }
    if (any) lines_.write("{\"type\":\"freq\"" + number_field("t_ns", now_ns()) + ",\"kHz\":[" + values + "]}");
}

}  // namespace bitwright::runner
