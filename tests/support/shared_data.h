// SPDX-License-Identifier: GPL-3.0-or-later
// Where tests find reference data that is not part of the repository: $BITWRIGHT_SHARED, else ../shared beside the checkout.
// Without it a test says what it skips; with $BITWRIGHT_SHARED set a skip is a failure.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>

namespace bitwright::test {

/// The folder, or an empty path when there is none.
[[nodiscard]] std::filesystem::path shared();
/// True when $BITWRIGHT_SHARED is set: then everything must run.
[[nodiscard]] bool shared_is_required();
/// tests/golden of this repository.
[[nodiscard]] std::filesystem::path golden();
/// A fresh empty folder, removed when the process ends.
[[nodiscard]] std::filesystem::path scratch(const std::string& name);

}  // namespace bitwright::test

/// First line of a test that reads the shared data.
#define BITWRIGHT_NEEDS_SHARED()                                                                                          \
    do {                                                                                                                  \
        if (::bitwright::test::shared().empty()) {                                                                        \
            if (::bitwright::test::shared_is_required()) FAIL() << "BITWRIGHT_SHARED is set but is no folder";           \
            GTEST_SKIP() << "skipped: no shared data (set BITWRIGHT_SHARED)";                                             \
        }                                                                                                                 \
    } while (false)
