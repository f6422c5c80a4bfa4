// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/preview.h"

#include "core/recipe/observed_values.h"
#include "core/recipe/placement.h"
#include "core/recipe/quantization_tally.h"
#include "core/recipe/range_rules.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "core/runtime/safetensors.h"
#include "tests/recipe/synthetic_site.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <set>

namespace bitwright {
namespace {

Range range_of_numbers(std::vector<float> min, std::vector<float> max) { return {numbers(std::move(min)), numbers(std::move(max)), {}, {}, "by hand"}; }

Scheme scheme_of(int bits, bool symmetric)
{
    Scheme scheme;
    scheme.bits = bits;
    scheme.symmetric = symmetric;
    return scheme;
}

/// The same figures by the definition, value by value in double.
struct Oracle {
    double low = 0, high = 0, zeros = 0, exact_zeros = 0, xx = 0, yy = 0, xy = 0, ee = 0, n = 0;
    std::set<double> codes;
    void add(float x, float scale, double offset, double qmin, double qmax)
    {
        const double open = std::nearbyint(static_cast<double>(x / scale)) + offset,  // the quotient is a float by definition, which decides ties
                      code = std::clamp(open, qmin, qmax), y = (code - offset) * static_cast<double>(scale);
        low += open < qmin;
        high += open > qmax;
        zeros += code == std::clamp(offset, qmin, qmax);
        exact_zeros += x == 0;
        const double value = x;
        xx += value * value;
        yy += y * y;
        xy += value * y;
        ee += (y - value) * (y - value);
        codes.insert(code);
        ++n;
    }
    void add(std::span<const float> values, const Grid& g)
    {
        for (const float x : values) add(x, g.scale, g.offset, g.qmin, g.qmax);
    }
    double sqnr() const { return 10 * std::log10(xx / ee); }
};

TEST(Tally, EqualsTheDefinitionOnAwkwardValues)
{
    Random random(3);
    for (const bool symmetric : {false, true}) {
        for (const int bits : {2, 4, 8, 16}) {
            for (const std::size_t n : {1u, 15u, 16u, 17u, 5000u}) {
                std::vector<float> x(n);
                for (float& value : x) value = random.uniform() < 0.2 ? 0.0f : static_cast<float>(3 * test::normal(random));
                const Grid grid = grid_of(-2.5f, 4.0f, scheme_of(bits, symmetric), Semantics::bitwright);
                QuantizationTally sums;
                tally(sums, x, grid);
                std::uint64_t low = 0, high = 0, zeros = 0;
                double ee = 0, xx = 0;
                for (const float value : x) {
                    const float open = round_half_even(value / grid.scale) + grid.offset;
                    low += open < static_cast<float>(grid.qmin);
                    high += open > static_cast<float>(grid.qmax);
                    zeros += code_of(value, grid) == code_of(0, grid);
                    const double e = static_cast<double>(fake_quantize(value, grid)) - value;
                    ee += e * e;
                    xx += static_cast<double>(value) * value;
                }
                EXPECT_EQ(sums.count, n);
                EXPECT_EQ(sums.clipped_low, low);
                EXPECT_EQ(sums.clipped_high, high);
                EXPECT_EQ(sums.zeros, zeros);
                EXPECT_NEAR(sums.error, ee, 1e-5 * ee + 1e-12);
                EXPECT_NEAR(sums.signal, xx, 1e-5 * xx);
            }
        }
    }
}

TEST(Tally, ValuesOnTheEndOfTheGridAreInside)
{
    BITWRIGHT_NEEDS_SHARED();
    const SafetensorsFile file(test::shared() / "golden" / "quantize" / "fake_quant.safetensors");
    const auto read = [&](const std::string& field) {
        const TensorView view = file.tensor("edge.codes.asym.b2." + field);
        std::vector<float> out(static_cast<std::size_t>(element_count(view.shape)));
        to_float(view, out);
        return out;
    };
    const auto values = read("x"), out = read("out");
    const Grid grid{read("scale").front(), read("offset").front(), 0, 3};
    QuantizationTally sums;
    tally(sums, values, grid);
    std::uint64_t clipped = 0;
    double error = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double u = std::nearbyint(values[i] / grid.scale) + grid.offset;
        clipped += u < 0 || u > 3;
        error += (static_cast<double>(out[i]) - values[i]) * (static_cast<double>(out[i]) - values[i]);
    }
    EXPECT_EQ(sums.clipped_low + sums.clipped_high, clipped);
    EXPECT_GT(clipped, 0u);
    EXPECT_LT(clipped, values.size());
    EXPECT_NEAR(sums.error, error, 1e-5 * error);
}

TEST(PreviewActivation, FollowsTheWholeCalibration)
{
    const auto made = test::synthetic_site(3000, 64, 2, 64, 11);
    for (const bool symmetric : {false, true}) {
        for (const int bits : {2, 4, 8, 16}) {
            for (const float limit : {1.5f, 20.0f, 1000.0f}) {
                const Scheme scheme = scheme_of(bits, symmetric);
                const Range range = range_of_numbers({-limit}, {limit});
                const SitePreview preview = preview_activation(made.statistics, made.site, scheme, range, Semantics::bitwright);
                Oracle truth;
                truth.add(made.values, *preview.grid);
                const double bin = (made.statistics.histogram.high - made.statistics.histogram.low) / static_cast<double>(made.statistics.histogram.counts.size());
                const double one_bin = 0.45 * bin;  // the density of this mixture is below 0.45 but for the zeros
                const std::string what = std::to_string(bits) + " bits, " + std::to_string(limit);
                EXPECT_NEAR(preview.clipped_low->value, truth.low / truth.n, preview.clipped_low->from == Provenance::extremes ? 0 : one_bin) << what;
                EXPECT_NEAR(preview.clipped_high->value, truth.high / truth.n, preview.clipped_high->from == Provenance::extremes ? 0 : one_bin) << what;
                if (limit != 20.0f) {
                    EXPECT_EQ(preview.clipped_high->from, limit > 20 ? Provenance::extremes : Provenance::histogram);
                }
                if (preview.grid->scale > 4 * bin) {
                    EXPECT_NEAR(preview.zeros->value, truth.zeros / truth.n, 2 * one_bin) << what;
                    EXPECT_NEAR(preview.codes_used->value, static_cast<double>(truth.codes.size()), 2) << what;
                    EXPECT_NEAR(preview.sqnr_db->value, truth.sqnr(), 0.2) << what;
                }
                EXPECT_LE(preview.codes_used->value, static_cast<double>(preview.codes)) << what;
                EXPECT_EQ(preview.sqnr_db->from, Provenance::histogram);

                Oracle kept;
                kept.add(reservoir_values(made.statistics), *preview.grid);
                EXPECT_NEAR(preview.reservoir_sqnr_db->value, kept.sqnr(), 1e-3) << what;
                ASSERT_EQ(preview.cosine.has_value(), kept.yy > 0) << what;
                if (preview.cosine) {
                    EXPECT_NEAR(preview.cosine->value, kept.xy / std::sqrt(kept.xx * kept.yy), 1e-6) << what;
                }
                EXPECT_NEAR(preview.zeroed->value, (kept.zeros - kept.exact_zeros) / kept.n, 1e-12) << what;
                EXPECT_EQ(preview.zeroed->from, Provenance::reservoir);
            }
        }
    }
}

TEST(PreviewActivation, ExpectedCodesOfSixteenBitsAreNearTheTruth)
{
    const auto made = test::synthetic_site(3000, 64, 0, 8, 5);
    const SitePreview preview = preview_activation(made.statistics, made.site, scheme_of(16, true), range_of_numbers({-6}, {6}), Semantics::bitwright);
    Oracle truth;
    truth.add(made.values, *preview.grid);
    EXPECT_NEAR(preview.codes_used->value / static_cast<double>(truth.codes.size()), 1, 0.02);
}

TEST(PreviewActivation, SmallCalibrationsAreExact)
{
    const auto made = test::synthetic_site(10, 16, 1, 64, 2);  // every value is among the extremes
    for (const int bits : {3, 8}) {
        const SitePreview preview = preview_activation(made.statistics, made.site, scheme_of(bits, false), range_of_numbers({-1}, {2}), Semantics::authors);
        Oracle truth;
        truth.add(made.values, *preview.grid);
        EXPECT_NEAR(preview.clipped_low->value, truth.low / truth.n, 1e-12);
        EXPECT_NEAR(preview.zeros->value, truth.zeros / truth.n, 1e-12);
        EXPECT_NEAR(preview.codes_used->value, static_cast<double>(truth.codes.size()), 1e-9);
        EXPECT_NEAR(preview.sqnr_db->value, truth.sqnr(), 1e-4);
    }
}

TEST(PreviewActivation, GridsPerChannelHeadAndTokenUseTheReservoir)
{
    const auto made = test::synthetic_site(500, 12, 1, 32, 9);
    const auto rows = reservoir_values(made.statistics);
    Scheme scheme = scheme_of(4, false);

    scheme.granularity = Granularity::channel;
    Range range = activation_range(made.statistics, made.site, scheme, Semantics::bitwright, {});
    SitePreview preview = preview_activation(made.statistics, made.site, scheme, range, Semantics::bitwright);
    Oracle by_channel;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Grid g = grid_of(range, i % 12, scheme, Semantics::bitwright);
        by_channel.add(rows[i], g.scale, g.offset, g.qmin, g.qmax);
    }
    EXPECT_FALSE(preview.grid);
    EXPECT_NEAR(preview.sqnr_db->value, by_channel.sqnr(), 1e-3);
    EXPECT_EQ(preview.sqnr_db->from, Provenance::reservoir);
    EXPECT_EQ(preview.saturation()->value, 0);

