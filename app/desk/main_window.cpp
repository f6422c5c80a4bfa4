// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desk/main_window.h"

#include "core/workspace/desk.h"
#include "views/calibrate/calibrate_sheet.h"
#include "views/compare/compare_page.h"
#include "views/desk/message_line.h"
#include "views/desk/theme.h"
#include "views/devices/devices_page.h"
#include "views/explore/explore_page.h"
#include "views/help/help_sheet.h"
#include "views/inspector/inspector_panel.h"
#include "views/jobs/jobs_panel.h"
#include "views/model/model_tree.h"
#include "views/optimize/optimize_page.h"
#include "views/palette/command_palette.h"
#include "views/palette/key_sheet.h"
#include "views/playground/playground_sheet.h"
#include "views/results/results_page.h"
#include "views/settings/settings_sheet.h"
#include "views/start/drop_target.h"
#include "views/start/start_page.h"
#include "views/tune/tune_page.h"

#include <QActionGroup>
#include <QBuffer>
#include <QApplication>
#include <QClipboard>
#include <QCloseEvent>
#include <QDockWidget>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QJsonArray>
#include <QJsonDocument>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QStackedWidget>
#include <QTimer>
#include <QToolBar>
#include <QToolButton>
#include <QVBoxLayout>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace bitwright {

using views::Desk;
using views::Page;

namespace {

constexpr int layout_version = 1;  ///< of saveState(): a new dock makes old layouts fall back to the default

/// So that the keys of a page that a key brought to the front work at once: its last used control, else its first.
void focus_into(QWidget& page)
{
    if (const auto* focus = QApplication::focusWidget(); focus && page.isAncestorOf(focus)) return;
    const auto takes = [&](const QWidget* widget) { return widget && page.isAncestorOf(widget) && widget->isVisible() && widget->isEnabled() && (widget->focusPolicy() & Qt::TabFocus); };
    QWidget* target = page.focusWidget();
    for (auto* next = page.nextInFocusChain(); !takes(target) && next != &page; next = next->nextInFocusChain()) target = next;
    if (takes(target)) target->setFocus(Qt::ShortcutFocusReason);
}

}  // namespace

MainWindow::MainWindow()
{
    setObjectName(QStringLiteral("main_window"));
    setWindowTitle(QStringLiteral("Bitwright"));
    resize(1280, 800);
    setMinimumSize(960, 600);
}

MainWindow::~MainWindow() = default;

