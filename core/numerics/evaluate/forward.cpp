// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/evaluate/evaluate.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

namespace bitwright {
namespace {

at::Tensor row_of(const std::vector<std::int32_t>& ids)
{
    if (ids.empty()) throw bad_input("", "token ids", "there are none; give at least one");
    return at::tensor(std::vector<std::int64_t>(ids.begin(), ids.end()), at::kLong).unsqueeze(0);
}

Tensor plain(const at::Tensor& x)
{
    const auto values = x.contiguous();
    return Tensor::from(Dtype::f32, values.sizes().vec(), std::span<const float>(values.data_ptr<float>(), static_cast<std::size_t>(values.numel())));
}

}  // namespace

ForwardResult run_forward(LevelModel& model, const std::vector<std::int32_t>& ids)
{
    const c10::NoGradGuard no_grad;
    Decoder& decoder = model.decoder();
    ForwardResult result;
    auto x = decoder.embed(row_of(ids), model.tap());
    result.hidden.push_back(plain(x[0]));
    for (std::int64_t layer = 0; layer < decoder.model().architecture().layers; ++layer) {
        x = decoder.layer(layer, x, model.tap());
        result.hidden.push_back(plain(x[0]));
    }
    x = decoder.finish(x, model.tap());
    result.final = plain(x[0]);
    result.logits = plain(decoder.logits(x, model.tap())[0]);
    return result;
}

}  // namespace bitwright
