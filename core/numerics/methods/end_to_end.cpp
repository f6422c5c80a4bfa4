// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/end_to_end.h"

#include "core/numerics/decoder/sweep.h"

#include <ATen/ops/mse_loss.h>
#include <c10/core/GradMode.h>

#include <cmath>

namespace bitwright {

EndToEnd::EndToEnd(const Model& model, const Recipe& start, const TokenWindows& windows, EndToEndOptions options, const Control& control)
    : architecture_(model.architecture()),
      windows_(windows),
      options_(options),
      control_(control),
      learnables_(model, start, options.learned),
      quantized_(model, learnables_, {start.semantics, false, &control}),
      floating_(model, learnables_.start_weights(), {start.semantics, false, &control}),
      targets_(windows.count, options.target_bytes)
{
}

at::Tensor EndToEnd::float_hidden(const at::Tensor& ids)
{
    const c10::NoGradGuard no_grad;
    at::Tensor x = floating_.embed(ids, no_tap_);
    for (std::int64_t layer = 0; layer < architecture_.layers; ++layer) x = floating_.layer(layer, x, no_tap_);
    return x;
}

at::Tensor EndToEnd::target(std::int64_t window)
{
    return targets_.get(window, [&] { return float_hidden(window_ids(windows_, window, windows_.length)); });
}

double EndToEnd::loss_and_gradients(std::int64_t window)
{
    learnables_.truncate_scales();
    for (Learnable& learnable : learnables_.learnables()) learnable.value.mutable_grad().reset();
    const at::Tensor wanted = target(window);
    at::Tensor x;
    {
        const c10::NoGradGuard no_grad;
        x = quantized_.embed(window_ids(windows_, window, windows_.length), learnables_);
    }
    if (options_.recompute) return backward_through_layers(x, wanted);
    for (std::int64_t layer = 0; layer < architecture_.layers; ++layer) x = quantized_.layer(layer, x, learnables_);
    const at::Tensor loss = at::mse_loss(x, wanted);
    control_.check();
    loss.backward();
    return loss.item<double>();
}

double EndToEnd::backward_through_layers(const at::Tensor& first, const at::Tensor& wanted)
{
    std::vector<at::Tensor> inputs{first};
    {
        const c10::NoGradGuard no_grad;
        for (std::int64_t layer = 0; layer < architecture_.layers; ++layer) inputs.push_back(quantized_.layer(layer, inputs.back(), learnables_));
    }
    const at::Tensor last = inputs.back().detach().set_requires_grad(true);
    const at::Tensor loss = at::mse_loss(last, wanted);
    loss.backward();
    at::Tensor gradient = last.grad();
    for (std::int64_t layer = architecture_.layers - 1; layer >= 0; --layer) {
        const auto at = static_cast<std::size_t>(layer);
        const at::Tensor input = inputs[at].detach().set_requires_grad(layer > 0);
        quantized_.layer(layer, input, learnables_).backward(gradient);
        gradient = input.grad();
        inputs.resize(at + 1);
    }
    return loss.item<double>();
}

double EndToEnd::loss(const TokenWindows& windows, std::int64_t window)
{
    const c10::NoGradGuard no_grad;
    const at::Tensor ids = window_ids(windows, window, windows.length), wanted = float_hidden(ids);
    at::Tensor x = quantized_.embed(ids, learnables_);
    for (std::int64_t layer = 0; layer < architecture_.layers; ++layer) x = quantized_.layer(layer, x, learnables_);
    return at::mse_loss(x, wanted).item<double>();
}

double EndToEnd::gradient_norm()
{
    double sum = 0;
    for (const Learnable& learnable : learnables_.learnables()) {
        const at::Tensor& gradient = learnable.value.grad();
        if (gradient.defined()) sum += std::pow(gradient.norm().item<double>(), 2);
    }
    return std::sqrt(sum);
}

}  // namespace bitwright
