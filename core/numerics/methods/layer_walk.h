// SPDX-License-Identifier: GPL-3.0-or-later
// Closed-form quantization layer by layer on the inputs a layer will meet: token slices go through the layers already done, x̂ is captured at the inputs of the
// next layer's linears, its weights are replaced, the slices move on. GPTQ, SeqMSE and AWQ are such walks.
// Internal to bitwright_numerics (LibTorch in the signatures).
// Invariants: without gradients; at most one layer's captures are held.
// Threading: belongs to one thread.
#pragma once

#include "core/checkpoint/token_windows.h"
#include "core/numerics/decoder/weights.h"
#include "core/recipe/recipe.h"
#include "core/runtime/control.h"

#include <map>
#include <vector>

namespace bitwright {

/// The first `count` windows cut into pieces of `slice` tokens: attention gets cheaper.
[[nodiscard]] TokenWindows cut(const TokenWindows& windows, std::int64_t count, std::int64_t slice);

/// A linear of a layer and the activation site it reads.
struct LinearInput {
    const Site* site;
    SiteId input;
};
/// Those of `layer` with a uniform static scheme, a known input and no codes yet.
[[nodiscard]] std::vector<LinearInput> open_linears(const Model& model, const Recipe& recipe, std::int64_t layer);

/// What passes at the sites asked for, after another tap has had it: Σ x̂ᵀx̂ in double.
class CaptureTap final : public Tap {
public:
    explicit CaptureTap(Tap& inner) : inner_(inner) {}
    at::Tensor activation(const Site& site, const at::Tensor& x) override;
    [[nodiscard]] bool wants(const Site& site) const override { return inner_.wants(site); }

    std::map<SiteId, at::Tensor> hessians;  ///< by input site; undefined: nothing has passed yet

private:
    Tap& inner_;
};

class LayerWalk {
public:
    /// @param start transforms of the weights; must outlive this, as must `tap`: what is done to weights when they are read, and to the embedded slices
    LayerWalk(const Model& model, const Recipe& start, Tap& tap, const TokenWindows& slices, const Control& control);

    /// From now on `layer` is the one whose weights are replaced.
    void enter(std::int64_t layer);
    void replace(WeightRole role, const at::Tensor& weight) { weights_.replaced[role] = weight; }
    /// The layer's output for every batch of slices, [n, T, hidden]; the slices stay where they are.
    [[nodiscard]] std::vector<at::Tensor> outputs(Tap& tap);
    /// The slices go through the layer.
    void advance(Tap& tap);
    /// What the layer reads, by batch.
    [[nodiscard]] const std::vector<at::Tensor>& inputs() const noexcept { return hidden_; }

private:
    struct Overlay final : WeightProvider {
        Overlay(const Model& model, const Recipe& recipe, Tap& tap) : base(model, &recipe, {.tap = &tap}) {}
        at::Tensor weight(WeightRole role, std::int64_t at) override
        {
            const auto found = replaced.find(role);
            return found != replaced.end() && at == layer ? found->second : base.weight(role, at);
        }
        at::Tensor bias(WeightRole role, std::int64_t at) override { return base.bias(role, at); }
        at::Tensor embedding_rows(const at::Tensor& ids) override { return base.embedding_rows(ids); }

        CheckpointWeights base;
        std::map<WeightRole, at::Tensor> replaced;
        std::int64_t layer = -1;
    };

    Overlay weights_;
    Decoder decoder_;
    std::vector<at::Tensor> hidden_;
};

}  // namespace bitwright
