// SPDX-License-Identifier: GPL-3.0-or-later
// The differentiable twin of a recipe with relative parameters: value = value at the start · e^θ for scale pairs, clips and ranges, θ from 0, so one learning
// rate fits numbers of every size; zero points in whole grids; and weights between their codes (learned rounding, after GPTQ). The start is a recipe; so is the
// result. Each ingredient has its own switch.
// Internal to bitwright_numerics (LibTorch in the signatures).
// Invariants: at θ = 0 the twin computes what the start simulates. Only what was switched on has parameters; ranges of more than 8 bits, probabilities and σ(x)
// never have. Parameters are plain vectors: refresh() carries them into the forward pass, collect() the gradients back.
// Threading: belongs to one thread.
#pragma once

#include "core/numerics/decoder/weights.h"
#include "core/numerics/method_progress.h"
#include "core/numerics/quantize/fake_quantize.h"
#include "core/numerics/quantize/simulate_tap.h"
#include "core/recipe/transforms.h"

#include <map>
#include <string>
#include <vector>

namespace bitwright {

enum class TunableGroup : std::uint8_t { transforms, clipping, ranges, rounding };

struct TunableParameter {
    std::string name;  ///< "layers.0.up_down.scale", "layers.0.mlp.up_proj.weight.upper", "layers.0.self_attn.qk.input.zero", "layers.0.mlp.up_proj.weight.latent"
    TunableGroup group;
    std::vector<float> value;     ///< θ; of latents: codes, not rounded
    std::vector<float> gradient;  ///< of the last collect()
};

/// Latent codes by weight site, row-major (gptq.h). A weight with latents is learned by rounding, on the grid of its recipe's range.
using Latents = std::map<SiteId, std::vector<float>>;

struct Tuning {
    bool transforms = false, clipping = false, ranges = false;
};

class TunableModel final : public WeightProvider, public Tap {
public:
    /// @param start must outlive this; codes of weights with latents in it are replaced by the latents.
    TunableModel(const Model& model, const Recipe& start, const Tuning& tuning, const Latents& latents);

    [[nodiscard]] std::vector<TunableParameter>& parameters() noexcept { return parameters_; }
    /// Parameters → what the next forward pass computes with; gradients are forgotten.
    void refresh();
    /// After a backward pass: gradients by θ. Straight through rounding; a latent outside its grid has none.
    void collect();
    /// Start, then the learned pairs; learned grids exactly; codes of the latents.
    [[nodiscard]] Recipe recipe();
    /// How far everything but latents is from its start.
    [[nodiscard]] std::vector<Drift> drift() const;

    at::Tensor weight(WeightRole role, std::int64_t layer) override;
    at::Tensor bias(WeightRole role, std::int64_t layer) override;
    at::Tensor embedding_rows(const at::Tensor& ids) override { return base_.embedding_rows(ids); }
    at::Tensor activation(const Site& site, const at::Tensor& x) override;
    at::Tensor weight(const Site&, const at::Tensor& w) override { return w; }
    [[nodiscard]] bool wants(const Site& site) const override
    {
        return site.kind == SiteKind::activation && simulated_.wants(site) && !activations_[static_cast<std::size_t>(site.id)].same_as_shared;
    }
    [[nodiscard]] Quantizer quantizer(const Site& site) const override;

private:
    /// A leaf the graph sees: entry i is e^θ[index[i]].
    struct Side {
        at::Tensor leaf;
        std::vector<std::size_t> index;
    };
    struct Pair {
        LegalPair legal;
        std::size_t parameter;
        Side producer, consumer;
    };
    struct WeightEntry {
        SiteId site = no_site;
        int columns = -1, rows = -1;  ///< indices into pairs_: whose consumer side scales columns, whose side scales rows
        bool multiply_rows = false;
        bool quantized = false, simulated = false;  ///< simulated: on the recipe's own grid, whatever it is
        at::Tensor upper, lower;                    ///< leaves or constants
        std::ptrdiff_t upper_parameter = -1, lower_parameter = -1, latent = -1;
        WeightGrid grid;
        std::vector<float> first_upper, first_lower;  ///< the leaves at θ = 0
        std::vector<Grid> grids;                    ///< of latents
        at::Tensor fixed;                           ///< latents: the leaf on the grid; nothing learned: the value, made once
    };
    struct ActivationEntry {
        at::Tensor scale, offset;  ///< leaves; undefined: not learned
        CodeLimits limits;
        Grid start;
        bool symmetric = false, same_as_shared = false;
        std::size_t scale_parameter = 0, zero_parameter = 0;
    };

    std::size_t add(std::string name, TunableGroup group, std::vector<float> value);
    void add_pairs();
    void add_weights(bool clipping, const Latents& latents);
    void add_latents(WeightEntry& entry, const Site& site, const std::vector<float>& latents);
    void add_clipping(WeightEntry& entry, const Site& site, bool learned);
    void add_ranges(bool learned);
    [[nodiscard]] Grid grid_now(const ActivationEntry& entry) const;
    [[nodiscard]] WeightScales scales_of(const WeightEntry& entry) const;
    [[nodiscard]] const Scheme& scheme_of(const Site& site) const { return start_.sites.at(site.name).scheme; }

    const Model model_;
    const Recipe& start_;
    Recipe plain_;  ///< the start without the codes of weights with latents
    CheckpointWeights base_;
    SimulateTap simulated_;
    std::vector<TunableParameter> parameters_;
    std::vector<Pair> pairs_;
    std::map<std::pair<WeightRole, std::int64_t>, WeightEntry> weights_;
    std::vector<ActivationEntry> activations_;  ///< by SiteId
};

}  // namespace bitwright
