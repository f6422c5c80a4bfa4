// SPDX-License-Identifier: GPL-3.0-or-later
// The workspaces opened last: name, place, when, and their heatmap in small (desk key "thumbnail": a PNG as base64), if one was stored. A file that is gone is shown
// as gone and can be removed from the list.
// Threading: UI thread; files are read on the interactive lane.
#pragma once

#include "views/desk/desk.h"

#include <QAbstractButton>
#include <QDateTime>
#include <QImage>
#include <QWidget>

#include <vector>

class QLabel;
class QToolButton;
class QVBoxLayout;

namespace bitwright::views {

struct RecentWorkspace {
    QString path;
    QDateTime changed;
    QImage thumbnail;  ///< null: none stored
    bool missing = false;
};

/// "today 14:03", "yesterday 9:12", "3 March 2026".
[[nodiscard]] QString in_words(const QDateTime& time, const QDateTime& now = QDateTime::currentDateTime());

class RecentRow : public QAbstractButton {
    Q_OBJECT
public:
    RecentRow(RecentWorkspace workspace, QWidget* parent);
    [[nodiscard]] const RecentWorkspace& workspace() const noexcept { return workspace_; }
    [[nodiscard]] QSize sizeHint() const override;

Q_SIGNALS:
    void remove_wanted();

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    RecentWorkspace workspace_;
    QToolButton* remove_ = nullptr;
};

class RecentWorkspaces : public QWidget {
    Q_OBJECT
public:
    explicit RecentWorkspaces(Desk& desk, QWidget* parent = nullptr);
    void refresh();

Q_SIGNALS:
    void chosen(const QString& path);

private:
    void show_rows(std::vector<RecentWorkspace> rows);
    Desk& desk_;
    QVBoxLayout* column_;
};

}  // namespace bitwright::views
