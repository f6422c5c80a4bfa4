// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/range_rules.h"

#include "core/recipe/grid.h"
#include "core/recipe/placement.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "core/runtime/random.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

std::vector<float> heavy_tailed(std::size_t n, std::uint64_t seed)
{
    Random random(seed);
    std::vector<float> values(n);
    for (float& value : values) {
        const double normal = std::sqrt(-2 * std::log(1 - random.uniform())) * std::cos(6.283185307179586 * random.uniform());
        value = static_cast<float>(normal * normal * normal);
    }
    return values;
}

SiteStatistics observed(const std::vector<float>& values)
{
    // What the accumulators give, by their definitions: a histogram of 2,048 equal bins and 1,024 exact extremes on either side.
    SiteStatistics s;
    std::vector<float> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    s.count = sorted.size();
    s.min = sorted.front();
    s.max = sorted.back();
    const std::size_t kept = std::min<std::size_t>(1024, sorted.size());
    s.smallest.assign(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(kept));
    s.largest.assign(sorted.rbegin(), sorted.rbegin() + static_cast<std::ptrdiff_t>(kept));
    s.histogram = {s.min, s.max, std::vector<std::uint64_t>(2048)};
    for (const float x : sorted) ++s.histogram.counts[std::min<std::size_t>(2047, static_cast<std::size_t>((x - s.min) / (s.max - s.min) * 2048))];
    return s;
}

double mean_squared_error(const std::vector<float>& values, const Grid& grid)
{
    double sum = 0;
    for (const float x : values) sum += std::pow(static_cast<double>(fake_quantize(x, grid)) - x, 2);
    return sum / static_cast<double>(values.size());
}

TEST(RangeRule, Words)
{
    EXPECT_EQ(in_words(parse_range_rule("minmax")), "min-max");
    EXPECT_EQ(in_words(parse_range_rule("percentile:99.9")), "percentile 99.9");
    EXPECT_EQ(in_words(parse_range_rule("mse")), "mse");
    for (const char* wrong : {"", "max", "percentile", "percentile:", "percentile:0", "percentile:101", "percentile:9x", "mse "}) {
        EXPECT_THROW(static_cast<void>(parse_range_rule(wrong)), Error) << wrong;
    }
}

TEST(RangeRule, PercentileKeepsItsShare)
{
    const auto values = heavy_tailed(200000, 3);
    const Range range = activation_range(observed(values), {}, {}, Semantics::bitwright, parse_range_rule("percentile:99"));
    const auto inside = std::count_if(values.begin(), values.end(), [&](float x) { return x >= range.min->front() && x <= range.max->front(); });
    EXPECT_NEAR(static_cast<double>(inside) / 200000, 0.99, 2e-4);
}

// Against an exhaustive search over the values themselves.
TEST(RangeRule, LeastSquaresIsNearTheBest)
{
    for (const std::size_t n : {std::size_t{700}, std::size_t{1500}, std::size_t{100000}}) {
        const auto values = heavy_tailed(n, n);
        const SiteStatistics s = observed(values);
        for (const int bits : {4, 8, 16}) {
            for (const bool symmetric : {false, true}) {
                Scheme scheme;
                scheme.bits = bits;
                scheme.symmetric = symmetric;
                SCOPED_TRACE(std::to_string(n) + " values, " + in_words(scheme));
                double best = 1e300;
                for (int a = 1; a <= 50; ++a) {
                    for (int b = 1; b <= 50; ++b) {
                        if (symmetric && a != b) continue;
                        best = std::min(best, n > 10000 && (a % 2 || b % 2)
                                                  ? best
                                                  : mean_squared_error(values, grid_of(s.min * static_cast<float>(a) / 50, s.max * static_cast<float>(b) / 50,
                                                                                       scheme, Semantics::bitwright)));
                    }
                }
                const Range activation = activation_range(s, {}, scheme, Semantics::bitwright, parse_range_rule("mse"));
                const Range weight = weight_range(values, {static_cast<std::int64_t>(n)}, scheme, Semantics::bitwright, parse_range_rule("mse"));
                EXPECT_LT(mean_squared_error(values, grid_of(activation, 0, scheme, Semantics::bitwright)), 1.05 * best);
                EXPECT_LT(mean_squared_error(values, grid_of(weight, 0, scheme, Semantics::bitwright)), 1.05 * best);
                EXPECT_GE(activation.min->front(), s.min);
                EXPECT_LE(activation.max->front(), s.max);
            }
        }
    }
}

