// SPDX-License-Identifier: GPL-3.0-or-later
// Every page by Tab alone: whatever can be clicked is reached, has a name for screen readers, and nothing keeps the keys to itself.
#include "tests/support/desk_program.h"
#include "tests/support/sample_workspace.h"
#include "tests/support/test_desk.h"
#include "tests/support/tune_workspace.h"

#include <QAbstractButton>
#include <QAccessible>
#include <QTemporaryDir>
#include <QTest>
#include <gtest/gtest.h>

#include <set>

namespace bitwright {
namespace {

std::string name_of(const QWidget* widget)
{
    auto* interface = QAccessible::queryAccessibleInterface(const_cast<QWidget*>(widget));
    return interface ? interface->text(QAccessible::Name).toStdString() : std::string();
}

std::string words(const QWidget* widget)
{
    std::string path = widget->metaObject()->className();
    path += " \"" + widget->objectName().toStdString() + "\" named \"" + name_of(widget) + "\"";
    for (const auto* above = widget->parentWidget(); above && !above->isWindow(); above = above->parentWidget())
        if (!above->objectName().isEmpty() && !above->objectName().startsWith(QLatin1String("qt_"))) return path + " in " + above->objectName().toStdString();
    return path;
}

/// The widget that has the keys for it.
const QWidget* keys_of(const QWidget* widget)
{
    while (widget->focusProxy()) widget = widget->focusProxy();
    return widget;
}

TEST(Keyboard, TabReachesEverythingOnEveryPageAndItHasAName)
{
    const QTemporaryDir data;
    qputenv("XDG_DATA_HOME", data.path().toUtf8());
    const auto file = data.filePath(QStringLiteral("w.bitwright"));
    test::make_sample_workspace(file.toStdString(), true, true);
    test::DeskProgram program;
    program.desk.open(file);
    ASSERT_TRUE(test::wait_until([&] { return program.desk.recipe() && program.desk.statistics() && program.idle(); }));
    test::put_tune_evaluation(*program.desk.workspace(), program.desk.revisions().head()->row.id, *program.desk.model_row(), 100, 230);
    program.desk.refresh();
    ASSERT_TRUE(test::wait_until([&] { return program.idle(); }));
    QApplication::setActiveWindow(&program.window);
    for (int page = 1; page <= 6; ++page) {
        QTest::keyClick(&program.window, static_cast<Qt::Key>(Qt::Key_0 + page), Qt::ControlModifier);
        ASSERT_TRUE(test::wait_until([&] { return program.idle(); }));
        QTest::qWait(50);
        std::set<const QWidget*> reached;
        for (int press = 0; press < 400; ++press) {
            auto* at = QApplication::focusWidget();
            if (at && !reached.insert(at).second) break;  // once round
            QTest::keyClick(at ? at : &program.window, Qt::Key_Tab);
        }
        EXPECT_GE(reached.size(), 9U) << "page " << page;
        for (const auto* widget : program.window.findChildren<QWidget*>()) {
            if (!widget->isVisible() || !widget->isEnabled() || widget->window() != &program.window || !(widget->focusPolicy() & Qt::TabFocus) || widget->visibleRegion().isEmpty()) continue;
            const auto* button = qobject_cast<const QAbstractButton*>(widget);
            if (button && button->group() && button->isCheckable() && button->group()->exclusive() && !button->isChecked()) continue;  // arrows go from one to the next
            const auto* keys = keys_of(widget);
            EXPECT_TRUE(reached.contains(keys)) << "page " << page << ": Tab does not reach " << words(widget);
            if (widget->focusProxy()) continue;
            EXPECT_FALSE(name_of(widget).empty()) << "page " << page << ": no name for " << words(widget);
        }
    }
}

}  // namespace
}  // namespace bitwright
