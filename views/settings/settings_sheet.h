// SPDX-License-Identifier: GPL-3.0-or-later
// The settings of the program: appearance, colours of maps, threads, adb's path and port. Registers the action that opens it (desk.settings).
// Invariants: not modal; a choice holds at once; an adb that cannot be run is said in place and changes nothing.
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"

#include <QDialog>

class QComboBox;
class QLabel;
class QLineEdit;
class QSpinBox;

namespace bitwright::views {

class SettingsSheet : public QDialog {
    Q_OBJECT
public:
    explicit SettingsSheet(Desk& desk, QWidget* parent = nullptr);

protected:
    void showEvent(QShowEvent* event) override;

private:
    void show_settings();
    void take();
    void take_adb();
    void say(const QString& sentence);

    Desk& desk_;
    QComboBox *theme_, *sequence_;
    QSpinBox *threads_, *port_;
    QLineEdit* adb_;
    QLabel *adb_found_, *problem_;
    bool showing_ = false;  ///< fields are being filled, not changed by the user
};

}  // namespace bitwright::views
