// SPDX-License-Identifier: GPL-3.0-or-later
// The tree of sites for a view, and the filter over it.
// Columns: name, ● (channels that stand out), bits; sizes are further columns that the header's menu shows.
// Threading: UI thread.
#pragma once

#include "core/recipe/site_filter.h"
#include "views/model/model_nodes.h"

#include <QAbstractItemModel>
#include <QSortFilterProxyModel>

#include <optional>
#include <unordered_map>

namespace bitwright::views {

class ModelTreeModel : public QAbstractItemModel {
    Q_OBJECT
public:
    enum Column { name, offenders, bits, shape, parameters, bytes, macs, columns };
    using QAbstractItemModel::QAbstractItemModel;

    void set_model(const std::optional<Model>& model);
    void set_offenders(const std::map<std::string, int>& counts);
    void set_recipe(std::shared_ptr<const Recipe> recipe);

    [[nodiscard]] const ModelNode* node(const QModelIndex& index) const;
    [[nodiscard]] const Site* site(const QModelIndex& index) const;  ///< null for groups
    [[nodiscard]] const SiteDecision* decision(const Site& site) const;
    [[nodiscard]] QModelIndex index_of(const QString& site) const;
    [[nodiscard]] QModelIndex index_of_layer(int layer) const;

    [[nodiscard]] QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
    [[nodiscard]] QModelIndex parent(const QModelIndex& index) const override;
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& = {}) const override { return columns; }
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    [[nodiscard]] QModelIndex index_of(const ModelNode& node) const;
    [[nodiscard]] QString in_words(const ModelNode& node) const;
    void all_changed(Column column);

    std::shared_ptr<const SiteCatalogue> sites_;
    std::unique_ptr<ModelNode> root_;
    std::vector<const ModelNode*> by_site_;
    std::unordered_map<int, const ModelNode*> by_layer_;
    std::shared_ptr<const Recipe> recipe_;
};

/// Keeps the sites that the words choose, and what they lie in.
class ModelTreeFilter : public QSortFilterProxyModel {
    Q_OBJECT
public:
    explicit ModelTreeFilter(ModelTreeModel& model, QObject* parent = nullptr);
    /// In words (core/recipe/site_filter.h). @return what is not understood, and then the words before stay; "" when all is.
    [[nodiscard]] QString set_words(const QString& words);
    [[nodiscard]] bool active() const noexcept { return !words_.empty(); }

protected:
    [[nodiscard]] bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

private:
    ModelTreeModel& model_;
    SiteFilter words_;
};

}  // namespace bitwright::views
