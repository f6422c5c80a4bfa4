// SPDX-License-Identifier: GPL-3.0-or-later
// Devices: this computer, a plan of a measurement, its repeats as they arrive, and the last runs.
// Threading: UI thread; facts and rows are read on the interactive lane.
#pragma once

#include "plots/curves.h"
#include "views/desk/desk.h"
#include "views/desk/message_line.h"
#include "views/desk/page.h"
#include "views/results/results_model.h"

#include <optional>

class QComboBox;
class QGridLayout;
class QGroupBox;
class QLabel;
class QProgressBar;
class QPushButton;
class QSpinBox;
class QTableView;

namespace bitwright::views {

class DevicesPage : public Page {
    Q_OBJECT
public:
    explicit DevicesPage(Desk& desk, QWidget* parent = nullptr);
    [[nodiscard]] QString id() const override { return QStringLiteral("devices"); }
    [[nodiscard]] QString title() const override { return tr("Devices"); }
    void activated() override;
    [[nodiscard]] QJsonObject state() const override;
    void restore(const QJsonObject& state) override;
    /// `measure …` as Start submits it; empty: no stored recipe.
    [[nodiscard]] QStringList command() const;

protected:
    void showEvent(QShowEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    QGroupBox* build_card();
    QGroupBox* build_plan();
    QWidget* build_runs();
    void add_actions();
    void read_facts();
    void read_runs();
    void fill_recipes();
    void start();
    void evaluate_integer();
    void follow(std::int64_t number);
    void show_samples();
    void show_live(const QString& title);

    Desk& desk_;
    QGridLayout* facts_;
    QComboBox* recipe_;
    QSpinBox *prompt_, *generate_, *repeats_, *warmup_, *threads_;
    QPushButton *start_, *evaluate_, *cancel_;
    QLabel* state_;
    QProgressBar* progress_;
    plots::CurvesView* samples_;
    MessageLine* message_;
    ResultsModel model_;
    ResultsProxy proxy_{model_};
    QTableView* table_;
    std::optional<std::int64_t> job_;  ///< the measurement that is followed
    std::int64_t arrived_ = 0;         ///< repeats of it that are drawn
    bool dirty_ = true;
};

}  // namespace bitwright::views
