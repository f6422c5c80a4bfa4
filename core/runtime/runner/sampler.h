// SPDX-License-Identifier: GPL-3.0-or-later
// What the battery, the thermal zones and the clock frequencies say while the runner works, read from sysfs by a thread of its own and written as they are:
//   power    t_ns, uV, uA_raw, uAh, status, level_percent, temp_dC   one line per sample; a file that cannot be read has no key
//   thermal  t_ns, raw {zone type: number as the kernel gives it, mostly m°C}                   once a second
//   freq     t_ns, kHz [by CPU; null: unreadable or asleep]                                     once a second
// Units and sign differ between phones: nothing is converted here, only by whoever reads the lines.
// Threading: the thread begins with the constructor and ends with the destructor. It shares nothing with the runs but the lock of the lines.
#pragma once

#include "core/runtime/runner/lines.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace bitwright::runner {

/// The one line of a small file, without white space at its end, what is no printable ASCII as '?'; nothing when it cannot be read or is empty.
[[nodiscard]] std::optional<std::string> line_of_file(const std::string& path);

class Sampler {
public:
    /// @param battery "auto": the first power supply of type Battery that tells its voltage or its charge; "none"; or such a supply's folder.
    /// @param sysfs "/sys" @param away_from CPUs the sampler stays off, where others exist
    /// Throws Error (bad_input) when a battery folder is named and tells nothing.
    Sampler(Lines& lines, const std::string& battery, const std::string& sysfs, int per_second, std::uint64_t away_from);
    ~Sampler();
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    /// Folder of the battery that is read; "": none is.
    [[nodiscard]] const std::string& battery() const noexcept { return battery_; }

private:
    void work(int per_second);
    void write_power();
    void write_thermal();
    void write_frequencies();

    Lines& lines_;
    std::string battery_, cpus_;
    struct Zone {
        std::string name, file;
    };
    std::vector<Zone> zones_;
    int processors_ = 0;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stop_ = false;
    std::thread thread_;
};

/// The battery's temperature in tenths of a degree, where its folder tells.
[[nodiscard]] std::optional<std::int64_t> battery_temperature(const std::string& folder);

}  // namespace bitwright::runner
