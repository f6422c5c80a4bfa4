// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/evaluate/token_values.h"

#include "core/numerics/decoder/sweep.h"
#include "core/numerics/decoder/weights.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

/// The largest in order: by |value|, then the earlier token.
bool before(const TokenValue& a, const TokenValue& b) noexcept
{
    const float x = std::fabs(a.value), y = std::fabs(b.value);
    if (x != y) return x > y;
    return a.window != b.window ? a.window < b.window : a.position < b.position;
}

class LargestTap final : public Tap {
public:
    LargestTap(const Model& model, const TokenQuestion& question, const TokenWindows& windows, Semantics semantics)
        : model_(model), question_(question), windows_(windows), semantics_(semantics)
    {
    }

    void enter(std::int64_t window) noexcept { window_ = window; }
    [[nodiscard]] bool wants(const Site& site) const override { return site.id == question_.site; }
    at::Tensor activation(const Site& site, const at::Tensor& x) override
    {
        if (site.id != question_.site) return x;
        const at::Tensor values = x.to(at::kFloat);
        if (site.role == SiteRole::qk_output || site.role == SiteRole::pv_input) matrix(site, values[0].contiguous());
        else rows((values.dim() == 4 ? values[0].transpose(0, 1).flatten(1) : values[0]).contiguous());
        std::sort(kept_.begin(), kept_.end(), before);
        if (std::ssize(kept_) > question_.most) kept_.resize(static_cast<std::size_t>(question_.most));
        return x;
    }
    [[nodiscard]] std::vector<TokenValue> take() { return std::move(kept_); }

private:
    /// [T, channels]
    void rows(const at::Tensor& x)
    {
        const float* row = x.const_data_ptr<float>();
        const std::int64_t channels = x.size(1);
        for (std::int64_t t = 0; t < x.size(0); ++t, row += channels) {
            const std::int64_t c = question_.channel >= 0 ? question_.channel : largest(row, channels);
            keep(t, c, row[c]);
        }
    }
    /// [heads, queries, keys]: of each query the largest entry that the mask leaves
    void matrix(const Site& site, const at::Tensor& x)
    {
        const std::int64_t heads = x.size(0), queries = x.size(1), keys = x.size(2), window = model_.architecture().attention.at(static_cast<std::size_t>(site.layer)).window;
        for (std::int64_t q = 0; q < queries; ++q) {
            const bool masked_too = semantics_ == Semantics::authors;
            const std::int64_t end = masked_too ? keys : q + 1, first = masked_too || window <= 0 ? 0 : std::max<std::int64_t>(0, q + 1 - window);
            std::int64_t head = -1;
            float value = 0;
            for (std::int64_t h = 0; h < heads; ++h) {
                if (question_.channel >= 0 && h != question_.channel) continue;
                const float* entries = x.const_data_ptr<float>() + (h * queries + q) * keys + first;
                const float most = entries[largest(entries, end - first)];
                if (head < 0 || std::fabs(most) > std::fabs(value)) {
                    head = h;
                    value = most;
                }
            }
            keep(q, head, value);
        }
    }
    static std::int64_t largest(const float* x, std::int64_t n)
    {
        return std::max_element(x, x + n, [](float a, float b) { return std::fabs(a) < std::fabs(b); }) - x;
    }
    void keep(std::int64_t position, std::int64_t channel, float value)
    {
        kept_.push_back({window_, position, windows_.window(window_)[position], channel, value});
    }

    const Model model_;
    TokenQuestion question_;
    const TokenWindows& windows_;
    Semantics semantics_;
    std::int64_t window_ = 0;
    std::vector<TokenValue> kept_;
};

}  // namespace

std::vector<TokenValue> largest_tokens(const Model& model, const Recipe* recipe, const TokenQuestion& question, const TokenWindows& windows, const Control& control)
{
    const Site& site = (*model.sites)[question.site];
    if (site.kind != SiteKind::activation) throw usage_error(site.name + " is a weight; tokens pass activations only");
    if (question.channel < -1 || question.channel >= site.channels)
        throw usage_error(site.name + " has no channel " + std::to_string(question.channel) + "; it has " + std::to_string(site.channels));
    if (question.most < 1) return {};
    const Semantics semantics = recipe ? recipe->semantics : Semantics::bitwright;
    CheckpointWeights weights(model, recipe);
    Decoder decoder(model, weights, {.semantics = semantics, .control = &control});
    LargestTap tap(model, question, windows, semantics);

    const std::int64_t layers = model.architecture().layers;
    const bool early = site.layer < 0 && site.role <= SiteRole::residual_embedding;
    SweepHooks hooks;
    hooks.last_stage = site.layer >= 0 ? site.layer : early ? -1 : layers;
    Progress progress{"tokens", 0, windows.count * (hooks.last_stage + 2)};
    hooks.enter = [&](std::int64_t window) { tap.enter(window); };
    hooks.leave = [&](std::int64_t layer, std::int64_t, const at::Tensor& hidden) {
        if (layer == layers && site.role == SiteRole::lm_head_output) static_cast<void>(decoder.logits(hidden, tap));
        ++progress.done;
        control.report(progress);
    };
    sweep(decoder, tap, windows, 0, windows.count, windows.length, hooks);
    return tap.take();
}

}  // namespace bitwright
