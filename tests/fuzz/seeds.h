// SPDX-License-Identifier: GPL-3.0-or-later
// A corpus inside the fuzzer: some mutations begin again from a recorded text, so that no folder of seeds is needed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace bitwright::fuzz {

/// One mutation of `data`; one in 64, and every very short one, of a seed behind `header` bytes instead.
inline std::size_t mutate_or_restart(std::uint8_t* data, std::size_t size, std::size_t most, unsigned random, const std::vector<std::string>& seeds, std::size_t header)
{
    if ((size < header + 8 || random % 64 == 0) && most > header) {
        const auto& seed = seeds[(random / 64) % seeds.size()];
        const auto length = std::min(seed.size(), most - header);
        for (std::size_t i = 0; i < header; ++i) data[i] = static_cast<std::uint8_t>(random >> (8 * (i % 4)));
        std::memcpy(data + header, seed.data(), length);
        size = header + length;
    }
    return LLVMFuzzerMutate(data, size, most);
}

}  // namespace bitwright::fuzz
