// SPDX-License-Identifier: GPL-3.0-or-later
// Whole token rows kept for previews: those whose token has the smallest hash. The choice depends on the seed and the token's number alone, so any split of the
// data keeps the same rows, and all sites of a calibration keep the same tokens (inputs and outputs of a linear belong together).
// Values are rounded to f16 (half to even; beyond 65,504 they saturate).
// Threading: one thread.
#pragma once

#include <cstdint>
#include <vector>

namespace bitwright {

/// SplitMix64 (Steele, Lea, Flood 2014) of seed and token: the order in which tokens are preferred.
[[nodiscard]] std::uint64_t token_hash(std::uint64_t seed, std::uint32_t token) noexcept;
/// IEEE binary16, round half to even, finite values saturate.
[[nodiscard]] std::uint16_t half_of(float value) noexcept;

class Reservoir {
public:
    Reservoir(std::int64_t rows, std::int64_t width, std::uint64_t seed) : capacity_(rows), width_(width), seed_(seed) {}

    [[nodiscard]] bool wants(std::uint32_t token) const noexcept;
    /// Space for the row of a token that wants() accepted; the caller fills all `width` values.
    [[nodiscard]] std::uint16_t* place(std::uint32_t token);
    void merge(const Reservoir& other);
    /// Rows by ascending token, and their tokens.
    void result(std::vector<std::uint16_t>& rows, std::vector<std::uint32_t>& tokens) const;

private:
    struct Kept {
        std::uint64_t hash;
        std::uint32_t token;
        std::vector<std::uint16_t> row;
    };
    [[nodiscard]] static bool before(const Kept& a, const Kept& b) noexcept { return a.hash != b.hash ? a.hash < b.hash : a.token < b.token; }

    std::int64_t capacity_, width_;
    std::uint64_t seed_;
    std::vector<Kept> kept_;  ///< heap, the first to go on top
};

}  // namespace bitwright
