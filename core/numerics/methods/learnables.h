// SPDX-License-Identifier: GPL-3.0-or-later
// The differentiable twin of a recipe (mobilequant §4): the model's weights with learnable equivalent scales (LET) and clipping (LWC), and learnable
// activation ranges (LRL), as a weight provider and a tap for the one Decoder. The start is a recipe; so is the result.
// Internal to bitwright_numerics (LibTorch in the signatures).
// Invariants: only the paper's parameters are learned: scales of the legal pairs (v_o and q_k without grouped queries only), two clipping factors per
// slice of every quantized layer weight, scale and offset of every quantized activation of a layer (per tensor). Nothing else has a gradient.
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

/// The paper's three groups, each with a learning rate of its own.
enum class LearnableGroup : std::uint8_t { let, lwc, lrl };

struct Learnable {
    std::string name;  ///< "layers.0.norm_qkv.scale", "layers.0.mlp.up_proj.weight.upper", "layers.0.self_attn.qk.input.offset"
    LearnableGroup group;
    at::Tensor value;  ///< a leaf, float32, one dimension
    at::Tensor first;  ///< its value at the start of the run
};

/// What of the three is learned; the rest stays as the start has it: no scales, plain min and max of weights (under scales, of what they make of them), static
/// ranges.
struct Learned {
    bool let = true, lwc = true, lrl = true;
    bool up_down = true;  ///< false: OmniQuant without the pair MobileQuant adds
};

class LearnableModel final : public WeightProvider, public Tap {
public:
    /// @param start ranges and transforms to begin with; must outlive this. Clips that no later transform touches are learned further instead of clipping
    /// twice: the float model is the start without them. Throws Error (bad_input) where a scheme cannot be learned.
    LearnableModel(const Model& model, const Recipe& start, const Learned& learned = {});

    [[nodiscard]] std::vector<Learnable>& learnables() noexcept { return learnables_; }
    /// Scales smaller than 1e-2 in size become ±1e-2 (mobilequant §4.1); call before every forward pass.
    void truncate_scales();
    /// The recipe as it stands: start, then the learned scale pairs, then a clip per weight; learned ranges.
    [[nodiscard]] Recipe recipe();
    /// How far scale pairs, clips and activation ranges are from where they began, layer by layer.
    [[nodiscard]] std::vector<Drift> drift() const;
    /// The start's float weights: what the targets are computed with. They stay in memory.
    [[nodiscard]] WeightProvider& start_weights() noexcept { return base_; }

    at::Tensor weight(WeightRole role, std::int64_t layer) override;
    at::Tensor bias(WeightRole role, std::int64_t layer) override;
    at::Tensor embedding_rows(const at::Tensor& ids) override { return base_.embedding_rows(ids); }
    at::Tensor activation(const Site& site, const at::Tensor& x) override;
    at::Tensor weight(const Site&, const at::Tensor& w) override { return w; }
    [[nodiscard]] bool wants(const Site& site) const override { return simulated_.wants(site); }
    [[nodiscard]] Quantizer quantizer(const Site& site) const override;

private:
    /// A learnable scale pair. `spread`: index of each channel's scale where channels share one (RoPE pairs); undefined: one each.
    struct Pair {
        LegalPair legal;
        at::Tensor value, spread;
        [[nodiscard]] at::Tensor channels() const { return spread.defined() ? value.index_select(0, spread) : value; }
    };
    /// Which pairs scale a weight, and its clipping.
    struct WeightEntry {
        SiteId site = no_site;
        int columns = -1, rows = -1;  ///< indices into pairs_
        bool multiply_rows = false;
        at::Tensor upper, lower;      ///< undefined: quantized as the start says, or float
        WeightGrid grid;
        at::Tensor fixed;             ///< its values where nothing about them is learned
    };
    void add_pairs();
    void add_weights();
    void add_activations();
    [[nodiscard]] std::pair<at::Tensor, at::Tensor> first_factors(const Site& site, std::int64_t slices);
    at::Tensor add(std::string name, LearnableGroup group, at::Tensor value);
    [[nodiscard]] WeightScales scales_of(const WeightEntry& entry) const;

    const Model model_;
    const Recipe& start_;
    const Learned learned_;
    std::map<std::string, Clip> clips_;  ///< of the start, learned further
    Recipe plain_;                       ///< the start without them
    CheckpointWeights base_;
    SimulateTap simulated_;
    std::vector<Learnable> learnables_;
    std::vector<Pair> pairs_;
    std::map<std::pair<WeightRole, std::int64_t>, WeightEntry> weights_;
    std::vector<Quantizer> activations_;  ///< by SiteId; inactive: not learned
};

/// Whether paper mode learns this pair (mobilequant §4.1): v_o and q_k only where every query head has a key head of its own.
[[nodiscard]] bool learned_in_paper(const LegalPair& pair) noexcept;

}  // namespace bitwright
