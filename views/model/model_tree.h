// SPDX-License-Identifier: GPL-3.0-or-later
// The dock at the left: the model's identity, a filter, and its sites as a tree that shares the desk's selection and filter both ways.
// Threading: UI thread; offenders are counted on the interactive lane.
#pragma once

#include "views/desk/desk.h"
#include "views/model/model_tree_model.h"

#include <QWidget>

class QLabel;
class QLineEdit;
class QTreeView;

namespace bitwright::views {

class MessageLine;

class ModelTree : public QWidget {
    Q_OBJECT
public:
    explicit ModelTree(Desk& desk, QWidget* parent = nullptr);
    [[nodiscard]] QSize sizeHint() const override { return {240, 480}; }

private:
    void add_actions();
    void set_model();
    void count_offenders();
    void filter(const QString& words);
    void follow(const Selection& selection);  ///< what others selected
    void tell();                              ///< what was selected here
    void show_menu(const QPoint& at);
    void show_columns_menu(const QPoint& at);
    void locate();
    [[nodiscard]] QStringList selected_sites() const;

    Desk& desk_;
    ModelTreeModel* model_;
    ModelTreeFilter* filter_;
    MessageLine* message_;
    QLineEdit* words_;
    QTreeView* view_;
    QLabel* empty_;
    std::vector<QAction*> menu_;
    bool following_ = false;
};

}  // namespace bitwright::views