void MainWindow::furnish(Desk& desk)
{
    desk_ = &desk;
    new views::DropTarget(desk, this);
    auto* middle = new QWidget(this);
    auto* column = new QVBoxLayout(middle);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    message_ = new views::MessageLine(middle);
    message_->setObjectName(QStringLiteral("desk_message"));
    auto* row = new QHBoxLayout;
    row->setSpacing(0);
    rail_ = new QToolBar(middle);
    rail_->setObjectName(QStringLiteral("rail"));
    rail_->setAccessibleName(tr("Pages"));
    rail_->setOrientation(Qt::Vertical);
    rail_->setIconSize(QSize(24, 24));
    rail_->setToolButtonStyle(Qt::ToolButtonTextUnderIcon);
    rail_choice_ = new QActionGroup(this);
    // the docks stand in a window of their own, so that rail and jobs keep the full height and width
    inner_ = new QMainWindow(middle);
    inner_->setWindowFlags(Qt::Widget);
    inner_->setObjectName(QStringLiteral("inner"));
    inner_->setDockOptions(AnimatedDocks | AllowNestedDocks | AllowTabbedDocks);
    stack_ = new QStackedWidget(inner_);
    stack_->setMinimumSize(420, 360);  // a wide page never pushes the docks out of the window
    inner_->setCentralWidget(stack_);
    row->addWidget(rail_);
    row->addWidget(inner_, 1);
    column->addLayout(row, 1);
    message_->float_over(*inner_);
    setCentralWidget(middle);

    start_ = new views::StartPage(desk, stack_);
    stack_->addWidget(start_);
    add_page(new views::ExplorePage(desk, stack_));
    add_page(new views::TunePage(desk, stack_));
    add_page(new views::OptimizePage(desk, stack_));
    add_page(new views::DevicesPage(desk, stack_));
    add_page(new views::ResultsPage(desk, stack_));
    add_page(new views::ComparePage(desk, stack_));
    column->addWidget(new views::JobsPanel(desk, middle));
    calibrate_ = new views::CalibrateSheet(desk, this);

    make_bar();
    add_docks();
    add_actions();
    default_layout_ = inner_->saveState(layout_version);
    if (!desk.settings().geometry.isEmpty()) restoreGeometry(desk.settings().geometry);
    if (!desk.settings().docks.isEmpty()) inner_->restoreState(desk.settings().docks, layout_version);

    connect(&desk, &Desk::failed, message_, [this](const QString& sentence) { message_->show_error(sentence); });
    connect(&desk, &Desk::waiting, message_, [this](const QString& sentence) { message_->show_note(sentence, tr("Stop waiting"), [this] { desk_->stop_waiting(); }); });
    connect(&desk, &Desk::locked, message_, [this](const QString& sentence, const std::function<void()>& again) { message_->show_error(sentence, tr("Try again"), again); });
    connect(&desk, &Desk::said, message_, [this](const QString& sentence) { message_->show_note(sentence); });
    connect(&desk, &Desk::model_missing, message_, [this](const QString& folder) {
        message_->show_error(tr("The model is not in %1 any more; its statistics and results are shown, new work needs it").arg(folder), tr("Locate…"), [this] {
            const auto found = QFileDialog::getExistingDirectory(this, tr("Where is the model now?"));
            if (!found.isEmpty()) desk_->locate_model(found);
        });
    });
    connect(&desk, &Desk::calibration_wanted, calibrate_, [this] {
        calibrate_->show();
        calibrate_->raise();
        calibrate_->activateWindow();
    });
    connect(&desk, &Desk::page_wanted, this, &MainWindow::show_page);
    connect(&desk, &Desk::workspace_closing, this, &MainWindow::save_session);
    connect(&desk, &Desk::workspace_changed, this, &MainWindow::workspace_changed);
    connect(&desk, &Desk::model_changed, this, &MainWindow::refresh_bar);
    connect(&desk, &Desk::recipe_changed, this, &MainWindow::refresh_bar);
    connect(&desk.revisions(), &views::Revisions::list_changed, this, &MainWindow::refresh_bar);
    workspace_changed();
}

void MainWindow::add_page(Page* page)
{
    stack_->addWidget(page);
    pages_.push_back(page);
    auto* action = rail_->addAction(views::icon(page->id()), page->title());
    action->setCheckable(true);
    action->setToolTip(tr("%1  (Ctrl+%2)").arg(page->title()).arg(pages_.size()));
    rail_choice_->addAction(action);
    rail_->widgetForAction(action)->setMinimumSize(72, 54);
    connect(action, &QAction::triggered, this, [this, page] { show_page(page->id()); });
}

void MainWindow::add_docks()
{
    QList<int> widths;
    const auto add = [&](const QString& name, const QString& title, QWidget* content, Qt::DockWidgetArea area, int width) {
        auto* dock = new QDockWidget(title, this);
        dock->setObjectName(name);
        dock->setWidget(content);
        inner_->addDockWidget(area, dock);
        docks_.push_back(dock);
        widths << width;
    };
    add(QStringLiteral("dock_model"), tr("Model"), new views::ModelTree(*desk_, this), Qt::LeftDockWidgetArea, 240);
    add(QStringLiteral("dock_inspector"), tr("Inspector"), new views::InspectorPanel(*desk_, this), Qt::RightDockWidgetArea, 320);
    docks_.front()->widget()->setMinimumWidth(200);  // names of sites stay readable
    connect(docks_.back(), &QDockWidget::visibilityChanged, this, [this](bool visible) {
        if (!switching_ && isVisible() && desk_->workspace()) inspector_wanted_ = visible;
    });
    // once the window has its size
    QTimer::singleShot(0, this, [this, widths] {
        if (!desk_->settings().docks.isEmpty()) return;
        inner_->resizeDocks(docks_, widths, Qt::Horizontal);
        default_layout_ = inner_->saveState(layout_version);
    });
}

