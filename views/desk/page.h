// SPDX-License-Identifier: GPL-3.0-or-later
// What the shell knows of a page: a widget with a name and an icon that keeps its state as a small JSON object in the workspace.
// Threading: UI thread.
#pragma once

#include <QImage>
#include <QJsonObject>
#include <QString>
#include <QWidget>

namespace bitwright::views {

class Page : public QWidget {
    Q_OBJECT
public:
    using QWidget::QWidget;
    [[nodiscard]] virtual QString id() const = 0;     ///< "explore"; also the icon's name
    [[nodiscard]] virtual QString title() const = 0;  ///< translated
    /// Called each time the page comes to the front; expensive work belongs here, not into constructors.
    virtual void activated() {}
    [[nodiscard]] virtual QJsonObject state() const { return {}; }
    virtual void restore(const QJsonObject&) {}
    /// What stands for the workspace in the list of recent ones; null: nothing to show.
    [[nodiscard]] virtual QImage thumbnail() { return {}; }
};

}  // namespace bitwright::views
