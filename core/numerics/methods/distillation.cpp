// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/distillation.h"

#include "core/numerics/decoder/sweep.h"
#include "core/numerics/quantize/divergence.h"
#include "core/runtime/random.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <numeric>

namespace bitwright {
namespace {

constexpr std::int64_t logit_budget = std::int64_t{1} << 22;  ///< logits of one model held at once (16 MB)

}  // namespace

Distillation::Distillation(const Model& model, Semantics semantics, const TokenWindows& windows, const DistillationOptions& options, const Control& control)
    : architecture_(model.architecture()),
      windows_(windows),
      options_(options),
      slices_(0),
      weights_(model, nullptr),
      floating_(model, weights_, {.semantics = semantics, .control = &control})
{
    options_.slice = std::min(options_.slice, windows.length);
    slices_ = windows.length / options_.slice;
}

// The slice at a place in the endless stream of shuffled passes.
std::int64_t Distillation::sample(std::int64_t position)
{
    const std::int64_t all = windows_.count * slices_, pass = position / all;
    if (pass != pass_) {
        pass_ = pass;
        order_.resize(static_cast<std::size_t>(all));
        std::iota(order_.begin(), order_.end(), std::int64_t{0});
        Random random(options_.seed * 0x9E3779B97F4A7C15 + static_cast<std::uint64_t>(pass));
        for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[static_cast<std::size_t>(random.below(i))]);
    }
    return order_[static_cast<std::size_t>(position % all)];
}

at::Tensor Distillation::final_of(Decoder& decoder, Tap& tap, const at::Tensor& ids)
{
    at::Tensor x = decoder.embed(ids, tap);
    for (std::int64_t layer = 0; layer < architecture_.layers; ++layer) x = decoder.layer(layer, x, tap);
    return decoder.finish(x, tap);
}

// Σ KL over all rows; `gradient`, when asked for, becomes ∂(mean)/∂given.
double Distillation::divergence(Decoder& quantized, const at::Tensor& wanted, const at::Tensor& given, at::Tensor* gradient)
{
    const at::Tensor rows_wanted = wanted.detach().flatten(0, 1), rows_given = given.detach().flatten(0, 1);
    const std::int64_t rows = rows_given.size(0), step = std::max<std::int64_t>(1, logit_budget / architecture_.vocab);
    double sum = 0;
    std::vector<at::Tensor> gradients;
    for (std::int64_t row = 0; row < rows; row += step) {
        const std::int64_t n = std::min(step, rows - row);
        at::Tensor from = rows_given.narrow(0, row, n), logits, reference;
        if (gradient) from = from.clone().set_requires_grad(true);
        {
            const c10::NoGradGuard no_grad;
            reference = floating_.logits(rows_wanted.narrow(0, row, n), no_tap_).contiguous();
        }
        logits = quantized.logits(from, no_tap_).contiguous();
        at::Tensor slope = gradient ? at::empty(logits.sizes(), at::kFloat) : at::Tensor();
        sum += quantize::kl_divergence(reference.const_data_ptr<float>(), logits.const_data_ptr<float>(), gradient ? slope.mutable_data_ptr<float>() : nullptr, n,
                                       logits.size(-1), 1.0F / static_cast<float>(rows));
        if (!gradient) continue;
        logits.backward(slope);
        gradients.push_back(from.grad());
    }
    if (gradient) *gradient = at::cat(gradients).view(given.sizes());
    return sum;
}

double Distillation::loss_and_gradients(Decoder& quantized, Tap& tap, std::int64_t step)
{
    at::Tensor ids = at::empty({options_.batch, options_.slice}, at::kLong);
    for (std::int64_t i = 0; i < options_.batch; ++i) {
        const std::int64_t at = sample(step * options_.batch + i);
        std::copy_n(windows_.window(at / slices_) + at % slices_ * options_.slice, options_.slice, ids.mutable_data_ptr<std::int64_t>() + i * options_.slice);
    }
    at::Tensor wanted;
    {
        const c10::NoGradGuard no_grad;
        wanted = final_of(floating_, no_tap_, ids);
    }
    const at::Tensor given = final_of(quantized, tap, ids);
    at::Tensor gradient;
    const double sum = divergence(quantized, wanted, given, &gradient);
    given.backward(gradient);
    return sum / static_cast<double>(ids.numel());
}

double Distillation::held_out(Decoder& quantized, Tap& tap, const TokenWindows& windows)
{
    const c10::NoGradGuard no_grad;
    held_finals_.resize(static_cast<std::size_t>(windows.count));
    const std::int64_t bytes = windows.count * windows.length * architecture_.embedding_width * static_cast<std::int64_t>(sizeof(float));
    double sum = 0;
    for (std::int64_t window = 0; window < windows.count; ++window) {
        const at::Tensor ids = window_ids(windows, window, windows.length);
        at::Tensor& kept = held_finals_[static_cast<std::size_t>(window)];
        const at::Tensor wanted = kept.defined() ? kept : final_of(floating_, no_tap_, ids);
        if (bytes <= options_.kept_bytes) kept = wanted;
        sum += divergence(quantized, wanted, final_of(quantized, tap, ids), nullptr);
    }
    return sum / static_cast<double>(windows.count * windows.length);
}

}  // namespace bitwright
