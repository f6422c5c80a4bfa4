// SPDX-License-Identifier: GPL-3.0-or-later
// The Demo phone of the desk: bitwright-demo-phone on a socket in the user's runtime folder, connected to the adb server.
// Invariants: it ends with this program, however that ends; the adb server forgets it; its serial stays the same from start to start.
// Threading: a QObject of a thread with an event loop.
#pragma once

#include "device_bridge/adb/adb_settings.h"
#include "device_bridge/adb/phone_calls.h"

#include <QByteArray>
#include <QLockFile>
#include <QObject>
#include <QProcess>
#include <QString>

#include <memory>

namespace bitwright {

class DemoPhoneProcess : public QObject {
    Q_OBJECT

public:
    enum class State : std::uint8_t { off, starting, running };

    /// @param scenario JSON of what the phone is (resources/devices/scenarios).
    DemoPhoneProcess(AdbSettings adb, QByteArray scenario, QObject* parent = nullptr);
    ~DemoPhoneProcess() override;

    void start();
    void stop();
    [[nodiscard]] State state() const noexcept { return state_; }
    /// As adb lists it; "" before the first start.
    [[nodiscard]] const QString& serial() const noexcept { return serial_; }
    /// False where no program for phones runs on this computer (no qemu): it can be looked at, not measured on.
    [[nodiscard]] bool runs_programs() const noexcept { return runs_programs_; }
    [[nodiscard]] qint64 process_id() const { return process_.processId(); }

Q_SIGNALS:
    void changed();
    /// It did not start, or ended by itself.
    void failed(const QString& sentence);

private:
    [[nodiscard]] QString place();
    void read_ready_line();
    void ended();
    void speak();
    void fail(const QString& sentence);

    AdbSettings adb_;
    QByteArray scenario_;
    QProcess process_;
    std::unique_ptr<QLockFile> lock_;
    QString serial_;
    State state_ = State::off;
    bool stopping_ = false, runs_programs_ = true;
    bool ready_ = false;  ///< it listens and is not connected yet
    QString gone_;        ///< serial that adb is to forget
    PhoneCalls calls_;    ///< last: ends before what its continuations touch
};

}  // namespace bitwright
