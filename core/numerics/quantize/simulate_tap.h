// SPDX-License-Identifier: GPL-3.0-or-later
// The simulated level: a Tap that fake-quantizes every site of a recipe that exists at a placement (integer semantics §1).
// Internal to bitwright_numerics (LibTorch in the signatures).
// Weights arrive as the provider gives them (materialized); their grid is the recipe's range, or their own min and max where the recipe has none.
// A dynamic scheme takes its range from the tensor of each call. A site that is absent from the recipe, or `floating`, stays float.
// Threading: immutable after construction, but belongs to the Decoder's thread.
#pragma once

#include "core/numerics/decoder/decoder.h"
#include "core/numerics/numerics.h"

#include <vector>

namespace bitwright {

class SimulateTap final : public Tap {
public:
    /// Throws Error (bad_input) for a static activation without a range and for a scheme the simulation does not know, naming the site.
    SimulateTap(const Model& model, const Recipe& recipe, Placement placement);

    at::Tensor activation(const Site& site, const at::Tensor& x) override;
    at::Tensor weight(const Site& site, const at::Tensor& w) override;
    [[nodiscard]] bool wants(const Site& site) const override;
    [[nodiscard]] Quantizer quantizer(const Site& site) const override;

private:
    struct Entry {
        bool active = false;
        Scheme scheme;
        at::Tensor scale, offset;  ///< one per slice; undefined: from the tensor
    };
    at::Tensor quantize(const Site& site, const at::Tensor& x) const;

    Semantics semantics_;
    std::vector<Entry> entries_;  ///< by SiteId
};

}  // namespace bitwright
