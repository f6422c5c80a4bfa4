// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/run/demo_phone_process.h"

#include "core/runtime/error.h"
#include "device_bridge/adb/adb_server.h"
#include "device_bridge/adb/wireless.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QStandardPaths>

#include <csignal>
#include <sys/prctl.h>
#include <utility>

namespace bitwright {
namespace {

constexpr qsizetype longest_socket_path = 107;
const QString call = QStringLiteral("adb");

}  // namespace

DemoPhoneProcess::DemoPhoneProcess(AdbSettings adb, QByteArray scenario, QObject* parent) : QObject(parent), adb_(std::move(adb)), scenario_(std::move(scenario))
{
    process_.setChildProcessModifier([] { ::prctl(PR_SET_PDEATHSIG, SIGTERM); });
    connect(&process_, &QProcess::readyReadStandardOutput, this, &DemoPhoneProcess::read_ready_line);
    connect(&process_, &QProcess::finished, this, &DemoPhoneProcess::ended);
    connect(&process_, &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart) ended();
    });
}

DemoPhoneProcess::~DemoPhoneProcess()
{
    process_.disconnect(this);
    if (process_.state() == QProcess::NotRunning) return;
    try {
        disconnect_phone(adb_, serial_.toStdString(), Control());
    } catch (const Error&) {  // the server is gone: nothing to forget
    }
    process_.terminate();
    if (!process_.waitForFinished(3000)) process_.kill();
    process_.waitForFinished(1000);
}

/// The folder of the socket, the same every time unless another desk has its Demo phone there.
QString DemoPhoneProcess::place()
{
    QDir folder(QStandardPaths::writableLocation(QStandardPaths::RuntimeLocation));
    if (folder.path().size() > longest_socket_path - 40 || !folder.exists()) folder.setPath(QDir::tempPath() + QStringLiteral("/bitwright-%1").arg(qEnvironmentVariable("USER", QStringLiteral("user"))));
    if (!folder.mkpath(QStringLiteral("bitwright"))) return {};
    folder.cd(QStringLiteral("bitwright"));
    QFile::setPermissions(folder.path(), QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
    QString name = QStringLiteral("demo-phone");
    lock_ = std::make_unique<QLockFile>(folder.filePath(name + QStringLiteral(".lock")));
    lock_->setStaleLockTime(0);  // the lock of a program that is gone counts as stale all the same
    if (!lock_->tryLock(0)) {
        lock_.reset();
        name += QStringLiteral("-%1").arg(QCoreApplication::applicationPid());
    }
    return folder.filePath(name);
}

void DemoPhoneProcess::start()
{
    if (state_ != State::off) return;
    const auto program = qEnvironmentVariable("BITWRIGHT_DEMO_PHONE", QCoreApplication::applicationDirPath() + QStringLiteral("/bitwright-demo-phone"));
    if (!QFileInfo(program).isExecutable()) return fail(tr("%1: is not there; build it (packaging/run), or set BITWRIGHT_DEMO_PHONE").arg(program));
    const auto where = place();
    QFile file(where + QStringLiteral(".json"));
    if (where.isEmpty() || !file.open(QIODevice::WriteOnly) || file.write(scenario_) != scenario_.size())
        return fail(tr("%1: cannot be written; the Demo phone needs a folder for its socket").arg(file.fileName()));
    file.close();
    serial_ = QStringLiteral("localfilesystem:") + where + QStringLiteral(".sock");
    stopping_ = ready_ = false;
    state_ = State::starting;
    process_.start(program, {QStringLiteral("--scenario"), file.fileName(), QStringLiteral("--socket"), where + QStringLiteral(".sock")});
    Q_EMIT changed();
}

void DemoPhoneProcess::read_ready_line()
{
    if (state_ != State::starting) (void)process_.readAllStandardOutput();  // what it lets go wrong is for tests
    if (state_ != State::starting || !process_.canReadLine()) return;
    const auto ready = QJsonDocument::fromJson(process_.readLine()).object();
    serial_ = ready[QStringLiteral("connect")].toString(serial_);
    runs_programs_ = ready[QStringLiteral("aarch64")].toString() != QLatin1String("none");
    ready_ = true;
    speak();
}

/// One call to adb at a time, so that a phone that ended is forgotten before the next one, which has the same serial, is connected.
void DemoPhoneProcess::speak()
{
    if (calls_.running(call)) return;  // comes here when it is over
    const auto again = [this] { speak(); };
    if (!gone_.isEmpty()) {  // otherwise adb would try for a minute to reach it
        calls_.post(call, [adb = adb_, serial = std::exchange(gone_, QString()).toStdString(), again](const Control& control) -> PhoneCalls::Continuation {
            disconnect_phone(adb, serial, control);
            return again;
        }, [again](const QString&) { again(); });
    } else if (state_ == State::starting && ready_) {
        ready_ = false;
        const auto pid = process_.processId();
        calls_.post(call, [this, adb = adb_, serial = serial_.toStdString(), pid](const Control& control) -> PhoneCalls::Continuation {
            ensure_adb_server(adb, control);
            (void)connect_phone(adb, serial, control);
            return [this, pid] {
                if (state_ == State::starting && process_.processId() == pid) {
                    state_ = State::running;
                    Q_EMIT changed();
                }
                speak();
            };
        }, [this, pid](const QString& sentence) {
            if (state_ == State::starting && process_.processId() == pid) {
                fail(sentence);
                stop();
            }
            speak();
        });
    }
}

void DemoPhoneProcess::stop()
{
    if (process_.state() == QProcess::NotRunning) return;
    stopping_ = true;
    process_.terminate();
}

void DemoPhoneProcess::ended()
{
    if (state_ == State::off) return;
    const bool asked = stopping_;
    const auto words = QString::fromUtf8(process_.readAllStandardError()).trimmed().left(300);
    state_ = State::off;
    lock_.reset();
    gone_ = serial_;
    speak();
    Q_EMIT changed();
    if (!asked) fail(words.isEmpty() ? tr("The Demo phone ended by itself; start it again") : words);
}

void DemoPhoneProcess::fail(const QString& sentence) { Q_EMIT failed(sentence); }

}  // namespace bitwright
