// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/transformed_statistics.h"
#include "core/recipe/transforms.h"
#include "plots/heatmap.h"
#include "tests/support/models.h"
#include "tests/views/outlier_sample.h"
#include "views/desk/site_titles.h"
#include "views/explore/explore_page.h"
#include "views/explore/offenders_model.h"
#include "views/explore/offending_tokens.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QCheckBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableView>
#include <QTest>
#include <QToolButton>
#include <set>

namespace bitwright::views {
namespace {

using plots::HeatmapView;
using test::wait_until;

QAbstractButton* button(QWidget& in, const QString& text)
{
    for (auto* candidate : in.findChildren<QAbstractButton*>())
        if (candidate->text().remove(QLatin1Char('&')) == text) return candidate;
    return nullptr;
}

TEST(SiteTitles, EveryRoleOfEveryFamilyHasANameAndAPatternOfItsOwn)
{
    for (const auto& name : test::golden_model_names()) {
        const Model model = open_model(test::golden_models() / name);
        std::set<QString> titles;
        std::size_t sites = 0;
        for (const auto& group : site_groups(*model.sites)) {
            EXPECT_FALSE(role_title(group.role).isEmpty()) << name;
            EXPECT_TRUE(titles.insert(role_title(group.role)).second) << role_title(group.role).toStdString();
            auto matched = model.sites->match(group_pattern(*model.sites, group).toStdString());
            std::ranges::sort(matched);
            auto wanted = group.sites;
            std::ranges::sort(wanted);
            EXPECT_EQ(matched, wanted) << name << " " << group_pattern(*model.sites, group).toStdString();
            sites += group.sites.size();
        }
        EXPECT_EQ(sites, model.sites->sites().size());
    }
}

class Explore : public ::testing::Test {
protected:
    void SetUp() override
    {
        BITWRIGHT_NEEDS_OUTLIER_SAMPLE();
        apply_theme(Appearance::light);
        ASSERT_TRUE(test::open_outlier_sample(desk_));
        page_.resize(700, 640);
        page_.show();
        ASSERT_TRUE(QTest::qWaitForWindowExposed(&page_));
        page_.activated();
        ASSERT_TRUE(settled());
    }
    bool settled() { return wait_until([&] { return desk_.idle() && !map()->isEmpty(); }, 60000) && desk_.settle(); }
    [[nodiscard]] HeatmapView* map(int index = 0) const { return page_.findChildren<HeatmapView*>()[index]; }
    [[nodiscard]] QTableView* table() const { return find<QTableView>("Offenders"); }
    template <typename T>
    [[nodiscard]] T* find(const char* name) const
    {
        for (auto* widget : page_.findChildren<T*>())
            if (widget->accessibleName() == QLatin1String(name)) return widget;
        return nullptr;
    }
    void choose(const char* combo, const QString& item)
    {
        auto* box = find<QComboBox>(combo);
        const int index = box->findText(item);
        ASSERT_GE(index, 0) << item.toStdString();
        box->setCurrentIndex(index);
        Q_EMIT box->activated(index);
        ASSERT_TRUE(settled());
    }
    [[nodiscard]] const Site& site(const std::string& name) const { return (*desk_.desk.model()->sites)[desk_.desk.model()->sites->find(name)]; }

