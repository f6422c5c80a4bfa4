// SPDX-License-Identifier: GPL-3.0-or-later
// What looks wrong in the open recipe: what, evidence, expected gain, and the edit that mends it. One line when there is nothing to say.
// Threading: UI thread; lints are found on the interactive lane.
#pragma once

#include "core/recipe/lints.h"
#include "views/desk/desk.h"

#include <QAbstractTableModel>
#include <QTimer>
#include <QWidget>

class QLabel;
class QPushButton;
class QTableView;

namespace bitwright::views {

class LintModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column : std::uint8_t { site_column, what_column, evidence_column, gain_column, column_count };
    using QAbstractTableModel::QAbstractTableModel;
    void set(std::shared_ptr<const SiteCatalogue> sites, std::vector<Lint> lints);
    [[nodiscard]] const std::vector<Lint>& lints() const noexcept { return lints_; }
    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : static_cast<int>(lints_.size()); }
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : column_count; }
    [[nodiscard]] QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    std::shared_ptr<const SiteCatalogue> sites_;
    std::vector<Lint> lints_;
};

class LintPanel : public QWidget {
    Q_OBJECT
public:
    explicit LintPanel(Desk& desk, QWidget* parent = nullptr);
    /// The recipe or the statistics changed: looks again once edits have come to rest.
    void restart();
    /// What this NPU does not take is a lint, too; null: any.
    void set_npu(std::shared_ptr<const NpuProfile> npu);
    [[nodiscard]] LintModel& model() const noexcept { return *model_; }
    [[nodiscard]] QTableView& list() const noexcept { return *list_; }
    [[nodiscard]] QPushButton& apply_button() const noexcept { return *apply_; }

Q_SIGNALS:
    void apply_wanted(const std::string& pattern, const bitwright::Assignments& edit);

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void find();
    void show_chosen();
    [[nodiscard]] const Lint* chosen() const;
    Desk& desk_;
    LintModel* model_;
    QLabel* title_;
    QTableView* list_;
    QPushButton* apply_;
    QTimer rest_;
    std::shared_ptr<const NpuProfile> npu_;
};

}  // namespace bitwright::views
