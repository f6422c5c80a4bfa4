// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/edits.h"
#include "core/recipe/legality.h"
#include "plots/range_histogram.h"
#include "tests/views/outlier_sample.h"
#include "views/desk/message_line.h"
#include "views/inspector/inspector_panel.h"

#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QCheckBox>
#include <QLineEdit>
#include <QPushButton>
#include <QTableView>
#include <QTest>
#include <QToolButton>
#include <charconv>
#include <cmath>

namespace bitwright::views {
namespace {

using plots::RangeHistogramView;
using test::wait_until;

constexpr const char* site_name = "layers.2.mlp.down_proj.input";

class Inspector : public ::testing::Test {
protected:
    void SetUp() override
    {
        BITWRIGHT_NEEDS_OUTLIER_SAMPLE();
        apply_theme(Appearance::light);
        ASSERT_TRUE(test::open_outlier_sample(desk_));
        panel_.resize(320, 720);
        panel_.show();
        ASSERT_TRUE(QTest::qWaitForWindowExposed(&panel_));
        select(site_name, 2);
    }
    void select(const char* site, int layer, int channel = -1)
    {
        desk_.desk.selection().set_site(QLatin1String(site), layer, channel);
        ASSERT_TRUE(settled());
        ASSERT_TRUE(panel_.subject());
        ASSERT_EQ(panel_.subject()->site.name, site);
    }
    bool settled()
    {
        for (int quiet = 0; quiet < 3; ++quiet)
            if (!wait_until([&] { return desk_.idle(); }, 60000) || !desk_.settle()) return false;
        return true;
    }
    [[nodiscard]] RangeHistogramView* view() const { return panel_.findChild<RangeHistogramView*>(); }
    template <typename T>
    [[nodiscard]] T* find(const char* name) const
    {
        for (auto* widget : panel_.findChildren<T*>())
            if (widget->accessibleName() == QLatin1String(name)) return widget;
        return nullptr;
    }
    [[nodiscard]] QAbstractButton* button(const QString& text) const
    {
        for (auto* candidate : panel_.findChildren<QAbstractButton*>())
            if (candidate->text().remove(QLatin1Char('&')) == text) return candidate;
        return nullptr;
    }
    [[nodiscard]] QPoint at(double value) const { return {static_cast<int>(std::lround(view()->pixelOf(value))), 80}; }
    [[nodiscard]] const SiteDecision& decision(const std::string& name = site_name) const { return desk_.desk.recipe()->sites.at(name); }
    [[nodiscard]] SitePreview core_preview() const
    {
        const auto& model = *desk_.desk.model();
        return preview_activation(*desk_.desk.statistics()->find(site_name), (*model.sites)[model.sites->find(site_name)], decision().scheme, decision().range, desk_.desk.recipe()->semantics);
    }
    [[nodiscard]] const Figures& now() const { return *panel_.figures().side(FiguresModel::now).figures; }
    [[nodiscard]] QString message() const { return panel_.findChild<MessageLine*>()->text(); }
    void choose(const char* combo, const QString& item)
    {
        auto* box = find<QComboBox>(combo);
        ASSERT_TRUE(box);
        const int index = box->findText(item);
        ASSERT_GE(index, 0) << item.toStdString();
        box->setCurrentIndex(index);
        Q_EMIT box->activated(index);
        ASSERT_TRUE(settled());
    }