    scheme.granularity = Granularity::head;
    range = range_of_numbers({-1, -2, -3}, {1, 2, 3});
    preview = preview_activation(made.statistics, made.site, scheme, range, Semantics::bitwright);
    Oracle by_head;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Grid g = grid_of(range, i % 12 / 4, scheme, Semantics::bitwright);
        by_head.add(rows[i], g.scale, g.offset, g.qmin, g.qmax);
    }
    EXPECT_NEAR(preview.sqnr_db->value, by_head.sqnr(), 1e-3);
    EXPECT_NEAR(preview.saturation()->value, (by_head.low + by_head.high) / by_head.n, 1e-12);

    scheme.granularity = Granularity::token;
    scheme.dynamic = true;
    preview = preview_activation(made.statistics, made.site, scheme, {}, Semantics::bitwright);
    Oracle by_token;
    for (std::size_t r = 0; r < rows.size(); r += 12) {
        const std::span<const float> row(rows.data() + r, 12);
        by_token.add(row, grid_of(*std::min_element(row.begin(), row.end()), *std::max_element(row.begin(), row.end()), scheme, Semantics::bitwright));
    }
    EXPECT_NEAR(preview.sqnr_db->value, by_token.sqnr(), 1e-3);
}

TEST(PreviewActivation, WhatIsNotMeasuredIsAbsent)
{
    const auto made = test::synthetic_site(100, 8, 0, 0, 1);  // no reservoir
    SitePreview preview = preview_activation(made.statistics, made.site, scheme_of(8, false), range_of_numbers({-3}, {3}), Semantics::bitwright);
    EXPECT_TRUE(preview.sqnr_db && preview.zeros && preview.codes_used);
    EXPECT_FALSE(preview.reservoir_sqnr_db || preview.cosine || preview.zeroed);
    Scheme off;
    off.kind = SchemeKind::floating;
    preview = preview_activation(made.statistics, made.site, off, {}, Semantics::bitwright);
    EXPECT_FALSE(preview.grid || preview.sqnr_db || preview.saturation() || preview.codes_used);
    EXPECT_EQ(preview.codes, 0);
    Scheme dynamic = scheme_of(8, false);
    dynamic.dynamic = true;
    EXPECT_FALSE(preview_activation(made.statistics, made.site, dynamic, {}, Semantics::bitwright).sqnr_db);
    EXPECT_THROW(static_cast<void>(preview_activation(made.statistics, made.site, scheme_of(8, false), {}, Semantics::bitwright)), Error);
    preview = preview_activation(made.statistics, made.site, scheme_of(8, false), range_of_numbers({0}, {0}), Semantics::bitwright);  // dragged to zero width
    EXPECT_GT(preview.saturation()->value, 0.5);
}

