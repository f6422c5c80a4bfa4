// SPDX-License-Identifier: GPL-3.0-or-later
// Phones over the network: connect to an address, and pair with a code where the installed adb can. What adb answers stands in the sheet.
// Invariants: not modal; only the address the user gives is opened, by the adb server.
// Threading: UI thread; adb is asked on threads of its own.
#pragma once

#include "device_bridge/adb/adb_settings.h"
#include "device_bridge/adb/phone_calls.h"

#include <QDialog>

class QGroupBox;
class QLabel;
class QLineEdit;
class QPushButton;

namespace bitwright::views {

class ConnectSheet : public QDialog {
    Q_OBJECT
public:
    ConnectSheet(AdbSettings adb, QWidget* parent = nullptr);

Q_SIGNALS:
    void connected(const QString& serial);

protected:
    void showEvent(QShowEvent* event) override;

private:
    void connect_now();
    void pair_now();
    void make_room();  ///< a window does not ask its wrapped texts how high they are
    void ask_pairing();
    void say(const QString& sentence, bool error);

    AdbSettings adb_;
    QLineEdit *address_, *pair_address_, *code_;
    QPushButton *connect_, *pair_;
    QGroupBox* pairing_;
    QLabel *no_pairing_, *answer_;
    PhoneCalls calls_;  ///< last: ends before what its continuations touch
};

}  // namespace bitwright::views
