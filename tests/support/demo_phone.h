// SPDX-License-Identifier: GPL-3.0-or-later
// A demo phone and a genuine adb server of the test's own: no port, home or phone of the computer is touched, and both end with the object.
// Link bitwright_demo_phone_support. A test that needs adb begins with BITWRIGHT_NEEDS_ADB().
// Threading: one object per thread.
#pragma once

#include "core/runtime/json.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

namespace bitwright::test {

/// resources/devices/scenarios/NAME.json
[[nodiscard]] std::filesystem::path scenario(const std::string& name);
/// True when /usr/bin/adb (or $BITWRIGHT_ADB) is there.
[[nodiscard]] bool has_adb();
/// True when this kernel lets us make the phone a tree of its own.
[[nodiscard]] bool has_namespaces();

/// What a program put out and how it ended.
struct Ran {
    int code = -1;  ///< 128 + signal when it was killed
    bool timed_out = false;
    double seconds = 0;
    std::string out, error;
};

/// Runs a program; killed with its session after `limit`. `environment` comes over this process's own.
[[nodiscard]] Ran run_program(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {}, const std::string& input = {},
                              std::chrono::milliseconds limit = std::chrono::seconds(60));

/// A running bitwright-demo-phone.
class DemoPhone {
public:
    struct Options {
        std::string tree = "auto";                    ///< auto ($BITWRIGHT_DEMO_TREE where that is set), namespace, plain
        std::filesystem::path root;                   ///< --root
        bool port = false;                            ///< on a port of 127.0.0.1 instead of a Unix socket
        std::string aarch64 = "auto";                 ///< auto, prefix (qemu before programs), none (as without qemu)
    };
    /// A scenario's file. Fails the test (and ready() is null) when it does not become ready within a minute.
    explicit DemoPhone(const std::filesystem::path& scenario_file) : DemoPhone(scenario_file, Options()) {}
    DemoPhone(const std::filesystem::path& scenario_file, const Options& options);
    ~DemoPhone();
    DemoPhone(const DemoPhone&) = delete;
    DemoPhone& operator=(const DemoPhone&) = delete;

    /// What `adb connect` takes and what adb then calls its serial: "localfilesystem:/…/phone.sock" or "127.0.0.1:N".
    [[nodiscard]] const std::string& address() const { return address_; }
    /// The line it printed: ready, pid, connect, tree, aarch64, model.
    [[nodiscard]] const json::Value& ready() const { return ready_; }
    [[nodiscard]] std::string tree() const;     ///< "namespace" or "plain"
    [[nodiscard]] std::string aarch64() const;  ///< "kernel", "prefix", "none"
    [[nodiscard]] pid_t pid() const { return pid_; }
    /// SIGTERM (or another signal) and its exit code.
    int end(int signal = 15);
    /// What the phone says it has let go wrong so far, in order: drop, freeze, reboot, full, denied, slow, asked, accepted, silent, dies, unscripted.
    [[nodiscard]] std::vector<std::string> happened();
    /// Waits for it to be said.
    [[nodiscard]] bool wait_for(const std::string& fault, std::chrono::milliseconds limit = std::chrono::seconds(30));

private:
    void read_on(int milliseconds);

    std::filesystem::path folder_;
    std::string address_;
    json::Value ready_;
    pid_t pid_ = -1;
    int out_ = -1;
    std::string said_;
    std::vector<std::string> happened_;
};

/// An adb server on a free port with an empty home.
class PrivateAdb {
public:
    PrivateAdb();
    ~PrivateAdb();
    PrivateAdb(const PrivateAdb&) = delete;
    PrivateAdb& operator=(const PrivateAdb&) = delete;

    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] const std::filesystem::path& home() const { return home_; }
    /// For a process that is to use this server: HOME=…, ANDROID_ADB_SERVER_PORT=…
    [[nodiscard]] std::vector<std::string> environment() const;

    [[nodiscard]] Ran run(const std::vector<std::string>& arguments, const std::string& input = {}, std::chrono::milliseconds limit = std::chrono::seconds(30)) const;
    /// `adb -s ADDRESS …`
    [[nodiscard]] Ran on(const DemoPhone& phone, std::vector<std::string> arguments, const std::string& input = {},
                         std::chrono::milliseconds limit = std::chrono::seconds(30)) const;
    /// Connects and waits until adb says "device"; false after `limit`.
    bool connect(const DemoPhone& phone, std::chrono::milliseconds limit = std::chrono::seconds(10)) const;
    /// "device", "offline", "unauthorized", "" when it is not listed.
    [[nodiscard]] std::string state(const DemoPhone& phone) const;
    /// Waits for a state; false after `limit`.
    bool wait_for(const DemoPhone& phone, const std::string& state, std::chrono::milliseconds limit = std::chrono::seconds(10)) const;

private:
    int port_ = 0;
    std::filesystem::path home_;
};

}  // namespace bitwright::test

/// First line of a test that speaks through a genuine adb.
#define BITWRIGHT_NEEDS_ADB()                                                                 \
    do {                                                                                      \
        if (!::bitwright::test::has_adb()) GTEST_SKIP() << "skipped: no adb (apt install adb)"; \
    } while (false)
