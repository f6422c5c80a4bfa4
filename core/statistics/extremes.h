// SPDX-License-Identifier: GPL-3.0-or-later
// The k largest of all sign·x seen, exactly. Once k are known a value at or below the k-th cannot matter: most rows are passed over by one comparison.
// Threading: one thread.
#pragma once

#include <cstddef>
#include <vector>

namespace bitwright {

class Extremes {
public:
    static constexpr std::size_t kept = 1024;

    /// @param sign +1 keeps the largest values, −1 the smallest.
    explicit Extremes(float sign) : sign_(sign) {}
    /// `best`: the largest sign·x of this piece, known to the caller.
    void offer(const float* x, std::size_t n, float best);
    void merge(const Extremes& other);
    /// The values themselves (not times sign), the most extreme first; at most `kept`.
    [[nodiscard]] std::vector<float> result() const;

private:
    void prune();

    float sign_;
    bool full_ = false;    ///< `kept` values are known
    float threshold_ = 0;  ///< the k-th once full
    std::vector<float> values_;  ///< times sign
};

}  // namespace bitwright
