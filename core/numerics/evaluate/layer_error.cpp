// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/decoder/sweep.h"
#include "core/numerics/evaluate/evaluate.h"

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

/// Sums over all values of a layer's output: reference x, other y.
struct Distance {
    double xx = 0, yy = 0, xy = 0, error = 0;

    void add(const at::Tensor& x, const at::Tensor& y)
    {
        const auto sum = [](const at::Tensor& t) { return t.sum(at::kDouble).item<double>(); };
        xx += sum(x * x);
        yy += sum(y * y);
        xy += sum(x * y);
        error += sum((x - y).square_());
    }
    [[nodiscard]] double sqnr_db() const { return 10 * std::log10(xx / error); }  ///< infinite where nothing changed
    [[nodiscard]] double cosine() const { return xy / std::sqrt(xx * yy); }
};

}  // namespace

std::vector<LayerError> compare_layers(LevelModel& plain, LevelModel& quantized, const TokenWindows& windows)
{
    const c10::NoGradGuard no_grad;
    const Architecture& architecture = plain.decoder().model().architecture();
    const std::int64_t group = windows_per_group(architecture, windows.length);
    std::vector<Distance> accumulated(static_cast<std::size_t>(architecture.layers)), introduced = accumulated;
    for (std::int64_t begin = 0; begin < windows.count; begin += group) {
        const std::int64_t end = std::min(windows.count, begin + group);
        std::vector<at::Tensor> reference, shifted;
        for (std::int64_t w = begin; w < end; ++w) {
            const auto ids = window_ids(windows, w, windows.length);
            reference.push_back(plain.decoder().embed(ids, plain.tap()));
            shifted.push_back(quantized.decoder().embed(ids, quantized.tap()));
        }
        for (std::size_t layer = 0; layer < accumulated.size(); ++layer) {
            const auto index = static_cast<std::int64_t>(layer);
            for (std::size_t i = 0; i < reference.size(); ++i) {
                const auto alone = quantized.decoder().layer(index, reference[i], quantized.tap());
                reference[i] = plain.decoder().layer(index, reference[i], plain.tap());
                shifted[i] = quantized.decoder().layer(index, shifted[i], quantized.tap());
                introduced[layer].add(reference[i], alone);
                accumulated[layer].add(reference[i], shifted[i]);
            }
        }
    }
    std::vector<LayerError> errors;
    for (std::size_t layer = 0; layer < accumulated.size(); ++layer) {
        errors.push_back({static_cast<std::int64_t>(layer), accumulated[layer].sqnr_db(), accumulated[layer].cosine(), introduced[layer].sqnr_db()});
    }
    return errors;
}

}  // namespace bitwright
