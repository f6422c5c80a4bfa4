// SPDX-License-Identifier: GPL-3.0-or-later
// The table of Tune: a row per site of the model, what the recipe decides there, what that does to what was observed, and what the user noted.
// Invariants: a cell that was not measured shows an en dash and says why in its tooltip; setData() changes nothing itself, it asks (edit_wanted).
// Threading: UI thread.
#pragma once

#include "core/architecture/model.h"
#include "core/recipe/npu_profile.h"
#include "core/recipe/recipe.h"
#include "core/workspace/results.h"

#include <QAbstractTableModel>
#include <QString>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bitwright::views {

/// What a scheme and range do to a site; absent: not measured, `reason` says why.
struct MeasuredSite {
    bool known = false;  ///< false: not computed yet
    std::optional<double> saturation, zeros, codes_used, sqnr_db, cosine;
    QString provenance, reason;
};

/// Errors per layer of the head or of the revision before it that they were computed for.
struct KnownLayerErrors {
    std::vector<LayerErrorRow> layers;
    QString stale;  ///< why they are not the head's; "": they are
};

/// Sensitivities of the head's sites, or of the nearest revision before it that has them.
struct KnownSensitivities {
    std::map<std::string, double> alone;  ///< KL per token to the float model with only this site quantized
    double whole = 0;                     ///< of the recipe itself
    QString stale;                        ///< why they are not the head's; "": they are
};

class SiteTableModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column : std::uint8_t { site_column, bits_column, symmetry_column, granularity_column, min_column, max_column, source_column, saturation_column, sqnr_column,
                                 introduced_column, accumulated_column, sensitivity_column, note_column, column_count };
    enum Role { sort_role = Qt::UserRole, plain_role };  ///< plain: invariant, for files and the clipboard

    using QAbstractTableModel::QAbstractTableModel;

    void set_model(std::optional<Model> model);
    /// Keeps the figures of sites whose decision is the same.
    void set_recipe(std::shared_ptr<const Recipe> recipe);
    void set_measured(SiteId site, MeasuredSite measured);
    void forget_measured();
    void set_layer_errors(KnownLayerErrors errors);
    void set_sensitivities(KnownSensitivities sensitivities);
    /// What the editors may offer; null: everything.
    void set_npu(std::shared_ptr<const NpuProfile> npu) { npu_ = std::move(npu); }
    [[nodiscard]] const std::shared_ptr<const NpuProfile>& npu() const noexcept { return npu_; }
    void set_notes(std::map<std::string, std::string> notes);

    [[nodiscard]] const std::optional<Model>& model() const noexcept { return model_; }
    [[nodiscard]] const std::shared_ptr<const Recipe>& recipe() const noexcept { return recipe_; }
    [[nodiscard]] const Site& site(int row) const { return *rows_[static_cast<std::size_t>(row)].site; }
    [[nodiscard]] const SiteDecision* decision(int row) const noexcept { return rows_[static_cast<std::size_t>(row)].decision; }
    [[nodiscard]] const MeasuredSite& measured(int row) const noexcept { return rows_[static_cast<std::size_t>(row)].measured; }
    [[nodiscard]] std::optional<LayerErrorRow> layer_error(int row) const;
    [[nodiscard]] std::optional<double> sensitivity(int row) const;
    [[nodiscard]] std::string note(int row) const;
    [[nodiscard]] int row_of(std::string_view site) const noexcept;  ///< −1: none
    /// Sites whose figures are missing, in the order of the rows.
    [[nodiscard]] std::vector<SiteId> unmeasured() const;
    /// Column titles as they stand in files: "sqnr_db".
    [[nodiscard]] static QString plain_title(int column);

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;
    [[nodiscard]] Qt::ItemFlags flags(const QModelIndex& index) const override;
    /// Text as the user typed it; always false: the change comes back as a recipe.
    bool setData(const QModelIndex& index, const QVariant& value, int role = Qt::EditRole) override;

Q_SIGNALS:
    void edit_wanted(int row, int column, const QString& text);

private:
    struct Row {
        const Site* site = nullptr;
        const SiteDecision* decision = nullptr;
        SiteDecision measured_for;
        MeasuredSite measured;
    };
    [[nodiscard]] QString text(const Row& row, int column, bool plain) const;
    [[nodiscard]] QString tooltip(const Row& row, int column) const;
    [[nodiscard]] QVariant sort_value(const Row& row, int column) const;
    [[nodiscard]] std::optional<LayerErrorRow> layer_error(const Row& row) const;
    [[nodiscard]] std::optional<double> sensitivity(const Row& row) const;
    void emit_columns(int first, int last);

    std::optional<Model> model_;
    std::shared_ptr<const Recipe> recipe_;
    std::vector<Row> rows_;
    std::vector<int> row_of_site_;  ///< by SiteId
    KnownLayerErrors errors_;
    KnownSensitivities sensitivities_;
    std::shared_ptr<const NpuProfile> npu_;
    std::map<std::string, std::string> notes_;
};

}  // namespace bitwright::views
