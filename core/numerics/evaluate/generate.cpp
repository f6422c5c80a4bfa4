// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/evaluate/generate.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

namespace bitwright {

Generation generate_at_level(LevelModel& model, const std::vector<std::int32_t>& prompt, const GenerateOptions& options, const Control& control, Tensor* logits)
{
    const c10::NoGradGuard no_grad;
    Decoder& decoder = model.decoder();
    const Architecture& architecture = decoder.model().architecture();
    KvCache cache;
    std::vector<std::int32_t> all;
    std::vector<float> steps;
    auto made = generate(prompt, static_cast<std::int32_t>(architecture.eos), options, control, [&](std::span<const std::int32_t> ids, Sampler& sampler) {
        all.insert(all.end(), ids.begin(), ids.end());
        std::span<const std::int32_t> unread = ids;
        if (!decoder.can_extend(cache, 1)) {
            cache = {};
            unread = all;
        }
        auto x = decoder.embed(at::tensor(std::vector<std::int64_t>(unread.begin(), unread.end()), at::kLong).unsqueeze(0), model.tap(), cache.length);
        for (std::int64_t layer = 0; layer < architecture.layers; ++layer) x = decoder.layer(layer, x, model.tap(), &cache);
        const auto last = decoder.logits(decoder.finish(x.narrow(1, x.size(1) - 1, 1), model.tap()), model.tap())[0][0].contiguous();
        const std::span<const float> values(last.data_ptr<float>(), static_cast<std::size_t>(last.numel()));
        if (logits) steps.insert(steps.end(), values.begin(), values.end());
        return std::optional(sampler.choose(values));
    });
    if (logits) *logits = Tensor::from(Dtype::f32, {static_cast<std::int64_t>(steps.size()) / architecture.vocab, architecture.vocab}, std::span<const float>(steps));
    return made;
}

std::vector<std::int32_t> run_generate(LevelModel& model, const std::vector<std::int32_t>& prompt, std::int64_t tokens, bool stop_at_eos, Tensor* logits)
{
    return generate_at_level(model, prompt, {tokens, stop_at_eos}, Control(), logits).ids;
}

}  // namespace bitwright