TEST(PreviewChannel, ReadsItsReservoirValues)
{
    const auto made = test::synthetic_site(500, 12, 1, 32, 4);
    const Scheme scheme = scheme_of(8, false);
    const Range range = range_of_numbers({-2}, {2});
    const auto values = reservoir_channel(made.statistics, 0);
    ASSERT_EQ(std::ssize(values), made.statistics.reservoir_rows);
    const SitePreview preview = preview_channel(made.statistics, made.site, 0, scheme, range, Semantics::bitwright);
    Oracle truth;
    truth.add(values, *preview.grid);
    EXPECT_NEAR(preview.saturation()->value, (truth.low + truth.high) / truth.n, 1e-12);
    EXPECT_EQ(preview.saturation()->from, Provenance::reservoir);
    EXPECT_NEAR(preview.codes_used->value, static_cast<double>(truth.codes.size()), 0);
    const SitePreview wide = preview_channel(made.statistics, made.site, 1, scheme, range_of_numbers({-100}, {100}), Semantics::bitwright);
    EXPECT_EQ(wide.clipped_low->from, Provenance::extremes);
    const Histogram histogram = channel_histogram(made.statistics, 0);
    std::uint64_t total = 0;
    for (const auto n : histogram.counts) total += n;
    EXPECT_EQ(total, values.size());
    EXPECT_THROW(static_cast<void>(preview_channel(made.statistics, made.site, 12, scheme, range, Semantics::bitwright)), Error);
}

