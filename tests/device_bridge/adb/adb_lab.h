// SPDX-License-Identifier: GPL-3.0-or-later
// Genuine adb for a test: its own server on a free port with a home of its own, ended with the test; and programs that hold a port.
#pragma once

#include "core/runtime/control.h"
#include "device_bridge/adb/adb_settings.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

namespace bitwright::test {

/// True where an adb can be run.
[[nodiscard]] bool has_adb();

/// A port of loopback that nobody listened on a moment ago, outside those that adb probes for emulators.
[[nodiscard]] std::uint16_t free_port();

/// Where a private server is, and its end.
class AdbLab {
public:
    explicit AdbLab(const std::string& name);
    ~AdbLab();
    AdbLab(const AdbLab&) = delete;
    AdbLab& operator=(const AdbLab&) = delete;

    [[nodiscard]] const AdbSettings& settings() const noexcept { return settings_; }
    AdbSettings& settings() noexcept { return settings_; }
    [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }
    /// Ends the server that runs on this lab's port, as a user's `adb kill-server` would.
    void end_server() const;
    Control control;

private:
    std::filesystem::path folder_;
    AdbSettings settings_;
};

/// A demo phone on a unix socket, connected to the lab's server (which it starts). Ends with this object.
class LabPhone {
public:
    /// @param scenario the text of a scenario file. @param wait false: do not wait until it is ready (it may never be).
    LabPhone(AdbLab& lab, const std::string& scenario, bool wait = true);
    ~LabPhone();
    LabPhone(const LabPhone&) = delete;
    LabPhone& operator=(const LabPhone&) = delete;

    [[nodiscard]] AdbTarget target() const;
    [[nodiscard]] const std::string& serial() const noexcept { return serial_; }
    /// The cable is pulled, for good.
    void end();
    /// Waits until adb lists it as ready.
    void wait_ready() const;

private:
    void start(const std::filesystem::path& scenario);

    AdbLab& lab_;
    std::filesystem::path folder_;
    std::string serial_;
    int pid_ = 0;
};

/// The demo phone's program; empty where it is not built.
[[nodiscard]] std::filesystem::path demo_phone();

/// Accepts connections on loopback and answers each on a thread of its own as `serve` does, which gets the descriptor and returns to close it.
class PortHolder {
public:
    explicit PortHolder(std::function<void(int)> serve);
    ~PortHolder();
    PortHolder(const PortHolder&) = delete;
    PortHolder& operator=(const PortHolder&) = delete;
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

private:
    std::uint16_t port_ = 0;
    int listener_ = -1;
    std::atomic<int> serving_ = 0;
    std::thread thread_;
};

}  // namespace bitwright::test

#define BITWRIGHT_NEEDS_ADB() \
    if (!::bitwright::test::has_adb()) GTEST_SKIP() << "skipped: no adb on this computer"
#define BITWRIGHT_NEEDS_DEMO_PHONE() \
    BITWRIGHT_NEEDS_ADB();           \
    if (::bitwright::test::demo_phone().empty()) GTEST_SKIP() << "skipped: bitwright-demo-phone is not built"
