// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/evaluate/evaluate.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cat.h>
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

std::vector<std::int32_t> run_generate(LevelModel& model, const std::vector<std::int32_t>& prompt, std::int64_t tokens, bool stop_at_eos, Tensor* logits)
{
    const c10::NoGradGuard no_grad;
    Decoder& decoder = model.decoder();
    const Architecture& architecture = decoder.model().architecture();
    KvCache cache;
    std::vector<std::int32_t> made, all = prompt;
    std::vector<at::Tensor> steps;
    auto ids = row_of(prompt);
    while (static_cast<std::int64_t>(made.size()) < tokens) {
        if (!decoder.can_extend(cache, 1)) {
            cache = {};
            ids = row_of(all);
        }
        auto x = decoder.embed(ids, model.tap(), cache.length);
        for (std::int64_t layer = 0; layer < architecture.layers; ++layer) x = decoder.layer(layer, x, model.tap(), &cache);
        const auto last = decoder.logits(decoder.finish(x.narrow(1, x.size(1) - 1, 1), model.tap()), model.tap())[0][0];
        if (logits) steps.push_back(last.unsqueeze(0));
        made.push_back(static_cast<std::int32_t>(last.argmax().item<std::int64_t>()));
        if (stop_at_eos && made.back() == architecture.eos) break;
        all.push_back(made.back());
        ids = row_of({made.back()});
    }
    if (logits) *logits = steps.empty() ? Tensor{Dtype::f32, {0, architecture.vocab}, {}} : plain(at::cat(steps));
    return made;
}

}  // namespace bitwright
