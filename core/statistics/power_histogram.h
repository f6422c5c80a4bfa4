// SPDX-License-Identifier: GPL-3.0-or-later
// Counts on a grid of bins [i·2^e, (i+1)·2^e). e is the smallest exponent for which all values seen lie in at most 2,048 neighbouring bins (and bin numbers
// fit 30 bits, and e ≥ −126); it depends on the minimum and maximum alone and only grows, and a bin at e lies inside one bin at e+1.
// So the result depends neither on the order of the values nor on how they were split: merging is exact.
// Threading: one thread.
#pragma once

#include "core/statistics/statistics.h"

#include <cstdint>
#include <vector>

namespace bitwright {

class PowerHistogram {
public:
    /// Makes room for values in [min, max] (finite, min ≤ max). Counts so far move to the wider grid.
    void include(float min, float max);
    /// Bins of the present grid: number floor(x·scale()) − first(). Precondition: include() covered x.
    [[nodiscard]] float scale() const noexcept;
    [[nodiscard]] std::int32_t first() const noexcept { return first_; }
    /// Adds `bins` counters that start at bin first().
    void add(const std::uint32_t* counts, std::size_t bins);
    void merge(const PowerHistogram& other);
    [[nodiscard]] Histogram result() const;

private:
    void absorb(const std::vector<std::uint64_t>& counts, std::int32_t first, int exponent);

    bool empty_ = true;
    float min_ = 0, max_ = 0;
    int exponent_ = 0;
    std::int32_t first_ = 0;
    std::vector<std::uint64_t> counts_;
};

}  // namespace bitwright
