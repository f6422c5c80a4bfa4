// SPDX-License-Identifier: GPL-3.0-or-later
// Calls that wait for phones, away from the UI thread: each key has a thread of its own while its call runs, so that a silent phone keeps nobody else waiting.
// Invariants: one call of a key at a time; a continuation runs in the object's thread and never after the object is gone.
// Threading: a QObject of the thread it was made in; `work` runs on a thread of its own. Destroying it cancels what runs and waits for it (100 ms).
#pragma once

#include "core/runtime/control.h"

#include <QObject>
#include <QString>

#include <functional>
#include <map>
#include <memory>
#include <thread>

namespace bitwright {

class PhoneCalls : public QObject {
    Q_OBJECT

public:
    using Continuation = std::function<void()>;
    using Work = std::function<Continuation(const Control&)>;
    using Failed = std::function<void(const QString& sentence)>;

    using QObject::QObject;
    ~PhoneCalls() override;

    /// Begins unless a call of the key runs. An Error goes to `failed`. @return whether it began
    bool post(const QString& key, Work work, Failed failed = {});
    [[nodiscard]] bool running(const QString& key) const { return calls_.contains(key); }

private:
    struct Call {
        Control control;
        std::thread thread;
    };
    std::map<QString, std::unique_ptr<Call>> calls_;
};

}  // namespace bitwright
