// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/block_wise.h"

#include "core/numerics/decoder/sweep.h"

#include <ATen/ops/mse_loss.h>
#include <c10/core/GradMode.h>

namespace bitwright {

BlockWise::BlockWise(const Model& model, LearnableModel& twin, const TokenWindows& windows, Semantics semantics, std::int64_t kept_bytes, const Control& control)
    : twin_(twin),
      windows_(windows),
      kept_bytes_(kept_bytes),
      control_(control),
      quantized_(model, twin, {semantics, false, &control}),
      floating_(model, twin.start_weights(), {semantics, false, &control})
{
}

at::Tensor BlockWise::input(const Stream& stream, std::int64_t layer, std::int64_t window)
{
    const auto from_the_start = [&] {
        at::Tensor x = stream.decoder.embed(window_ids(windows_, window, windows_.length), stream.tap);
        for (std::int64_t below = 0; below < layer; ++below) x = stream.decoder.layer(below, x, stream.tap);
        return x;
    };
    return stream.inputs ? stream.inputs->get(window, from_the_start) : from_the_start();
}

// The stream's inputs become those of `layer`: one layer further where they are those of the layer before, else from the embedding up.
void BlockWise::advance(Stream& stream, std::int64_t layer)
{
    auto next = std::make_unique<TargetCache>(windows_.count, kept_bytes_);
    for (std::int64_t window = 0; window < windows_.count; ++window) {
        control_.report({"inputs of a layer", window, windows_.count});
        (void)next->get(window, [&] { return stream.inputs ? stream.decoder.layer(layer - 1, input(stream, layer - 1, window), stream.tap) : input(stream, layer, window); });
    }
    stream.inputs = std::move(next);
}

void BlockWise::enter(std::int64_t layer)
{
    const c10::NoGradGuard no_grad;
    if (layer != layer_ + 1) {
        student_.inputs.reset();
        teacher_.inputs.reset();
    }
    advance(student_, layer);
    advance(teacher_, layer + 1);
    layer_ = layer;
}

double BlockWise::loss_and_gradients(std::int64_t layer, std::int64_t window)
{
    twin_.truncate_scales();
    for (Learnable& learnable : twin_.learnables()) learnable.value.mutable_grad().reset();
    if (layer != layer_) enter(layer);
    at::Tensor x, wanted;
    {
        const c10::NoGradGuard no_grad;
        x = input(student_, layer, window);
        wanted = input(teacher_, layer + 1, window);
    }
    const at::Tensor loss = at::mse_loss(quantized_.layer(layer, x, twin_), wanted);
    control_.check();
    loss.backward();
    return loss.item<double>();
}

}  // namespace bitwright
