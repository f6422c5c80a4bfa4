// SPDX-License-Identifier: GPL-3.0-or-later
// What nobody can prove without a real phone, as a list: each item is tried on the phone at hand where a program can try it, and says in words what came of it.
// Invariants: nothing is left on the phone but the runner; what is changed there is written to the workspace's list first, so without a workspace it is not tried.
// Threading: blocking, for a worker thread.
#pragma once

#include "app/jobs/phone_session.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace bitwright {

enum class TestOutcome : std::uint8_t { passed, failed, not_tried };
[[nodiscard]] const char* name_of(TestOutcome outcome) noexcept;  ///< "passed", "failed", "could not be tried"

struct SelfTestItem {
    std::string id;     ///< stable: "usb", "shell", …
    std::string title;  ///< what is proved
    TestOutcome outcome = TestOutcome::not_tried;
    std::string words;  ///< what was seen, or why it could not be tried and how to try it
};

struct SelfTest {
    std::string device;
    bool simulated = false;  ///< then nothing of it proves anything about phones
    std::vector<SelfTestItem> items;
};
/// @param workspace null: what changes the phone is not tried. Throws AdbError when the phone cannot be reached at all; Cancelled.
[[nodiscard]] SelfTest test_phone(const AdbSettings& settings, const std::string& serial, Workspace* workspace, const Control& control);

/// The list without a phone: everything that could not be tried.
[[nodiscard]] SelfTest untried(const std::string& why);

}  // namespace bitwright