    mutable test::TestDesk desk_;
    ExplorePage page_{desk_.desk};
};

TEST_F(Explore, FindsTheInjectedOffendersAndShowsThem)
{
    const auto& planted = test::OutlierSample::get()->channels;
    struct Kind {
        const char *pair, *title, *site;
    };
    for (const Kind& kind : {Kind{"up_down", "down_proj input", "mlp.down_proj.input"}, Kind{"norm_qkv", "qkv input", "input_layernorm.output"}, Kind{"norm_mlp", "MLP input", "post_attention_layernorm.output"}}) {
        choose("Kind of site", QString::fromLatin1(kind.title));
        const auto* model = table()->model();
        int found = 0, expected = 0;
        for (const auto& channel : planted) {
            if (channel.pair != kind.pair) continue;
            ++expected;
            for (int row = 0; row < model->rowCount(); ++row)
                found += model->index(row, OffendersModel::site).data(Qt::ToolTipRole).toString() == QStringLiteral("layers.%1.%2").arg(channel.layer).arg(QLatin1String(kind.site)) &&
                         model->index(row, OffendersModel::column).data(OffendersModel::sort_role).toInt() == channel.channel;
        }
        EXPECT_GE(found, expected * 2 / 3) << kind.pair << ": " << found << " of " << expected;
        // the list is exactly what core finds at the same threshold
        std::size_t in_core = 0;
        for (int layer = 0; layer < 4; ++layer) in_core += find_offenders(*desk_.desk.statistics()->find("layers." + std::to_string(layer) + "." + kind.site)).size();
        EXPECT_EQ(static_cast<std::size_t>(model->rowCount()), in_core) << kind.pair;
    }
    EXPECT_LE(page_.minimumSizeHint().width(), 700);
    test::picture(page_, QStringLiteral("explore"));
}

TEST_F(Explore, AClickOnACellSelectsTheSiteAndTheOtherWayRound)
{
    const auto& catalogue = *desk_.desk.model()->sites;
    const QPointF point = map()->cellRect({2, 300}).center();
    QTest::mouseClick(map(), Qt::LeftButton, {}, point.toPoint());
    const auto clicked = map()->cellAt(point.toPoint());
    EXPECT_EQ(desk_.desk.selection().current().site, QStringLiteral("layers.2.mlp.down_proj.input"));
    EXPECT_EQ(desk_.desk.selection().current().layer, 2);
    EXPECT_EQ(desk_.desk.selection().current().channel, clicked.column);
    QTest::keyClick(map(), Qt::Key_Down);
    EXPECT_EQ(desk_.desk.selection().current().site, QStringLiteral("layers.3.mlp.down_proj.input"));
    desk_.desk.selection().set_site(QStringLiteral("layers.1.mlp.down_proj.input"), 1, 42);
    EXPECT_EQ(map()->currentCell(), (plots::Cell{1, 42}));
    desk_.desk.selection().set_site(QStringLiteral("layers.3.input_layernorm.output"), 3, 7);  // another kind
    ASSERT_TRUE(settled());
    EXPECT_EQ(map()->data().columns, catalogue[catalogue.find("layers.3.input_layernorm.output")].channels);
    EXPECT_EQ(map()->currentCell(), (plots::Cell{3, 7}));
    desk_.desk.selection().back();
    ASSERT_TRUE(settled());
    EXPECT_EQ(map()->currentCell(), (plots::Cell{1, 42}));
}

TEST_F(Explore, ADoubleClickOnAnOffenderSelectsItAndAsksForTheInspector)
{
    QSignalSpy wanted(&desk_.desk, &Desk::page_wanted);
    ASSERT_GT(table()->model()->rowCount(), 2);
    const auto index = table()->model()->index(1, OffendersModel::value);
    QTest::mouseClick(table()->viewport(), Qt::LeftButton, {}, table()->visualRect(index).center());
    QTest::mouseDClick(table()->viewport(), Qt::LeftButton, {}, table()->visualRect(index).center());
    EXPECT_EQ(desk_.desk.selection().current().site, index.siblingAtColumn(OffendersModel::site).data(Qt::ToolTipRole).toString());
    EXPECT_EQ(desk_.desk.selection().current().channel, index.siblingAtColumn(OffendersModel::column).data(OffendersModel::sort_role).toInt());
    ASSERT_FALSE(wanted.isEmpty());
    EXPECT_EQ(wanted[0][0].toString(), QStringLiteral("inspector"));
}

TEST_F(Explore, TheTokensBehindAnOffenderStandInTheirText)
{
    table()->selectRow(0);
    const auto offender = table()->model()->index(0, 0);
    const auto name = offender.data(Qt::ToolTipRole).toString().toStdString();
    const auto channel = offender.siblingAtColumn(OffendersModel::column).data(OffendersModel::sort_role).toInt();
    QTest::mouseClick(button(page_, QStringLiteral("Tokens")), Qt::LeftButton);
    auto* tokens = page_.findChild<OffendingTokens*>();
    ASSERT_TRUE(wait_until([&] { return tokens->model().rowCount() > 0; }, 60000));
    const QAbstractItemModelTester tester(const_cast<TokensModel*>(&tokens->model()), QAbstractItemModelTester::FailureReportingMode::Warning);
    const auto& statistics = *desk_.desk.statistics()->find(name);
    EXPECT_NEAR(std::fabs(tokens->model().at(0).value.value), statistics.channel_abs_max[static_cast<std::size_t>(channel)], 1e-4 * statistics.channel_abs_max[static_cast<std::size_t>(channel)]);
    const auto tokenizer = Tokenizer::open(test::OutlierSample::get()->model);
    for (int row = 0; row < tokens->model().rowCount(); ++row) {
        const auto& token = tokens->model().at(row);
        EXPECT_FALSE(token.token.isEmpty());
        const auto plain = QString::fromStdString(tokenizer->decode({token.value.token}, false)).trimmed();
        EXPECT_TRUE(plain.contains(QChar(0xFFFD)) || token.token.contains(plain)) << token.token.toStdString() << " / " << plain.toStdString();
        EXPECT_GT(token.before.size() + token.after.size(), 10);
    }
    test::picture(page_, QStringLiteral("explore_tokens"));
    for (auto* view : page_.findChildren<QTableView*>())
        if (view->accessibleName().startsWith(QLatin1String("Tokens"))) view->selectRow(1);
    EXPECT_EQ(desk_.desk.selection().current().token, tokens->model().at(1).value.position);
    EXPECT_EQ(desk_.desk.selection().current().channel, channel);
    QTest::mouseClick(button(page_, QStringLiteral("‹ Offenders")), Qt::LeftButton);
    EXPECT_TRUE(table()->isVisible());
}

TEST_F(Explore, FromACellToItsTokensAndByArrowKeysThroughTheOffenders)
{
    desk_.desk.selection().set_site(QStringLiteral("layers.2.mlp.down_proj.input"), 2, 301);  // no offender
    map()->setFocus();
    desk_.actions.find(QStringLiteral("explore.tokens"))->trigger();
    auto* tokens = page_.findChild<OffendingTokens*>();
    ASSERT_TRUE(wait_until([&] { return tokens->model().rowCount() > 0; }, 60000));
    const float largest = desk_.desk.statistics()->find("layers.2.mlp.down_proj.input")->channel_abs_max[301];
    EXPECT_NEAR(std::fabs(tokens->model().at(0).value.value), largest, 1e-4 * largest);
    QTest::mouseClick(button(page_, QStringLiteral("‹ Offenders")), Qt::LeftButton);
    table()->setFocus();
    table()->setCurrentIndex(table()->model()->index(0, 0));
    QTest::keyClick(table(), Qt::Key_Down);
    const auto index = table()->model()->index(1, 0);
    EXPECT_EQ(desk_.desk.selection().current().site, index.data(Qt::ToolTipRole).toString());
    EXPECT_EQ(desk_.desk.selection().current().channel, index.siblingAtColumn(OffendersModel::column).data(OffendersModel::sort_role).toInt());
    QTest::keyClick(table(), Qt::Key_C, Qt::ControlModifier);
    const auto copied = QApplication::clipboard()->text().split(QLatin1Char('\n'));
    ASSERT_EQ(copied.size(), 3);  // headers, the selected row, nothing
    EXPECT_TRUE(copied[0].startsWith(QStringLiteral("Site\tChannel\tAbsolute max"))) << copied[0].toStdString();
    EXPECT_EQ(copied[1].section(QLatin1Char('\t'), 0, 0), index.data().toString());
    EXPECT_EQ(copied[1].count(QLatin1Char('\t')), OffendersModel::columns - 1);
}

TEST_F(Explore, AfterTransformsTheValuesAreThoseCoreComputes)
{
    EXPECT_FALSE(button(page_, QStringLiteral("After"))->isVisible()) << "this recipe changes no activation";
    for (const auto& revision : desk_.desk.revisions().all())
        if (revision->row.method == "smoothquant-edge") desk_.desk.revisions().adopt(revision->row.id);
    ASSERT_TRUE(wait_until([&] { return desk_.desk.recipe()->made_by.method == "smoothquant-edge"; }));
    ASSERT_TRUE(settled());
    ASSERT_TRUE(button(page_, QStringLiteral("Both"))->isVisible());
    const int offenders = table()->model()->rowCount();
    QTest::mouseClick(button(page_, QStringLiteral("Both")), Qt::LeftButton);
    ASSERT_TRUE(settled());
    ASSERT_TRUE(map(1)->isVisible());
    for (const auto& after : transformed_sites(*desk_.desk.model(), *desk_.desk.recipe(), *desk_.desk.statistics())) {
        const Site& changed = site(after.site);
        if (changed.role != SiteRole::down_input) continue;
        for (int c = 0; c < changed.channels; ++c) EXPECT_EQ(map(1)->valueAt({static_cast<int>(changed.layer), c}), after.channel_abs_max[static_cast<std::size_t>(c)]);
    }
    EXPECT_EQ(map(0)->colourScale().high, map(1)->colourScale().high);
    map(0)->setVisibleRange(QRectF(100, 0, 64, 4));
    EXPECT_EQ(map(1)->visibleRange(), map(0)->visibleRange());
    test::picture(page_, QStringLiteral("explore_both"));
    QTest::mouseClick(button(page_, QStringLiteral("After")), Qt::LeftButton);
    ASSERT_TRUE(settled());
    EXPECT_LT(table()->model()->rowCount(), offenders) << "the transforms undo what was planted";
}

TEST_F(Explore, HowFarAChannelsLargestValueLiesBeyondItsOthers)
{
    choose("Statistic", QStringLiteral("Max ÷ 99.9 %"));
    const auto& seen = *desk_.desk.statistics()->find("layers.2.mlp.down_proj.input");
    ASSERT_EQ(seen.channel_abs_p999.size(), seen.channel_abs_max.size());
    for (std::size_t c = 0; c < seen.channel_abs_max.size(); c += 11)
        EXPECT_EQ(map()->valueAt({2, static_cast<int>(c)}), seen.channel_abs_max[c] / seen.channel_abs_p999[c]);
    test::picture(page_, QStringLiteral("explore_tail"));
}

// What a position reaches after the transforms: of the rows that the calibration kept, until the same windows were observed after them.
TEST_F(Explore, PositionsAfterTransforms)
{
    for (const auto& revision : desk_.desk.revisions().all())
        if (revision->row.method == "smoothquant-edge") desk_.desk.revisions().adopt(revision->row.id);
    ASSERT_TRUE(wait_until([&] { return desk_.desk.recipe()->made_by.method == "smoothquant-edge"; }));
    ASSERT_TRUE(settled());
    QTest::mouseClick(button(page_, QStringLiteral("Token")), Qt::LeftButton);
    QTest::mouseClick(button(page_, QStringLiteral("Both")), Qt::LeftButton);
    ASSERT_TRUE(settled());
    ASSERT_TRUE(map(1)->isVisible());
    const auto& plain = *desk_.desk.statistics()->find("layers.1.mlp.down_proj.input");
    const auto changed = transformed_sites(*desk_.desk.model(), *desk_.desk.recipe(), *desk_.desk.statistics());
    const auto after = std::ranges::find(changed, plain.site, &SiteStatistics::site);
    ASSERT_NE(after, changed.end());
    const auto rows = reservoir_values(*after);
    std::map<int, float> reached;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        float& most = reached[static_cast<int>(plain.reservoir_tokens[i / plain.channel_max.size()] % 128)];
        most = std::max(most, std::fabs(rows[i]));
    }
    for (int position = 0; position < 128; ++position) {
        const float shown = map(1)->valueAt({1, position});
        if (reached.contains(position))
            EXPECT_NEAR(shown, reached[position], 1e-3 * reached[position]) << position;  // the test rounded to f16 again
        else
            EXPECT_TRUE(std::isnan(shown) && map(1)->description({1, position}).contains(QStringLiteral("kept no token"))) << position;
    }
    auto* observe = button(page_, QStringLiteral("Observe after transforms"));
    ASSERT_TRUE(observe && observe->isVisible());
    test::picture(page_, QStringLiteral("explore_token_both"));
    QTest::mouseClick(observe, Qt::LeftButton);
    ASSERT_EQ(desk_.jobs.all.size(), 1U);
    EXPECT_EQ(desk_.jobs.all[0].arguments.mid(0, 1) + desk_.jobs.all[0].arguments.mid(2, 2), QStringList({QStringLiteral("calibrate"), QStringLiteral("--like"), QStringLiteral("calibration:1")}));

