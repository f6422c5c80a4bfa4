// SPDX-License-Identifier: GPL-3.0-or-later
// What the palette offers for what is typed: actions (those run last first), and, once something is typed, sites of the model and recipes.
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"

#include <QAbstractListModel>

#include <vector>

namespace bitwright::views {

class PaletteModel : public QAbstractListModel {
    Q_OBJECT
public:
    enum Role { group_role = Qt::UserRole, shortcut_role };
    explicit PaletteModel(Desk& desk, QObject* parent = nullptr) : QAbstractListModel(parent), desk_(desk) {}

    /// Gathers what there is now.
    void gather();
    void set_typed(const QString& typed);
    /// Does what the row says.
    void run(int row);

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : static_cast<int>(shown_.size()); }
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;

private:
    struct Item {
        QString id, text, group, shortcut;
        std::function<void()> run;
        bool action = true;
        QString title;  ///< what is searched; "": the text
    };
    Desk& desk_;
    std::vector<Item> items_;
    std::vector<std::size_t> shown_;
    QStringList recent_;  ///< ids of what was run, newest first
};

}  // namespace bitwright::views
