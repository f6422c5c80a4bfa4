// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/kernels/laid_out.h"

namespace bitwright {

void for_each_linear(ModelGraph& graph, const std::function<void(const std::string&, Linear&)>& visit)
{
    for (std::size_t i = 0; i < graph.layers.size(); ++i) {
        const std::string at = "layers." + std::to_string(i) + ".";
        LayerGraph& layer = graph.layers[i];
        visit(at + "q_proj", layer.q_proj);
        visit(at + "k_proj", layer.k_proj);
        visit(at + "v_proj", layer.v_proj);
        visit(at + "o_proj", layer.o_proj);
        if (layer.gate_proj) visit(at + "gate_proj", *layer.gate_proj);
        visit(at + "up_proj", layer.up_proj);
        visit(at + "down_proj", layer.down_proj);
    }
    visit("lm_head", graph.lm_head);
}

LaidOutPackage::LaidOutPackage(std::shared_ptr<const Package> package, WeightLayout layout, Workers& workers) : package_(std::move(package)), graph_(package_->graph())
{
    for_each_linear(graph_, [&](const std::string& name, Linear& op) {
        if (!can_be_packed(op, layout)) return;
        storage_.push_back(std::make_unique<PackedStorage>());
        op = packed(op, layout, *storage_.back(), workers);
        package_->release(name + ".weight");
    });
}

}  // namespace bitwright
