// SPDX-License-Identifier: GPL-3.0-or-later
// What to run: method, bits, start, length, options. Gives the arguments of `quantize`, and says before the start what it will need.
// Threading: UI thread; the forecast is made on the compute lane.
#pragma once

#include "views/desk/desk.h"

#include <QJsonObject>
#include <QWidget>

class QCheckBox;
class QComboBox;
class QLabel;
class QLineEdit;
class QFormLayout;
class QHBoxLayout;
class QPushButton;
class QSpinBox;
class QToolButton;

namespace bitwright {
struct MethodInfo;
}

namespace bitwright::views {

class OptionList;

class MethodForm : public QWidget {
    Q_OBJECT
public:
    explicit MethodForm(Desk& desk, QWidget* parent = nullptr);
    /// Arguments of the command as the form stands; empty while something is missing (no model, no calibration).
    [[nodiscard]] QStringList arguments() const;
    [[nodiscard]] QString title() const;  ///< "MobileQuant (paper) W4A8"
    void refresh();                       ///< another model, calibration or head
    [[nodiscard]] QJsonObject state() const;
    void restore(const QJsonObject& state);
    /// Starts the next run at recipe `row` (fork).
    void start_from(std::int64_t row);

Q_SIGNALS:
    void start_wanted();

private:
    [[nodiscard]] const MethodInfo& method() const;
    [[nodiscard]] bool optimizes() const;
    [[nodiscard]] QString preset() const;  ///< "thorough" where the method itself knows how long that is; else empty
    void show_fields();
    void forecast();

    Desk& desk_;
    QComboBox *method_, *length_, *start_, *range_;
    QSpinBox *weights_, *activations_, *steps_;
    QCheckBox* symmetric_;
    QLineEdit* holdout_;
    QToolButton* more_;
    OptionList* options_;
    QPushButton* run_;
    QLabel* forecast_;
    QFormLayout* rows_;
    QHBoxLayout* holdout_row_;
};

}  // namespace bitwright::views
