// SPDX-License-Identifier: GPL-3.0-or-later
// Which activation every linear reads, from the block's layout: what an activation's quantization does to the next outputs needs it.
// Threading: pure functions.
#pragma once

#include "core/architecture/model.h"

#include <vector>

namespace bitwright {

/// The activation site whose tensor a linear multiplies (lm_head and the projections beside the embedding included); no_site for a weight that is no linear
/// (norms, embeddings) and where no site sees that tensor.
[[nodiscard]] SiteId input_of_linear(const Model& model, SiteId weight_site);

/// The linears (weight sites, in the catalogue's order) that read `activation`; empty where none does (attention's tensors, outputs of linears).
[[nodiscard]] std::vector<SiteId> linears_reading(const Model& model, SiteId activation);

}  // namespace bitwright
