// SPDX-License-Identifier: GPL-3.0-or-later
// The history of recipes like a log: go to any of them, branch from it, name it, compare it with the open one in words, write it to a file.
// Threading: UI thread; recipes are read on the interactive lane.
#pragma once

#include "views/desk/desk.h"

#include <QWidget>

class QLabel;
class QListView;
class QPlainTextEdit;

namespace bitwright::views {

class RevisionListModel;

class HistoryPanel : public QWidget {
    Q_OBJECT
public:
    HistoryPanel(Desk& desk, QWidget* parent = nullptr);
    [[nodiscard]] QListView* list() const noexcept { return list_; }
    /// The open revision against another, a line each; shown under the list.
    void compare(std::int64_t row);
    [[nodiscard]] QString comparison() const;
    void export_to(std::int64_t row, const QString& file);

private:
    [[nodiscard]] std::int64_t chosen() const;  ///< row of the current line; 0: none, or being stored
    void show_menu(const QPoint& at);
    void go_to_head();

    Desk& desk_;
    RevisionListModel* model_;
    QListView* list_;
    QWidget* comparison_;
    QLabel* compared_;
    QPlainTextEdit* differences_;
};

}  // namespace bitwright::views
