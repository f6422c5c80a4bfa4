// SPDX-License-Identifier: GPL-3.0-or-later
// The phones that are connected, live: what `track-devices-l` says, as a model of the desk listens to it.
// A thread of its own keeps the socket, starts the server where none runs and comes back after the server was restarted (first without starting one itself for
// 3 s: whoever ended it may be about to start another). A fresh connection passes through "offline" for a moment; that is not shown before it lasts 500 ms.
// Threading: a QObject of the thread it was made in, which needs an event loop; signals come there. Destroying it ends the thread within 100 ms.
#pragma once

#include "core/runtime/control.h"
#include "device_bridge/adb/adb_settings.h"
#include "device_bridge/adb/device_lines.h"

#include <QObject>
#include <QString>
#include <QTimer>

#include <thread>
#include <vector>

namespace bitwright {

class DeviceList : public QObject {
    Q_OBJECT

public:
    /// Begins to listen.
    explicit DeviceList(AdbSettings settings, QObject* parent = nullptr);
    ~DeviceList() override;

    /// In adb's order. Empty while there is a problem.
    [[nodiscard]] const std::vector<PhoneLine>& phones() const noexcept { return shown_; }
    /// Why phones cannot be seen (no adb, a foreign program on the port …), with the next step; empty when they can.
    [[nodiscard]] const QString& problem() const noexcept { return problem_; }

Q_SIGNALS:
    /// phones() or problem() is another than before.
    void changed();

private:
    void listen(const AdbSettings& settings);
    void track(const AdbSettings& settings, bool start_server);
    void take(std::vector<PhoneLine> phones);
    void take_problem(const QString& problem);
    void settle();

    Control control_;
    std::vector<PhoneLine> reported_, shown_;
    QString problem_;
    bool first_ = true;
    QTimer offline_;
    std::thread thread_;
};

}  // namespace bitwright
