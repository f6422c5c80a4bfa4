// SPDX-License-Identifier: GPL-3.0-or-later
// Weights from the mapped checkpoint, as they lie there or materialized under a recipe. Internal to bitwright_numerics.
// Invariants: a model larger than `keep_bytes` (as float) is streamed: at most one layer, or the model-level weights, is in memory as float; asking for
// another layer drops it and gives the pages of the file back. So a pass over many windows goes layer by layer (sweep.h), not window by window.
// Threading: belongs to one thread.
#pragma once

#include "core/numerics/decoder/decoder.h"
#include "core/recipe/recipe.h"

#include <map>
#include <optional>
#include <utility>

namespace bitwright {

struct WeightOptions {
    std::int64_t keep_bytes = std::int64_t{1} << 30;
    /// Applied once to every weight when it is read, instead of in every forward: then the Decoder runs with ActivationsOnly of the same tap.
    Tap* tap = nullptr;
};

class CheckpointWeights final : public WeightProvider {
public:
    /// @param recipe null: the plain weights. Must outlive this.
    CheckpointWeights(const Model& model, const Recipe* recipe, WeightOptions options = {});
    ~CheckpointWeights() override;

    at::Tensor weight(WeightRole role, std::int64_t layer) override;
    at::Tensor bias(WeightRole role, std::int64_t layer) override;
    at::Tensor embedding_rows(const at::Tensor& ids) override;
    [[nodiscard]] bool streams() const noexcept { return streams_; }

private:
    struct Held {
        at::Tensor weight, bias;  ///< undefined: none
        std::vector<std::string> tensors;
    };
    const Held& held(WeightRole role, std::int64_t layer);
    Held read(WeightRole role, std::int64_t layer) const;
    void drop_others(std::int64_t layer);

    const Model model_;
    const Recipe* recipe_;
    WeightOptions options_;
    bool streams_;
    std::map<std::pair<WeightRole, std::int64_t>, SiteId> sites_;  ///< of weights
    std::map<std::pair<std::int64_t, WeightRole>, Held> held_;
};

/// A tap whose weights were already taken care of by CheckpointWeights.
class ActivationsOnly final : public Tap {
public:
    explicit ActivationsOnly(Tap& tap) : tap_(tap) {}
    at::Tensor activation(const Site& site, const at::Tensor& x) override { return tap_.activation(site, x); }
    [[nodiscard]] bool wants(const Site& site) const override { return site.kind == SiteKind::activation && tap_.wants(site); }
    [[nodiscard]] Quantizer quantizer(const Site& site) const override { return tap_.quantizer(site); }

private:
    Tap& tap_;
};

}  // namespace bitwright