void MainWindow::make_bar()
{
    auto* bar = addToolBar(tr("Document"));
    bar->setObjectName(QStringLiteral("bar"));
    bar->setMovable(false);
    bar->setContextMenuPolicy(Qt::PreventContextMenu);
    workspace_button_ = new QToolButton(bar);
    workspace_button_->setPopupMode(QToolButton::InstantPopup);
    workspace_button_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    workspace_button_->setIcon(views::icon(QStringLiteral("workspace")));
    workspace_button_->setMenu(new QMenu(workspace_button_));
    workspace_button_->setStyleSheet(QStringLiteral("QToolButton::menu-indicator { image: none; }"));  // the text has its arrow
    model_label_ = new QLabel(bar);
    recipe_label_ = new QLabel(bar);
    numerics_label_ = new QLabel(tr("numerics ○ not loaded"), bar);
    auto* search = new QPushButton(tr("Search or command   Ctrl+K"), bar);
    search->setObjectName(QStringLiteral("search"));
    search->setIcon(views::icon(QStringLiteral("search")));
    search->setMinimumWidth(240);
    connect(search, &QPushButton::clicked, this, [this] { desk_->actions().find(QStringLiteral("desk.palette"))->trigger(); });
    auto* space = new QWidget(bar);
    space->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    for (auto* label : {model_label_, recipe_label_, numerics_label_}) {
        label->setContentsMargins(12, 0, 12, 0);
        label->setTextFormat(Qt::PlainText);
    }
    for (QWidget* widget : std::initializer_list<QWidget*>{workspace_button_, model_label_, recipe_label_, space, search, numerics_label_}) bar->addWidget(widget);
}

