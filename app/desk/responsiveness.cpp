// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desk/responsiveness.h"

#include <QEvent>
#include <QFile>
#include <QLoggingCategory>
#include <QTimer>
#include <QWidget>

#include <unistd.h>
#include <algorithm>
#include <ctime>

namespace bitwright {
namespace {

Q_LOGGING_CATEGORY(category, "bitwright.responsiveness", QtWarningMsg)

constexpr int turn_ms = 2;

/// Milliseconds since the kernel started this process (resolution: a clock tick, usually 10 ms); negative where it does not say.
double process_age_ms()
{
    QFile file(QStringLiteral("/proc/self/stat"));
    if (!file.open(QIODevice::ReadOnly)) return -1;
    const QByteArray text = file.readAll();
    const auto fields = text.mid(text.lastIndexOf(')') + 2).split(' ');  // from field 3 on; the name may hold anything
    if (fields.size() < 20) return -1;
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6 - fields[19].toDouble() * 1e3 / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

Responsiveness::Responsiveness(QWidget& window) : timer_(new QTimer(this))
{
    if (!category().isInfoEnabled()) return;
    window.installEventFilter(this);
    timer_->setTimerType(Qt::PreciseTimer);
    connect(timer_, &QTimer::timeout, this, &Responsiveness::turned);
}

Responsiveness::~Responsiveness()
{
    if (timer_->isActive()) qCInfo(category, "longest stall %.1f ms", longest_ms_);
}

bool Responsiveness::eventFilter(QObject* watched, QEvent* event)
{
    if (event->type() == QEvent::Paint && !timer_->isActive()) {
        QTimer::singleShot(0, this, [this] {  // when all of the window has been painted
            if (timer_->isActive()) return;
            qCInfo(category, "first paint after %.0f ms", process_age_ms());
            last_.start();
            timer_->start(turn_ms);
        });
    }
    return QObject::eventFilter(watched, event);
}

void Responsiveness::turned()
{
    longest_ms_ = std::max(longest_ms_, static_cast<double>(last_.nsecsElapsed()) * 1e-6 - turn_ms);
    last_.start();
}

}  // namespace bitwright
