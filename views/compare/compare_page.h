// SPDX-License-Identifier: GPL-3.0-or-later
// Compare: choose two or more recipes or runs, name a baseline; table with deltas, error per layer, quality against cost; the report as HTML, Markdown, CSV.
// Threading: UI thread; gathering on the interactive lane.
#pragma once

#include "views/compare/choices.h"
#include "views/compare/comparison_model.h"
#include "views/desk/desk.h"
#include "views/desk/message_line.h"
#include "views/desk/page.h"

#include <QSet>

class QComboBox;
class QSplitter;
class QStackedWidget;
class QTableView;
class QTreeWidget;

namespace bitwright::views {

class ComparePlots;

class ComparePage : public Page {
    Q_OBJECT
public:
    explicit ComparePage(Desk& desk, QWidget* parent = nullptr);
    [[nodiscard]] QString id() const override { return QStringLiteral("compare"); }
    [[nodiscard]] QString title() const override { return tr("Compare"); }
    void activated() override;
    [[nodiscard]] QJsonObject state() const override;
    void restore(const QJsonObject& state) override;

    /// The report that the command line writes for the same request; the format is the file's ending.
    void save_report(const QString& path);
    [[nodiscard]] const ComparisonRequest& request() const noexcept { return request_; }

protected:
    void showEvent(QShowEvent* event) override;

private:
    void build();
    void add_actions();
    void read_tree();
    void fill(const std::vector<ModelChoice>& choices);
    void gather();
    void take(const Comparison& comparison);
    void fill_baselines();
    void compute_layers();
    void ask_where_to_save();
    void check_all(Qt::CheckState state);
    [[nodiscard]] QStringList command_line(const QString& report) const;

    Desk& desk_;
    QStackedWidget* stack_;
    QTreeWidget* tree_;
    QComboBox* baseline_;
    QTableView* table_;
    QSplitter *across_, *down_;
    ComparePlots* plots_;
    MessageLine* message_;
    ComparisonModel model_;
    ComparisonRequest request_;
    QSet<qint64> unchecked_, chosen_runs_;  ///< recipes left out; runs chosen instead of the newest
    std::vector<std::int64_t> without_layers_;
    bool dirty_ = true, filling_ = false;
    int turn_ = 0;  ///< of gathering: what an older choice gave is not shown any more
};

}  // namespace bitwright::views
