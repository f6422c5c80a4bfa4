// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/help/help_sheet.h"

#include "tests/support/grab.h"

#include <QDir>
#include <QFile>
#include <QListWidget>
#include <QRegularExpression>
#include <QTest>
#include <QTextBrowser>
#include <gtest/gtest.h>

#include <set>

namespace bitwright::test {
namespace {

TEST(Help, EveryPageIsListedAndEveryLinkLeadsToOne)
{
    std::set<QString> listed;
    for (const auto& topic : views::help_topics()) {
        EXPECT_FALSE(topic.title.isEmpty()) << topic.name.toStdString() << " has no first line";
        listed.insert(topic.name + QStringLiteral(".md"));
    }
    const auto files = QDir(QStringLiteral(":/help")).entryList();
    EXPECT_EQ(listed, std::set<QString>(files.begin(), files.end()));
    static const QRegularExpression link(QStringLiteral("\\]\\(([^)]+)\\)"));
    for (const auto& name : files) {
        QFile file(QStringLiteral(":/help/") + name);
        ASSERT_TRUE(file.open(QIODevice::ReadOnly));
        for (auto found = link.globalMatch(QString::fromUtf8(file.readAll())); found.hasNext();) {
            const auto target = found.next().captured(1);
            EXPECT_TRUE(listed.contains(target)) << name.toStdString() << " links to " << target.toStdString();
        }
    }
}

TEST(Help, ListAndLinksTurnThePages)
{
    QWidget window;
    views::HelpSheet sheet(&window);
    sheet.open_topic(QStringLiteral("explore"));
    EXPECT_EQ(sheet.topic(), QStringLiteral("explore"));
    auto* text = sheet.findChild<QTextBrowser*>();
    EXPECT_TRUE(text->toPlainText().startsWith(QStringLiteral("Outliers"))) << text->toPlainText().left(40).toStdString();
    Q_EMIT text->anchorClicked(QUrl(QStringLiteral("inspector.md")));
    EXPECT_EQ(sheet.topic(), QStringLiteral("inspector"));
    auto* list = sheet.findChild<QListWidget*>();
    list->setFocus();
    QTest::keyClick(list, Qt::Key_Down);
    EXPECT_EQ(sheet.topic(), QStringLiteral("tune"));
    EXPECT_TRUE(text->toPlainText().startsWith(QStringLiteral("Recipes")));
    sheet.open_topic(QStringLiteral("nothing of that name"));
    EXPECT_EQ(sheet.topic(), QStringLiteral("start"));
    grab(sheet, "help", {{760, 600}});
}

}  // namespace
}  // namespace bitwright::test
