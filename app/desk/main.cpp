// SPDX-License-Identifier: GPL-3.0-or-later
// bitwright [FOLDER | WORKSPACE]: the desk. The window is painted before LibTorch is opened on the compute lane.
#include "app/desk/command_queue.h"
#include "app/desk/main_window.h"
#include "app/desk/responsiveness.h"
#include "app/desk/settings_store.h"
#include "app/desk/worker_lane.h"
#include "core/numerics/numerics.h"
#include "device_bridge/adb/adb_settings.h"
#include "views/desk/desk.h"
#include "views/desk/theme.h"

#include <QApplication>
#include <QCommandLineParser>
#include <QElapsedTimer>
#include <QSocketNotifier>
#include <QThread>
#include <QTimer>

#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <clocale>
#include <csignal>
#include <memory>

namespace {

using namespace bitwright;

std::array<int, 2> signal_pipe{-1, -1};

void on_signal(int) { (void)!::write(signal_pipe[0], "x", 1); }

/// Ctrl-C and SIGTERM close the window as its button does: what runs is paused, nothing is lost.
void quit_on_signals(QWidget& window)
{
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, signal_pipe.data()) != 0) return;
    auto* notifier = new QSocketNotifier(signal_pipe[1], QSocketNotifier::Read, &window);
    QObject::connect(notifier, &QSocketNotifier::activated, &window, [&window] { window.close(); });
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
}

}  // namespace

int main(int argc, char** argv)
{
    QApplication application(argc, argv);
    std::setlocale(LC_NUMERIC, "C");  // files and command lines are invariant; the screen asks QLocale
    QApplication::setApplicationName(QStringLiteral("bitwright"));
    QApplication::setApplicationDisplayName(QStringLiteral("Bitwright"));
    QApplication::setApplicationVersion(QStringLiteral(BITWRIGHT_VERSION));
    QApplication::setDesktopFileName(QStringLiteral("bitwright"));
    QCommandLineParser parser;
    parser.setApplicationDescription(QApplication::translate("main", "A workbench for quantizing language models for phones."));
    parser.addHelpOption();
    parser.addVersionOption();
    parser.addPositionalArgument(QStringLiteral("path"), QApplication::translate("main", "a model folder or a workspace (*.bitwright)"), QStringLiteral("[path]"));
    parser.process(application);

    auto settings = load_settings();
    choose_adb(settings.adb.toStdString(), static_cast<std::uint16_t>(settings.adb_port));
    views::apply_theme(views::appearance_of(settings.theme));
    WorkerLane interactive("interactive"), store("store", true);
    auto compute_lane = std::make_unique<WorkerLane>("compute");
    auto& compute = *compute_lane;
    {
        CommandQueue jobs(compute);
        MainWindow window;
        views::Actions actions(&window);
        views::Desk desk({interactive, store, compute}, jobs, actions, settings);
        window.furnish(desk);
        quit_on_signals(window);
        QObject::connect(&window, &MainWindow::closing, [&] {
            jobs.shut_down();
            save_settings(settings);
        });
        const Responsiveness watch(window);
        window.show();
        if (!parser.positionalArguments().isEmpty()) desk.open(parser.positionalArguments().constFirst());
        QTimer::singleShot(300, &window, [&] {  // after the first paint
            compute.post(&window, {}, [&window](const Control&) -> views::Lane::Continuation {
                auto version = QString::fromStdString(load_numerics().version());
                return [&window, version] { window.set_numerics(MainWindow::tr("numerics ● ready"), version, true); };
            }, [&window](const QString& sentence) { window.set_numerics(MainWindow::tr("numerics ○ missing"), sentence, false); });
        });
        QApplication::exec();
        window.hide();
        QElapsedTimer waited;
        waited.start();
        while (compute.waiting() > 0 || jobs.waiting_for_phones() > 0) {
            if (waited.elapsed() > 5000) jobs.shut_down(true);
            QThread::msleep(20);
        }
        compute_lane.reset();
    }
    return 0;
}