TEST(RangeRule, RangesWithoutZeroAndConstants)
{
    std::vector<float> positive = heavy_tailed(5000, 9);
    for (float& x : positive) x = std::fabs(x) + 3;
    for (const Semantics semantics : {Semantics::authors, Semantics::bitwright}) {
        const Range range = activation_range(observed(positive), {}, {}, semantics, parse_range_rule("mse"));
        EXPECT_GE(range.min->front(), 3);
        EXPECT_LE(range.min->front(), range.max->front());
    }
    SiteStatistics constant;
    constant.count = 10;
    constant.min = constant.max = 2.5f;
    constant.smallest = constant.largest = std::vector<float>(10, 2.5f);
    const Range range = activation_range(constant, {}, {}, Semantics::bitwright, parse_range_rule("mse"));
    EXPECT_EQ(fake_quantize(2.5f, grid_of(range, 0, {}, Semantics::bitwright)), 2.5f);
}

TEST(SetRanges, EverySiteOfEveryFamily)
{
    BITWRIGHT_NEEDS_SHARED();
    for (const char* name : {"llama-gqa-tied", "gemma3", "opt-post-norm", "bloom-pow2", "stablelm-parallel"}) {
        SCOPED_TRACE(name);
        const Model model = open_model(test::shared() / "golden" / "models" / name);
        Statistics statistics;
        for (const Site& site : model.sites->sites()) {
            if (site.kind != SiteKind::activation || site.role == SiteRole::pv_input) continue;
            SiteStatistics s = observed(heavy_tailed(3000, static_cast<std::uint64_t>(site.id)));
            s.site = site.name;
            statistics.sites.push_back(std::move(s));
        }
        for (const Semantics semantics : {Semantics::authors, Semantics::bitwright}) {
            for (const char* rule : {"minmax", "percentile:99.9", "mse"}) {
                Recipe recipe = base_recipe(model, {4, 8}, semantics);
                set_ranges(recipe, model, statistics, parse_range_rule(rule));
                validate(recipe, model);
                for (const auto& [site, decision] : recipe.sites) EXPECT_TRUE(decision.range.min && decision.range.max) << site;
                EXPECT_EQ(*recipe.sites.at("layers.0.self_attn.pv.input").range.max, std::vector<float>{1});
            }
        }
        {
            Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
            set_ranges(recipe, model, statistics, {});
            const SiteId table = model.sites->find("embed_tokens.weight");
            const auto whole = materialize(model, nullptr, table);
            const Range expected = weight_range(whole.weight, whole.shape, recipe.sites.at("embed_tokens.weight").scheme, Semantics::bitwright, {});
            EXPECT_EQ(*recipe.sites.at("embed_tokens.weight").range.min, *expected.min);  // read in blocks, the same
            EXPECT_EQ(*recipe.sites.at("embed_tokens.weight").range.max, *expected.max);
        }
        const Recipe authors = [&] {
            Recipe recipe = base_recipe(model, {}, Semantics::authors);
            set_ranges(recipe, model, statistics, {});
            return recipe;
        }();
        if (authors.sites.contains("layers.0.mlp.act.input2")) {
            EXPECT_EQ(authors.sites.at("layers.0.mlp.act.input2").range.source, "by definition");
        }
        statistics.sites.erase(statistics.sites.begin());
        Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
        EXPECT_THROW(set_ranges(recipe, model, statistics, {}), Error);
    }
}

}  // namespace
}  // namespace bitwright
