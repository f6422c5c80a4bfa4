// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/report.h"
#include "core/exchange/report_svg.h"
#include "core/exchange/report_table.h"
#include "tests/support/shared_data.h"

#include "core/runtime/file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <regex>
#include <set>
#include <sstream>

namespace bitwright {
namespace {

ComparisonRow row(const std::string& name, const std::string& method, const std::string& bits, const std::string& level, Figure perplexity)
{
    ComparisonRow out;
    out.name = name;
    out.method = method;
    out.bits = bits;
    out.level = level;
    out.semantics = "bitwright";
    out.placement = level == "simulated" ? "paper" : "";
    out.perplexity_token = std::move(perplexity);
    out.bytes = {bits.empty() ? 2624000.0 : 1312000.0, ""};
    out.prefill_tokens_per_s = out.decode_tokens_per_s = {std::nullopt, "only a package is timed"};
    out.model_hash = "5d1c8a0e4b7f";
    out.evaluation_hash = "91ab33";
    out.definition = "per token, one stream, no BOS, windows of 512, all but the first token of each";
    return out;
}

Report sample()
{
    Report report;
    report.title = "TinyStories-656K-outliers";
    report.subtitle = "2026-11-22, Bitwright 0.1.0";
    report.rows = {row("float", "float", "", "float", {41.79, ""}),
                   row("rtn W8A8", "rtn", "W8A8", "simulated", {2320.94, ""}),
                   row("smoothquant-static W8A8", "smoothquant-static", "W8A8", "simulated", {329.58, ""}),
                   row("smoothquant-edge W8A8", "smoothquant-edge", "W8A8", "simulated", {42.64, ""}),
                   row("mobilequant W8A8", "mobilequant-paper", "W8A8", "simulated", {42.31, ""}),
                   row("mobilequant W8A8", "mobilequant-paper", "W8A8", "integer", {42.52, ""}),
                   row("other text", "rtn", "W4A8", "simulated", {12341.94, ""}),
                   row("W4 <script>alert(1)</script>", "mobilequant-paper", "W4A8", "simulated", {std::nullopt, "the optimization was \"cancelled\""})};
    report.rows[5].prefill_tokens_per_s = {18234.5, ""};
    report.rows[5].decode_tokens_per_s = {1093.27, ""};
    report.rows[5].conditions = "this computer, idle";
    report.rows[5].device = "this computer";
    report.rows[5].threads = 2;
    report.rows[6].evaluation_hash = "77cd";
    ReportCurves curves{"Accumulated error at each layer's output", "SQNR, dB", {}};
    std::mt19937 generator(1);
    std::normal_distribution<double> noise(0, 0.6);
    for (const auto& [name, start] : {std::pair("rtn W8A8", 18.0), std::pair("smoothquant-static W8A8", 24.0), std::pair("smoothquant-edge W8A8", 38.0),
                                      std::pair("mobilequant W8A8", 39.5)}) {
        ReportCurve curve{name, {}};
        for (int layer = 0; layer < 22; ++layer) curve.values.push_back(start - 0.5 * layer + noise(generator));
        curves.curves.push_back(curve);
    }
    curves.curves[0].values[7] = std::numeric_limits<double>::quiet_NaN();
    report.curves.push_back(curves);
    ReportHeatmap map{"Absolute maximum per channel, down_proj input", "|x|", {}, 5632, {}};
    for (int layer = 0; layer < 22; ++layer) {
        map.rows.push_back(std::to_string(layer));
        for (int c = 0; c < 5632; ++c) map.values.push_back(static_cast<float>(std::exp(noise(generator)) * (c % 613 == 55 ? 60 : 1)));
    }
    for (std::size_t c = 5632UL * 4; c < 5632UL * 5; ++c) map.values[c] = std::numeric_limits<float>::quiet_NaN();
    report.heatmaps.push_back(map);
    report.conditions = {{"this computer, idle", {{"processor", "AMD EPYC, 2 cores"}, {"threads", "2"}, {"power", "mains"}, {"program", "Bitwright 0.1.0"}}}};
    report.definitions = {{"perplexity per token", "exp of the mean negative log-likelihood over all scored tokens"},
                          {"SQNR", "10·log₁₀ of the float signal's energy over the difference's"}};
    report.conversions = {"layers.0-1.input_layernorm.weight: 16 bit, asymmetric → symmetric int16 of the materialized weight"};
    return report;
}

TEST(Numbers, AreWrittenTheSameEverywhere)
{
    EXPECT_EQ(grouped(1234567.5, 1, ","), "1,234,567.5");
    EXPECT_EQ(grouped(1234, 0, ","), "1,234");
    EXPECT_EQ(grouped(12345, 0, ","), "12,345");
    EXPECT_EQ(grouped(123456, 0, ","), "123,456");
    EXPECT_EQ(grouped(-0.5, 2, ","), "−0.50");
    EXPECT_EQ(three_digits(0.012345, ""), "0.0123");
    EXPECT_EQ(three_digits(1.8, ""), "1.80");
    EXPECT_EQ(three_digits(18234.5, ""), "18234");
    EXPECT_EQ(grouped(std::numeric_limits<double>::infinity(), 1, ""), "∞");
}

TEST(Table, DifferencesAndReasons)
{
    const ReportTable table = comparison_table(sample(), "");
    ASSERT_EQ(table.columns.size(), 9U);  // neither words nor memory were measured
    const auto& perplexity = table.columns[5].cells;
    EXPECT_EQ(perplexity[0].text, "41.79");
    EXPECT_EQ(perplexity[0].delta, "");
    EXPECT_EQ(perplexity[4].text, "42.31");
    EXPECT_EQ(perplexity[4].delta, "+0.52 (+1.2 %)");
    EXPECT_EQ(perplexity[6].delta, "not comparable");
    EXPECT_EQ(perplexity[6].why, "not comparable with the baseline: other evaluation text (77cd against 91ab33)");
    EXPECT_EQ(perplexity[7].text, "–");
    EXPECT_EQ(perplexity[7].why, "not measured: the optimization was \"cancelled\"");
    EXPECT_EQ(table.columns[6].cells[1].text, "1.31 MB");
    EXPECT_EQ(table.columns[6].cells[1].delta, "0.500×");
    EXPECT_EQ(table.columns[8].cells[5].text, "1093");
    EXPECT_EQ(table.columns[8].cells[5].delta, "");  // the baseline has no speed
    ASSERT_EQ(table.notes.size(), 3U);
    EXPECT_EQ(table.notes[static_cast<std::size_t>(perplexity[7].note - 1)], perplexity[7].why);
}

TEST(ReportText, ColumnsAreAligned)
{
    const std::string text = report_text(sample());
    std::istringstream lines(text);
    std::string header, line;
    std::getline(lines, header);
    EXPECT_EQ(header.substr(0, 6), "  Name");
    std::getline(lines, line);
    EXPECT_EQ(line.substr(0, 7), "* float");
    const std::size_t method = header.find("Method");
    for (int i = 0; i < 6; ++i, std::getline(lines, line)) EXPECT_NE(line[method], ' ') << line;
    EXPECT_NE(text.find("[a] not measured: only a package is timed"), std::string::npos);
    Report hostile = sample();
    hostile.rows[0].name = "a\x1b[31m\nb";
    EXPECT_EQ(report_text(hostile).find('\x1b'), std::string::npos);
}

TEST(ReportMarkdown, EscapesAndHasARowEach)
{
    Report report = sample();
    report.rows[1].name = "a|b\nc";
    const std::string text = report_markdown(report);
    EXPECT_NE(text.find("| a\\|b c |"), std::string::npos);
    EXPECT_NE(text.find("| **float** (baseline) |"), std::string::npos);
    EXPECT_NE(text.find("\\<script\\>"), std::string::npos);
}

TEST(ReportCsv, FullPrecisionEmptyWhereNotMeasured)
{
    Report report = sample();
    report.rows[0].perplexity_token.value = 41.7912345678901;
    report.rows[0].name = "a, \"b\"";
    std::istringstream lines(report_csv(report));
    std::string header, first;
    std::getline(lines, header);
    std::getline(lines, first);
    EXPECT_EQ(std::count(header.begin(), header.end(), ','), 28);
    EXPECT_EQ(std::count(first.begin(), first.end(), ','), 28 + 1 + 4);  // and those inside the quoted name and definition
    EXPECT_EQ(first.substr(0, first.find("41.79")), "\"a, \"\"b\"\"\",1,float,,bitwright,float,,");
    EXPECT_NE(first.find("41.7912345678901,,,,2624000,,,,,,,,"), std::string::npos) << first;
}

TEST(ReportCsv, TasksHaveColumnsOfTheirOwn)
{
    Report report = sample();
    TaskFigure figure;
    figure.task = "piqa";
    figure.rows = 200;
    figure.accuracy.value = 0.5;
    figure.accuracy_norm.value = 0.625;
    figure.interval = Interval{0.25, 0.75};
    report.rows[1].tasks.push_back(figure);
    std::istringstream lines(report_csv(report));
    std::string header, first, second;
    std::getline(lines, header);
    std::getline(lines, first);
    std::getline(lines, second);
    EXPECT_TRUE(header.ends_with(",piqa_200_accuracy,piqa_200_accuracy_low,piqa_200_accuracy_high,piqa_200_accuracy_norm,piqa_200_accuracy_norm_low,piqa_200_accuracy_norm_high\r")) << header;
    EXPECT_TRUE(first.ends_with(",,,,,,\r")) << "not scored is empty: " << first;
    EXPECT_TRUE(second.ends_with(",0.5,0.25,0.75,0.625,,\r")) << second;
}

// A reader sees whether a difference of speeds is more than the repeats differ among themselves.
TEST(ReportTable, SpeedsShowTheirSpreadAndWhetherTheyLieApart)
{
    Report report = sample();
    report.rows = {report.rows[5], report.rows[5], report.rows[5]};
    report.baseline = 0;
    report.rows[0].decode_tokens_per_s = {1000, "", {950, 1000, 1100}};
    report.rows[1].decode_tokens_per_s = {1050, "", {1090, 1050, 1010}};
    report.rows[2].decode_tokens_per_s = {2000, "", {1900, 2000, 2100}};
    const ReportTable table = comparison_table(report, "");
    const auto& decode = *std::find_if(table.columns.begin(), table.columns.end(), [](const TableColumn& column) { return column.title == "Decode"; });
    EXPECT_EQ(decode.cells[0].spread, "950–1100");
    EXPECT_EQ(decode.cells[1].spread, "1010–1090");
    EXPECT_EQ(decode.cells[1].delta, "1.05× within the spread");
    EXPECT_EQ(decode.cells[2].delta, "2.00×");
    EXPECT_NE(report_text(report).find("1050 (1010–1090) 1.05× within the spread"), std::string::npos);
    EXPECT_NE(report_html(report).find("<small>1\u202f010–1\u202f090</small>"), std::string::npos);
    EXPECT_NE(report_csv(report).find(",1050,1010,1090,"), std::string::npos);
}

TEST(ReportHtml, IsSelfContainedEscapedAndComplete)
{
    const auto path = test::scratch("report") / "report.html";
    write_report(sample(), path);
    const std::string html = read_text(path);
    EXPECT_EQ(html.find("<script"), std::string::npos);
    EXPECT_NE(html.find("W4 &lt;script&gt;alert(1)&lt;/script&gt;"), std::string::npos);
    EXPECT_NE(html.find("title=\"not measured: the optimization was &quot;cancelled&quot;\">–"), std::string::npos);
    for (const char* outside : {"http:", "https:", "src=", "@import", "url(h"}) EXPECT_EQ(html.find(outside), std::string::npos) << outside;
    for (const char* part : {"Comparison", "Error per layer", "Outliers", "Conditions", "Definitions", "Conversions", "@media print", "prefers-color-scheme:dark"}) {
        EXPECT_NE(html.find(part), std::string::npos) << part;
    }
    EXPECT_EQ(html.find("nan"), std::string::npos);
    EXPECT_LT(html.size(), 1U << 20);
    const auto count = [&](const std::string& tag) {
        std::size_t n = 0;
        for (std::size_t at = html.find(tag); at != std::string::npos; at = html.find(tag, at + 1)) ++n;
        return n;
    };
    for (const char* tag : {"svg", "g", "section", "table", "tr", "td", "figure", "dl", "ol", "small", "a", "p", "text"}) {
        EXPECT_EQ(count(std::string("<") + tag + ">") + count(std::string("<") + tag + " "), count(std::string("</") + tag + ">")) << tag;
    }
}

TEST(ReportHtml, OfNothing)
{
    const std::string html = report_html({});
    EXPECT_NE(html.find("</html>"), std::string::npos);
    EXPECT_FALSE(report_text({}).empty());
    Report report;
    report.curves.push_back({"empty", "dB", {{"a", {}}}});
    report.heatmaps.push_back({"empty", "|x|", {}, 0, {}});
    EXPECT_NE(report_html(report).find("– not measured"), std::string::npos);
}

TEST(Heatmap, AColumnOfPixelsShowsTheMaximum)
{
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const ReportHeatmap map{"", "", {"0", "1"}, 5, {1, 7, 3, nan, 2, nan, nan, 0, 5, nan}};
    const auto folded = folded_by_maximum(map, 3);  // pairs, the last alone
    ASSERT_EQ(folded.size(), 6U);
    EXPECT_EQ(folded[0], 7);
    EXPECT_EQ(folded[1], 3);
    EXPECT_EQ(folded[2], 2);
    EXPECT_TRUE(std::isnan(folded[3]));
    EXPECT_EQ(folded[4], 5);
    EXPECT_TRUE(std::isnan(folded[5]));
    EXPECT_EQ(folded_by_maximum(map, 100).size(), 10U);
}

TEST(Curves, AMethodKeepsItsColourItsSecondLineIsDashed)
{
    const ReportCurves curves{"t", "dB", {{"first", {3, 4}, "mobilequant-paper"}, {"second", {5, 6}, "mobilequant-paper"}, {"mine", {1, 2}, "by hand"}}};
    const std::string svg = curves_svg(curves);
    const auto first = svg.find("<g class=\"s2\"><title>first"), second = svg.find("<g class=\"s2\"><title>second"), mine = svg.find("<g class=\"s3\"><title>mine");
    ASSERT_TRUE(first != std::string::npos && second != std::string::npos && mine != std::string::npos);
    const auto dashed = svg.find("stroke-dasharray");
    EXPECT_TRUE(dashed > second && dashed < mine);
    EXPECT_EQ(svg.find("stroke-dasharray", dashed + 1), std::string::npos);
    Report report;
    report.curves.push_back(curves);
    const std::string html = report_html(report);
    EXPECT_NE(html.find("--s2:#00805d;"), std::string::npos);
    EXPECT_NE(html.find("--s2:#1fbf91;"), std::string::npos);
    EXPECT_NE(html.find(".s2{color:var(--s2)}"), std::string::npos);
}

TEST(Curves, OneLayerOneCurveConstant)
{
    const std::string svg = curves_svg({"t", "dB", {{"only", {3.5}}}});
    EXPECT_NE(svg.find("<circle"), std::string::npos);
    EXPECT_EQ(svg.find("inf"), std::string::npos);
    EXPECT_EQ(svg.find("not a number"), std::string::npos);
}

TEST(Report, CellsOfAHeatmapTouchEachOther)
{
    ReportHeatmap map{"", "", {"0"}, 512, {}};
    for (int c = 0; c < 512; ++c) map.values.push_back(c % 2 ? 1.0F : 100.0F);
    const std::string svg = heatmap_svg(map);
    static const std::regex cell(R"(M([\d.]+) [\d.]+H([\d.]+)V)");
    std::set<std::string> starts, ends;
    for (std::sregex_iterator found(svg.begin(), svg.end(), cell), last; found != last; ++found) {
        starts.insert((*found)[1]);
        ends.insert((*found)[2]);
    }
    EXPECT_EQ(starts.size(), 512U);
    for (const auto& end : ends) starts.erase(end);
    EXPECT_EQ(starts.size(), 1U) << "only the first cell begins where none ends";
}

}  // namespace
}  // namespace bitwright
