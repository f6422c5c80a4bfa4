// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/calibrate/calibrate_sheet.h"

#include "core/checkpoint/tokenizer.h"
#include "core/statistics/calibration.h"
#include "core/workspace/desk.h"
#include "core/workspace/jobs.h"
#include "core/workspace/results.h"
#include "tests/support/grab.h"
#include "tests/support/sample_workspace.h"
#include "views/calibrate/calibrations_model.h"

#include <QAbstractItemModelTester>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QRadioButton>
#include <QSpinBox>
#include <QTableView>
#include <QTest>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bitwright::test {
namespace {

class CalibrateSheet : public ::testing::Test {
protected:
    void open(bool calibrated)
    {
        new QAbstractItemModelTester(sheet.findChild<views::CalibrationsModel*>(), QAbstractItemModelTester::FailureReportingMode::Fatal, &sheet);
        const auto file = desk.path(QStringLiteral("w.bitwright"));
        make_sample_workspace(file.toStdString(), calibrated, false);
        ASSERT_TRUE(open_and_wait(desk, file));
        sheet.show();
        ASSERT_TRUE(wait_until([&] { return start()->isEnabled(); }));
    }
    [[nodiscard]] QPushButton* start() const { return sheet.findChild<QPushButton*>(QStringLiteral("start")); }
    [[nodiscard]] QString shown() const
    {
        QString all;
        for (const auto* label : sheet.findChildren<QLabel*>())
            if (!label->isHidden()) all += label->text() + QLatin1Char('\n');
        return all.replace(QChar(0x2009), QLatin1Char(' '));
    }
    [[nodiscard]] bool shows(const char* words) { return wait_until([&] { return shown().contains(QLatin1String(words)); }, 5000); }
    [[nodiscard]] QSpinBox* field(const char* name) const
    {
        for (auto* box : sheet.findChildren<QSpinBox*>())
            if (box->accessibleName() == QLatin1String(name)) return box;
        return nullptr;
    }
    static void type(QSpinBox* box, const char* text)
    {
        box->setFocus();
        box->selectAll();
        QTest::keyClicks(box, QLatin1String(text));
        QTest::keyClick(box, Qt::Key_Tab);
    }
    [[nodiscard]] QLineEdit* text_field() const
    {
        for (auto* edit : sheet.findChildren<QLineEdit*>())
            if (edit->accessibleName() == QLatin1String("Text")) return edit;
        return nullptr;
    }

