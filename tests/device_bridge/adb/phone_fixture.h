// SPDX-License-Identifier: GPL-3.0-or-later
// A lab for each test, and a cancel from outside.
#pragma once

#include "core/runtime/control.h"
#include "device_bridge/adb/adb_server.h"
#include "device_bridge/adb/shell.h"
#include "device_bridge/adb/wireless.h"
#include "tests/device_bridge/adb/adb_lab.h"
#include "tests/device_bridge/adb/faults.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <thread>

namespace bitwright::test {

/// Bytes that do not compress and have no period.
inline std::string bytes_of(std::size_t size, unsigned seed = 1)
{
    std::mt19937_64 random(seed);
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i + 8 <= size; i += 8) {
        const auto word = random();
        std::memcpy(bytes.data() + i, &word, 8);
    }
    return bytes;
}

inline std::filesystem::path file_of(const std::filesystem::path& path, const std::string& bytes)
{
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
}

class AdbPhone : public ::testing::Test {
protected:
    void SetUp() override { BITWRIGHT_NEEDS_DEMO_PHONE(); }

    void cancel_after(std::chrono::milliseconds time)
    {
        canceller_ = std::thread([this, time] {
            std::this_thread::sleep_for(time);
            control.request_cancel();
        });
    }
    ~AdbPhone() override
    {
        if (canceller_.joinable()) canceller_.join();
    }

    std::string shell_output_after_reconnect(const LabPhone& phone, const std::string& command)
    {
        (void)connect_phone(lab.settings(), phone.serial(), lab.control);
        wait_for_phone(phone.target(), std::chrono::milliseconds(5000), lab.control);
        return shell_output(phone.target(), command, lab.control);
    }

    AdbLab lab{"adb_phone"};
    Control control;

private:
    std::thread canceller_;
};

}  // namespace bitwright::test
