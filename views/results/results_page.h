// SPDX-License-Identifier: GPL-3.0-or-later
// Results: everything measured in one table; filter, sort, star, tag, note, archive with undo; details of the current row; copies as CSV, Markdown, SQL.
// Threading: UI thread; reads on the interactive lane, writes on the store lane.
#pragma once

#include "views/desk/desk.h"
#include "views/desk/message_line.h"
#include "views/desk/page.h"
#include "views/results/result_details.h"
#include "views/results/results_model.h"

#include <functional>

class QCheckBox;
class QLabel;
class QLineEdit;
class QSplitter;
class QStackedWidget;
class QTableView;

namespace bitwright::views {

class EmptyState;

class ResultsPage : public Page {
    Q_OBJECT
public:
    explicit ResultsPage(Desk& desk, QWidget* parent = nullptr);
    [[nodiscard]] QString id() const override { return QStringLiteral("results"); }
    [[nodiscard]] QString title() const override { return tr("Results"); }
    void activated() override;
    [[nodiscard]] QJsonObject state() const override;
    void restore(const QJsonObject& state) override;

protected:
    void showEvent(QShowEvent* event) override;

private:
    void build_table();
    void add_actions();
    void read();
    void take(std::vector<ResultRow> rows);
    void refilter();
    void show_details();
    void show_menu(const QPoint& place);
    [[nodiscard]] std::vector<ResultRow> selected() const;
    /// What is selected, or everything shown when nothing is.
    [[nodiscard]] std::vector<ResultRow> to_copy() const;
    void star();
    void archive(const std::vector<Reference>& references, bool archived);
    void evaluate(const QString& level);
    void store(std::function<void(Workspace&)> change, const QStringList& command);

    Desk& desk_;
    ResultsModel model_;
    ResultsProxy proxy_{model_};
    QStackedWidget* stack_;
    QLineEdit* filter_;
    QCheckBox* archived_;
    QLabel* count_;
    QTableView* table_;
    QSplitter* splitter_;
    ResultDetailsPane* details_;
    MessageLine* message_;
    bool dirty_ = true;
};

}  // namespace bitwright::views