    TestDesk desk;
    views::CalibrateSheet sheet{desk.desk};
};

TEST_F(CalibrateSheet, StartSubmitsWhatTheFieldsSay)
{
    open(false);
    EXPECT_TRUE(text_field()->text().endsWith(QStringLiteral("texts/calibration.txt")));
    EXPECT_TRUE(shows("16 384 tokens: 32 windows of 512")) << shown().toStdString();
    EXPECT_TRUE(shown().contains(QStringLiteral("not known before the first calibration")));
    type(field("Samples"), "8");
    type(field("Tokens in a sample"), "64");
    type(field("Seed"), "7");
    EXPECT_FALSE(start()->isEnabled());
    EXPECT_TRUE(shows("512 tokens: 8 windows of 64")) << shown().toStdString();
    grab(sheet, "calibrate", {{640, 560}});
    QTest::mouseClick(start(), Qt::LeftButton);
    ASSERT_EQ(desk.jobs.all.size(), 1U);
    const QString model = QString::fromStdString(sample_model().string());
    EXPECT_EQ(desk.jobs.all[0].arguments,
              QStringLiteral("calibrate|%1|--text|%1/texts/calibration.txt|--samples|8|--length|64|--special|none|--seed|7|-w|%2").arg(model, desk.desk.workspace_path()).split(QLatin1Char('|')));
    EXPECT_TRUE(desk.actions.command_line().startsWith(QStringLiteral("bitwright-cli calibrate ")));
    EXPECT_FALSE(sheet.isVisible());
    ASSERT_TRUE(desk.settle());
    EXPECT_EQ(desk_value(*desk.desk.workspace(), "calibrate")["samples"], 8);
    views::CalibrateSheet again(desk.desk);
    again.show();
    EXPECT_EQ(again.request().samples, 8);
    EXPECT_EQ(again.request().seed, 7U);
    ASSERT_TRUE(desk.settle());
}

TEST_F(CalibrateSheet, HoldsOutAShareAndTellsItsMemory)
{
    open(false);
    EXPECT_TRUE(shows("of memory without the desk itself")) << shown().toStdString();
    type(field("Samples"), "8");
    type(field("Tokens in a sample"), "64");
    type(field("Held-out share"), "25");
    EXPECT_TRUE(shows("512 tokens: 8 windows of 64")) << shown().toStdString();
    EXPECT_TRUE(shown().contains(QStringLiteral("held out: 2 more"))) << shown().toStdString();
    ASSERT_TRUE(wait_until([&] { return start()->isEnabled(); }));
    QTest::mouseClick(start(), Qt::LeftButton);
    ASSERT_EQ(desk.jobs.all.size(), 1U);
    EXPECT_TRUE(desk.jobs.all[0].arguments.join(QLatin1Char(' ')).contains(QStringLiteral("--holdout-share 25")));
    ASSERT_TRUE(desk.settle());
}

TEST_F(CalibrateSheet, WarnsBeforeItCostsTime)
{
    open(false);
    type(field("Tokens in a sample"), "1100");
    EXPECT_TRUE(shows("context of 1 024")) << shown().toStdString();
    EXPECT_TRUE(start()->isEnabled());  // a warning, no refusal

    const QString brief = desk.path(QStringLiteral("brief.txt"));
    QFile file(brief);
    ASSERT_TRUE(file.open(QIODevice::WriteOnly));
    file.write("Once upon a time.");
    file.close();
    text_field()->setText(brief);
    EXPECT_TRUE(shows("brief.txt")) << shown().toStdString();
    EXPECT_FALSE(start()->isEnabled());
    text_field()->setText(desk.path(QStringLiteral("absent.txt")));
    EXPECT_TRUE(shows("absent.txt")) << shown().toStdString();
    EXPECT_FALSE(start()->isEnabled());
}

TEST_F(CalibrateSheet, KnowsTheEvaluationText)
{
    open(false);
    auto& workspace = *desk.desk.workspace();
    const auto text = sample_model() / "texts/evaluation.txt";
    EvaluationRow row;
    row.level = "float";
    row.model = desk.desk.model_row()->id;
    row.text = put_text(workspace, text);
    EXPECT_EQ(find_text(workspace, text), row.text);
    row.conditions = put_conditions(workspace, {.program = "test", .backend = "none"});
    row.definition = "stream";
    row.token_hash = std::string(64, 'b');
    row.windows = 1;
    row.tokens = 10;
    row.nll_sum = 30;
    row.window_nll = {30};
    put_evaluation(workspace, row, {});
    text_field()->setText(QString::fromStdString(text.string()));
    EXPECT_TRUE(shows("scored this very text")) << shown().toStdString();
    grab(sheet, "calibrate_warning", {{640, 560}});
}

TEST_F(CalibrateSheet, TheSameCalibrationIsShownNotRepeated)
{
    open(false);
    const auto& model = *desk.desk.model();
    const auto windows = sample_windows(*Tokenizer::open(sample_model()), sample_model() / "texts/calibration.txt", 32, 512, 0, "none");
    auto statistics = calibration_header(model, nullptr, windows, {});
    statistics.sites = planted_statistics(model).sites;
    put_calibration(*desk.desk.workspace(), desk.desk.model_row()->id, windows, {}, statistics);
    desk.desk.refresh();
    ASSERT_TRUE(wait_until([&] { return start()->text() == QStringLiteral("Show calibration:1") && start()->isEnabled(); })) << shown().toStdString();
    QTest::mouseClick(start(), Qt::LeftButton);
    EXPECT_TRUE(desk.jobs.all.empty());
    ASSERT_TRUE(wait_until([&] { return desk.desk.calibration().has_value(); }));
    ASSERT_TRUE(desk.settle());
}

TEST_F(CalibrateSheet, PredictsTheTimeFromWhatWasMeasured)
{
    open(true);
    auto& workspace = *desk.desk.workspace();
    bool resumed = false;
    const auto job = begin_job(workspace, "calibrate", "key", R"({"argv": []})", false, resumed);
    QTest::qSleep(64);
    end_job(workspace, job.id, JobState::done, "calibration:1");
    const auto speed = views::calibration_seconds_per_token(workspace, desk.desk.model_row()->id);
    ASSERT_TRUE(speed);  // 32 tokens in at least 64 ms
    EXPECT_GE(*speed, 0.002);
    EXPECT_LT(*speed, 0.1);
    type(field("Samples"), "2");
    EXPECT_TRUE(shows("as measured here before")) << shown().toStdString();
    auto* table = sheet.findChild<QTableView*>();
    ASSERT_EQ(table->model()->rowCount(), 1);
    EXPECT_EQ(table->model()->index(0, views::CalibrationsModel::reference).data().toString(), QStringLiteral("calibration:1"));
    EXPECT_EQ(table->model()->index(0, views::CalibrationsModel::tokens).data().toString(), QStringLiteral("2 × 16"));
    grab(sheet, "calibrate_made", {{640, 560}});
}

}  // namespace
}  // namespace bitwright::test
