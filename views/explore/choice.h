// SPDX-License-Identifier: GPL-3.0-or-later
// A few alternatives side by side, one of them on: "channel | token". Tab reaches it, ←/→ change it.
// Threading: UI thread.
#pragma once

#include <QStringList>
#include <QWidget>

class QButtonGroup;

namespace bitwright::views {

class Choice : public QWidget {
    Q_OBJECT
public:
    Choice(const QString& name, const QStringList& items, QWidget* parent = nullptr);  ///< name: for screen readers and as tooltip
    [[nodiscard]] int current() const;
    void set_current(int index);  ///< emits nothing
    void set_item_shown(int index, bool shown);

Q_SIGNALS:
    void chosen(int index);  ///< by the user

private:
    QButtonGroup* buttons_;
};

}  // namespace bitwright::views