    mutable test::TestDesk desk_;
    InspectorPanel panel_{desk_.desk};
};

TEST_F(Inspector, DraggingAClipLineGivesWhatCoreComputesForThatRange)
{
    const auto before = desk_.desk.recipe();
    const double high = view()->maximum(), target = high / 3;
    ASSERT_NEAR(high, static_cast<double>(decision().range.max->front()), 1e-3);
    QTest::mousePress(view(), Qt::LeftButton, {}, at(high));
    QTest::mouseMove(view(), at((high + target) / 2));
    QTest::qWait(20);
    QTest::mouseMove(view(), at(target));
    QTest::qWait(20);
    ASSERT_TRUE(settled());
    EXPECT_EQ(desk_.desk.recipe(), before) << "nothing is edited while the line is held";
    const auto held = preview_activation(*panel_.subject()->values, panel_.subject()->site, decision().scheme,
                                         {numbers({static_cast<float>(view()->minimum())}), numbers({static_cast<float>(view()->maximum())}), {}, {}, ""}, before->semantics);
    EXPECT_EQ(now().preview.sqnr_db->value, held.sqnr_db->value);
    EXPECT_EQ(now().preview.saturation()->value, held.saturation()->value);
    EXPECT_EQ(panel_.figures().side(FiguresModel::before).figures->preview.sqnr_db->value, core_preview().sqnr_db->value);
    test::picture(panel_, QStringLiteral("inspector_drag"));
    const auto low = static_cast<float>(view()->minimum()), released = static_cast<float>(view()->maximum());
    QTest::mouseRelease(view(), Qt::LeftButton, {}, at(target));
    ASSERT_TRUE(settled());

    // the revision is what edit_sites makes of these numbers
    ASSERT_NE(desk_.desk.recipe(), before);
    const auto text = [](float value) {
        char digits[32];
        return std::string(digits, std::to_chars(digits, digits + 32, value).ptr);
    };
    const Recipe expected = edit_sites(*before, *desk_.desk.model(), site_name, {{"min", text(low)}, {"max", text(released)}});
    EXPECT_EQ(recipe_hash(*desk_.desk.recipe()), recipe_hash(expected));
    EXPECT_EQ(now().preview.sqnr_db->value, core_preview().sqnr_db->value);
    EXPECT_EQ(now().preview.saturation()->value, core_preview().saturation()->value);
    EXPECT_GT(now().preview.saturation()->value, 0);

    // exact over the reservoir, and over all windows, each saying what it is
    const auto& side = panel_.figures().side(FiguresModel::now);
    ASSERT_TRUE(side.reservoir && side.reservoir->alone);
    EXPECT_EQ(side.reservoir->alone->spread, 0);
    ASSERT_TRUE(wait_until([&] { return panel_.figures().side(FiguresModel::now).windows.has_value(); }, 60000));
    EXPECT_EQ(panel_.figures().side(FiguresModel::now).windows->outputs.alone->rows, 512);
    QStringList labels;
    for (int row = 0; row < panel_.figures().rowCount(); ++row) labels.append(panel_.figures().index(row, FiguresModel::measured_on).data().toString());
    for (const char* label : {"estimate", "reservoir", "all tokens"}) EXPECT_TRUE(labels.contains(QLatin1String(label))) << label << " in " << labels.join(QLatin1String(" | ")).toStdString();
    EXPECT_TRUE(desk_.actions.command_line().startsWith(QStringLiteral("bitwright-cli recipe set recipe:"))) << desk_.actions.command_line().toStdString();
    test::picture(panel_, QStringLiteral("inspector"));

    desk_.desk.revisions().undo();
    ASSERT_TRUE(settled());
    EXPECT_EQ(recipe_hash(*desk_.desk.recipe()), recipe_hash(*before));
    EXPECT_NEAR(view()->maximum(), high, 1e-6);
    EXPECT_EQ(now().preview.sqnr_db->value, core_preview().sqnr_db->value);
}

TEST_F(Inspector, AnArrowKeyMovesALineByACodeAndIsAnEdit)
{
    const double high = view()->maximum(), code = view()->grid()->scale;
    view()->setFocus();
    view()->setCurrentHandle(plots::RangeHandle::maximum);
    QTest::keyClick(view(), Qt::Key_Left);
    ASSERT_TRUE(settled());
    EXPECT_EQ(decision().range.max->front(), static_cast<float>(high - code));
    EXPECT_EQ(now().preview.sqnr_db->value, core_preview().sqnr_db->value);
    const double next_code = view()->grid()->scale, next = view()->maximum();
    QTest::keyClick(view(), Qt::Key_Left, Qt::ShiftModifier);
    ASSERT_TRUE(settled());
    EXPECT_NEAR(decision().range.max->front(), next - 10 * next_code, 1e-3 * code);
    desk_.desk.revisions().undo();
    desk_.desk.revisions().undo();
    ASSERT_TRUE(settled());
    EXPECT_EQ(static_cast<float>(view()->maximum()), static_cast<float>(high));
}

TEST_F(Inspector, EscapeLeavesEverythingAsItWas)
{
    const auto before = desk_.desk.recipe();
    const auto sqnr = now().preview.sqnr_db->value;
    const double high = view()->maximum();
    view()->setFocus();
    QTest::mousePress(view(), Qt::LeftButton, {}, at(high));
    QTest::mouseMove(view(), at(high / 2));
    QTest::qWait(20);
    QTest::keyClick(view(), Qt::Key_Escape);
    QTest::mouseRelease(view(), Qt::LeftButton, {}, at(high / 2));
    ASSERT_TRUE(settled());
    EXPECT_EQ(desk_.desk.recipe(), before);
    EXPECT_NEAR(view()->maximum(), high, 1e-6);
    EXPECT_EQ(now().preview.sqnr_db->value, sqnr);
}

TEST_F(Inspector, AThousandPreviewsEndInTheLastWithoutWaitingForTheRest)
{
    QElapsedTimer timer;
    timer.start();
    const double low = view()->minimum(), high = view()->maximum();
    for (int i = 0; i < 1000; ++i) panel_.preview(low, high * (1 - i / 2000.0));
    const auto posted = timer.elapsed();
    ASSERT_TRUE(settled());
    EXPECT_LT(posted, 2000);
    const Range last{numbers({static_cast<float>(low)}), numbers({static_cast<float>(high * (1 - 999 / 2000.0))}), {}, {}, ""};
    const auto expected = preview_activation(*panel_.subject()->values, panel_.subject()->site, decision().scheme, last, desk_.desk.recipe()->semantics);
    EXPECT_EQ(now().preview.sqnr_db->value, expected.sqnr_db->value);
    RecordProperty("milliseconds_to_post", static_cast<int>(posted));
}

TEST_F(Inspector, PresetsAreTheRulesOfCore)
{
    const auto& model = *desk_.desk.model();
    const Site& site = (*model.sites)[model.sites->find(site_name)];
    const auto& statistics = *desk_.desk.statistics()->find(site_name);
    EXPECT_FALSE(button(QStringLiteral("Learned"))->isVisible()) << "nothing was learned in this recipe";
    for (const auto& [text, rule] : {std::pair{"99.9 %", "percentile:99.9"}, std::pair{"Least squares", "mse"}, std::pair{"99.99 %", "percentile:99.99"}, std::pair{"Min–max", "minmax"}}) {
        QTest::mouseClick(button(QString::fromUtf8(text)), Qt::LeftButton);
        ASSERT_TRUE(settled());
        const auto expected = activation_range(statistics, site, decision().scheme, desk_.desk.recipe()->semantics, parse_range_rule(rule));
        EXPECT_EQ(decision().range.max->front(), expected.max->front()) << rule;
        EXPECT_EQ(decision().range.min->front(), expected.min->front()) << rule;
        EXPECT_EQ(decision().range.source, expected.source);
    }
}

TEST_F(Inspector, AppliesToAllOfTheKind)
{
    choose("Apply to", QStringLiteral("all down_proj input (4)"));
    QTest::mouseClick(button(QStringLiteral("99.9 %")), Qt::LeftButton);
    ASSERT_TRUE(settled());
    for (int layer = 0; layer < 4; ++layer) EXPECT_EQ(decision("layers." + std::to_string(layer) + ".mlp.down_proj.input").range.source, "percentile 99.9");
    EXPECT_TRUE(desk_.actions.command_line().contains(QStringLiteral("range=percentile:99.9"))) << desk_.actions.command_line().toStdString();
    choose("Bits", QStringLiteral("10 bit"));
    for (int layer = 0; layer < 4; ++layer) EXPECT_EQ(decision("layers." + std::to_string(layer) + ".mlp.down_proj.input").scheme.bits, 10);
    desk_.desk.revisions().undo();
    desk_.desk.revisions().undo();
    ASSERT_TRUE(settled());
    EXPECT_EQ(recipe_hash(*desk_.desk.recipe()), recipe_hash(test::OutlierSample::get()->recipe));
}

TEST_F(Inspector, ARangeWithoutWidthIsRefusedInPlace)
{
    const auto before = desk_.desk.recipe();
    auto* minimum = find<QLineEdit>("Minimum");
    const auto shown = minimum->text();
    minimum->setFocus();
    minimum->selectAll();
    QTest::keyClicks(minimum, QString::number(view()->maximum(), 'f', 6));
    QTest::keyClick(minimum, Qt::Key_Return);
    ASSERT_TRUE(settled());
    EXPECT_EQ(desk_.desk.recipe(), before);
    EXPECT_TRUE(message().contains(QStringLiteral("width")) || message().contains(QStringLiteral("below"))) << message().toStdString();
    EXPECT_EQ(minimum->text(), shown);
    minimum->selectAll();
    QTest::keyClicks(minimum, QStringLiteral("wide"));
    QTest::keyClick(minimum, Qt::Key_Return);
    EXPECT_EQ(desk_.desk.recipe(), before);
    EXPECT_TRUE(message().contains(QStringLiteral("number")));
    test::picture(panel_, QStringLiteral("inspector_refused"));
    minimum->selectAll();
    QTest::keyClicks(minimum, QStringLiteral("-12.5"));
    QTest::keyClick(minimum, Qt::Key_Return);
    ASSERT_TRUE(settled());
    EXPECT_EQ(decision().range.min->front(), -12.5F);
    EXPECT_EQ(decision().range.max->front(), before->sites.at(site_name).range.max->front()) << "what was not typed stays exactly as it was";
}

TEST_F(Inspector, OnlyLegalBitsAreOffered)
{
    const auto* bits = find<QComboBox>("Bits");
    const auto& model = *desk_.desk.model();
    for (int i = 0; i < bits->count(); ++i) {
        Scheme scheme = decision().scheme;
        scheme.kind = bits->itemData(i).toInt() == 0 ? SchemeKind::floating : SchemeKind::uniform;
        if (scheme.kind == SchemeKind::uniform) scheme.bits = bits->itemData(i).toInt();
        EXPECT_EQ(scheme_fault(model, (*model.sites)[model.sites->find(site_name)], scheme), "");
    }
    choose("Bits", QStringLiteral("4 bit"));
    EXPECT_EQ(decision().scheme.bits, 4);
    choose("Symmetry", QStringLiteral("symmetric"));
    EXPECT_TRUE(decision().scheme.symmetric);
    EXPECT_EQ(view()->minimum(), -view()->maximum());
    choose("Bits", QStringLiteral("float"));
    EXPECT_EQ(decision().scheme.kind, SchemeKind::floating);
    EXPECT_FALSE(find<QTableView>("Figures before and now")->isVisible());
    choose("Bits", QStringLiteral("8 bit"));
    EXPECT_EQ(decision().scheme.bits, 8);
    EXPECT_TRUE(find<QTableView>("Figures before and now")->isVisible());
}

TEST_F(Inspector, AChannelIsShownFromTheReservoirAndSaysSo)
{
    select(site_name, 2, 428);
    EXPECT_TRUE(panel_.subject()->histogram_from.contains(QStringLiteral("reservoir, 64 rows"))) << panel_.subject()->histogram_from.toStdString();
    const auto& model = *desk_.desk.model();
    const auto expected = preview_channel(*desk_.desk.statistics()->find(site_name), (*model.sites)[model.sites->find(site_name)], 428, decision().scheme, decision().range, desk_.desk.recipe()->semantics);
    EXPECT_EQ(now().preview.sqnr_db->value, expected.sqnr_db->value);
    test::picture(panel_, QStringLiteral("inspector_channel"));
    QTest::mouseClick(button(QStringLiteral("Whole site")), Qt::LeftButton);
    ASSERT_TRUE(settled());
    EXPECT_EQ(panel_.subject()->channel, -1);
}

TEST_F(Inspector, WeightsAreReadOnDemand)
{
    select("layers.1.mlp.gate_proj.weight", 1);
    const auto& model = *desk_.desk.model();
    const auto id = model.sites->find("layers.1.mlp.gate_proj.weight");
    const auto expected = preview_weight(sample_weight(model, desk_.desk.recipe().get(), id, 0), decision("layers.1.mlp.gate_proj.weight").scheme, decision("layers.1.mlp.gate_proj.weight").range,
                                         desk_.desk.recipe()->semantics);
    EXPECT_EQ(now().preview.sqnr_db->value, expected.sqnr_db->value);
    EXPECT_EQ(now().preview.sqnr_db->from, Provenance::values);
    EXPECT_TRUE(now().outputs.alone.has_value());
    test::picture(panel_, QStringLiteral("inspector_weight"));
    const double high = view()->maximum();
    QTest::mousePress(view(), Qt::LeftButton, {}, at(high));
    QTest::mouseMove(view(), at(high / 2));
    QTest::qWait(20);
    QTest::mouseRelease(view(), Qt::LeftButton, {}, at(high / 2));
    ASSERT_TRUE(settled());
    EXPECT_NEAR(decision("layers.1.mlp.gate_proj.weight").range.max->front(), high / 2, high / 50);
    select("layers.1.mlp.down_proj.weight", 1);  // a grid per row
    EXPECT_FALSE(view()->hasRange());
    EXPECT_TRUE(now().preview.sqnr_db.has_value());
    test::picture(panel_, QStringLiteral("inspector_rows"));
}

TEST_F(Inspector, TheTableOfFiguresIsAProperModel)
{
    const QAbstractItemModelTester tester(const_cast<FiguresModel*>(&panel_.figures()), QAbstractItemModelTester::FailureReportingMode::Fatal);
    select("layers.1.self_attn.qk.output", 1);
    select("layers.1.mlp.up_proj.weight", 1);
    select(site_name, 2);
    EXPECT_GT(panel_.figures().rowCount(), 7);
}

TEST_F(Inspector, DarkToo)
{
    apply_theme(Appearance::dark);
    QCoreApplication::processEvents();
    test::picture(panel_, QStringLiteral("inspector_dark"));
    EXPECT_EQ(view()->plotStyle().background, plot_style(desk_.settings.sequence).background);
    apply_theme(Appearance::light);
}

TEST(InspectorEmpty, WithoutARecipeOffersToStartOne)
{
    BITWRIGHT_NEEDS_OUTLIER_SAMPLE();
    test::TestDesk desk;
    ASSERT_TRUE(test::open_outlier_sample(desk, false));
    desk.desk.revisions().close();
    InspectorPanel panel(desk.desk);
    panel.resize(320, 720);
    panel.show();
    test::picture(panel, QStringLiteral("inspector_empty"));
    desk.desk.selection().set_site(QLatin1String(site_name), 2);
    ASSERT_TRUE(wait_until([&] { return panel.subject() != nullptr && desk.idle(); }));
    QPushButton* start = nullptr;
    for (auto* candidate : panel.findChildren<QPushButton*>())
        if (candidate->text().startsWith(QLatin1String("Start a recipe"))) start = candidate;
    ASSERT_TRUE(start && start->isVisible());
    QTest::mouseClick(start, Qt::LeftButton);
    ASSERT_EQ(desk.jobs.all.size(), 1U);
    const auto arguments = desk.jobs.all.front().arguments.join(QLatin1Char(' '));
    EXPECT_TRUE(arguments.startsWith(QStringLiteral("quantize "))) << arguments.toStdString();
    EXPECT_TRUE(arguments.contains(QStringLiteral("--method rtn --weights 8 --activations 8")));
    test::picture(panel, QStringLiteral("inspector_start"));
}

}  // namespace
}  // namespace bitwright::views
