// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/package_linear.h"

#include "core/runtime/error.h"

#include <cmath>

namespace bitwright {
namespace {

bool is_packed(const Scheme& scheme) { return scheme.bits <= 4; }
std::int64_t groups_of(const Scheme& scheme, std::int64_t cols) { return scheme.granularity == Granularity::group ? cols / scheme.group_size : 1; }

template <typename T>
Tensor row_of(Dtype dtype, const std::vector<T>& values)
{
    return Tensor::from<T>(dtype, {std::ssize(values)}, values);
}

}  // namespace

SafetensorsWriter::Declared weight_declared(const std::string& name, const Scheme& scheme, std::int64_t rows, std::int64_t cols)
{
    if (is_packed(scheme)) return {name, Dtype::u8, {rows, (cols + 1) / 2}};
    return {name, Dtype::i8, {rows, cols}};
}

Tensor packed_weight(const IntegerWeight& weight, const Scheme& scheme)
{
    if (!is_packed(scheme)) return Tensor::from<std::int8_t>(Dtype::i8, {weight.rows, weight.cols}, weight.codes);
    const std::int64_t stride = (weight.cols + 1) / 2;
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(weight.rows * stride));
    for (std::int64_t r = 0; r < weight.rows; ++r)
        for (std::int64_t k = 0; k < weight.cols; ++k) {
            const auto nibble = static_cast<unsigned>(weight.codes[static_cast<std::size_t>(r * weight.cols + k)]) & 15U;
            auto& byte = bytes[static_cast<std::size_t>(r * stride + k / 2)];
            byte = static_cast<std::uint8_t>(byte | (k % 2 == 0 ? nibble : nibble << 4));
        }
    return Tensor::from<std::uint8_t>(Dtype::u8, {weight.rows, stride}, bytes);
}

std::vector<SafetensorsWriter::Declared> linear_declared(const std::string& name, const Scheme& scheme, std::int64_t rows, std::int64_t cols, bool with_bias)
{
    const std::int64_t groups = groups_of(scheme, cols), scales = scheme.granularity == Granularity::tensor ? 1 : rows;
    std::vector<SafetensorsWriter::Declared> declared{weight_declared(name + ".weight", scheme, rows, cols)};
    if (!scheme.symmetric) declared.push_back({name + ".zero_point", Dtype::i8, {scales * groups}});
    if (scheme.granularity == Granularity::group) declared.push_back({name + ".group_scale", Dtype::u8, {rows, groups}});
    if (with_bias) declared.push_back({name + ".bias", Dtype::i32, {rows}});
    declared.push_back({name + ".multiplier", Dtype::i32, {scales}});
    declared.push_back({name + ".shift", Dtype::u8, {scales}});
    return declared;
}

std::vector<Tensor> linear_tensors(const std::string& name, const IntegerWeight& weight, const Scheme& scheme, const IntegerGrid& input, double output_scale, bool with_bias)
{
    std::vector<Tensor> tensors{packed_weight(weight, scheme)};
    if (!scheme.symmetric) tensors.push_back(row_of(Dtype::i8, weight.zero_points));
    if (weight.group != 0) tensors.push_back(Tensor::from<std::uint8_t>(Dtype::u8, {weight.rows, weight.groups()}, weight.group_scales));
    if (with_bias) {
        std::vector<std::int32_t> bias;
        for (std::int64_t row = 0; row < weight.rows; ++row) {
            const double plain = weight.bias.empty() ? 0 : weight.bias[static_cast<std::size_t>(row)] / (input.scale * weight.row_scale(row));
            const double folded = std::nearbyint(plain) - static_cast<double>(input.zero_point) * static_cast<double>(weight.row_sums(row).signed_sum);
            if (!(std::fabs(folded) <= 2147483647.0)) throw bad_input("recipe", name + " row " + std::to_string(row), "its bias does not fit 32 bits at this input scale; widen the input's range");
            bias.push_back(static_cast<std::int32_t>(folded));
        }
        tensors.push_back(row_of(Dtype::i32, bias));
    }
    std::vector<std::int32_t> multipliers;
    std::vector<std::uint8_t> shifts;
    for (const double row_scale : weight.row_scales) {
        const Requantizer factor = requantizer_of(input.scale * row_scale / output_scale, name.c_str());
        multipliers.push_back(factor.multiplier);
        shifts.push_back(static_cast<std::uint8_t>(factor.shift));
    }
    tensors.push_back(row_of(Dtype::i32, multipliers));
    tensors.push_back(row_of(Dtype::u8, shifts));
    return tensors;
}

}  // namespace bitwright
