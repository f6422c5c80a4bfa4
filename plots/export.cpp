// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/export.h"

#include <QBuffer>
#include <QClipboard>
#include <QCoreApplication>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QGuiApplication>
#include <QImage>
#include <QMenu>
#include <QPageSize>
#include <QPdfWriter>
#include <QRegularExpression>
#include <QSaveFile>
#include <QSvgGenerator>

#include <algorithm>
#include <array>
#include <utility>

namespace bitwright::plots {
namespace {

QString text(const char* source) { return QCoreApplication::translate("bitwright::plots::export", source); }

QImage image_of(const Exportable& plot, double scale)
{
    QImage image(plot.exportSize() * scale, QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(scale);
    image.fill(Qt::transparent);
    plot.paintOn(image, plot.exportSize());
    return image;
}

QString file_stem(const QString& title)
{
    QString stem = title.simplified().toLower();
    static const QRegularExpression unfit(QStringLiteral("[^\\w.]+"), QRegularExpression::UseUnicodePropertiesOption);
    stem.replace(unfit, QStringLiteral("-"));
    while (stem.startsWith(QLatin1Char('-')) || stem.startsWith(QLatin1Char('.'))) stem.remove(0, 1);
    while (stem.endsWith(QLatin1Char('-'))) stem.chop(1);
    return stem.isEmpty() ? QStringLiteral("plot") : stem.left(100);
}

/// Where the last picture went, for the next one.
QString& last_folder()
{
    static QString folder = QDir::homePath();
    return folder;
}

}  // namespace

QByteArray png_of(const Exportable& plot, double scale)
{
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    image_of(plot, scale).save(&buffer, "PNG");
    return bytes;
}

QByteArray svg_of(const Exportable& plot)
{
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QSvgGenerator generator;
    generator.setOutputDevice(&buffer);
    generator.setSize(plot.exportSize());
    generator.setViewBox(QRect(QPoint(0, 0), plot.exportSize()));
    generator.setResolution(96);
    generator.setTitle(plot.exportTitle());
    plot.paintOn(generator, plot.exportSize());
    return bytes;
}

QByteArray pdf_of(const Exportable& plot)
{
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QPdfWriter writer(&buffer);
    writer.setResolution(96);
    writer.setTitle(plot.exportTitle());
    writer.setPageMargins({});
    writer.setPageSize(QPageSize(QSizeF(plot.exportSize()) * 72.0 / 96.0, QPageSize::Point, QString(), QPageSize::ExactMatch));
    plot.paintOn(writer, plot.exportSize());
    return bytes;
}

void copy_image(const Exportable& plot) { QGuiApplication::clipboard()->setImage(image_of(plot, 2)); }

QString write_file(const QString& path, const QByteArray& bytes)
{
    const auto failed = [&path](const QString& why) {
        return text("%1 could not be written: %2. Choose another folder or make room.").arg(QDir::toNativeSeparators(path), why);
    };
    QSaveFile file(path);
    file.setDirectWriteFallback(false);
    if (!file.open(QIODevice::WriteOnly)) return failed(file.errorString());
    if (file.write(bytes) != bytes.size() || !file.commit()) return failed(file.errorString());
    return {};
}

QString save_plot(const Exportable& plot, const QString& path)
{
    const QString ending = QFileInfo(path).suffix().toLower();
    QByteArray bytes;
    if (ending == QLatin1String("png")) bytes = png_of(plot);
    else if (ending == QLatin1String("svg")) bytes = svg_of(plot);
    else if (ending == QLatin1String("pdf")) bytes = pdf_of(plot);
    else if (ending == QLatin1String("csv")) bytes = plot.csv().toUtf8();
    else return text("%1 has no ending that says what to write. End its name in .png, .svg, .pdf or .csv.").arg(QDir::toNativeSeparators(path));
    if (bytes.isEmpty()) return text("There is nothing to write to %1: the plot is empty.").arg(QDir::toNativeSeparators(path));
    return write_file(path, bytes);
}

void add_export_actions(QMenu& menu, QWidget& parent, const Exportable& plot, std::function<void(QString)> saved, std::function<void(QString)> failed)
{
    menu.addAction(text("&Copy Image"), &parent, [&plot] { copy_image(plot); });
    menu.addSeparator();
    const std::array<std::pair<QString, QString>, 4> formats{std::pair{text("Save as &PNG …"), QStringLiteral("png")}, std::pair{text("Save as &SVG …"), QStringLiteral("svg")},
                                                             std::pair{text("Save as P&DF …"), QStringLiteral("pdf")},
                                                             std::pair{text("Save Data as CS&V …"), QStringLiteral("csv")}};
    for (const auto& [label, ending] : formats) {
        menu.addAction(label, &parent, [&parent, &plot, ending = ending, saved, failed] {
            const QString proposal = QDir(last_folder()).filePath(file_stem(plot.exportTitle()) + QLatin1Char('.') + ending);
            QString path = QFileDialog::getSaveFileName(&parent, text("Save Plot"), proposal, QStringLiteral("%1 (*.%2)").arg(ending.toUpper(), ending));
            if (path.isEmpty()) return;
            if (QFileInfo(path).suffix().compare(ending, Qt::CaseInsensitive) != 0) path += QLatin1Char('.') + ending;
            last_folder() = QFileInfo(path).absolutePath();
            const QString problem = save_plot(plot, path);
            if (problem.isEmpty()) {
                if (saved) saved(path);
            } else if (failed) {
                failed(problem);
            }
        });
    }
}

}  // namespace bitwright::plots
