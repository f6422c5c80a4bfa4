// SPDX-License-Identifier: GPL-3.0-or-later
// The sheet that starts a calibration: tokens from a text or from ids, what that means (tokens, time, warnings), and the calibrations made so far.
// Invariants: not modal; Start submits exactly the command the fields describe; what the fields said last comes back (desk key "calibrate").
// Threading: UI thread; texts are read and tokenized on the interactive lane, the newest question wins.
#pragma once

#include "views/calibrate/calibration_plan.h"
#include "views/desk/desk.h"

#include <QDialog>
#include <QTimer>

class QCheckBox;
class QComboBox;
class QFormLayout;
class QLabel;
class QLineEdit;
class QPushButton;
class QRadioButton;
class QSpinBox;
class QTableView;

namespace bitwright::views {

class CalibrationsModel;

class CalibrateSheet : public QDialog {
    Q_OBJECT
public:
    explicit CalibrateSheet(Desk& desk, QWidget* parent = nullptr);
    /// What the fields say.
    [[nodiscard]] CalibrationRequest request() const;
    void set_request(const CalibrationRequest& request);

protected:
    void showEvent(QShowEvent* event) override;
    void changeEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    [[nodiscard]] QWidget* make_fields();
    [[nodiscard]] QWidget* make_made();
    void choose_file();
    void read_last();
    void ask();   ///< soon
    void plan();  ///< on the lane
    void show_plan(const CalibrationPlan& plan);
    void forecast_memory(const CalibrationPlan& plan);  ///< on the compute lane: LibTorch's part of the program counts it
    void warn(const QString& words, bool error);
    void start();
    void use_chosen();

    Desk& desk_;
    QRadioButton *from_text_, *from_ids_;
    QLineEdit *text_, *ids_;
    QSpinBox *samples_, *length_, *seed_, *held_out_;
    QComboBox* special_;
    QCheckBox* after_recipe_;
    QFormLayout* form_ = nullptr;
    QLabel *tokens_, *time_, *memory_, *warnings_;
    QPushButton *start_, *use_;
    CalibrationsModel* made_;
    QTableView* table_;
    QTimer later_;
    bool start_when_planned_ = false;  ///< Enter was pressed before the plan was there
    bool error_ = false;  ///< what warnings_ says stops the start
    std::optional<CalibrationPlan> plan_;
    std::weak_ptr<Workspace> read_of_;  ///< whose last fields are shown
};

}  // namespace bitwright::views
