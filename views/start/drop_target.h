// SPDX-License-Identifier: GPL-3.0-or-later
// Opening by drag and drop, the same wherever something is dropped: one folder or file from this computer goes to Desk::open, anything else gets a sentence.
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"

#include <QMimeData>
#include <QObject>
#include <QWidget>

namespace bitwright::views {

class DropTarget : public QObject {
    Q_OBJECT
public:
    /// `target` takes drops from now on, as do its children that take none themselves.
    DropTarget(Desk& desk, QWidget* target);

    /// The one local path that is carried; "" with the reason in `fault`.
    [[nodiscard]] static QString path_of(const QMimeData& data, QString& fault);

Q_SIGNALS:
    void hovered(bool over);
    void opening(const QString& path);  ///< just before Desk::open

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    Desk& desk_;
};

}  // namespace bitwright::views
