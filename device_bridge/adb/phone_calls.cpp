// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/adb/phone_calls.h"

#include "core/runtime/error.h"

namespace bitwright {

PhoneCalls::~PhoneCalls()
{
    for (const auto& [key, call] : calls_) call->control.request_cancel();
    for (const auto& [key, call] : calls_) call->thread.join();
}

bool PhoneCalls::post(const QString& key, Work work, Failed failed)
{
    if (running(key)) return false;
    auto& call = calls_[key] = std::make_unique<Call>();
    call->thread = std::thread([this, key, raw = call.get(), work = std::move(work), failed = std::move(failed)] {
        Continuation next;
        try {
            next = work(raw->control);
        } catch (const Cancelled&) {
        } catch (const std::exception& error) {
            if (failed) next = [failed, sentence = QString::fromUtf8(error.what())] { failed(sentence); };
        }
        QMetaObject::invokeMethod(this, [this, key, next] {
            const auto done = calls_.extract(key);
            done.mapped()->thread.join();
            if (next) next();
        }, Qt::QueuedConnection);
    });
    return true;
}

}  // namespace bitwright
