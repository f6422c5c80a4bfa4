// SPDX-License-Identifier: GPL-3.0-or-later
// Learned rotations (SpinQuant §3.2): the model's weights turned by Q with Q a leaf, activations quantized on dynamic grids per tensor (static ones follow from
// Q afterwards), and gradient steps that stay orthogonal (Cayley SGD, Li et al. 2020, arXiv 2002.01113).
// Internal to bitwright_numerics (LibTorch in the signatures).
// Threading: belongs to one thread.
#pragma once

#include "core/numerics/decoder/weights.h"
#include "core/numerics/methods/checkpoint.h"
#include "core/numerics/quantize/simulate_tap.h"
#include "core/recipe/rotations.h"

#include <map>

namespace bitwright {

/// One step from Q [n, n] orthogonal along −gradient, at most `rate` long: (I + τ/2·W)⁻¹(I − τ/2·W)·Q with W = G·Qᵀ − Q·Gᵀ, τ = min(rate, 1/‖W‖).
[[nodiscard]] at::Tensor cayley_step(const at::Tensor& q, const at::Tensor& gradient, double rate);

class RotationLearning final : public WeightProvider, public Tap {
public:
    /// @param start its last rotation at every place is learned from where it is, and must not be followed by other transforms of what it turns
    RotationLearning(const Model& model, const Recipe& start, int activation_bits);

    at::Tensor weight(WeightRole role, std::int64_t layer) override;
    at::Tensor bias(WeightRole role, std::int64_t layer) override;
    at::Tensor embedding_rows(const at::Tensor& ids) override;
    at::Tensor activation(const Site& site, const at::Tensor& x) override { return simulated_.activation(site, x); }
    [[nodiscard]] bool wants(const Site& site) const override { return simulated_.wants(site); }
    [[nodiscard]] Quantizer quantizer(const Site& site) const override { return simulated_.quantizer(site); }

    /// One step of all rotations by their gradients with momentum 0.9; the gradients are taken. @return their Euclidean norm
    double step(double rate);
    /// By rotation, in the recipe's order; undefined before a backward pass.
    [[nodiscard]] std::vector<at::Tensor> gradients() const;
    /// The start with the rotations as they are.
    [[nodiscard]] Recipe recipe() const;
    [[nodiscard]] std::vector<MethodCheckpoint::Parameter> parameters() const;
    /// Throws Error (bad_input) naming `file` where they do not fit.
    void restore(const std::vector<MethodCheckpoint::Parameter>& parameters, const std::string& file);

private:
    struct Learned {
        LegalRotation legal;
        std::string name;
        at::Tensor q, momentum;  ///< [n, n]; q a leaf
    };
    [[nodiscard]] at::Tensor turned(SiteId site, at::Tensor value, bool bias) const;
    [[nodiscard]] static Recipe without_rotations(const Recipe& recipe);
    [[nodiscard]] static Recipe dynamic_activations(const Model& model, const Recipe& recipe, int bits);

    const Model model_;
    const Recipe start_, plain_, quantized_;
    CheckpointWeights base_;
    SimulateTap simulated_;
    std::vector<Learned> rotations_;
    std::map<std::pair<WeightRole, std::int64_t>, SiteId> sites_;
};

}  // namespace bitwright
