// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/model/model_tree.h"

#include "tests/support/grab.h"
#include "tests/support/models.h"
#include "tests/support/sample_workspace.h"
#include "views/desk/message_line.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QClipboard>
#include <QLabel>
#include <QLineEdit>
#include <QTest>
#include <QTreeView>
#include <gtest/gtest.h>

namespace bitwright::test {
namespace {

/// A tester that fails the test, not the process.
QAbstractItemModelTester* tester(QAbstractItemModel* model) { return new QAbstractItemModelTester(model, QAbstractItemModelTester::FailureReportingMode::Fatal, model); }

class ModelTree : public ::testing::Test {
protected:
    void SetUp() override
    {
        view = tree.findChild<QTreeView*>();
        tester(model());
        tester(view->model());
        tree.resize(240, 640);
        tree.show();
        make_sample_workspace(desk.path(QStringLiteral("w.bitwright")).toStdString(), true, true);
        ASSERT_TRUE(open_and_wait(desk, desk.path(QStringLiteral("w.bitwright"))));
        ASSERT_TRUE(wait_until([&] { return desk.desk.statistics() && desk.idle(); }));
        QCoreApplication::processEvents();
    }
    [[nodiscard]] views::ModelTreeModel* model() const { return tree.findChild<views::ModelTreeModel*>(); }
    [[nodiscard]] const views::Selection& selected() { return desk.desk.selection().current(); }
    [[nodiscard]] QModelIndex shown(const char* site) const { return tree.findChild<views::ModelTreeFilter*>()->mapFromSource(model()->index_of(QLatin1String(site))); }
    [[nodiscard]] QString text(const QModelIndex& index, int column) const { return index.siblingAtColumn(column).data().toString(); }

