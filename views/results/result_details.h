// SPDX-License-Identifier: GPL-3.0-or-later
// Details of one result: conditions and hashes, samples as a curve over repeats or windows, the runner's raw output.
// Threading: UI thread; reads on the interactive lane.
#pragma once

#include "plots/curves.h"
#include "views/desk/desk.h"
#include "views/results/result_row.h"

#include <QTabWidget>

class QPlainTextEdit;
class QTextBrowser;

namespace bitwright::views {

class ResultDetailsPane : public QTabWidget {
    Q_OBJECT
public:
    explicit ResultDetailsPane(Desk& desk, QWidget* parent = nullptr);
    /// Reads and shows; an earlier request that is still under way is dropped.
    void show_result(const ResultRow& row);
    void clear();

protected:
    void changeEvent(QEvent* event) override;

private:
    void take(const ResultDetails& details);
    Desk& desk_;
    QTextBrowser* conditions_;
    plots::CurvesView* samples_;
    QPlainTextEdit* output_;
    QString method_;
};

}  // namespace bitwright::views
