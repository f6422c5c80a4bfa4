// SPDX-License-Identifier: GPL-3.0-or-later
// desk_bench [MODEL]: how fast the desk answers, on the sample: from the start of the program to its first painted window, a clip line dragged in the whole
// window, the longest time in which the event loop did not turn while an optimization runs; with a model folder also the memory the desk takes with it open.
// Run it on a quiet machine; QT_QPA_PLATFORM=offscreen needs no display.
#include "plots/range_histogram.h"
#include "tests/support/desk_program.h"
#include "tests/support/test_desk.h"
#include "views/inspector/figures_model.h"
#include "views/inspector/inspector_panel.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QFile>
#include <QMouseEvent>
#include <QProcess>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTimer>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

using namespace bitwright;

namespace {

const QString sample = QStringLiteral(BITWRIGHT_SOURCE_DIR "/resources/models/Bitwright-Sample-2M");

void report(const char* what, std::vector<double> values, const char* unit = "ms")
{
    if (values.empty()) return static_cast<void>(std::printf("%-62s not measured\n", what));
    std::ranges::sort(values);
    const auto at = [&values](double share) { return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))]; };
    std::printf("%-62s p50 %7.1f   p95 %7.1f   max %7.1f %s (%zu)\n", what, at(0.5), at(0.95), values.back(), unit, values.size());
    std::fflush(stdout);
}

/// Runs jobs one after the other in `program`; false and a word when one fails.
bool run(test::DeskProgram& program, const QStringList& arguments)
{
    program.jobs.submit(arguments.constFirst(), arguments);
    if (test::wait_until([&] { return program.finished(); }, 600000) && program.failure().empty()) return true;
    std::fprintf(stderr, "%s\n", program.failure().c_str());
    return false;
}

bool prepare(const QString& workspace)
{
    test::DeskProgram program;
    return run(program, {QStringLiteral("calibrate"), sample, QStringLiteral("--text"), sample + QStringLiteral("/texts/calibration.txt"), QStringLiteral("--samples"), QStringLiteral("8"),
                         QStringLiteral("--length"), QStringLiteral("128"), QStringLiteral("--seed"), QStringLiteral("1"), QStringLiteral("-w"), workspace}) &&
           run(program, {QStringLiteral("quantize"), sample, QStringLiteral("--calibration"), QStringLiteral("calibration:1"), QStringLiteral("--method"), QStringLiteral("rtn"),
                         QStringLiteral("--weights"), QStringLiteral("8"), QStringLiteral("--activations"), QStringLiteral("8"), QStringLiteral("--seed"), QStringLiteral("0"), QStringLiteral("-w"), workspace});
}

/// The program itself, with the log of its responsiveness.
void start(QProcess& process, const QStringList& arguments)
{
    auto environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("QT_LOGGING_RULES"), QStringLiteral("bitwright.responsiveness=true"));
    process.setProcessEnvironment(environment);
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(QCoreApplication::applicationDirPath() + QStringLiteral("/bitwright"), arguments);
}

/// Milliseconds from its start to its first painted window; negative: none came.
double first_paint(QProcess& process)
{
    QByteArray said;
    static const QRegularExpression paint(QStringLiteral("first paint after (\\d+) ms"));
    QElapsedTimer waited;
    waited.start();
    while (waited.elapsed() < 20000 && process.state() != QProcess::NotRunning) {
        process.waitForReadyRead(100);
        said += process.readAll();
        if (const auto found = paint.match(QString::fromUtf8(said)); found.hasMatch()) return found.captured(1).toDouble();
    }
    std::fprintf(stderr, "%s\n", said.constData());
    return -1;
}

void end(QProcess& process)
{
    process.terminate();
    if (!process.waitForFinished(20000)) process.kill();
    process.waitForFinished();
}

void starts(const char* what, const QStringList& arguments)
{
    std::vector<double> times;
    for (int i = 0; i < 11; ++i) {
        QProcess process;
        start(process, arguments);
        if (const double time = first_paint(process); time >= 0) times.push_back(time);
        end(process);
    }
    report(what, std::move(times));
}

void mouse(QWidget& widget, QEvent::Type type, QPointF at, Qt::MouseButton button, Qt::MouseButtons buttons)
{
    QMouseEvent event(type, at, widget.mapToGlobal(at), button, buttons, {});
    QApplication::sendEvent(&widget, &event);
}

