// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/statistics/oracle.h"
#include "tests/support/shared_data.h"

#include "core/runtime/error.h"
#include "core/runtime/safetensors.h"

#include <fstream>

namespace bitwright::test {
namespace {

constexpr std::int64_t length = 24;

TEST(Quantile, ExactInTheTailsAndWithinABinBetween)
{
    const Rows data = random_rows(600, 40, 12);
    const SiteStatistics s = observed(data, length);
    std::vector<float> sorted = data.values;
    std::sort(sorted.begin(), sorted.end());
    const double bin = (s.histogram.high - s.histogram.low) / static_cast<double>(s.histogram.counts.size());
    for (int i = 0; i <= 1000; ++i) {
        const double at = i / 1000.0 * static_cast<double>(sorted.size() - 1);
        const auto rank = static_cast<std::size_t>(at);
        const double next = static_cast<double>(sorted[std::min(rank + 1, sorted.size() - 1)]), here = static_cast<double>(sorted[rank]);
        const double exact = here + (at - static_cast<double>(rank)) * (next - here);
        const bool stored = rank + 1 < Extremes::kept || rank + Extremes::kept >= sorted.size();
        EXPECT_NEAR(s.quantile(i / 1000.0), exact, stored ? 1e-9 : bin) << i;
    }
    EXPECT_EQ(s.quantile(0), static_cast<double>(s.min));
    EXPECT_EQ(s.quantile(1), static_cast<double>(s.max));
    double before = s.quantile(0);
    for (int i = 1; i <= 5000; ++i) {
        const double now = s.quantile(i / 5000.0);
        EXPECT_GE(now, before);
        before = now;
    }
}

TEST(Entropy, OfKnownHistograms)
{
    EXPECT_EQ(entropy_bits({0, 1, {8}}), 0);
    EXPECT_DOUBLE_EQ(entropy_bits({0, 1, {5, 5, 0, 5, 5}}), 2);
    EXPECT_DOUBLE_EQ(entropy_bits({0, 1, {1, 2, 1}}), 1.5);
}

TEST(Offenders, RatioToTheMedianChannel)
{
    SiteStatistics s;
    s.site = "a";
    s.channel_abs_max = {1, 2, 3, 100, 2, 40};  // median (2 + 3) / 2
    const auto found = find_offenders(s, 15);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].channel, 3);
    EXPECT_EQ(found[0].ratio, 40);
    EXPECT_EQ(found[1].channel, 5);
    EXPECT_EQ(found[1].ratio, 16);
    EXPECT_EQ(find_offenders(s, 16).size(), 1U);  // exceeds, not reaches
    s.channel_abs_max = {0, 0, 0, 5};
    EXPECT_TRUE(find_offenders(s, 2).empty());
    s.channel_abs_max = {};
    EXPECT_TRUE(find_offenders(s, 2).empty());
}

Statistics sample()
{
    Statistics out;
    out.model_identity = "m";
    out.transforms = "t";
    out.token_hash = "h";
    out.settings = R"({"semantics":"authors"})";
    out.windows = 3;
    out.length = length;
    for (const unsigned seed : {1U, 2U}) {
        out.sites.push_back(observed(random_rows(72, 12, seed), length));
        out.sites.back().site = "site." + std::to_string(seed);
    }
    out.sites.push_back(observed({1, std::vector<float>(72, 4.0F)}, length));  // its kurtosis is not a number
    return out;
}

TEST(StatisticsFile, RoundTripsToTheBit)
{
    const auto path = scratch("statistics") / "a.safetensors";
    const Statistics before = sample();
    save_statistics(before, path);
    const Statistics after = load_statistics(path);
    EXPECT_EQ(after.key(), before.key());
    EXPECT_EQ(after.settings, before.settings);
    ASSERT_EQ(after.sites.size(), before.sites.size());
    for (std::size_t i = 0; i < after.sites.size(); ++i) {
        EXPECT_EQ(after.sites[i].site, before.sites[i].site);
        expect_equal_but_moments(before.sites[i], after.sites[i]);
        EXPECT_EQ(before.sites[i].mean, after.sites[i].mean);
        EXPECT_EQ(before.sites[i].sigma, after.sites[i].sigma);
    }
    EXPECT_EQ(before.sites[0].kurtosis, after.sites[0].kurtosis);
    EXPECT_TRUE(std::isnan(after.sites[2].kurtosis));
    EXPECT_NE(after.find("site.2"), nullptr);
    EXPECT_EQ(after.find("site.3"), nullptr);
}

// As an earlier version wrote it.
TEST(StatisticsFile, WithoutTheTailsTheyAreNotKnown)
{
    const auto folder = scratch("statistics-earlier");
    const Statistics before = sample();
    ASSERT_FALSE(before.sites[0].channel_abs_p999.empty());
    save_statistics(before, folder / "now.safetensors");
    const SafetensorsFile now(folder / "now.safetensors");
    std::map<std::string, Tensor> tensors;
    for (const auto& entry : now.entries()) {
        if (entry.name.ends_with("channel_abs_p999")) continue;
        const auto view = now.tensor(entry.name);
        tensors.emplace(entry.name, Tensor{view.dtype, view.shape, {view.data.begin(), view.data.end()}});
    }
    write_safetensors(folder / "earlier.safetensors", tensors, now.metadata());
    const Statistics after = load_statistics(folder / "earlier.safetensors");
    ASSERT_EQ(after.sites.size(), before.sites.size());
    EXPECT_TRUE(after.sites[0].channel_abs_p999.empty());
    EXPECT_EQ(after.sites[0].channel_abs_max, before.sites[0].channel_abs_max);
    EXPECT_EQ(after.key(), before.key());
}

TEST(StatisticsFile, RefusesOtherFiles)
{
    const auto folder = scratch("statistics-bad");
    write_safetensors(folder / "other.safetensors", {{"x", Tensor::from<float>(Dtype::f32, {1}, std::vector<float>{1})}});
    EXPECT_THROW(static_cast<void>(load_statistics(folder / "other.safetensors")), Error);
    write_safetensors(folder / "newer.safetensors", {}, {{"bitwright.statistics", R"({"format":9})"}});
    try {
        static_cast<void>(load_statistics(folder / "newer.safetensors"));
        FAIL();
    } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::bad_input);
        EXPECT_NE(std::string(e.what()).find("format: 9"), std::string::npos) << e.what();
    }
    EXPECT_THROW(static_cast<void>(load_statistics(folder / "absent.safetensors")), Error);
}

TEST(StatisticsKey, DependsOnEveryField)
{
    const Statistics base = sample();
    std::vector<std::string> keys{base.key()};
    const auto with = [&](const std::function<void(Statistics&)>& change) {
        Statistics changed = base;
        change(changed);
        keys.push_back(changed.key());
    };
    with([](Statistics& s) { s.model_identity = "n"; });
    with([](Statistics& s) { s.transforms = ""; });
    with([](Statistics& s) { s.transforms = "th", s.token_hash = ""; });
    with([](Statistics& s) { s.settings = ""; });
    with([](Statistics& s) { s.windows = 4; });
    with([](Statistics& s) { s.length = 25; });
    std::sort(keys.begin(), keys.end());
    EXPECT_EQ(std::unique(keys.begin(), keys.end()), keys.end());
    Statistics emptied = base;
    emptied.sites.clear();
    EXPECT_EQ(emptied.key(), base.key());
}

}  // namespace
}  // namespace bitwright::test
