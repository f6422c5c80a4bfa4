// SPDX-License-Identifier: GPL-3.0-or-later
// Ctrl+K: type a few letters of any action, site or recipe, Enter does it.
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"

#include <QFrame>
#include <QPointer>

class QLabel;
class QLineEdit;
class QListView;

namespace bitwright::views {

class PaletteModel;

class CommandPalette : public QFrame {
    Q_OBJECT
public:
    /// A child of `window`, over its content; registers the action that opens it.
    CommandPalette(Desk& desk, QWidget* window);
    void open();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    void place();
    void filter(const QString& typed);
    void run();
    void leave();
    PaletteModel* model_;
    QLineEdit* typed_;
    QListView* list_;
    QLabel* none_;
    QPointer<QWidget> before_;  ///< had the focus
};

}  // namespace bitwright::views
