// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/tune_page.h"

#include "core/exchange/prediction.h"
#include "core/recipe/edits.h"
#include "core/recipe/placement.h"
#include "core/statistics/accumulator.h"
#include "core/workspace/engine_speeds.h"
#include "core/workspace/local_machine.h"
#include "core/workspace/models.h"
#include "core/workspace/notes.h"
#include "core/workspace/results.h"
#include "tests/support/deep_model.h"
#include "tests/support/test_desk.h"
#include "tests/support/tune_workspace.h"
#include "views/desk/formats.h"
#include "views/desk/message_line.h"
#include "views/tune/budget_bar.h"
#include "views/tune/history_panel.h"
#include "views/tune/lint_panel.h"
#include "views/tune/site_table_view.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QPushButton>
#include <QTest>
#include <QToolButton>
#include <gtest/gtest.h>

namespace bitwright::views {
namespace {

class Tune : public ::testing::Test {
protected:
    void SetUp() override
    {
        test::make_tune_workspace(desk_.path(QStringLiteral("w.bitwright")).toStdString(), 2);
        open();
    }
    void open()
    {
        bool opened = false;
        const auto connection = QObject::connect(&desk_.desk, &Desk::statistics_changed, [&] { opened = desk_.desk.statistics() != nullptr; });
        desk_.desk.open(desk_.path(QStringLiteral("w.bitwright")));
        ASSERT_TRUE(test::wait_until([&] { return opened; }));
        QObject::disconnect(connection);
        page_ = std::make_unique<TunePage>(desk_.desk);
        page_->resize(1000, 700);
        page_->show();
        QApplication::setActiveWindow(page_.get());
        page_->activated();
        ASSERT_TRUE(desk_.settle());
    }
    [[nodiscard]] SiteTableView& table() const { return page_->table(); }
    [[nodiscard]] Revisions& revisions() { return desk_.desk.revisions(); }
    [[nodiscard]] std::string hash() { return recipe_hash(*desk_.desk.recipe()); }
    [[nodiscard]] const SiteDecision& decision(const std::string& site) { return desk_.desk.recipe()->sites.at(site); }
    [[nodiscard]] QModelIndex cell(const char* site, int column) const
    {
        const auto index = table().order().mapFromSource(page_->sites().index(page_->sites().row_of(site), column));
        EXPECT_TRUE(index.isValid()) << site;
        return index;
    }
    void go(const char* site, int column)
    {
        table().setFocus();
        table().setCurrentIndex(cell(site, column));
        ASSERT_TRUE(table().hasFocus());
    }
    /// Opens the editor by key, types, commits by key.
    void type(const QString& text, Qt::Key open = Qt::Key_F2)
    {
        QTest::keyClick(&table(), open);
        auto* editor = table().viewport()->findChild<QWidget*>(QString(), Qt::FindDirectChildrenOnly);
        ASSERT_NE(editor, nullptr) << "no editor opened";
        if (auto* box = qobject_cast<QComboBox*>(editor)) {
            QTest::keyClicks(box, text);
        } else {
            qobject_cast<QLineEdit*>(editor)->selectAll();
            QTest::keyClicks(editor, text);
        }
        QTest::keyClick(editor, Qt::Key_Enter);
        QCoreApplication::processEvents();
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
    }

