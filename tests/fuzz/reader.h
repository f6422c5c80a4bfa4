// SPDX-License-Identifier: GPL-3.0-or-later
// What every reader owes its input: it is accepted, or refused in words. For tests that mutate files.
#pragma once

#include "core/runtime/error.h"

#include <gtest/gtest.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <string>

namespace bitwright::test {

/// True when `read` accepts, false when it refuses with an Error for people. Anything else fails the test and says which input it was.
template <typename Read>
bool accepts(int iteration, Read read)
{
    try {
        read();
        return true;
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_input) << "iteration " << iteration << ": " << error.what();
    } catch (const std::exception& error) {
        ADD_FAILURE() << "iteration " << iteration << ": " << error.what();
    }
    return false;
}

/// A new file each time: ext4 flushes one that is truncated and written again.
inline void write_plain(const std::filesystem::path& path, const std::string& bytes)
{
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace bitwright::test
