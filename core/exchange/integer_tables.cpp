// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/integer_tables.h"

#include "core/runtime/error.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bitwright {

double activation_value(Activation activation, double x) noexcept
{
    switch (activation) {
        case Activation::silu: return x / (1 + std::exp(-x));
        case Activation::gelu: return 0.5 * x * std::erfc(-x / std::numbers::sqrt2);
        case Activation::gelu_tanh: return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
        case Activation::relu: return std::max(x, 0.0);
    }
    return 0;
}

IntegerGrid activation_output_grid(Activation activation, const IntegerGrid& input)
{
    double largest = 0;
    for (std::int32_t code = input.low(); code <= input.high(); ++code) largest = std::max(largest, std::fabs(activation_value(activation, (code - input.zero_point) * input.scale)));
    return {16, 0, largest > 0 ? largest / 32767 : 1e-5};
}

std::vector<std::int16_t> exact_activation_table(Activation activation, const IntegerGrid& input, const IntegerGrid& output)
{
    std::vector<std::int16_t> table(256);
    for (std::int32_t code = -128; code < 128; ++code) {
        const double value = activation_value(activation, (code - input.zero_point) * input.scale) / output.scale;
        table[static_cast<std::size_t>(code + 128)] = static_cast<std::int16_t>(saturate(output.zero_point + std::llround(value), output.low(), output.high()));
    }
    return table;
}

std::vector<std::int32_t> fine_activation_table(Activation activation, const IntegerGrid& input, const IntegerGrid& output)
{
    std::vector<std::int32_t> table(1025);
    for (std::int32_t i = 0; i <= 1024; ++i) {
        const double value = output.zero_point + activation_value(activation, (i * 64 - 32768) * input.scale) / output.scale;
        table[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(std::llround(std::clamp(value, -65536.0, 65536.0) * 256));
    }
    return table;
}

RopeTables rope_tables(const Rope& rope, std::int64_t positions)
{
    if (!(rope.attention_factor < 32767.0 / 16384)) throw bad_input("config.json", "rope_scaling", "an attention factor of 2 or more does not fit the integer level's tables");
    const std::vector<double> frequencies = rope.inverse_frequencies(positions);
    RopeTables tables;
    tables.cosine.reserve(static_cast<std::size_t>(positions) * frequencies.size());
    tables.sine.reserve(tables.cosine.capacity());
    const auto q14 = [&](double value) { return static_cast<std::int16_t>(std::lround(value * rope.attention_factor * 16384)); };
    for (std::int64_t p = 0; p < positions; ++p) {
        for (const double frequency : frequencies) {
            const double angle = static_cast<double>(p) * frequency;
            tables.cosine.push_back(q14(std::cos(angle)));
            tables.sine.push_back(q14(std::sin(angle)));
        }
    }
    return tables;
}

std::vector<std::int32_t> softcap_table(double cap)
{
    std::vector<std::int32_t> table(1025);
    for (std::int32_t i = 0; i <= 1024; ++i) {
        const double x = softcap_reach * cap * (i * 64 - 32768) / 32768;
        table[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(saturate(std::llround(cap * std::tanh(x / cap) * std::numbers::log2e * 65536), INT32_MIN, INT32_MAX));
    }
    return table;
}

}  // namespace bitwright
