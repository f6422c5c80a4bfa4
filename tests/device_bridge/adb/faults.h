// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "device_bridge/adb/adb_error.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace bitwright::test {

/// The fault and the sentence that `call` ends with.
template <typename Call>
std::pair<AdbFault, std::string> fault_of(Call call)
{
    try {
        call();
    } catch (const AdbError& error) {
        return {error.fault(), error.what()};
    }
    ADD_FAILURE() << "no error";
    return {AdbFault::protocol, ""};
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace bitwright::test
