// SPDX-License-Identifier: GPL-3.0-or-later
// The row of devices, one of them chosen. A device that comes or goes leaves the other cards as they are.
// Threading: UI thread.
#pragma once

#include "views/devices/device_card.h"

#include <QScrollArea>

#include <vector>

class QButtonGroup;
class QHBoxLayout;

namespace bitwright::views {

class DeviceCards : public QScrollArea {
    Q_OBJECT
public:
    explicit DeviceCards(QWidget* parent = nullptr);
    /// When the chosen one is not among them, the first one is chosen.
    void set_devices(const std::vector<DeviceEntry>& devices);
    [[nodiscard]] const DeviceEntry* find(const QString& id) const;
    [[nodiscard]] const DeviceEntry& chosen() const;
    void choose(const QString& id);

Q_SIGNALS:
    void chosen_changed();
    void action_clicked(const QString& id);

private:
    [[nodiscard]] DeviceCard* card(const QString& id) const;
    QHBoxLayout* row_;
    QButtonGroup* group_;
    std::vector<DeviceCard*> cards_;
};

}  // namespace bitwright::views
