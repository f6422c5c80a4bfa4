// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/kernels/laid_out.h"

namespace bitwright {

void for_each_linear(ModelGraph& graph, const std::function<void(Linear&)>& visit)
{
    for (LayerGraph& layer : graph.layers) {
        for (Linear* op : {&layer.q_proj, &layer.k_proj, &layer.v_proj, &layer.o_proj}) visit(*op);
        if (layer.gate_proj) visit(*layer.gate_proj);
        visit(layer.up_proj);
        visit(layer.down_proj);
    }
    visit(graph.lm_head);
}

LaidOutPackage::LaidOutPackage(std::shared_ptr<const Package> package, WeightLayout layout) : package_(std::move(package)), graph_(package_->graph())
{
    for_each_linear(graph_, [&](Linear& op) {
        if (!can_be_packed(op, layout)) return;
        storage_.push_back(std::make_unique<PackedStorage>());
        op = packed(op, layout, *storage_.back());
    });
}

}  // namespace bitwright