    TestDesk desk;
    views::ModelTree tree{desk.desk};
    QTreeView* view = nullptr;
};

TEST_F(ModelTree, LayersThatAreAlikeAreOneNode)
{
    const auto* m = model();
    const auto& sites = desk.desk.model()->sites->sites();
    EXPECT_EQ(m->index(0, 0).data().toString(), QStringLiteral("embed_tokens.weight"));
    QModelIndex layers;
    for (int row = 0; row < m->rowCount(); ++row)
        if (m->index(row, 0).data().toString() == QStringLiteral("layers ×4")) layers = m->index(row, 0);
    ASSERT_TRUE(layers.isValid());
    ASSERT_EQ(m->rowCount(layers), 4);
    const auto second = m->index(1, 0, layers);
    EXPECT_EQ(m->rowCount(second), 3);
    EXPECT_EQ(m->index(0, 0, second).data().toString(), QStringLiteral("attention"));
    std::size_t leaves = 0;
    const auto count = [&](const auto& self, const QModelIndex& parent) -> void {
        if (m->site(parent)) ++leaves;
        for (int row = 0; row < m->rowCount(parent); ++row) self(self, m->index(row, 0, parent));
    };
    count(count, {});
    EXPECT_EQ(leaves, sites.size());
    for (const auto& site : sites) EXPECT_EQ(m->site(m->index_of(QString::fromStdString(site.name))), &site);
    // embed 4096 × 192, per layer q 192², k and v 64 × 192, o 192², gate, up and down 512 × 192, two norms of 192, and the final norm; the head is tied
    const std::int64_t layer = 2 * 192 * 192 + 2 * 64 * 192 + 3 * 512 * 192 + 2 * 192;
    EXPECT_EQ(m->node(layers)->parameters, 4 * layer);
    EXPECT_EQ(m->node(layers)->bytes, static_cast<std::uint64_t>(2 * 4 * layer));
    EXPECT_EQ(m->node(layers)->macs, 4 * (layer - 2 * 192));
    EXPECT_EQ(desk.desk.model()->description->parameter_count(), 4 * layer + 192 + 4096 * 192);
}

TEST_F(ModelTree, OffendersAndBitsStandBesideTheNames)
{
    ASSERT_TRUE(wait_until([&] { return !text(shown(offending_site), 1).isEmpty(); }));
    EXPECT_EQ(text(shown(offending_site), views::ModelTreeModel::offenders), QStringLiteral("● 1"));
    EXPECT_EQ(text(shown("layers.0.mlp.down_proj.input"), views::ModelTreeModel::offenders), QString());
    EXPECT_EQ(text(model()->index_of_layer(1), views::ModelTreeModel::offenders), QStringLiteral("● 1"));
    EXPECT_EQ(text(shown("layers.0.mlp.down_proj.weight"), views::ModelTreeModel::bits), QStringLiteral("8"));
    const auto tip = shown(offending_site).data(Qt::ToolTipRole).toString();
    EXPECT_TRUE(tip.contains(QStringLiteral("1 channel")) && tip.contains(QStringLiteral("[tokens, 512]")) && tip.contains(QStringLiteral("min-max"))) << tip.toStdString();
    const auto weight = shown("layers.0.mlp.down_proj.weight").data(Qt::ToolTipRole).toString();
    EXPECT_TRUE(weight.contains(QStringLiteral("[192, 512] BF16"))) << weight.toStdString();
    grab(tree, "model_tree", {{240, 640}});
}

TEST_F(ModelTree, SelectionGoesBothWays)
{
    desk.desk.selection().set_site(QString::fromLatin1(offending_site), 1, 7);
    ASSERT_EQ(view->currentIndex(), shown(offending_site));
    EXPECT_TRUE(view->isExpanded(view->currentIndex().parent()));
    const auto rect = view->visualRect(view->currentIndex());
    EXPECT_TRUE(view->viewport()->rect().contains(rect.center()));

    view->setFocus();
    QTest::keyClick(view, Qt::Key_Down);
    EXPECT_EQ(selected().site, QStringLiteral("layers.1.mlp.down_proj.weight"));
    EXPECT_EQ(selected().layer, 1);
    EXPECT_EQ(selected().channel, -1);
    const auto above = view->visualRect(shown(offending_site));
    QTest::mouseClick(view->viewport(), Qt::LeftButton, Qt::NoModifier, QPoint(rect.left() + 20, above.center().y()));
    EXPECT_EQ(selected().site, QString::fromLatin1(offending_site));
    QTest::mouseClick(view->viewport(), Qt::LeftButton, Qt::ControlModifier, QPoint(rect.left() + 20, view->visualRect(shown("layers.1.mlp.down_proj.weight")).center().y()));
    EXPECT_EQ(selected().sites.size(), 2);
    EXPECT_TRUE(selected().sites.contains(selected().site));

    desk.desk.selection().back();
    EXPECT_EQ(view->currentIndex(), shown(offending_site));
    EXPECT_EQ(view->selectionModel()->selectedRows().size(), 1);
    views::Selection layer;
    layer.layer = 2;
    desk.desk.selection().set(layer);
    EXPECT_EQ(text(view->currentIndex(), 0), QStringLiteral("2"));
}

TEST_F(ModelTree, TheFilterIsTheDesksFilter)
{
    auto* words = tree.findChild<QLineEdit*>();
    QTest::keyClicks(words, QStringLiteral("down_proj input"));
    EXPECT_EQ(desk.desk.selection().filter(), QStringLiteral("down_proj input"));
    int sites = 0;
    const auto* filtered = view->model();
    const auto count = [&](const auto& self, const QModelIndex& parent) -> void {
        if (filtered->rowCount(parent) == 0 && parent.isValid()) {
            ++sites;
            EXPECT_EQ(parent.data().toString(), QStringLiteral("down_proj.input"));
            EXPECT_TRUE(view->visualRect(parent).isValid() || view->isExpanded(parent.parent()));
        }
        for (int row = 0; row < filtered->rowCount(parent); ++row) self(self, filtered->index(row, 0, parent));
    };
    count(count, {});
    EXPECT_EQ(sites, 4);
    grab(tree, "model_tree_filtered", {{240, 640}});
    desk.desk.selection().set_filter(QStringLiteral("q_proj"));
    EXPECT_EQ(words->text(), QStringLiteral("q_proj"));
    words->clear();
    EXPECT_EQ(filtered->rowCount(), model()->rowCount());
    QTest::keyClicks(words, QStringLiteral("kind:down_proj role:input layer:1-2"));
    sites = 0;
    count(count, {});
    EXPECT_EQ(sites, 2);
    words->clear();
    QTest::keyClicks(words, QStringLiteral("layer:x"));
    EXPECT_TRUE(words->toolTip().contains(QStringLiteral("layer"))) << words->toolTip().toStdString();
    EXPECT_GT(filtered->rowCount(), 0);
}

TEST_F(ModelTree, KeysCopyNamesAndChangeThePage)
{
    QString page;
    QObject::connect(&desk.desk, &views::Desk::page_wanted, [&](const QString& id) { page = id; });
    desk.desk.selection().set_site(QString::fromLatin1(offending_site), 1);
    desk.actions.find(QStringLiteral("model.copy_name"))->trigger();
    EXPECT_EQ(QApplication::clipboard()->text(), QString::fromLatin1(offending_site));
    desk.actions.find(QStringLiteral("model.tune"))->trigger();
    EXPECT_EQ(page, QStringLiteral("tune"));
}

TEST(ModelTreeWithoutModel, AMovedModelAsksWhereItIs)
{
    TestDesk desk;
    views::ModelTree tree(desk.desk);
    tree.resize(240, 640);
    tree.show();
    const auto file = desk.path(QStringLiteral("w.bitwright"));
    {
        make_sample_workspace(file.toStdString(), false, false);
        Workspace workspace(file.toStdString());
        auto row = list_models(workspace).front();
        row.path = "/nowhere/at/all";
        put_model(workspace, row, "another identity");
    }
    ASSERT_TRUE(open_and_wait(desk, file));
    auto* message = tree.findChild<views::MessageLine*>();
    EXPECT_TRUE(message->text().contains(QStringLiteral("/nowhere/at/all"))) << message->text().toStdString();
    EXPECT_TRUE(tree.findChild<QTreeView*>()->isHidden());
    grab(tree, "model_tree_missing", {{240, 640}});
    desk.desk.locate_model(QString::fromStdString(sample_model().string()));
    ASSERT_TRUE(wait_until([&] { return desk.desk.model().has_value(); }));
    EXPECT_EQ(message->text(), QString());
    EXPECT_FALSE(tree.findChild<QTreeView*>()->isHidden());
    ASSERT_TRUE(desk.settle());
}

TEST(ModelNodes, HoldEverySiteOfEveryFamilyOnce)
{
    for (const auto& name : golden_model_names()) {
        const auto model = open_model(golden_models() / name);
        views::ModelTreeModel tree;
        tree.set_model(model);
        tester(&tree);
        for (const auto& site : model.sites->sites()) {
            const auto index = tree.index_of(QString::fromStdString(site.name));
            ASSERT_TRUE(index.isValid()) << name << ' ' << site.name;
            EXPECT_EQ(tree.site(index), &site);
            EXPECT_EQ(tree.node(index)->layer, site.layer);
        }
    }
}

}  // namespace
}  // namespace bitwright::test
