// SPDX-License-Identifier: GPL-3.0-or-later
// A model's sites as a tree: embeddings, layers (runs of identical layers folded into one node), in a layer attention, mlp and norms, then the final norm and head.
// Invariants: every site is exactly one leaf; a node's sizes are the sums of its leaves'; children are never added after model_nodes() returned.
// Threading: pure function; the tree belongs to its owner.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/recipe.h"

#include <QString>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bitwright::views {

/// Bits as a recipe has them below a node.
struct BitsOf {
    int lowest = 0, highest = 0;  ///< 0: nothing quantized
    bool some_float = false;      ///< a site that a recipe could quantize is left float
};

struct ModelNode {
    enum class Kind : std::uint8_t { root, layers, layer, part, site };
    Kind kind = Kind::root;
    QString label;   ///< "layers ×22", "3", "attention", "q_proj.weight"
    int layer = -1;  ///< of layers and what is below them
    SiteId site = no_site;
    QString shape, dtype;  ///< of a site: "[192, 512]", "BF16"; activations have no dtype of their own
    std::int64_t parameters = 0, macs = 0;  ///< weights; multiply-accumulates for one token
    std::uint64_t bytes = 0;                ///< in the checkpoint
    int offenders = 0;                      ///< channels far above their peers
    BitsOf weight_bits, activation_bits;
    ModelNode* parent = nullptr;
    int row = 0;
    std::vector<std::unique_ptr<ModelNode>> children;
};

[[nodiscard]] std::unique_ptr<ModelNode> model_nodes(const Model& model);
/// Fills `offenders` from counts by site name.
void set_offenders(ModelNode& node, const SiteCatalogue& sites, const std::map<std::string, int>& counts);
/// Fills the bits; `recipe` null: none.
void set_bits(ModelNode& node, const SiteCatalogue& sites, const Recipe* recipe);

}  // namespace bitwright::views