void MainWindow::add_actions()
{
    auto& actions = desk_->actions();
    const auto file = tr("File"), view = tr("View"), edit = tr("Edit");
    auto* menu = workspace_button_->menu();
    for (const auto& id : {QStringLiteral("start.open_model"), QStringLiteral("start.open_workspace"), QStringLiteral("start.open_sample")})
        if (auto* action = actions.find(id)) menu->addAction(action);
    menu->addAction(actions.add(QStringLiteral("desk.calibrate"), file, tr("Calibrate…"), QKeySequence(Qt::CTRL | Qt::Key_L), [this] { Q_EMIT desk_->calibration_wanted(); }));
    menu->addSeparator();
    auto* look = menu->addMenu(tr("Appearance"));
    const std::pair<views::ThemeChoice, QString> themes[] = {{views::ThemeChoice::system, tr("As the system")},
                                                             {views::ThemeChoice::light, tr("Light")},
                                                             {views::ThemeChoice::dark, tr("Dark")},
                                                             {views::ThemeChoice::high_contrast, tr("High contrast")}};
    const char* const theme_ids[] = {"view.theme_system", "view.theme_light", "view.theme_dark", "view.theme_high_contrast"};
    for (std::size_t i = 0; i < std::size(themes); ++i)
        look->addAction(actions.add(QLatin1String(theme_ids[i]), view, tr("Appearance: %1").arg(themes[i].second), {}, [this, choice = themes[i].first] { apply_theme_choice(choice); }));
    const std::pair<plots::Sequence, QString> sequences[] = {
        {plots::Sequence::viridis, QStringLiteral("viridis")}, {plots::Sequence::cividis, QStringLiteral("cividis")}, {plots::Sequence::magma, QStringLiteral("magma")}, {plots::Sequence::grey, tr("grey")}};
    auto* colours = menu->addMenu(tr("Colours of maps"));
    for (const auto& [sequence, name] : sequences)
        colours->addAction(actions.add(QStringLiteral("view.sequence_%1").arg(static_cast<int>(sequence)), view, tr("Colours of maps: %1").arg(name), {}, [this, chosen = sequence] {
            desk_->settings().sequence = chosen;
            apply_theme_choice(desk_->settings().theme);
        }));
    auto* panels = menu->addMenu(tr("Panels"));
    for (auto* dock : docks_)
        panels->addAction(actions.add(QStringLiteral("view.") + dock->objectName(), view, tr("Show or hide: %1").arg(dock->windowTitle()), {}, [dock] { dock->setVisible(!dock->isVisible()); }));
    panels->addAction(actions.add(QStringLiteral("view.default_layout"), view, tr("Restore the default layout"), {}, [this] { inner_->restoreState(default_layout_, layout_version); }));
    menu->addSeparator();
    new views::CommandPalette(*desk_, this);  // each registers the action that opens it
    new views::KeySheet(*desk_, this);
    new views::SettingsSheet(*desk_, this);
    new views::PlaygroundSheet(*desk_, this);
    for (const auto& id : {QStringLiteral("desk.playground"), QStringLiteral("desk.settings")}) menu->addAction(actions.find(id));
    connect(desk_, &Desk::settings_changed, this, [this] { apply_theme_choice(desk_->settings().theme); });
    // the sheet is a window of its own, so it takes the key, too
    calibrate_->addAction(actions.add(QStringLiteral("desk.help"), tr("Desk"), tr("Help on what is in front"), QKeySequence(QKeySequence::HelpContents), [this] { show_help(help_topic()); }));
    for (const auto& topic : views::help_topics())
        actions.add(QStringLiteral("help.") + topic.name, tr("Help"), tr("Help: %1").arg(topic.title), {}, [this, name = topic.name] { show_help(name); });
    for (const auto& id : {QStringLiteral("desk.palette"), QStringLiteral("desk.keys"), QStringLiteral("desk.help")})
        if (auto* action = actions.find(id)) menu->addAction(action);
    menu->addSeparator();
    menu->addAction(actions.add(QStringLiteral("page.start"), view, tr("Start page"), QKeySequence(Qt::CTRL | Qt::Key_0), [this] { show_page(QStringLiteral("start")); }));
    menu->addAction(actions.add(QStringLiteral("desk.close"), file, tr("Close the workspace"), QKeySequence(Qt::CTRL | Qt::Key_W), [this] { desk_->close(); }));
    menu->addAction(actions.add(QStringLiteral("desk.quit"), file, tr("Quit"), QKeySequence(Qt::CTRL | Qt::Key_Q), [this] { close(); }));

    for (std::size_t i = 0; i < pages_.size(); ++i)
        actions.add(QStringLiteral("page.") + pages_[i]->id(), view, pages_[i]->title(), QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_1 + static_cast<int>(i))), [this, id = pages_[i]->id()] {
            show_page(id);
            focus_into(*stack_->currentWidget());
        });
    actions.add(QStringLiteral("desk.back"), view, tr("Back"), QKeySequence(Qt::ALT | Qt::Key_Left), [this] { desk_->selection().back(); });
    actions.add(QStringLiteral("desk.forward"), view, tr("Forward"), QKeySequence(Qt::ALT | Qt::Key_Right), [this] { desk_->selection().forward(); });
    actions.add(QStringLiteral("desk.copy_command"), edit, tr("Copy the equivalent command line"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_C), [this] {
        const auto line = desk_->actions().command_line();
        if (line.isEmpty()) return desk_->say(tr("Nothing was done yet that has a command line"));
        QApplication::clipboard()->setText(line);
        desk_->say(tr("Copied: %1").arg(line));
    });
}

void MainWindow::set_numerics(const QString& state, const QString& detail, bool good)
{
    numerics_label_->setText(state);
    numerics_label_->setToolTip(detail);
    numerics_good_ = good;
    refresh_bar();
}

void MainWindow::show_page(const QString& id)
{
    if (id == QLatin1String("start")) {
        stack_->setCurrentWidget(start_);
        return start_->activated();
    }
    if (id == QLatin1String("inspector")) {
        auto* dock = docks_.back();
        inspector_wanted_ = true;
        dock->show();
        return dock->raise();
    }
    const auto found = std::ranges::find_if(pages_, [&](const Page* candidate) { return candidate->id() == id; });
    if (found == pages_.end() || !desk_->workspace()) return;
    rail_choice_->actions().at(static_cast<int>(found - pages_.begin()))->setChecked(true);
    stack_->setCurrentWidget(*found);
    show_inspector();
    (*found)->activated();
}

