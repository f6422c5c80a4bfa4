// SPDX-License-Identifier: GPL-3.0-or-later
// What only a real phone can prove, as a list to tick off: `devices self-test` as a job, its items with what came of each. Copied as text for a report.
// Invariants: not modal; what was tried on a simulated phone says so.
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"
#include "views/devices/device_card.h"

#include <QDialog>

class QLabel;
class QPushButton;
class QTreeWidget;

namespace bitwright::views {

class SelfTestSheet : public QDialog {
    Q_OBJECT
public:
    explicit SelfTestSheet(Desk& desk, QWidget* parent = nullptr);
    /// Of this device from now on; "local" and devices that are not ready: what cannot be tried.
    void set_device(const DeviceEntry& device);
    [[nodiscard]] QString text() const;

private:
    void start();
    void follow(std::int64_t number);
    void show_result(const nlohmann::ordered_json& result);
    void wrap_words();

    Desk& desk_;
    DeviceEntry device_;
    std::int64_t job_ = 0;
    QLabel* state_;
    QTreeWidget* list_;
    QPushButton *start_, *copy_;
};

}  // namespace bitwright::views
