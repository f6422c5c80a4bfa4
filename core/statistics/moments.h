// SPDX-License-Identifier: GPL-3.0-or-later
// Central moments up to the fourth, mergeable without cancellation.
// Source: P. Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical moments", SAND2008-6212 (2008),
// equations 2.1 to 2.9; for the second moment T. Chan, G. Golub, R. LeVeque (1979).
// Threading: plain value.
#pragma once

#include <cstdint>
#include <limits>

namespace bitwright {

/// n values with mean and m_k = Σ (x − mean)^k.
struct Moments {
    std::uint64_t n = 0;
    double mean = 0, m2 = 0, m3 = 0, m4 = 0;

    /// Adds the moments of other values. Exact when both sides hold the same constant.
    void merge(const Moments& other) noexcept
    {
        if (other.n == 0) return;
        if (n == 0) {
            *this = other;
            return;
        }
        const double na = static_cast<double>(n), nb = static_cast<double>(other.n), total = na + nb;
        const double delta = other.mean - mean, step = delta / total, square = step * step, cross = delta * step * na * nb;
        m4 += other.m4 + cross * square * (na * na - na * nb + nb * nb) + 6 * square * (na * na * other.m2 + nb * nb * m2) +
              4 * step * (na * other.m3 - nb * m3);
        m3 += other.m3 + cross * step * (na - nb) + 3 * step * (na * other.m2 - nb * m2);
        m2 += other.m2 + cross;
        mean += step * nb;
        n += other.n;
    }

    [[nodiscard]] double variance() const noexcept { return n == 0 ? 0 : m2 / static_cast<double>(n); }
    /// E(x−μ)⁴/σ⁴; NaN where σ is 0: a constant has no kurtosis.
    [[nodiscard]] double kurtosis() const noexcept
    {
        return m2 > 0 ? static_cast<double>(n) * m4 / (m2 * m2) : std::numeric_limits<double>::quiet_NaN();
    }
};

}  // namespace bitwright
