// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/model/model_tree_model.h"

#include "views/desk/formats.h"
#include "views/desk/theme.h"

#include <QColor>
#include <QSize>

#include <algorithm>

namespace bitwright::views {
namespace {

/// "8", "4–8"; "" when nothing is quantized.
QString short_bits(const BitsOf& bits)
{
    if (bits.lowest == 0) return {};
    return bits.lowest == bits.highest ? QString::number(bits.lowest) : QStringLiteral("%1–%2").arg(bits.lowest).arg(bits.highest);
}

QString size_in_words(std::int64_t n)
{
    if (n >= 1'000'000'000) return ModelTreeModel::tr("%1 G").arg(number(static_cast<double>(n) / 1e9));
    if (n >= 1'000'000) return ModelTreeModel::tr("%1 M").arg(number(static_cast<double>(n) / 1e6));
    return count(n);
}

}  // namespace

void ModelTreeModel::set_model(const std::optional<Model>& model)
{
    beginResetModel();
    sites_ = model ? model->sites : nullptr;
    root_ = model ? model_nodes(*model) : nullptr;
    by_site_.assign(model ? model->sites->sites().size() : 0, nullptr);
    by_layer_.clear();
    const auto visit = [&](const auto& self, const ModelNode& node) -> void {
        if (node.site != no_site) by_site_[static_cast<std::size_t>(node.site)] = &node;
        if (node.kind == ModelNode::Kind::layer) by_layer_[node.layer] = &node;
        for (const auto& child : node.children) self(self, *child);
    };
    if (root_) visit(visit, *root_);
    if (root_) views::set_bits(*root_, *sites_, recipe_.get());
    endResetModel();
}

void ModelTreeModel::all_changed(Column column)
{
    const auto visit = [&](const auto& self, const QModelIndex& parent) -> void {
        const int rows = rowCount(parent);
        if (rows == 0) return;
        Q_EMIT dataChanged(index(0, column, parent), index(rows - 1, column, parent));
        for (int row = 0; row < rows; ++row) self(self, index(row, 0, parent));
    };
    visit(visit, {});
}

void ModelTreeModel::set_offenders(const std::map<std::string, int>& counts)
{
    if (!root_) return;
    views::set_offenders(*root_, *sites_, counts);
    all_changed(offenders);
}

void ModelTreeModel::set_recipe(std::shared_ptr<const Recipe> recipe)
{
    recipe_ = std::move(recipe);
    if (!root_) return;
    views::set_bits(*root_, *sites_, recipe_.get());
    all_changed(bits);
}

const ModelNode* ModelTreeModel::node(const QModelIndex& index) const { return index.isValid() ? static_cast<const ModelNode*>(index.constInternalPointer()) : root_.get(); }

const Site* ModelTreeModel::site(const QModelIndex& index) const
{
    const auto* here = node(index);
    return here && here->site != no_site ? &(*sites_)[here->site] : nullptr;
}

const SiteDecision* ModelTreeModel::decision(const Site& site) const
{
    if (!recipe_) return nullptr;
    const auto found = recipe_->sites.find(site.name);
    return found == recipe_->sites.end() ? nullptr : &found->second;
}

QModelIndex ModelTreeModel::index_of(const ModelNode& node) const { return createIndex(node.row, 0, &node); }

QModelIndex ModelTreeModel::index_of(const QString& site) const
{
    if (!sites_) return {};
    const auto id = sites_->find(site.toStdString());
    return id == no_site ? QModelIndex() : index_of(*by_site_[static_cast<std::size_t>(id)]);
}

QModelIndex ModelTreeModel::index_of_layer(int layer) const
{
    const auto found = by_layer_.find(layer);
    return found == by_layer_.end() ? QModelIndex() : index_of(*found->second);
}

QModelIndex ModelTreeModel::index(int row, int column, const QModelIndex& parent) const
{
    if (!hasIndex(row, column, parent)) return {};
    return createIndex(row, column, node(parent)->children[static_cast<std::size_t>(row)].get());
}

QModelIndex ModelTreeModel::parent(const QModelIndex& index) const
{
    const auto* here = node(index);
    if (!index.isValid() || !here->parent || here->parent == root_.get()) return {};
    return index_of(*here->parent);
}

int ModelTreeModel::rowCount(const QModelIndex& parent) const
{
    if (parent.column() > 0 || !root_) return 0;
    return static_cast<int>(node(parent)->children.size());
}

QString ModelTreeModel::in_words(const ModelNode& node) const
{
    QStringList lines;
    const auto* site = node.site == no_site ? nullptr : &(*sites_)[node.site];
    if (site) {
        lines << QString::fromStdString(site->name);
        lines << (node.dtype.isEmpty() ? node.shape : node.shape + QLatin1Char(' ') + node.dtype);
    } else if (node.layer >= 0) {
        lines << tr("layer %1").arg(node.layer) + (node.kind == ModelNode::Kind::part ? QStringLiteral(" · ") + node.label : QString());
    } else {
        lines << node.label;
    }
    if (node.parameters) lines << tr("%1 parameters, %2").arg(count(node.parameters), views::bytes(node.bytes));
    if (node.macs) lines << tr("%1 multiply-accumulates per token").arg(count(node.macs));
    if (site && recipe_) {
        const auto* decided = decision(*site);
        if (decided)
            lines << QString::fromStdString(bitwright::in_words(decided->scheme)) + (decided->range.source.empty() ? QString() : tr(", range: %1").arg(QString::fromStdString(decided->range.source)));
        else
            lines << tr("float in this recipe");
    } else if (node.weight_bits.lowest || node.activation_bits.lowest) {
        QStringList parts;
        if (node.weight_bits.lowest) parts << tr("weights %1 bit").arg(short_bits(node.weight_bits));
        if (node.activation_bits.lowest) parts << tr("activations %1 bit").arg(short_bits(node.activation_bits));
        if (node.weight_bits.some_float || node.activation_bits.some_float) parts << tr("some float");
        lines << parts.join(QStringLiteral(", "));
    }
    if (node.offenders) lines << (node.offenders == 1 ? tr("1 channel far above its peers") : tr("%1 channels far above their peers").arg(node.offenders));
    return lines.join(QLatin1Char('\n'));
}

QVariant ModelTreeModel::data(const QModelIndex& index, int role) const
{
    const auto* here = node(index);
    if (!index.isValid() || !here) return {};
    if (role == Qt::ToolTipRole || role == Qt::AccessibleDescriptionRole) return in_words(*here);
    if (role == Qt::TextAlignmentRole) return index.column() == name || index.column() == shape ? int(Qt::AlignLeft | Qt::AlignVCenter) : int(Qt::AlignRight | Qt::AlignVCenter);
    if (role == Qt::ForegroundRole && index.column() == offenders) return signal_colours().warning;
    if (role == Qt::SizeHintRole) return QSize(0, 20);
    if (role != Qt::DisplayRole) return {};
    switch (index.column()) {
    case name: return here->label;
    case offenders: return here->offenders ? QStringLiteral("● %1").arg(here->offenders) : QString();
    case bits: {
        BitsOf all = here->weight_bits;
        if (const auto& other = here->activation_bits; other.lowest) all = {all.lowest ? std::min(all.lowest, other.lowest) : other.lowest, std::max(all.highest, other.highest), false};
        return short_bits(all);
    }
    case shape: return here->dtype.isEmpty() ? here->shape : here->shape + QLatin1Char(' ') + here->dtype;
    case parameters: return here->parameters ? size_in_words(here->parameters) : QString();
    case bytes: return here->bytes ? views::bytes(here->bytes) : QString();
    case macs: return here->macs ? size_in_words(here->macs) : QString();
    default: return {};
    }
}

QVariant ModelTreeModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole) return section == name || section == shape ? int(Qt::AlignLeft | Qt::AlignVCenter) : int(Qt::AlignRight | Qt::AlignVCenter);
    if (role != Qt::DisplayRole && role != Qt::ToolTipRole) return {};
    const bool tip = role == Qt::ToolTipRole;
    switch (section) {
    case name: return tip ? tr("Sites by where they lie in the model") : tr("Site");
    case offenders: return tip ? tr("Channels far above their peers in the shown calibration") : tr("●");
    case bits: return tip ? tr("Bits in the open recipe, of weights and activations") : tr("Bits");
    case shape: return tip ? tr("Shape, and type in the checkpoint") : tr("Shape");
    case parameters: return tip ? tr("Parameters") : tr("Parameters");
    case bytes: return tip ? tr("Bytes in the checkpoint") : tr("Bytes");
    case macs: return tip ? tr("Multiply-accumulates per token, without attention's own products") : tr("MACs/token");
    default: return {};
    }
}

ModelTreeFilter::ModelTreeFilter(ModelTreeModel& model, QObject* parent) : QSortFilterProxyModel(parent), model_(model)
{
    setRecursiveFilteringEnabled(true);
    setSourceModel(&model);
}

QString ModelTreeFilter::set_words(const QString& words)
{
    try {
        words_ = SiteFilter::parse(words.toStdString());
    } catch (const Error& error) {
        return QString::fromUtf8(error.what());
    }
    invalidateFilter();
    return {};
}

bool ModelTreeFilter::filterAcceptsRow(int row, const QModelIndex& parent) const
{
    if (words_.empty()) return true;
    const auto* site = model_.site(model_.index(row, 0, parent));
    return site && words_(*site, model_.decision(*site));
}

}  // namespace bitwright::views
