// SPDX-License-Identifier: GPL-3.0-or-later
// Which model is open: name, family, sizes, and the hashes it is known by (identity at once, content once a job has read every byte).
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"

#include <QWidget>

class QLabel;

namespace bitwright::views {

class ModelHeader : public QWidget {
    Q_OBJECT
public:
    explicit ModelHeader(Desk& desk, QWidget* parent = nullptr);
    void refresh();

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void elide();
    Desk& desk_;
    QLabel *name_, *sizes_, *hash_;
    QString name_text_;
};

}  // namespace bitwright::views
