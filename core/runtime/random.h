// SPDX-License-Identifier: GPL-3.0-or-later
// Random numbers that are the same on every machine and in every version: what a seed means is part of every result.
// Threading: one object per thread.
#pragma once

#include <cstdint>
#include <limits>

namespace bitwright {

/// SplitMix64 (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195).
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t next() noexcept
    {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }
    /// Uniform in [0, bound), without bias. Precondition: bound > 0.
    std::uint64_t below(std::uint64_t bound) noexcept
    {
        const std::uint64_t usable = std::numeric_limits<std::uint64_t>::max() / bound * bound;
        std::uint64_t value = next();
        while (value >= usable) value = next();
        return value % bound;
    }
    /// Uniform in [0, 1), 53 bits.
    double uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

private:
    std::uint64_t state_;
};

}  // namespace bitwright
