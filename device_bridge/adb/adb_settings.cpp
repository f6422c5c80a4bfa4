// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/adb_settings.h"

#include "device_bridge/adb/adb_error.h"
#include "device_bridge/adb/replay_server.h"
#include "device_bridge/adb/transcript.h"

#include <charconv>
#include <cstdlib>
#include <mutex>

namespace bitwright {
namespace {

std::string variable(const char* name)
{
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

struct Choice {
    std::mutex mutex;
    std::filesystem::path executable;
    std::uint16_t port = 0;
};
Choice& choice()
{
    static Choice one;
    return one;
}

/// All of a process records into one transcript and plays from one server.
template <typename Object>
std::shared_ptr<Object> once_per_file(const std::string& file)
{
    static std::mutex mutex;
    static std::map<std::string, std::shared_ptr<Object>> objects;
    const std::lock_guard lock(mutex);
    auto& object = objects[file];
    if (!object) object = std::make_shared<Object>(file);
    return object;
}

}  // namespace

void choose_adb(const std::filesystem::path& executable, std::uint16_t port)
{
    const std::lock_guard lock(choice().mutex);
    choice().executable = executable;
    choice().port = port;
}

AdbSettings adb_settings_from_environment()
{
    AdbSettings settings;
    {
        const std::lock_guard lock(choice().mutex);
        settings.executable = choice().executable;
        if (choice().port != 0) settings.port = choice().port;
    }
    if (const auto text = variable("ANDROID_ADB_SERVER_PORT"); !text.empty() && settings.port == AdbSettings().port) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), settings.port);
        if (error != std::errc() || end != text.data() + text.size() || settings.port == 0)
            throw usage_error("ANDROID_ADB_SERVER_PORT=" + printable(text, 40) + " is no port; set it to a number from 1 to 65535, or unset it");
    }
    if (const auto file = variable("BITWRIGHT_ADB_REPLAY"); !file.empty()) settings.port = once_per_file<ReplayServer>(file)->port();
    if (const auto file = variable("BITWRIGHT_ADB_RECORD"); !file.empty()) settings.transcript = once_per_file<Transcript>(file);
    return settings;
}

}  // namespace bitwright