/// The sheet or panel the keys go to, else the page in front.
QString MainWindow::help_topic() const
{
    if (calibrate_->isActiveWindow()) return QStringLiteral("calibrate");
    if (const auto* focus = QApplication::focusWidget(); focus && docks_.back()->isAncestorOf(focus)) return QStringLiteral("inspector");
    const auto* page = qobject_cast<const Page*>(stack_->currentWidget());
    return page ? page->id() : QStringLiteral("start");
}

void MainWindow::show_help(const QString& topic)
{
    if (!help_) help_ = new views::HelpSheet(this);
    help_->open_topic(topic);
}

/// Where a page is about sites; the other pages need the room. The user's choice to hide it holds.
void MainWindow::show_inspector()
{
    const auto* page = qobject_cast<Page*>(stack_->currentWidget());
    const bool about_sites = page && (page->id() == QLatin1String("explore") || page->id() == QLatin1String("tune") || page->id() == QLatin1String("optimize"));
    switching_ = true;
    docks_.back()->setVisible(about_sites && inspector_wanted_ && desk_->workspace());
    switching_ = false;
}

/// A narrow window has no room for both docks beside a page: the tree steps aside until the window is wide again, or until it is asked for.
void MainWindow::show_tree() { docks_.front()->setVisible(desk_->workspace() && !narrow_); }

void MainWindow::resizeEvent(QResizeEvent* event)
{
    QMainWindow::resizeEvent(event);
    const bool narrow = width() < 1160;
    if (narrow == narrow_ || docks_.empty()) return;
    narrow_ = narrow;
    show_tree();
}

void MainWindow::refresh_bar()
{
    const auto path = desk_->workspace_path();
    const auto name = QFileInfo(path).completeBaseName();
    workspace_button_->setText((path.isEmpty() ? tr("Nothing open") : name) + QStringLiteral(" ▾"));
    workspace_button_->setToolTip(path);
    const auto folder = desk_->model_folder();
    model_label_->setText(QFileInfo(folder).fileName() == name ? QString() : QFileInfo(folder).fileName());  // a workspace made for a model has its name
    model_label_->setToolTip(folder);
    model_label_->setContentsMargins(model_label_->text().isEmpty() ? 0 : 12, 0, model_label_->text().isEmpty() ? 0 : 12, 0);
    if (numerics_good_) {
        const auto signs = views::signal_colours();
        numerics_label_->setStyleSheet(QStringLiteral("color: %1").arg((*numerics_good_ ? signs.good : signs.error).name()));
    }
    const auto head = desk_->revisions().head();
    if (!head)
        recipe_label_->setText(desk_->workspace() ? tr("no recipe") : QString());
    else {
        const auto id = head->stored.load();  // the number that history, results and the command line use
        recipe_label_->setText(id == 0 ? views::recipe_title(head->row) : tr("%1 · recipe:%2").arg(views::recipe_title(head->row)).arg(id));
    }
    setWindowTitle(path.isEmpty() ? QStringLiteral("Bitwright") : name);  // the system adds the program's
}

void MainWindow::workspace_changed()
{
    refresh_bar();
    const bool open = desk_->workspace() != nullptr;
    rail_->setVisible(open);
    show_tree();
    show_inspector();
    message_->dismiss();
    if (!open) {
        stack_->setCurrentWidget(start_);
        start_->activated();
        session_workspace_.clear();
        return;
    }
    if (session_workspace_ == desk_->workspace_path()) return;
    session_workspace_ = desk_->workspace_path();
    QJsonObject session;
    try {
        const auto stored = desk_value(*desk_->workspace(), "session");
        if (stored.is_object()) session = QJsonDocument::fromJson(QByteArray::fromStdString(stored.dump())).object();
    } catch (const Error& error) {
        desk_->fail(QString::fromUtf8(error.what()));
    }
    restore_session(session);
}

