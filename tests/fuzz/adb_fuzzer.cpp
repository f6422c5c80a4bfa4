// SPDX-License-Identifier: GPL-3.0-or-later
// libFuzzer's entry; packaging/fuzz builds and runs it.
#include "tests/fuzz/adb_answers.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    bitwright::test::read_adb_answers({reinterpret_cast<const char*>(data), size});
    return 0;
}
