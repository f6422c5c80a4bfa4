// SPDX-License-Identifier: GPL-3.0-or-later
// Every action of the desk in one list: the palette offers them, the sheet of keys prints them, menus take them from here.
// Invariants: ids are unique and stable ("explore.threshold"); two actions never share a shortcut in the same scope.
// Threading: UI thread.
#pragma once

#include <QAction>
#include <QKeySequence>
#include <QObject>
#include <QStringList>

#include <functional>
#include <vector>

namespace bitwright::views {

class Actions : public QObject {
    Q_OBJECT
public:
    /// @param scope the widget in which the shortcut works (also its children); null: everywhere.
    struct Entry {
        QString id, group;  ///< group: "Explore", for palette and sheet
        QAction* action = nullptr;
        QString title;  ///< without "&"; the action's own text may come to say more (Undo: …)
    };

    explicit Actions(QWidget* window);
    /// Makes the action and wires it. The text carries no "…" conventions of its own: say "Open model…" where it asks for more.
    QAction* add(const QString& id, const QString& group, const QString& text, const QKeySequence& shortcut, std::function<void()> run, QWidget* scope = nullptr);
    [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
    [[nodiscard]] QAction* find(const QString& id) const;

    /// What the last action would be on the command line (Ctrl+Shift+C copies it); set by whoever submits a job or makes an edit.
    void set_command_line(const QStringList& arguments);
    [[nodiscard]] QString command_line() const;  ///< "bitwright-cli …", quoted for a shell; "" when there is none

private:
    QWidget* window_;
    std::vector<Entry> entries_;
    QStringList command_line_;
};

}  // namespace bitwright::views
