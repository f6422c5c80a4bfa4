// SPDX-License-Identifier: GPL-3.0-or-later
// The integer level on a trained model: TinyStories-656K, round-to-nearest W8A8 from the calibration windows of golden/mobilequant.
#include "core/exchange/package_export.h"
#include "core/runtime/scoring.h"
#include "tests/exchange/float_reference.h"

#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

namespace bitwright::test {
namespace {

std::vector<std::vector<std::int32_t>> windows_of(const char* tensor, std::size_t count)
{
    const SafetensorsFile file(shared() / "golden" / "mobilequant" / "windows.safetensors");
    const auto ids = to_int64(file.tensor(tensor));
    std::vector<std::vector<std::int32_t>> windows(count);
    for (std::size_t w = 0; w < count; ++w)
        for (std::size_t i = 0; i < 512; ++i) windows[w].push_back(static_cast<std::int32_t>(ids[w * 512 + i]));
    return windows;
}

double float_nll(const FloatReference& reference, const std::vector<std::int32_t>& ids, std::size_t vocab)
{
    const Values logits = reference.forward(ids).logits;
    double nll = 0;
    for (std::size_t p = 1; p < ids.size(); ++p) {
        const auto row = logits.begin() + static_cast<std::ptrdiff_t>((p - 1) * vocab);
        const double largest = *std::max_element(row, row + static_cast<std::ptrdiff_t>(vocab));
        double sum = 0;
        for (std::size_t v = 0; v < vocab; ++v) sum += std::exp(row[static_cast<std::ptrdiff_t>(v)] - largest);
        nll += largest + std::log(sum) - row[ids[p]];
    }
    return nll;
}

/// Perplexity of the integer level may exceed float64's by `most`, and its hidden states must reach `least_db`. `count` windows at the integer level, `compared` of them
/// also in float64.
void compare(int weight_bits, double most, double least_db, std::size_t count, std::size_t compared)
{
    const Model model = open_model(shared() / "data" / "models" / "TinyStories-656K");
    const auto path = scratch("tinystories") / "package.safetensors";
    const Recipe recipe = observed_recipe(model, windows_of("calib", compared), weight_bits, 8);
    const Control control;
    (void)export_package(model, recipe, path, {}, control);
    const auto package = Package::open(path);
    const auto windows = windows_of("eval_tinystories", count);
    Engine engine(package);
    const auto start = std::chrono::steady_clock::now();
    std::vector<double> sums;
    for (const auto& ids : windows) {
        double sum = 0;
        for (const double nll : score_window(engine, ids, 1, control)) sum += nll;
        sums.push_back(sum);
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

    const FloatReference reference = float_reference(model, 512), rounded = rounded_reference(model, recipe, 512);
    double integer_sum = 0, float_sum = 0, rounded_sum = 0, whole = 0;
    for (std::size_t w = 0; w < compared; ++w) {
        integer_sum += sums[w];
        float_sum += float_nll(reference, windows[w], 2048);
        rounded_sum += float_nll(rounded, windows[w], 2048);
    }
    for (const double sum : sums) whole += sum;
    const double scored = static_cast<double>(compared) * 511;
    const auto ppl = [](double sum, double tokens) { return std::exp(sum / tokens); };
    std::printf("TinyStories-656K RTN W%dA8: integer %.3f, rounded float64 %.3f, float64 %.3f on %zu windows; integer %.3f on %zu windows in %.1f s\n", weight_bits, ppl(integer_sum, scored),
                ppl(rounded_sum, scored), ppl(float_sum, scored), compared, ppl(whole, static_cast<double>(count) * 511), count, seconds);
    EXPECT_LT(ppl(integer_sum, scored) / ppl(float_sum, scored), 1 + most);
    EXPECT_NEAR(ppl(integer_sum, scored) / ppl(rounded_sum, scored), 1, 0.01);

    std::vector<Values> hidden(3);
    engine.reset();
    engine.set_hidden_tap([&](std::int64_t state, std::int64_t, std::span<const std::int16_t> codes, double scale) {
        for (const std::int16_t code : codes) hidden[static_cast<std::size_t>(state)].push_back(code * scale);
    });
    (void)engine.forward(windows[0], WantedLogits::none);
    const auto exact = reference.forward(windows[0]);
    const auto near = rounded.forward(windows[0]);
    for (std::size_t i = 0; i < 3; ++i) {
        std::printf("  hidden %zu: SQNR %.1f dB against float64, %.1f dB against rounded float64\n", i, sqnr_db(exact.hidden[i], hidden[i]), sqnr_db(near.hidden[i], hidden[i]));
        EXPECT_GT(sqnr_db(exact.hidden[i], hidden[i]), least_db);
    }
}

TEST(TinyStories, IntegerLevelStaysNearFloat64)
{
    BITWRIGHT_NEEDS_SHARED();
    compare(8, 0.05, 18, 2, 2);
}

TEST(SlowTinyStories, W8A8)
{
    BITWRIGHT_NEEDS_SHARED();
    compare(8, 0.03, 20, 64, 16);
}

TEST(SlowTinyStories, W4A8)
{
    BITWRIGHT_NEEDS_SHARED();
    compare(4, 0.2, 10, 64, 16);
}

}  // namespace
}  // namespace bitwright::test