TEST(PreviewWeight, EqualsTheOracleForEveryGranularity)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = open_model(test::shared() / "golden" / "models" / "llama");
    const SiteId id = model.sites->find("layers.0.mlp.down_proj.weight");
    const MaterializedWeight weight = materialize(model, nullptr, id);
    const auto rows = weight.shape[0], cols = weight.shape[1];
    for (const auto granularity : {Granularity::tensor, Granularity::row, Granularity::channel, Granularity::group}) {
        for (const bool given : {true, false}) {
            Scheme scheme = scheme_of(4, true);
            scheme.granularity = granularity;
            scheme.group_size = granularity == Granularity::group ? cols / 2 : 0;
            Range range = weight_range(weight.weight, weight.shape, scheme, Semantics::bitwright, {given ? RangeKind::mse : RangeKind::minmax, 100});
            const auto grids = weight_grids({scheme, range}, weight.shape, weight.weight, Semantics::bitwright);
            if (!given) range = {};
            for (const std::int64_t most : {std::int64_t{0}, 5 * cols}) {
                const WeightSample sample = sample_weight(model, nullptr, id, most);
                ASSERT_EQ(sample.whole, most == 0);
                Oracle truth;
                for (std::size_t r = 0; r < sample.rows.size(); ++r) {
                    for (std::int64_t c = 0; c < cols; ++c) {
                        const std::int64_t row = sample.rows[r], slice = granularity == Granularity::row       ? row
                                                                         : granularity == Granularity::channel ? c
                                                                         : granularity == Granularity::group   ? row * 2 + c / (cols / 2)
                                                                                                               : 0;
                        const Grid& g = grids[static_cast<std::size_t>(slice)];
                        truth.add(weight.weight[static_cast<std::size_t>(row * cols + c)], g.scale, g.offset, g.qmin, g.qmax);
                    }
                }
                const SitePreview preview = preview_weight(sample, scheme, range, Semantics::bitwright);
                EXPECT_NEAR(preview.sqnr_db->value, truth.sqnr(), 1e-3) << in_words(scheme) << rows;
                EXPECT_NEAR(preview.saturation()->value, (truth.low + truth.high) / truth.n, 1e-12);
                EXPECT_NEAR(preview.zeros->value, truth.zeros / truth.n, 1e-12);
                EXPECT_EQ(preview.sqnr_db->from, most == 0 ? Provenance::values : Provenance::some_rows);
            }
        }
    }
}

}  // namespace
}  // namespace bitwright
