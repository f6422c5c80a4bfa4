// SPDX-License-Identifier: GPL-3.0-or-later
// Where the bits of the open recipe matter: sensitivity of groups of sites, every recipe tried under a budget with its front, and whether the calibration's
// windows were enough. Shows what the workspace knows, and submits the commands that find out.
// Threading: UI thread; reads on the interactive lane.
#pragma once

#include "plots/curves.h"
#include "plots/scatter.h"
#include "views/desk/desk.h"

#include <QDialog>

#include <functional>

class QComboBox;
class QLabel;
class QTabWidget;
class QTableWidget;

namespace bitwright::views {

class MessageLine;

class InsightWindow : public QDialog {
    Q_OBJECT
public:
    /// `tokens` gives the options that name text and windows; empty: nothing to measure on is known.
    InsightWindow(Desk& desk, std::function<QStringList()> tokens, QWidget* parent = nullptr);
    void refresh();

    [[nodiscard]] MessageLine& message() const noexcept { return *message_; }
    [[nodiscard]] QTabWidget& tabs() const noexcept { return *tabs_; }
    [[nodiscard]] QTableWidget& groups() const noexcept { return *groups_; }
    [[nodiscard]] QTableWidget& sites() const noexcept { return *sites_; }
    [[nodiscard]] plots::ScatterView& trials() const noexcept { return *trials_; }
    [[nodiscard]] plots::CurvesView& growth() const noexcept { return *growth_; }

    /// Measures the sensitivity of the open recipe's sites, by `grouping`.
    void measure_sensitivity(const QString& grouping);
    void search_bits();
    void measure_convergence();

protected:
    void changeEvent(QEvent* event) override;

private:
    struct Known;
    QWidget* sensitivity_tab();
    QWidget* bits_tab();
    QWidget* convergence_tab();
    void show_known(std::shared_ptr<const Known> known);
    void show_groups();
    void show_growth();
    /// Behind the store lane, since the head may be on its way into the workspace.
    void submit(const QString& title, std::function<QStringList(const QString& recipe)> command);
    void begin(const QString& title, const QStringList& arguments);
    /// Says in place why nothing was begun, or why what this window began has failed. Comes forward for it.
    void refuse(const QString& sentence);
    void follow(std::int64_t job);
    void restyle();

    Desk& desk_;
    std::function<QStringList()> tokens_;
    MessageLine* message_;
    QTabWidget* tabs_;
    std::vector<std::int64_t> begun_;  ///< jobs that are not over
    QComboBox *grouping_ = nullptr, *budget_ = nullptr;
    QTableWidget *groups_ = nullptr, *sites_ = nullptr;
    QLabel *whole_ = nullptr, *chosen_ = nullptr, *verdict_ = nullptr;
    plots::ScatterView* trials_ = nullptr;
    plots::CurvesView* growth_ = nullptr;
    std::shared_ptr<const Known> known_;
};

}  // namespace bitwright::views