    // the job's result, here made directly: exact at every position
    auto& workspace = *desk_.desk.workspace();
    const auto windows = load_calibration_windows(workspace, *desk_.desk.calibration());
    const auto observed = load_numerics().calibrate(*desk_.desk.model(), desk_.desk.recipe().get(), windows, {}, Control());
    put_calibration(workspace, desk_.desk.calibration()->model, windows, {}, observed);
    desk_.desk.refresh();
    ASSERT_TRUE(wait_until([&] { return desk_.desk.calibrations().size() == 2; }));
    ASSERT_TRUE(settled());
    for (int position = 0; position < 128; ++position) EXPECT_EQ(map(1)->valueAt({1, position}), observed.find(plain.site)->position_abs_max[static_cast<std::size_t>(position)]);
    EXPECT_FALSE(observe->isVisible());
}

TEST_F(Explore, PositionsWithoutTheFirstToken)
{
    QTest::mouseClick(button(page_, QStringLiteral("Token")), Qt::LeftButton);
    ASSERT_TRUE(settled());
    EXPECT_EQ(map()->data().columns, 128);
    EXPECT_EQ(map()->valueAt({1, 5}), desk_.desk.statistics()->find("layers.1.mlp.down_proj.input")->position_abs_max[5]);
    EXPECT_EQ(find<QComboBox>("Statistic")->count(), 2);
    auto* without = static_cast<QCheckBox*>(button(page_, QStringLiteral("Without first token")));
    ASSERT_TRUE(without->isVisible());
    EXPECT_FALSE(std::isnan(map()->valueAt({0, 0})));
    QTest::mouseClick(without, Qt::LeftButton, {}, QPoint(8, without->height() / 2));
    ASSERT_TRUE(settled());
    EXPECT_TRUE(std::isnan(map()->valueAt({0, 0})));
    EXPECT_TRUE(map()->description({0, 0}).contains(QStringLiteral("left out")));
    test::picture(page_, QStringLiteral("explore_token"));
    QTest::mouseClick(button(page_, QStringLiteral("Channel")), Qt::LeftButton);
    ASSERT_TRUE(settled());
    EXPECT_FALSE(without->isVisible());
}

TEST_F(Explore, WeightsAreReadOnDemand)
{
    choose("Kind of site", QStringLiteral("down_proj weight"));
    ASSERT_TRUE(wait_until([&] { return desk_.idle() && !std::isnan(map()->valueAt({3, 0})); }, 60000));
    const auto weight = materialize(*desk_.desk.model(), nullptr, site("layers.2.mlp.down_proj.weight").id);
    const auto columns = static_cast<std::size_t>(weight.shape[1]);
    for (std::size_t c = 0; c < columns; c += 37) {
        float largest = 0;
        for (std::size_t i = c; i < weight.weight.size(); i += columns) largest = std::max(largest, std::fabs(weight.weight[i]));
        EXPECT_EQ(map()->valueAt({2, static_cast<int>(c)}), largest);
    }
    test::picture(page_, QStringLiteral("explore_weights"));
}

TEST_F(Explore, ThresholdsOfEveryKindAndAllKinds)
{
    const auto rows = [&] { return table()->model()->rowCount(); };
    auto* threshold = find<QDoubleSpinBox>("Threshold");
    choose("Kind of threshold", QStringLiteral("Value"));
    threshold->setValue(1e6);
    ASSERT_TRUE(settled());
    EXPECT_EQ(rows(), 0);
    threshold->setValue(0);
    ASSERT_TRUE(settled());
    EXPECT_EQ(rows(), 4 * 512);
    choose("Kind of threshold", QStringLiteral("Sigma"));
    const int sigma = rows();
    EXPECT_GT(sigma, 0);
    EXPECT_LT(sigma, 400);
    choose("Kind of threshold", QStringLiteral("Percentile"));
    EXPECT_GT(rows(), 0);
    choose("Kind of threshold", QStringLiteral("Ratio"));
    const int here = rows();
    auto* all = static_cast<QCheckBox*>(button(page_, QStringLiteral("All kinds")));
    QTest::mouseClick(all, Qt::LeftButton, {}, QPoint(8, all->height() / 2));
    ASSERT_TRUE(settled());
    EXPECT_GT(rows(), here);
    EXPECT_EQ(static_cast<std::size_t>(rows()), find_offenders(*desk_.desk.statistics()).size());
}

TEST_F(Explore, TheFilterOfTheDeskCutsTheRows)
{
    desk_.desk.selection().set_filter(QStringLiteral("layer:1-2"));
    ASSERT_TRUE(settled());
    EXPECT_EQ(map()->data().rows, 2);
    desk_.desk.selection().set_site(QStringLiteral("layers.2.mlp.down_proj.input"), 2, 9);
    EXPECT_EQ(map()->currentCell(), (plots::Cell{1, 9}));
    desk_.desk.selection().set_filter(QStringLiteral("layer:77"));
    ASSERT_TRUE(settled());
    EXPECT_EQ(map()->data().rows, 4);  // with a sentence
}

TEST_F(Explore, WhatWasChosenComesBack)
{
    choose("Kind of site", QStringLiteral("MLP input"));
    choose("Statistic", QStringLiteral("Max ÷ median"));
    QTest::mouseClick(button(page_, QStringLiteral("Magnitude")), Qt::LeftButton);
    QTest::mouseClick(button(page_, QStringLiteral("Linear")), Qt::LeftButton);
    find<QDoubleSpinBox>("Threshold")->setValue(4);
    ASSERT_TRUE(settled());
    map()->setVisibleRange(QRectF(10, 0, 40, 4));
    const auto state = page_.state();
    ExplorePage other(desk_.desk);
    other.resize(700, 640);
    other.restore(state);
    other.show();
    other.activated();
    auto* view = other.findChildren<HeatmapView*>()[0];
    ASSERT_TRUE(wait_until([&] { return desk_.idle() && !view->isEmpty(); }) && desk_.settle());
    EXPECT_EQ(other.state(), state);
    EXPECT_EQ(view->visibleRange(), QRectF(10, 0, 40, 4));
    EXPECT_FALSE(view->logarithmic());
    EXPECT_EQ(view->columnOrder(), map()->columnOrder());
    EXPECT_FALSE(view->columnOrder().empty());
}

TEST_F(Explore, DarkAndLargeToo)
{
    apply_theme(Appearance::dark);
    page_.resize(1000, 700);
    QCoreApplication::processEvents();
    test::picture(page_, QStringLiteral("explore_dark"));
    EXPECT_EQ(map()->plotStyle().background, plot_style(desk_.settings.sequence).background);
    apply_theme(Appearance::light);
}

TEST(ExploreEmpty, SaysWhatItIsForAndOffersTheStep)
{
    test::TestDesk desk;
    ExplorePage page(desk.desk);
    page.resize(700, 640);
    page.show();
    desk.desk.open_model(QString::fromStdString((std::filesystem::path(BITWRIGHT_SOURCE_DIR) / "resources/models/Bitwright-Sample-2M").string()));
    ASSERT_TRUE(wait_until([&] { return desk.desk.model().has_value(); }) && desk.settle());
    page.activated();
    QSignalSpy wanted(&desk.desk, &Desk::calibration_wanted);
    auto* calibrate = button(page, QStringLiteral("Calibrate…"));
    ASSERT_TRUE(calibrate && calibrate->isVisible());
    QTest::mouseClick(calibrate, Qt::LeftButton);
    EXPECT_EQ(wanted.size(), 1);
    test::picture(page, QStringLiteral("explore_empty"));
    const auto job = desk.jobs.submit(QStringLiteral("Calibration"), {QStringLiteral("calibrate")});  // while it runs nothing asks for another one
    desk.jobs.set(job, JobPhase::running);
    EXPECT_FALSE(button(page, QStringLiteral("Calibrate…")));
    desk.jobs.set(job, JobPhase::cancelled);
    ASSERT_TRUE(button(page, QStringLiteral("Calibrate…")));
    QTest::mouseClick(button(page, QStringLiteral("Look at the weights")), Qt::LeftButton);
    auto* view = page.findChildren<HeatmapView*>()[0];
    EXPECT_TRUE(wait_until([&] { return desk.idle() && !view->isEmpty(); }, 60000));
}

TEST(SiteMap, OpensOn22LayersOf16384ChannelsWithinATenthOfASecond)
{
    const Model model = open_model(test::golden_models() / "llama");
    auto statistics = std::make_shared<Statistics>();
    // the same kind of site 22 times, as wide as the widest model's
    SiteStatistics s;
    s.channel_abs_max.assign(16384, 1.0F);
    for (std::size_t c = 0; c < s.channel_abs_max.size(); ++c) s.channel_abs_max[c] = static_cast<float>(1 + c * 7919 % 1000) / 100;
    s.channel_max = s.channel_abs_max;
    s.channel_min.assign(16384, -0.5F);
    s.count = s.tokens = 16384;
    const SiteId id = model.sites->find("layers.0.mlp.down_proj.input");
    s.site = (*model.sites)[id].name;
    statistics->sites.push_back(s);
    const MapSources sources{model, statistics, nullptr, nullptr, {}, {}};
    QElapsedTimer timer;
    timer.start();
    const auto map = make_site_map(sources, {}, std::vector<SiteId>(22, id), Control());
    HeatmapView view;
    plots::Heatmap heatmap;
    heatmap.rows = 22;
    heatmap.columns = map.before.columns;
    heatmap.values = map.before.values;
    heatmap.valid_columns = map.before.valid_columns;
    view.resize(700, 400);
    view.setData(std::move(heatmap));
    view.show();
    view.grab();
    const auto elapsed = timer.elapsed();
    EXPECT_EQ(map.before.columns, 16384);
    RecordProperty("milliseconds", static_cast<int>(elapsed));
    EXPECT_LT(elapsed, 300) << "the answer is due within 100 ms on a quiet machine";
}

}  // namespace
}  // namespace bitwright::views
