// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/demo_phone/applets.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <iostream>
#include <iterator>
#include <sstream>
#include <unistd.h>

namespace bitwright::demo {
namespace {

void put_number(std::string& out, std::uint64_t value)
{
    for (; value >= 128; value >>= 7) out += static_cast<char>(128 | (value & 127));
    out += static_cast<char>(value);
}
void put_field(std::string& out, std::uint32_t number, std::uint64_t value)
{
    put_number(out, number << 3);
    put_number(out, value);
}
void put_field(std::string& out, std::uint32_t number, const std::string& bytes)
{
    put_number(out, number << 3 | 2);
    put_number(out, bytes.size());
    out += bytes;
}

std::int64_t number_after(const std::string& text, const std::string& name, std::int64_t otherwise)
{
    const auto at = text.find(name);
    return at == std::string::npos ? otherwise : std::atoll(text.c_str() + at + name.size());
}

/// One TracePacket with BatteryCounters (protos/perfetto/trace/trace_packet.proto, power/battery_counters.proto), as a field of a Trace.
std::string packet(const std::string& config, bool voltage)
{
    std::istringstream health(text_of("/dev/.phone/health"));
    std::int64_t current_ua = 0, voltage_uv = 0, charge_uah = 0;
    float percent = 0;
    health >> current_ua >> voltage_uv >> charge_uah >> percent;
    const auto wants = [&](const char* name) { return config.find(std::string("BATTERY_COUNTER_") + name) != std::string::npos; };
    std::string counters, whole, trace;
    if (wants("CHARGE")) put_field(counters, 1, static_cast<std::uint64_t>(charge_uah));
    if (wants("CAPACITY_PERCENT")) {
        put_number(counters, 2 << 3 | 5);
        std::uint32_t bits = 0;
        std::memcpy(&bits, &percent, 4);
        for (int shift = 0; shift < 32; shift += 8) counters += static_cast<char>(bits >> shift);
    }
    if (wants("CURRENT")) put_field(counters, 3, static_cast<std::uint64_t>(current_ua));
    if (voltage && wants("VOLTAGE")) put_field(counters, 7, static_cast<std::uint64_t>(voltage_uv));
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    put_field(whole, 8, static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec));
    put_field(whole, 38, counters);
    put_field(trace, 1, whole);
    return trace;
}

}  // namespace

int perfetto(const std::vector<std::string>& words)
{
    const std::string can = text_of("/dev/.phone/perfetto");
    const auto out = std::ranges::find(words, "-o");
    if (can == "none" || out == words.end() || out + 1 == words.end()) {
        std::cerr << "perfetto: no consumer socket\n";
        return 1;
    }
    const std::string config(std::istreambuf_iterator<char>(std::cin), {});
    if (can == "no_voltage" && config.find("BATTERY_COUNTER_VOLTAGE") != std::string::npos) {
        std::cerr << "perfetto: unexpected identifier BATTERY_COUNTER_VOLTAGE\n";
        return 1;
    }
    const auto poll = std::max<std::int64_t>(100, number_after(config, "battery_poll_ms: ", 1000));
    const auto duration = number_after(config, "duration_ms: ", 1000);
    const int fd = ::open((out + 1)->c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        std::cerr << "perfetto: cannot write " << *(out + 1) << "\n";
        return 1;
    }
    bool written = true;
    for (std::int64_t passed = 0; passed <= duration && written; passed += poll) {
        const std::string bytes = packet(config, can == "all");
        written = ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
        ::usleep(static_cast<useconds_t>(std::min(poll, duration - passed)) * 1000);
    }
    ::close(fd);
    return written ? 0 : 1;
}

}  // namespace bitwright::demo