QJsonObject MainWindow::session() const
{
    QJsonObject pages;
    for (const auto* page : pages_) pages.insert(page->id(), page->state());
    const auto& selection = desk_->selection().current();
    const auto* page_now = qobject_cast<Page*>(stack_->currentWidget());
    QJsonArray waiting;  // never begun, so no row remembers them
    for (const auto& job : desk_->jobs().jobs())
        if (!job.row && !views::is_over(job.phase)) waiting.prepend(QJsonObject{{QStringLiteral("title"), job.title}, {QStringLiteral("arguments"), QJsonArray::fromStringList(job.arguments)}});
    return {{QStringLiteral("queue"), waiting},
            {QStringLiteral("page"), page_now ? page_now->id() : QString()},
            {QStringLiteral("pages"), pages},
            {QStringLiteral("filter"), desk_->selection().filter()},
            {QStringLiteral("selection"), QJsonObject{{QStringLiteral("site"), selection.site}, {QStringLiteral("layer"), selection.layer}, {QStringLiteral("channel"), selection.channel}}}};
}

void MainWindow::restore_session(const QJsonObject& session)
{
    const auto pages = session.value(QStringLiteral("pages")).toObject();
    for (auto* page : pages_) page->restore(pages.value(page->id()).toObject());
    for (const auto& held : session.value(QStringLiteral("queue")).toArray()) {
        QStringList arguments;
        for (const auto& argument : held.toObject().value(QStringLiteral("arguments")).toArray()) arguments << argument.toString();
        const auto& known = desk_->jobs().jobs();
        if (std::ranges::none_of(known, [&](const views::Job& job) { return job.arguments == arguments; })) desk_->jobs().hold(held.toObject().value(QStringLiteral("title")).toString(), arguments);
    }
    desk_->selection().set_filter(session.value(QStringLiteral("filter")).toString());
    const auto selection = session.value(QStringLiteral("selection")).toObject();
    if (const auto site = selection.value(QStringLiteral("site")).toString(); !site.isEmpty())
        desk_->selection().set_site(site, selection.value(QStringLiteral("layer")).toInt(-1), selection.value(QStringLiteral("channel")).toInt(-1));
    const auto page = session.value(QStringLiteral("page")).toString();
    show_page(page.isEmpty() ? pages_.front()->id() : page);
}

void MainWindow::save_session()
{
    if (!desk_ || !desk_->workspace() || desk_->workspace()->read_only()) return;
    const auto value = QJsonDocument(session()).toJson(QJsonDocument::Compact).toStdString();
    QByteArray picture;
    for (auto* page : pages_)
        if (const auto image = page->thumbnail(); !image.isNull()) {
            QBuffer buffer(&picture);
            image.save(&buffer, "PNG");
            break;
        }
    desk_->lanes().store.post(this, {}, [workspace = desk_->workspace(), value, thumbnail = picture.toBase64().toStdString()](const Control&) -> views::Lane::Continuation {
        put_desk_value(*workspace, "session", nlohmann::json::parse(value));
        if (!thumbnail.empty()) put_desk_value(*workspace, "thumbnail", thumbnail);
        return {};
    });
}

void MainWindow::closeEvent(QCloseEvent* event)
{
    save_session();
    if (narrow_ && desk_->workspace()) docks_.front()->show();  // the stored layout is that of a wide window
    desk_->settings().geometry = saveGeometry();
    if (desk_->workspace()) desk_->settings().docks = inner_->saveState(layout_version);
    Q_EMIT closing();
    event->accept();
}

void MainWindow::apply_theme_choice(views::ThemeChoice choice)
{
    desk_->settings().theme = choice;
    views::apply_theme(views::appearance_of(choice));
    for (auto* widget : QApplication::allWidgets()) {  // icons and plots are drawn in the palette's colours
        QEvent change(QEvent::PaletteChange);
        QCoreApplication::sendEvent(widget, &change);
        widget->update();
    }
    refresh_bar();
}

}  // namespace bitwright
