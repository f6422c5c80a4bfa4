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

void write_laid_out(const Package& package, WeightLayout layout, const std::filesystem::path& path, const Control& control, const std::map<std::string, std::string>& more)
{
    struct Change {
        Linear op;
        PackedVectors vectors;
    };
    std::map<std::string, Change> changed;  // by the linear's name
    ModelGraph graph = package.graph();
    for_each_linear(graph, [&](const std::string& name, Linear& op) {
        control.check();
        if (!can_be_packed(op, layout)) return;
        changed[name] = {op, packed_vectors(op, layout)};
        package.release(name + ".weight");
    });
    const SafetensorsFile& file = package.file();
    std::vector<SafetensorsWriter::Declared> declared;
    std::vector<std::function<void(SafetensorsWriter&)>> makers;
    const auto add = [&](std::string name, Dtype dtype, Shape shape, std::function<void(SafetensorsWriter&)> make) {
        declared.push_back({std::move(name), dtype, std::move(shape)});
        makers.push_back(std::move(make));
    };
    for (const TensorEntry& entry : file.entries()) {
        const std::size_t dot = entry.name.rfind('.');
        const auto found = changed.find(entry.name.substr(0, dot));
        const std::string what = dot == std::string::npos ? "" : entry.name.substr(dot + 1);
        const Change* change = found == changed.end() ? nullptr : &found->second;
        const auto append = [](const auto& values) { return [&values](SafetensorsWriter& writer) { writer.append(std::as_bytes(std::span(values))); }; };
        if (change && what == "weight") {
            const WeightCodes shape = packed_shape(change->op, layout);
            const bool narrow = shape.stored_bits == 4;
            add(entry.name, narrow ? Dtype::u8 : Dtype::i8, {shape.panels(), shape.padded_cols() / layout.depth / (narrow ? 2 : 1), layout.rows, layout.depth}, [change, shape, layout, name = entry.name, &package, &control](SafetensorsWriter& writer) {
                std::vector<std::uint8_t> panel(static_cast<std::size_t>(shape.panel_bytes()));
                for (std::int64_t p = 0; p < shape.panels(); ++p) {
                    control.check();
                    pack_panel(change->op, layout, p, panel);
                    writer.append(std::as_bytes(std::span(panel)));
                }
                package.release(name);
            });
            add(found->first + ".row_sum", Dtype::i32, {shape.rows}, append(change->vectors.row_sums));
        } else if (change && what == "group_scale") {
            const WeightCodes shape = packed_shape(change->op, layout);
            add(entry.name, Dtype::u8, {shape.panels(), change->op.groups(), layout.rows}, append(change->vectors.group_scales));
        } else if (change && what == "zero_point" && !change->vectors.zero_points.empty()) {
            add(entry.name, Dtype::i8, {std::ssize(change->vectors.zero_points)}, append(change->vectors.zero_points));
        } else {
            add(entry.name, entry.dtype, entry.shape, [&file, &entry](SafetensorsWriter& writer) {
                writer.append(file.tensor(entry.name).data);
                file.release(entry.name);
            });
        }
    }
    auto metadata = file.metadata();
    metadata["layout"] = name_of(layout);
    for (const auto& [key, value] : more) metadata[key] = value;
    SafetensorsWriter writer(path, declared, std::move(metadata));
    for (const auto& make : makers) make(writer);
    writer.finish();
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
