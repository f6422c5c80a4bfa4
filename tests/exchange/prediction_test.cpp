// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/prediction.h"

#include "tests/exchange/float_reference.h"
#include "tests/support/models.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bitwright::test {
namespace {

Recipe observed(const Model& model, int weight_bits)
{
    std::vector<std::int32_t> ids;
    for (std::int32_t i = 0; i < 12; ++i) ids.push_back(i * 7 % static_cast<std::int32_t>(model.architecture().vocab));
    return observed_recipe(model, {ids}, weight_bits, 8);
}

/// Where products cost nothing, a token takes its bytes' time: those of the package's linears and of the keys and values before it.
TEST(Prediction, DecodeIsBytesOverBandwidthWhereMemoryLimits)
{
    const Model model = open_model(golden() / "models" / "llama-gqa-tied");
    const auto& a = model.architecture();
    const Recipe recipe = observed(model, 4);
    const DeviceRates rates{1e9, 1e30, 1e30, 1e30};
    double bytes = 0;
    for (const Site& site : model.sites->sites()) {
        if (site.kind != SiteKind::weight || is_norm(site.weight_role) || site.role == SiteRole::embedding_weight) continue;
        const auto bits = recipe.sites.at(site.name).scheme.bits;
        bytes += static_cast<double>(site.rows * ((site.channels * bits + 7) / 8));
    }
    const double keys = 2.0 * 101 * static_cast<double>(a.layers * a.kv_heads * a.head_dim);
    const auto prediction = predict_latency(model, recipe, rates, {64, 100});
    ASSERT_TRUE(prediction);
    EXPECT_GT(prediction->decode_s, (bytes + keys) * 1e-9);  // multipliers, biases beside them
    EXPECT_LT(prediction->decode_s, (bytes + keys) * 1.6e-9);  // tiny rows have much beside them
    EXPECT_EQ(prediction->layers.size(), static_cast<std::size_t>(a.layers + 1));
    double sum = 0;
    for (const auto& layer : prediction->layers) {
        sum += layer.decode_s;
        EXPECT_TRUE(layer.decode_reads);
    }
    EXPECT_DOUBLE_EQ(sum, prediction->decode_s);
    const auto later = predict_latency(model, recipe, rates, {64, 300});
    EXPECT_NEAR(later->decode_s - prediction->decode_s, 2.0 * 200 * static_cast<double>(a.layers * a.kv_heads * a.head_dim) * 1e-9, 1e-15);
}

/// Where memory costs nothing, a prompt takes its products' time, counted here from the shapes.
TEST(Prediction, PrefillIsOperationsOverTheRateWhereProductsLimit)
{
    const Model model = open_model(golden() / "models" / "llama-gqa-tied");
    const auto& a = model.architecture();
    const DeviceRates rates{1e30, 1e9, 2e9, 1.5e9};
    constexpr std::int64_t prompt = 32;
    const double attention = 2.0 * 3 * prompt * (prompt + 1) / 2 * static_cast<double>(a.layers * a.heads * a.head_dim);
    for (const int bits : {8, 4}) {
        const Recipe recipe = observed(model, bits);
        double seconds = attention / 1e9;
        for (const Site& site : model.sites->sites()) {
            if (site.kind != SiteKind::weight || is_norm(site.weight_role) || site.role == SiteRole::embedding_weight) continue;
            const bool head = site.role == SiteRole::lm_head_weight;
            const double planes = head ? recipe.sites.at("norm.output").scheme.bits > 8 ? 2 : 1 : 1;
            seconds += 2.0 * planes * static_cast<double>(site.rows * site.channels * (head ? 1 : prompt)) / (recipe.sites.at(site.name).scheme.bits <= 4 ? 2e9 : 1e9);
        }
        const auto prediction = predict_latency(model, recipe, rates, {prompt, 0});
        ASSERT_TRUE(prediction);
        EXPECT_NEAR(prediction->prefill_s, seconds, 1e-9 * seconds) << bits;
        EXPECT_FALSE(prediction->layers.front().decode_reads);
    }
}

TEST(Prediction, IsAbsentWhereAPackageCannotHoldTheRecipe)
{
    const Model model = open_model(golden() / "models" / "llama-gqa-tied");
    EXPECT_FALSE(predict_latency(model, Recipe(), {1e9, 1e9, 1e9, 1e9}, {}));
}

TEST(Prediction, RatesNeedAllTheirFigures)
{
    std::vector<std::pair<std::string, double>> figures{{"gemm_w8a8_gop_s", 400}, {"gemm_w4a8_of_w8a8", 0.9}, {"gemm_w4a8_g32_of_w8a8", 0.8}, {"sweep_gb_s_w8", 30}};
    const auto rates = rates_of(figures);
    ASSERT_TRUE(rates);
    EXPECT_DOUBLE_EQ(rates->bytes_per_s, 30e9);
    EXPECT_DOUBLE_EQ(rates->w4_operations_per_s, 360e9);
    EXPECT_DOUBLE_EQ(rates->w4_group_operations_per_s, 320e9);
    figures.pop_back();
    EXPECT_FALSE(rates_of(figures));
}

}  // namespace
}  // namespace bitwright::test
