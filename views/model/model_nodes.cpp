// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/model/model_nodes.h"

#include <QCoreApplication>

#include <algorithm>

namespace bitwright::views {
namespace {

QString text(const char* words) { return QCoreApplication::translate("ModelTree", words); }

ModelNode& add(ModelNode& parent, ModelNode::Kind kind, const QString& label)
{
    auto node = std::make_unique<ModelNode>();
    node->kind = kind;
    node->label = label;
    node->layer = parent.layer;
    node->parent = &parent;
    node->row = static_cast<int>(parent.children.size());
    parent.children.push_back(std::move(node));
    return *parent.children.back();
}

/// The tensor's dtype in the file, and its bytes for one element.
std::pair<QString, std::size_t> stored_as(const Model& model, const Site& site)
{
    const auto source = model.description->weight(site.weight_role, site.layer);
    if (!source) return {};
    auto name = source->tensor;
    if (const auto at = name.find("{head}"); at != std::string::npos) name.replace(at, 6, "0");
    if (!model.checkpoint->contains(name)) return {};
    const auto& entry = model.checkpoint->entry(name);
    return {QString::fromStdString(entry.dtype_name), entry.supported ? size_of(entry.dtype) : 0};
}

void add_site(ModelNode& parent, const Model& model, const Site& site, const QString& label)
{
    auto& node = add(parent, ModelNode::Kind::site, label);
    node.site = site.id;
    if (site.kind == SiteKind::weight) {
        const auto [dtype, size] = stored_as(model, site);
        node.dtype = dtype;
        node.shape = site.rows > 1 ? QStringLiteral("[%1, %2]").arg(site.rows).arg(site.channels) : QStringLiteral("[%1]").arg(site.channels);
        node.parameters = site.rows * site.channels;
        node.bytes = static_cast<std::uint64_t>(node.parameters) * size;
        const bool looked_up = site.weight_role == WeightRole::embedding || site.weight_role == WeightRole::position_embedding;
        if (!is_norm(site.weight_role) && !looked_up) node.macs = node.parameters;
    } else {
        node.shape = text("[tokens, %1]").arg(site.channels);
    }
    for (auto* up = node.parent; up; up = up->parent) {
        up->parameters += node.parameters;
        up->bytes += node.bytes;
        up->macs += node.macs;
    }
}

/// What makes two layers alike: the same sites of the same sizes.
std::string likeness(const Model& model, const std::vector<const Site*>& sites, std::size_t prefix)
{
    std::string all;
    for (const auto* site : sites)
        all += site->name.substr(prefix) + ' ' + std::to_string(site->rows) + 'x' + std::to_string(site->channels) + ' ' +
               (site->kind == SiteKind::weight ? stored_as(model, *site).first.toStdString() : "") + '\n';
    return all;
}

void add_layer(ModelNode& parent, const Model& model, std::int64_t number, const std::vector<const Site*>& sites, std::size_t prefix)
{
    auto& layer = add(parent, ModelNode::Kind::layer, QString::number(number));
    layer.layer = static_cast<int>(number);
    ModelNode* parts[3] = {};
    const char* titles[] = {QT_TRANSLATE_NOOP("ModelTree", "attention"), QT_TRANSLATE_NOOP("ModelTree", "mlp"), QT_TRANSLATE_NOOP("ModelTree", "norms, residual")};
    const auto part_of = [&](const Site& site) {
        const auto name = site.name.substr(prefix);
        return name.starts_with("self_attn.") ? 0 : name.starts_with("mlp.") ? 1 : 2;
    };
    for (int part = 0; part < 3; ++part)
        for (const auto* site : sites) {
            if (part_of(*site) != part) continue;
            if (!parts[part]) parts[part] = &add(layer, ModelNode::Kind::part, text(titles[part]));
            const auto name = site->name.substr(prefix);
            add_site(*parts[part], model, *site, QString::fromStdString(part == 2 ? name : name.substr(name.find('.') + 1)));
        }
}

BitsOf merged(const BitsOf& a, const BitsOf& b)
{
    BitsOf both = a.lowest == 0 ? b : a;
    if (a.lowest && b.lowest) both = {std::min(a.lowest, b.lowest), std::max(a.highest, b.highest), false};
    both.some_float = a.some_float || b.some_float;
    return both;
}

}  // namespace

std::unique_ptr<ModelNode> model_nodes(const Model& model)
{
    auto root = std::make_unique<ModelNode>();
    const auto layers = static_cast<std::size_t>(model.architecture().layers);
    std::vector<std::vector<const Site*>> of_layer(layers);
    std::vector<const Site*> before, after;
    bool layers_seen = false;
    for (const auto& site : model.sites->sites()) {
        if (site.layer >= 0) {
            layers_seen = true;
            of_layer[static_cast<std::size_t>(site.layer)].push_back(&site);
        } else {
            (layers_seen ? after : before).push_back(&site);
        }
    }
    const auto add_top = [&](const std::vector<const Site*>& sites) {
        for (const auto* site : sites) add_site(*root, model, *site, QString::fromStdString(site->name));
    };
    add_top(before);
    const auto prefix = [](std::size_t layer) { return std::string("layers.").size() + std::to_string(layer).size() + 1; };
    std::vector<std::string> alike(layers);
    for (std::size_t i = 0; i < layers; ++i) alike[i] = likeness(model, of_layer[i], prefix(i));
    for (std::size_t first = 0; first < layers;) {
        std::size_t end = first + 1;
        while (end < layers && alike[end] == alike[first]) ++end;
        const auto n = static_cast<int>(end - first);
        const bool all = end - first == layers;
        auto& run = add(*root, ModelNode::Kind::layers,
                        all      ? text("layers ×%1").arg(n)
                        : n == 1 ? text("layer %1").arg(first)
                                 : text("layers %1–%2 ×%3").arg(first).arg(end - 1).arg(n));
        for (; first < end; ++first) add_layer(run, model, static_cast<std::int64_t>(first), of_layer[first], prefix(first));
    }
    add_top(after);
    return root;
}

void set_offenders(ModelNode& node, const SiteCatalogue& sites, const std::map<std::string, int>& counts)
{
    node.offenders = 0;
    if (node.kind == ModelNode::Kind::site) {
        const auto found = counts.find(sites[node.site].name);
        if (found != counts.end()) node.offenders = found->second;
    }
    for (auto& child : node.children) {
        set_offenders(*child, sites, counts);
        node.offenders += child->offenders;
    }
}

void set_bits(ModelNode& node, const SiteCatalogue& sites, const Recipe* recipe)
{
    node.weight_bits = node.activation_bits = {};
    if (node.kind == ModelNode::Kind::site && recipe) {
        const auto& site = sites[node.site];
        auto& bits = site.kind == SiteKind::weight ? node.weight_bits : node.activation_bits;
        const auto found = recipe->sites.find(site.name);
        if (found != recipe->sites.end() && found->second.scheme.kind != SchemeKind::floating)
            bits = {found->second.scheme.bits, found->second.scheme.bits, false};
        else
            bits.some_float = site.levels.simulated;
    }
    for (auto& child : node.children) {
        set_bits(*child, sites, recipe);
        node.weight_bits = merged(node.weight_bits, child->weight_bits);
        node.activation_bits = merged(node.activation_bits, child->activation_bits);
    }
}

}  // namespace bitwright::views
