// SPDX-License-Identifier: GPL-3.0-or-later
// The shell: pages in the middle, model tree and inspector beside them, the line of jobs below, one bar on top. It knows which page exists, none knows another.
// Invariants: what is open decides what shows: nothing open = the start page; a failed opening leaves what was open.
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"
#include "views/desk/page.h"

#include <QJsonObject>
#include <QMainWindow>

#include <optional>
#include <vector>

class QActionGroup;
class QLabel;
class QStackedWidget;
class QToolBar;
class QToolButton;

namespace bitwright {

namespace views {
class MessageLine;
class CalibrateSheet;
class HelpSheet;
}  // namespace views

class MainWindow : public QMainWindow {
    Q_OBJECT
public:
    /// `desk` and its actions outlive the window's children; actions belong to this window.
    MainWindow();
    ~MainWindow() override;
    /// Once the desk exists: makes the pages. `desk` must outlive the window.
    void furnish(views::Desk& desk);
    /// "numerics ● ready", or why it is not.
    void set_numerics(const QString& state, const QString& detail, bool good);
    void show_page(const QString& id);
    /// Layout, page states and selection as the workspace keeps them.
    [[nodiscard]] QJsonObject session() const;

Q_SIGNALS:
    void closing();

protected:
    void closeEvent(QCloseEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void add_page(views::Page* page);
    void add_docks();
    void add_actions();
    void make_bar();
    void refresh_bar();
    [[nodiscard]] QString help_topic() const;
    void show_help(const QString& topic);
    void show_inspector();
    void show_tree();
    void workspace_changed();
    void save_session();
    void restore_session(const QJsonObject& session);
    void apply_theme_choice(views::ThemeChoice choice);

    views::Desk* desk_ = nullptr;
    views::MessageLine* message_ = nullptr;
    QStackedWidget* stack_ = nullptr;
    QMainWindow* inner_ = nullptr;
    QToolBar* rail_ = nullptr;
    QActionGroup* rail_choice_ = nullptr;
    views::Page* start_ = nullptr;
    views::CalibrateSheet* calibrate_ = nullptr;
    views::HelpSheet* help_ = nullptr;  ///< made when it is first asked for
    QToolButton* workspace_button_ = nullptr;
    QLabel* model_label_ = nullptr;
    QLabel* recipe_label_ = nullptr;
    QLabel* numerics_label_ = nullptr;
    std::vector<views::Page*> pages_;
    QList<QDockWidget*> docks_;
    QByteArray default_layout_;
    QString session_workspace_;
    std::optional<bool> numerics_good_;  ///< absent: not asked for yet
    bool inspector_wanted_ = true, switching_ = false, narrow_ = false;
};

}  // namespace bitwright
