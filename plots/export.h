// SPDX-License-Identifier: GPL-3.0-or-later
// Any plot as picture or table: to the clipboard, as PNG (twice the pixels), SVG, PDF, or CSV of what is shown. Files appear whole or not at all (written
// aside, synced, renamed); what failed comes back as a sentence, never as a message box.
// Threading: GUI thread.
#pragma once

#include <QByteArray>
#include <QSize>
#include <QString>

#include <functional>

class QMenu;
class QPaintDevice;
class QWidget;

namespace bitwright::plots {

class Exportable {
public:
    Exportable() = default;
    virtual ~Exportable() = default;
    Exportable(const Exportable&) = delete;
    Exportable& operator=(const Exportable&) = delete;

    /// What the picture is called, also the stem of the proposed file name.
    [[nodiscard]] virtual QString exportTitle() const = 0;
    /// In logical pixels; at least 1 × 1.
    [[nodiscard]] virtual QSize exportSize() const = 0;
    /// Paints the whole plot, without cross-hair or hover, into [0, size).
    virtual void paintOn(QPaintDevice& device, QSize size) const = 0;
    /// The numbers shown: a line of column names, then data; numbers as in numbers.h (file_number).
    [[nodiscard]] virtual QString csv() const = 0;
};

[[nodiscard]] QByteArray png_of(const Exportable& plot, double scale = 2);
[[nodiscard]] QByteArray svg_of(const Exportable& plot);
[[nodiscard]] QByteArray pdf_of(const Exportable& plot);
void copy_image(const Exportable& plot);

/// Writes `bytes` to `path`, whole or not at all. Returns an empty text, or one sentence that says what failed and what to do.
[[nodiscard]] QString write_file(const QString& path, const QByteArray& bytes);
/// The format is the file's ending: png, svg, pdf or csv. Returns as write_file.
[[nodiscard]] QString save_plot(const Exportable& plot, const QString& path);

/// Adds "Copy Image", "Save as PNG …", SVG, PDF, CSV to a context menu. `parent` carries the file dialog, `saved` gets the path, `failed` the sentence. The plot
/// must outlive the menu.
void add_export_actions(QMenu& menu, QWidget& parent, const Exportable& plot, std::function<void(QString)> saved, std::function<void(QString)> failed);

}  // namespace bitwright::plots
