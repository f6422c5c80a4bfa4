// SPDX-License-Identifier: GPL-3.0-or-later
// '?': every shortcut of the desk by group, made from the list of actions each time it opens.
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"

#include <QDialog>

class QWidget;
class QScrollArea;

namespace bitwright::views {

class KeySheet : public QDialog {
    Q_OBJECT
public:
    /// Not modal; registers the action that opens it.
    KeySheet(Desk& desk, QWidget* window);
    void refresh();

protected:
    void showEvent(QShowEvent* event) override;

private:
    Desk& desk_;
    QScrollArea* area_;
};

}  // namespace bitwright::views