    test::TestDesk desk_;
    std::unique_ptr<TunePage> page_;
};

constexpr const char* down0 = "layers.0.mlp.down_proj.input";
constexpr const char* down1 = "layers.1.mlp.down_proj.input";

TEST_F(Tune, TheTableIsAModelThatQtAccepts)
{
    QAbstractItemModelTester tester(&page_->sites(), QAbstractItemModelTester::FailureReportingMode::Fatal);
    QAbstractItemModelTester ordered(&table().order(), QAbstractItemModelTester::FailureReportingMode::Fatal);
    QAbstractItemModelTester history(page_->history().list()->model(), QAbstractItemModelTester::FailureReportingMode::Fatal);
    QAbstractItemModelTester lints(&page_->lints().model(), QAbstractItemModelTester::FailureReportingMode::Fatal);
    revisions().edit(edit_sites(*desk_.desk.recipe(), *desk_.desk.model(), down0, {{"max", "2.5"}}));
    page_->filter().setText(QStringLiteral("kind:down_proj"));
    table().sortByColumn(SiteTableModel::max_column, Qt::DescendingOrder);
    ASSERT_TRUE(desk_.settle());
    EXPECT_GT(page_->sites().rowCount(), 60);
}

TEST_F(Tune, EditsInPlaceByKeys)
{
    const int other = decision(down1).scheme.bits;
    go(down0, SiteTableModel::bits_column);
    type(QStringLiteral("4"));
    EXPECT_EQ(decision(down0).scheme.bits, 4);
    go(down0, SiteTableModel::max_column);
    type(QStringLiteral("18.5"), Qt::Key_Return);
    EXPECT_FLOAT_EQ(decision(down0).range.max->front(), 18.5F);
    EXPECT_EQ(decision(down0).range.source, "by hand");
    EXPECT_EQ(cell(down0, SiteTableModel::max_column).data().toString(), QStringLiteral("18.5"));
    EXPECT_EQ(decision(down1).scheme.bits, other);
    EXPECT_TRUE(desk_.actions.command_line().contains(QStringLiteral("--site layers.0.mlp.down_proj.input max=18.5"))) << desk_.actions.command_line().toStdString();
}

TEST_F(Tune, AnEditOfManyRowsIsOneRevision)
{
    page_->filter().setText(QStringLiteral("kind:down_proj role:input"));
    ASSERT_EQ(table().order().rowCount(), 2);
    const auto count = revisions().all().size();
    const auto before = hash();
    go(down1, SiteTableModel::symmetry_column);
    QTest::keyClick(&table(), Qt::Key_A, Qt::ControlModifier);
    QTest::keyClick(&table(), Qt::Key_F2);
    auto* box = table().viewport()->findChild<QComboBox*>();
    ASSERT_NE(box, nullptr);
    QTest::keyClicks(box, QStringLiteral("s"));
    QTest::keyClick(box, Qt::Key_Enter);
    QCoreApplication::processEvents();
    EXPECT_TRUE(decision(down0).scheme.symmetric);
    EXPECT_TRUE(decision(down1).scheme.symmetric);
    EXPECT_EQ(revisions().all().size(), count + 1);
    EXPECT_TRUE(revisions().undo_words().contains(QStringLiteral("layers.0-1.mlp.down_proj.input"))) << revisions().undo_words().toStdString();
    desk_.actions.find(QStringLiteral("edit.undo"))->trigger();
    EXPECT_EQ(hash(), before);
    desk_.actions.find(QStringLiteral("edit.redo"))->trigger();
    EXPECT_TRUE(decision(down1).scheme.symmetric);
    EXPECT_TRUE(desk_.actions.find(QStringLiteral("edit.undo"))->text().contains(QStringLiteral("symmetric")));
}

TEST_F(Tune, WhatIsNotAllowedSaysWhyAndChangesNothing)
{
    const auto before = hash();
    go(down0, SiteTableModel::min_column);
    type(QStringLiteral("900"));
    EXPECT_TRUE(page_->message().isVisible());
    EXPECT_TRUE(page_->message().text().contains(QLatin1String(down0))) << page_->message().text().toStdString();
    type(QStringLiteral("wide"));
    EXPECT_TRUE(page_->message().text().contains(QStringLiteral("wide")));
    // one of two refuses: neither changes
    const auto norm = cell("layers.0.input_layernorm.weight", 0), linear = cell("layers.0.mlp.up_proj.weight", 0);
    table().selectionModel()->select(norm, QItemSelectionModel::ClearAndSelect | QItemSelectionModel::Rows);
    table().selectionModel()->select(linear, QItemSelectionModel::Select | QItemSelectionModel::Rows);
    page_->sites().setData(page_->sites().index(page_->sites().row_of("layers.0.mlp.up_proj.weight"), SiteTableModel::granularity_column), QStringLiteral("row"));
    ASSERT_TRUE(desk_.settle());
    EXPECT_TRUE(page_->message().text().contains(QStringLiteral("input_layernorm"))) << page_->message().text().toStdString();
    EXPECT_EQ(hash(), before);
}

TEST_F(Tune, TheEditorOffersWhatIsLegalAndSaysWhyNotTheRest)
{
    go("layers.0.input_layernorm.weight", SiteTableModel::granularity_column);
    QTest::keyClick(&table(), Qt::Key_F2);
    auto* box = table().viewport()->findChild<QComboBox*>();
    ASSERT_NE(box, nullptr);
    EXPECT_EQ(box->count(), 1);
    EXPECT_TRUE(box->toolTip().contains(QStringLiteral("a norm weight is quantized per tensor")));
    QTest::keyClick(box, Qt::Key_Escape);
}

TEST_F(Tune, RangesByRuleComeFromTheCalibration)
{
    const auto* seen = desk_.desk.statistics()->find(down0);
    ASSERT_NE(seen, nullptr);
    table().select_rows({page_->sites().row_of(down0), page_->sites().row_of(down1)}, page_->sites().row_of(down0));
    desk_.actions.find(QStringLiteral("tune.minmax"))->trigger();
    ASSERT_TRUE(test::wait_until([&] { return decision(down0).range.source == "min-max"; }));
    EXPECT_EQ(decision(down0).range.max->front(), seen->max);
    EXPECT_EQ(decision(down1).range.source, "min-max");
    desk_.actions.find(QStringLiteral("tune.float"))->trigger();
    EXPECT_EQ(decision(down0).scheme.kind, SchemeKind::floating);
    desk_.actions.find(QStringLiteral("tune.uniform"))->trigger();
    ASSERT_TRUE(test::wait_until([&] { return decision(down0).scheme.kind == SchemeKind::uniform; }));
    EXPECT_EQ(decision(down0).range.max->front(), seen->max);
}

TEST_F(Tune, FiltersInWordsAndSaysWhatItDoesNotUnderstand)
{
    QTest::keyClick(&table(), Qt::Key_Slash);
    EXPECT_TRUE(page_->filter().hasFocus());
    QTest::keyClicks(&page_->filter(), QStringLiteral("layer:1 kind:down_proj"));
    EXPECT_EQ(table().order().rowCount(), 3);
    EXPECT_EQ(desk_.desk.selection().filter(), QStringLiteral("layer:1 kind:down_proj"));
    page_->filter().setText(QStringLiteral("bits:eight"));
    EXPECT_EQ(table().order().rowCount(), 3);
    bool shown = false;
    for (const auto* label : page_->findChildren<QLabel*>()) shown = shown || (label->isVisible() && label->text().contains(QStringLiteral("eight")));
    EXPECT_TRUE(shown) << "the fault is not shown";
    page_->filter().setText(QStringLiteral("sqnr<1000 kind:down_proj role:input"));
    ASSERT_TRUE(desk_.settle());
    EXPECT_EQ(table().order().rowCount(), 2);
}

TEST_F(Tune, FiguresFollowTheRange)
{
    ASSERT_TRUE(test::wait_until([&] { return page_->sites().measured(page_->sites().row_of(down0)).sqnr_db.has_value(); }));
    ASSERT_TRUE(test::wait_until([&] { return page_->sites().measured(page_->sites().row_of(down1)).known; }));
    const auto before = *page_->sites().measured(page_->sites().row_of(down0)).sqnr_db;
    revisions().edit(edit_sites(*desk_.desk.recipe(), *desk_.desk.model(), down0, {{"min", "-0.1"}, {"max", "0.1"}}));
    EXPECT_FALSE(page_->sites().measured(page_->sites().row_of(down0)).known);
    EXPECT_TRUE(page_->sites().measured(page_->sites().row_of(down1)).known);
    ASSERT_TRUE(test::wait_until([&] { return page_->sites().measured(page_->sites().row_of(down0)).sqnr_db.has_value(); }));
    EXPECT_LT(*page_->sites().measured(page_->sites().row_of(down0)).sqnr_db, before);
    EXPECT_GT(*page_->sites().measured(page_->sites().row_of(down0)).saturation, 0.01);
}

TEST_F(Tune, WeightsAreMeasuredInTheBackgroundAndKeptWhileTheyAreDecidedAlike)
{
    auto& sites = page_->sites();
    const std::string name = "layers.1.mlp.down_proj.weight";
    const int row = sites.row_of(name);
    ASSERT_GE(row, 0);
    ASSERT_TRUE(test::wait_until([&] { return sites.unmeasured().empty(); }, 30000));
    const auto figure = [&] { return sites.measured(row).sqnr_db; };
    const auto truth = [&] {
        const auto& model = *desk_.desk.model();
        const auto& decision = desk_.desk.recipe()->sites.at(name);
        return preview_weight(sample_weight(model, desk_.desk.recipe().get(), model.sites->find(name), 0), decision.scheme, decision.range, desk_.desk.recipe()->semantics).sqnr_db->value;
    };
    ASSERT_TRUE(figure().has_value()) << sites.measured(row).reason.toStdString();
    EXPECT_NEAR(*figure(), truth(), 1e-4);
    EXPECT_EQ(sites.measured(row).provenance, QStringLiteral("all values"));
    const double at_first = *figure();
    const auto other = *sites.measured(sites.row_of("layers.0.mlp.down_proj.weight")).sqnr_db;
    revisions().edit(edit_sites(*desk_.desk.recipe(), *desk_.desk.model(), name, {{"bits", "4"}}));
    EXPECT_FALSE(sites.measured(row).known);
    EXPECT_EQ(*sites.measured(sites.row_of("layers.0.mlp.down_proj.weight")).sqnr_db, other);
    ASSERT_TRUE(test::wait_until([&] { return figure().has_value(); }));
    EXPECT_NEAR(*figure(), truth(), 1e-4);
    EXPECT_LT(*figure(), at_first - 10);
    revisions().undo();
    ASSERT_TRUE(test::wait_until([&] { return figure().has_value(); }));
    EXPECT_EQ(*figure(), at_first);
}

TEST_F(Tune, TheSelectionIsShared)
{
    table().select_rows({page_->sites().row_of(down0), page_->sites().row_of(down1)}, page_->sites().row_of(down1));
    EXPECT_EQ(desk_.desk.selection().current().sites.size(), 2);
    table().setFocus();
    table().setCurrentIndex(cell(down0, 0));
    EXPECT_EQ(desk_.desk.selection().current().site, QLatin1String(down0));
    EXPECT_EQ(desk_.desk.selection().current().layer, 0);
    QTest::keyClick(&table(), Qt::Key_Down, Qt::ShiftModifier);
    EXPECT_EQ(desk_.desk.selection().current().sites.size(), 2);
    desk_.desk.selection().set_site(QLatin1String(down1), 1, 3);
    EXPECT_EQ(table().selected_rows(), std::vector<int>{page_->sites().row_of(down1)});
    EXPECT_EQ(desk_.desk.selection().current().channel, 3);
}

TEST_F(Tune, NotesAreKeptWithTheModel)
{
    go(down0, SiteTableModel::note_column);
    type(QStringLiteral("channel 7 again"));
    ASSERT_TRUE(test::wait_until([&] { return cell(down0, SiteTableModel::note_column).data().toString() == QStringLiteral("channel 7 again"); }));
    EXPECT_EQ(site_notes(*desk_.desk.workspace(), desk_.desk.model_row()->id).at(down0), "channel 7 again");
    page_->filter().setText(QStringLiteral("again"));
    EXPECT_EQ(table().order().rowCount(), 1);
}

TEST_F(Tune, CopiesWhatIsShown)
{
    table().setColumnHidden(SiteTableModel::note_column, true);
    table().select_rows({page_->sites().row_of(down0)}, page_->sites().row_of(down0));
    const auto csv = table().as_csv().split(QLatin1Char('\n'));
    EXPECT_TRUE(csv[0].startsWith(QStringLiteral("site,bits,symmetric,granularity,min,max")));
    EXPECT_FALSE(csv[0].contains(QStringLiteral("note")));
    const int bits = decision(down0).scheme.bits;
    EXPECT_TRUE(csv[1].startsWith(QStringLiteral("layers.0.mlp.down_proj.input,%1,false,tensor,-4,6.5").arg(bits))) << csv[1].toStdString();
    EXPECT_TRUE(table().as_markdown().contains(QStringLiteral("| layers.0.mlp.down_proj.input | %1 |").arg(bits)));
}

TEST_F(Tune, AnyRevisionOfTheHistoryCanBeOpenedNamedAndCompared)
{
    const auto start = hash();
    for (const char* maximum : {"2.5", "1.5"}) revisions().edit(edit_sites(*desk_.desk.recipe(), *desk_.desk.model(), down0, {{"max", maximum}}));
    ASSERT_TRUE(desk_.settle());
    auto* list = page_->history().list();
    ASSERT_EQ(list->model()->rowCount(), 3);
    list->setFocus();
    list->setCurrentIndex(list->model()->index(2, 0));
    QTest::keyClick(list, Qt::Key_Return);
    ASSERT_TRUE(test::wait_until([&] { return desk_.desk.recipe() && hash() == start; }));
    page_->history().compare(revisions().all()[0]->row.id);
    ASSERT_TRUE(test::wait_until([&] { return page_->history().comparison().contains(QStringLiteral("max 1.5 → 6.5")); })) << page_->history().comparison().toStdString();
    QTest::keyClick(list, Qt::Key_F2);
    auto* editor = list->viewport()->findChild<QLineEdit*>();
    ASSERT_NE(editor, nullptr);
    QTest::keyClicks(editor, QStringLiteral("the start"));
    QTest::keyClick(editor, Qt::Key_Enter);
    QCoreApplication::processEvents();
    ASSERT_TRUE(desk_.settle());
    EXPECT_EQ(find_recipe_by_name(*desk_.desk.workspace(), "the start")->id, revisions().all()[2]->row.id);
    revisions().edit(edit_sites(*desk_.desk.recipe(), *desk_.desk.model(), down1, {{"bits", "4"}}));  // a branch
    ASSERT_TRUE(desk_.settle());
    EXPECT_EQ(get_recipe_row(*desk_.desk.workspace(), revisions().head()->row.id).parent, revisions().all()[3]->row.id);
    EXPECT_EQ(find_recipe_by_name(*desk_.desk.workspace(), "the start")->id, revisions().all()[3]->row.id);
    page_->history().export_to(revisions().head()->row.id, QStringLiteral("/tmp/r.safetensors"));
    EXPECT_EQ(desk_.jobs.all.front().arguments.mid(0, 5), (QStringList{QStringLiteral("export"), QStringLiteral("--recipe"), QStringLiteral("recipe:4"), QStringLiteral("--format"), QStringLiteral("recipe")}));
}

TEST_F(Tune, PerplexityIsStaleAfterAnEditAndF5MeasuresItAgain)
{
    EXPECT_TRUE(page_->budget().perplexity_text() == QStringLiteral("–"));
    test::put_tune_evaluation(*desk_.desk.workspace(), revisions().head()->row.id, *desk_.desk.model_row(), 100, 230.2585093);
    desk_.desk.refresh();
    ASSERT_TRUE(test::wait_until([&] { return page_->budget().perplexity_text() == QStringLiteral("10.00 simulated"); })) << page_->budget().perplexity_text().toStdString();
    EXPECT_FALSE(page_->budget().is_stale());
    revisions().edit(edit_sites(*desk_.desk.recipe(), *desk_.desk.model(), down0, {{"max", "2.5"}}));
    ASSERT_TRUE(test::wait_until([&] { return page_->budget().is_stale(); }));
    revisions().undo();
    ASSERT_TRUE(test::wait_until([&] { return !page_->budget().is_stale(); }));
    revisions().redo();
    table().setFocus();
    QTest::keyClick(&table(), Qt::Key_F5);
    ASSERT_TRUE(test::wait_until([&] { return !desk_.jobs.all.empty(); }));
    const auto arguments = desk_.jobs.all.front().arguments;
    EXPECT_EQ(arguments.join(QLatin1Char(' ')),
              QStringLiteral("evaluate %1 --recipe recipe:2 --level simulated --text /texts/eval.txt --length 64 -w %2").arg(desk_.desk.model_folder(), desk_.desk.workspace_path()));
    EXPECT_FALSE(page_->budget().evaluate()->isEnabled());
    ASSERT_EQ(desk_.jobs.all.size(), 2U);  // the model itself first, so that there is something to compare with
    EXPECT_EQ(desk_.jobs.all.back().arguments.mid(2, 2), (QStringList{QStringLiteral("--level"), QStringLiteral("float")}));
    desk_.jobs.set(2, JobPhase::done);
    EXPECT_TRUE(page_->budget().evaluate()->isEnabled());
}

TEST_F(Tune, SpeedIsPredictedOnceThisComputerWasMeasured)
{
    ASSERT_TRUE(desk_.settle());
    EXPECT_EQ(page_->budget().speed_text(), QStringLiteral("–"));
    EngineSpeedRow speed;
    speed.isa = "avx2";
    speed.figures = {{"gemm_w8a8_gop_s", 400}, {"gemm_w4a8_of_w8a8", 0.9}, {"gemm_w4a8_g32_of_w8a8", 0.8}, {"sweep_gb_s_w8", 30}};
    Conditions elsewhere;
    elsewhere.device_facts = R"({"processor": "another one", "machine": "x86_64"})";
    speed.conditions = put_conditions(*desk_.desk.workspace(), elsewhere);
    put_engine_speed(*desk_.desk.workspace(), speed);
    EXPECT_FALSE(rates_of_this_computer(*desk_.desk.workspace())) << "what another computer reached says nothing here";
    speed.conditions = put_conditions(*desk_.desk.workspace(), local_conditions("engine avx2", 2, {}));
    put_engine_speed(*desk_.desk.workspace(), speed);
    const auto here = rates_of_this_computer(*desk_.desk.workspace());
    ASSERT_TRUE(here);
    EXPECT_EQ(here->threads, 2);
    revisions().edit(edit_sites(*desk_.desk.recipe(), *desk_.desk.model(), down0, {{"max", "2.5"}}));
    ASSERT_TRUE(test::wait_until([&] { return page_->budget().speed_text().contains(QStringLiteral(" · ")); })) << page_->budget().speed_text().toStdString();
    const auto longest = desk_.desk.model()->architecture().max_positions, length = longest > 0 ? std::min<std::int64_t>(512, longest) : 512;
    const auto expected = predict_latency(*desk_.desk.model(), *desk_.desk.recipe(), here->rates, {length, length - 1});
    ASSERT_TRUE(expected);
    EXPECT_TRUE(page_->budget().speed_text().endsWith(QStringLiteral(" · ") + number(expected->decode_tokens_per_s()))) << page_->budget().speed_text().toStdString();
}

TEST_F(Tune, WhereNothingWasEvaluatedTextsAreOffered)
{
    table().setFocus();
    QTest::keyClick(&table(), Qt::Key_F5);
    QMenu* menu = nullptr;
    ASSERT_TRUE(test::wait_until([&] { return (menu = page_->findChild<QMenu*>(QStringLiteral("tune.texts"))) != nullptr; }));
    ASSERT_GE(menu->actions().size(), 1);
    EXPECT_TRUE(menu->actions().back()->text().contains(QStringLiteral("another text")));
    menu->close();
}

TEST_F(Tune, LintsAreAppliedFromTheList)
{
    revisions().edit(edit_sites(*desk_.desk.recipe(), *desk_.desk.model(), down0, {{"min", "-400"}, {"max", "400"}}));
    auto& lints = page_->lints();
    const auto found = [&] {
        for (int row = 0; row < lints.model().rowCount(); ++row) {
            const auto& lint = lints.model().lints()[static_cast<std::size_t>(row)];
            if (lint.pattern == down0 && !lint.edit.empty() && lint.edit.back().first == "max") return row;
        }
        return -1;
    };
    ASSERT_TRUE(test::wait_until([&] { return found() >= 0; }));
    lints.list().setFocus();
    lints.list().setCurrentIndex(lints.model().index(found(), 0));
    ASSERT_TRUE(lints.apply_button().isVisible());
    QTest::mouseClick(&lints.apply_button(), Qt::LeftButton);
    ASSERT_TRUE(test::wait_until([&] { return decision(down0).range.max->front() < 400; }));
}

TEST(TuneUnseen, AskedForFromAnotherPageItKnowsWhatWasEvaluated)
{
    test::TestDesk desk;
    test::make_tune_workspace(desk.path(QStringLiteral("w.bitwright")).toStdString(), 2);
    const TunePage page(desk.desk);  // never shown: nothing is read for it
    desk.desk.open(desk.path(QStringLiteral("w.bitwright")));
    ASSERT_TRUE(test::wait_until([&] { return desk.desk.recipe() && desk.desk.model_row(); }));
    test::put_tune_evaluation(*desk.desk.workspace(), desk.desk.revisions().head()->row.id, *desk.desk.model_row(), 100, 230.2585093);
    desk.actions.find(QStringLiteral("tune.evaluate"))->trigger();
    ASSERT_TRUE(test::wait_until([&] { return !desk.jobs.all.empty(); })) << "the text of the last evaluation, no menu";
    EXPECT_TRUE(desk.jobs.all.front().arguments.contains(QStringLiteral("/texts/eval.txt")));
    ASSERT_TRUE(desk.settle());
}

TEST(TuneSpeed, TwentyTwoLayersOpenAndEditAtOnce)
{
    test::TestDesk desk;
    test::make_tune_workspace(desk.path(QStringLiteral("w.bitwright")).toStdString(), 22);
    bool opened = false;
    QObject::connect(&desk.desk, &Desk::statistics_changed, [&] { opened = desk.desk.statistics() != nullptr; });
    desk.desk.open(desk.path(QStringLiteral("w.bitwright")));
    ASSERT_TRUE(test::wait_until([&] { return opened; }));
    const auto cpu = [] { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC * 1000; };
    TunePage page(desk.desk);
    page.resize(1000, 700);
    page.show();
    QElapsedTimer wall;
    wall.start();
    page.activated();
    (void)page.grab();
    const auto open_ms = wall.elapsed();
    ASSERT_TRUE(desk.settle());
    wall.restart();
    desk.desk.revisions().edit(edit_sites(*desk.desk.recipe(), *desk.desk.model(), down0, {{"max", "2.5"}}));
    (void)page.grab();
    const auto edit_ms = wall.restart();
    desk.desk.revisions().undo();
    (void)page.grab();
    const auto undo_ms = wall.elapsed();
    std::printf("%d sites: open %lld ms, edit %lld ms, undo %lld ms (CPU %.0f)\n", page.sites().rowCount(), static_cast<long long>(open_ms), static_cast<long long>(edit_ms), static_cast<long long>(undo_ms), cpu());
    EXPECT_GT(page.sites().rowCount(), 22 * 30);
    EXPECT_LT(open_ms, 200) << "50 ms when the computer is quiet";
    EXPECT_LT(undo_ms, 200);
    ASSERT_TRUE(desk.settle());
}

}  // namespace
}  // namespace bitwright::views
