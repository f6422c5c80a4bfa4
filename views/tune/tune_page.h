// SPDX-License-Identifier: GPL-3.0-or-later
// Tune: every site's decision in one table, edited in place and in bulk; what it costs and how good it is above, its history beside it, what looks wrong below.
// Invariant: an edit of many rows is one revision; an edit that is refused changes nothing and says why in place.
// Threading: UI thread.
#pragma once

#include "core/recipe/edits.h"
#include "views/desk/desk.h"
#include "views/desk/page.h"
#include "views/tune/evaluation_state.h"

class QComboBox;
class QLabel;
class QLineEdit;
class QSplitter;
class QStackedLayout;

namespace bitwright::views {

class BudgetBar;
class HistoryPanel;
class LintPanel;
class MessageLine;
class SiteEdits;
class SiteMeasurements;
class InsightWindow;
class SiteTableModel;
class SiteTableView;

class TunePage : public Page {
    Q_OBJECT
public:
    explicit TunePage(Desk& desk, QWidget* parent = nullptr);
    [[nodiscard]] QString id() const override { return QStringLiteral("tune"); }
    [[nodiscard]] QString title() const override { return tr("Tune"); }
    void activated() override;
    [[nodiscard]] QJsonObject state() const override;
    void restore(const QJsonObject& state) override;

    [[nodiscard]] SiteTableModel& sites() const noexcept { return *sites_; }
    [[nodiscard]] SiteTableView& table() const noexcept { return *table_; }
    [[nodiscard]] HistoryPanel& history() const noexcept { return *history_; }
    [[nodiscard]] BudgetBar& budget() const noexcept { return *budget_; }
    [[nodiscard]] LintPanel& lints() const noexcept { return *lints_; }
    [[nodiscard]] MessageLine& message() const noexcept { return *message_; }
    [[nodiscard]] QLineEdit& filter() const noexcept { return *filter_; }
    [[nodiscard]] QComboBox& npu() const noexcept { return *npu_; }
    [[nodiscard]] InsightWindow& insight();  ///< made when first asked for

    /// The same evaluation as last time, of the open recipe; where there was none, offers texts.
    void evaluate();

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void build();
    void add_actions();
    void add_insight();
    void update_all();        ///< model, recipe, statistics, results: what changed
    void take_recipe();
    void update_undo();
    void read_costs();
    /// What was evaluated of the open recipe, then `then`. A newer question with the same tag wins.
    void read_evaluations(const QString& tag = QStringLiteral("tune.evaluations"), std::function<void()> then = {});
    void read_notes();
    void set_filter(const QString& words);
    void show_count();
    void edit(int row, int column, const QString& text);
    void put_note(const std::vector<int>& rows, const QString& text);
    void apply(const Assignments& assignments);  ///< to the selected rows
    void publish_selection();
    void take_selection(const Selection& selection);
    void submit_evaluation(QStringList arguments);
    void offer_texts();
    void follow_job(std::int64_t number);
    [[nodiscard]] QWidget* empty_state();
    [[nodiscard]] std::vector<SiteId> ids(const std::vector<int>& rows) const;

    Desk& desk_;
    SiteTableModel* sites_;
    SiteEdits* edits_;
    SiteMeasurements* measurements_;
    SiteTableView* table_ = nullptr;
    HistoryPanel* history_ = nullptr;
    BudgetBar* budget_ = nullptr;
    LintPanel* lints_ = nullptr;
    MessageLine* message_ = nullptr;
    QLineEdit* filter_ = nullptr;
    QComboBox* npu_ = nullptr;
    InsightWindow* insight_ = nullptr;
    QLabel *filter_error_ = nullptr, *count_ = nullptr;
    QSplitter *across_ = nullptr, *down_ = nullptr, *below_ = nullptr;
    QStackedLayout* stack_ = nullptr;
    QWidget *content_ = nullptr, *empty_ = nullptr;
    EvaluationState evaluations_;
    std::int64_t evaluating_ = 0;  ///< number of the job; 0: none
    bool dirty_ = true, selecting_ = false;
    std::shared_ptr<const SiteCatalogue> catalogue_;
};

}  // namespace bitwright::views