/// The inspector's clip line is dragged in the whole window: from the mouse event to the painted line, and to the painted figures of that range.
void drag(const QString& workspace)
{
    test::DeskProgram program;
    program.desk.open_workspace(workspace);
    test::wait_until([&] { return program.desk.statistics() != nullptr && program.desk.recipe() != nullptr; }, 20000);
    program.window.show_page(QStringLiteral("explore"));
    program.desk.selection().set_site(QStringLiteral("layers.1.mlp.down_proj.input"), 1, -1);
    auto* histogram = program.window.findChild<plots::RangeHistogramView*>();
    auto* panel = program.window.findChild<views::InspectorPanel*>();
    test::wait_until([&] { return program.idle() && histogram->hasRange() && panel->figures().side(views::FiguresModel::now).figures; }, 20000);
    const double high = histogram->maximum();
    const auto at = [&](double value) { return QPointF(histogram->pixelOf(value), histogram->height() / 2.0); };
    int answers = 0;
    QObject::connect(&panel->figures(), &QAbstractItemModel::dataChanged, &program.window, [&] { ++answers; });
    QObject::connect(&panel->figures(), &QAbstractItemModel::modelReset, &program.window, [&] { ++answers; });
    std::vector<double> line, figures;
    mouse(*histogram, QEvent::MouseButtonPress, at(high), Qt::LeftButton, Qt::LeftButton);
    for (int i = 0; i < 200; ++i) {
        const double target = high * (0.6 + 0.35 * std::cos(i * 0.13));
        const int known = answers;
        QElapsedTimer timer;
        timer.start();
        mouse(*histogram, QEvent::MouseMove, at(target), Qt::NoButton, Qt::LeftButton);
        histogram->repaint();
        line.push_back(static_cast<double>(timer.nsecsElapsed()) * 1e-6);
        if (test::wait_until([&] { return answers > known; }, 2000)) {
            panel->repaint();
            figures.push_back(static_cast<double>(timer.nsecsElapsed()) * 1e-6);
        }
        test::wait_until([&] { return timer.elapsed() >= 20; }, 100);  // the next frame
    }
    mouse(*histogram, QEvent::MouseButtonRelease, at(high), Qt::LeftButton, Qt::NoButton);
    report("drag of a clip line, mouse to painted line", std::move(line));
    report("drag of a clip line, mouse to painted figures", std::move(figures));
}

/// How late a timer of 2 ms is while MobileQuant runs beside the window.
void stalls(const QString& workspace)
{
    test::DeskProgram program;
    program.desk.open_workspace(workspace);
    test::wait_until([&] { return program.desk.statistics() != nullptr; }, 20000);
    program.window.show_page(QStringLiteral("optimize"));
    test::wait_until([&] { return program.idle(); }, 20000);
    constexpr int turn_ms = 2;
    std::vector<double> late;
    QElapsedTimer last;
    QTimer timer;
    timer.setTimerType(Qt::PreciseTimer);
    QObject::connect(&timer, &QTimer::timeout, &program.window, [&] {
        late.push_back(std::max(0.0, static_cast<double>(last.nsecsElapsed()) * 1e-6 - turn_ms));
        last.start();
    });
    last.start();
    timer.start(turn_ms);
    const bool done = run(program, {QStringLiteral("quantize"), sample, QStringLiteral("--calibration"), QStringLiteral("calibration:1"), QStringLiteral("--method"), QStringLiteral("mobilequant-paper"),
                                    QStringLiteral("--weights"), QStringLiteral("8"), QStringLiteral("--activations"), QStringLiteral("8"), QStringLiteral("--seed"), QStringLiteral("0"), QStringLiteral("--steps"),
                                    QStringLiteral("48"), QStringLiteral("-w"), workspace});
    timer.stop();
    if (done) report("event loop late while MobileQuant runs (max: longest stall)", std::move(late));
}

/// Resident memory of the program with a model open: all of it, and without the pages of the model's files (which the kernel takes back when it wants).
void memory(const QString& model)
{
    QProcess process;
    start(process, {model});
    if (first_paint(process) < 0) return end(process);
    double all = 0, of_model = 0, before = -1;
    for (int i = 0; i < 60; ++i) {  // until nothing grows any more: LibTorch is loaded, the tree and the maps are there
        process.waitForReadyRead(1000);
        process.readAll();
        QFile maps(QStringLiteral("/proc/%1/smaps").arg(process.processId()));
        if (!maps.open(QIODevice::ReadOnly)) break;
        all = of_model = 0;
        bool in_model = false;
        for (const auto& row : maps.readAll().split('\n')) {
            if (row.startsWith("Rss:")) {
                const double bytes = row.mid(4).simplified().split(' ').constFirst().toDouble() * 1024 / 1e6;
                all += bytes;
                if (in_model) of_model += bytes;
            } else if (row.contains('-') && row.contains(' ') && !row.contains("kB")) {
                in_model = row.endsWith(".safetensors");
            }
        }
        if (i > 5 && std::fabs(all - before) < 1) break;
        before = all;
    }
    std::printf("%-62s %.0f MB resident, %.0f MB of them mapped weights: %.0f MB without\n", "memory with the model open", all, of_model, all - of_model);
    end(process);
}

}  // namespace

int main(int argc, char** argv)
{
    QApplication application(argc, argv);
    QTemporaryDir folder;
    for (const char* name : {"XDG_DATA_HOME", "XDG_CONFIG_HOME"}) qputenv(name, folder.path().toUtf8());
    const QString workspace = folder.filePath(QStringLiteral("w.bitwright"));
    if (!prepare(workspace)) return 1;
    starts("start to first painted window, nothing open", {});
    starts("start to first painted window, a workspace given", {workspace});
    drag(workspace);
    stalls(workspace);
    if (argc > 1) memory(QString::fromLocal8Bit(argv[1]));
    return 0;
}
