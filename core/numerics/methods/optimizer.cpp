// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/optimizer.h"

#include <cmath>
#include <numbers>

namespace bitwright {

double CosineSchedule::at(std::int64_t step, std::int64_t total) const noexcept
{
    if (total <= 0) return start;
    return end + (start - end) * (1 + std::cos(std::numbers::pi * static_cast<double>(step) / static_cast<double>(total))) / 2;
}

void adamw_update(std::span<float> parameter, std::span<const float> gradient, Moments& moments, double learning_rate, std::int64_t step)
{
    constexpr double beta1 = 0.9, beta2 = 0.999;
    constexpr float eps = 1e-8F;
    moments.first.resize(parameter.size());
    moments.second.resize(parameter.size());
    const double correction1 = 1 - std::pow(beta1, static_cast<double>(step)), correction2 = 1 - std::pow(beta2, static_cast<double>(step));
    const auto step_size = static_cast<float>(learning_rate / correction1), root2 = static_cast<float>(std::sqrt(correction2));
    const auto keep1 = static_cast<float>(1 - beta1), keep2 = static_cast<float>(beta2), take2 = static_cast<float>(1 - beta2);
    for (std::size_t i = 0; i < parameter.size(); ++i) {
        const float g = gradient[i];
        float &m = moments.first[i], &v = moments.second[i];
        m += keep1 * (g - m);
        v = v * keep2 + take2 * (g * g);
        parameter[i] -= step_size * (m / (std::sqrt(v) / root2 + eps));
    }
}

}  // namespace bitwright
