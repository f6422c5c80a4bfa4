// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/engine.h"
#include "core/runtime/generation.h"
#include "core/runtime/error.h"
#include "core/runtime/scoring.h"
#include "tests/runtime/tiny_package.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace bitwright::test {
namespace {

std::shared_ptr<const Package> tiny(unsigned seed = 1)
{
    const auto path = scratch("engine") / "tiny.safetensors";
    TinyPackage::make(seed).write(path);
    return Package::open(path);
}

std::vector<std::int32_t> some_ids(std::size_t count)
{
    std::vector<std::int32_t> ids(count);
    for (std::size_t i = 0; i < count; ++i) ids[i] = static_cast<std::int32_t>((i * 17 + i * i) % 30);
    return ids;
}

std::vector<std::int32_t> all_logits(const std::shared_ptr<const Package>& package, EngineOptions options, const std::vector<std::int32_t>& ids, const std::vector<std::size_t>& pieces)
{
    Engine engine(package, options);
    std::vector<std::int32_t> result;
    std::size_t at = 0, piece = 0;
    while (at < ids.size()) {
        const std::size_t count = std::min(pieces[piece++ % pieces.size()], ids.size() - at);
        const auto logits = engine.forward(std::span(ids).subspan(at, count), WantedLogits::all);
        result.insert(result.end(), logits.begin(), logits.end());
        at += count;
    }
    return result;
}

TEST(Engine, ChunkingAndThreadsNeverChangeABit)
{
    for (const unsigned seed : {1U, 2U, 3U}) {
        const auto package = tiny(seed);
        const auto ids = some_ids(40);  // the context full
        const auto whole = all_logits(package, {1, 64}, ids, {40});
        ASSERT_EQ(whole.size(), 40U * 30U);
        EXPECT_GT(std::set<std::int32_t>(whole.begin(), whole.end()).size(), 500U);  // the test says something
        EXPECT_EQ(whole, all_logits(package, {1, 64}, ids, {1}));
        EXPECT_EQ(whole, all_logits(package, {1, 3}, ids, {40}));
        EXPECT_EQ(whole, all_logits(package, {1, 7}, ids, {2, 11, 1, 5}));
        for (const int threads : {2, 3, 8}) EXPECT_EQ(whole, all_logits(package, {threads, 9}, ids, {13, 1})) << threads;
    }
}

TEST(Engine, EveryKernelSetGivesTheReferencesBytes)
{
    for (const unsigned seed : {1U, 2U, 3U, 4U}) {
        const auto package = tiny(seed);
        const auto ids = some_ids(40);
        const auto defined = all_logits(package, {.kernels = &reference_kernels()}, ids, {40});
        EXPECT_EQ(defined, all_logits(package, {2, 9, &reference_kernels()}, ids, {7, 1}));
        for (const KernelSet* set : kernel_sets()) {
            EXPECT_EQ(defined, all_logits(package, {1, 64, set}, ids, {40})) << set->name;
            EXPECT_EQ(defined, all_logits(package, {3, 5, set}, ids, {13, 1})) << set->name;
        }
    }
}

TEST(Engine, LastLogitsAreTheLastOfAll)
{
    const auto package = tiny();
    const auto ids = some_ids(20);
    const auto whole = all_logits(package, {1, 64}, ids, {20});
    Engine engine(package, {1, 6});
    const auto last = engine.prefill(ids);
    EXPECT_TRUE(std::equal(last.begin(), last.end(), whole.end() - 30, whole.end()));
    EXPECT_EQ(engine.position(), 20);
    EXPECT_GT(engine.cache_bytes(), 0U);
    engine.reset();
    const auto again = engine.prefill(ids);
    EXPECT_TRUE(std::equal(again.begin(), again.end(), whole.end() - 30, whole.end()));
    EXPECT_TRUE(engine.forward({}, WantedLogits::last).empty());
}

TEST(Engine, HiddenTapSeesEveryLayerAndChangesNothing)
{
    const auto package = tiny();
    const auto ids = some_ids(10);
    const auto plain = all_logits(package, {}, ids, {10});
    Engine engine(package, {1, 4});
    std::vector<std::size_t> seen(3);
    engine.set_hidden_tap([&](std::int64_t state, std::int64_t first, std::span<const std::int16_t> codes, double scale) {
        EXPECT_EQ(first % 4, 0);
        EXPECT_EQ(scale, 0.001);
        seen[static_cast<std::size_t>(state)] += codes.size();
    });
    const auto tapped = engine.forward(ids, WantedLogits::all);
    EXPECT_TRUE(std::equal(tapped.begin(), tapped.end(), plain.begin(), plain.end()));
    EXPECT_EQ(seen, std::vector<std::size_t>(3, 120));
}

TEST(Engine, RefusesWhatDoesNotFit)
{
    Engine engine(tiny());
    const auto ids = some_ids(39);
    (void)engine.prefill(ids);
    EXPECT_THROW((void)engine.forward(std::vector<std::int32_t>{1, 2}, WantedLogits::last), Error);
    EXPECT_THROW((void)engine.decode(30), Error);
    EXPECT_THROW((void)engine.decode(-1), Error);
    EXPECT_EQ(engine.position(), 39);
    (void)engine.decode(29);
    try {
        (void)engine.decode(1);
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("context of 40"), std::string::npos) << error.what();
        EXPECT_EQ(error.kind(), ErrorKind::bad_input);
    }
    EXPECT_THROW(Engine(tiny(), {0, 64}), Error);
}

TEST(Engine, CancelStopsBetweenLayers)
{
    Engine engine(tiny());
    Control control;
    control.request_cancel();
    EXPECT_THROW((void)engine.prefill(some_ids(5), control), Cancelled);
    engine.reset();
    EXPECT_NO_THROW((void)engine.prefill(some_ids(5)));
}

TEST(Engine, GreedyTokensAreTheArgmaxOfUncachedRuns)
{
    const auto package = tiny();
    const auto prompt = some_ids(5);
    Engine engine(package);
    const Control control;
    std::vector<std::int32_t> streamed;
    const auto output = generate(engine, prompt, {12, false, {}, [&](std::int32_t id) { streamed.push_back(id); }}, control).ids;
    ASSERT_EQ(output.size(), 12U);
    EXPECT_EQ(streamed, output);
    auto sequence = prompt;
    for (const std::int32_t id : output) {
        Engine fresh(package);
        EXPECT_EQ(argmax(fresh.prefill(sequence)), id);
        sequence.push_back(id);
    }
    engine.reset();
    EXPECT_EQ(generate(engine, prompt, {1000, false}, control).ids.size(), 36U);  // 5 + 35 in the context of 40, and one more id
    EXPECT_EQ(argmax(std::vector<std::int32_t>{3, 9, 9, -1}), 1);
    EXPECT_THROW((void)generate(engine, {}, {3, false}, control), Error);
}

TEST(Scoring, IsTheSoftmaxOfTheLogits)
{
    const auto package = tiny();
    const auto ids = some_ids(33);
    const auto logits = all_logits(package, {}, ids, {33});
    Engine engine(package);
    const Control control;
    for (const std::int64_t first : {1, 9, 33}) {
        const auto nll = score_window(engine, ids, first, control);
        ASSERT_EQ(std::ssize(nll), 33 - first);
        for (std::size_t i = 0; i < nll.size(); ++i) {
            const std::size_t p = i + static_cast<std::size_t>(first);
            long double sum = 0;
            for (std::size_t v = 0; v < 30; ++v) sum += std::exp(static_cast<long double>(logits[(p - 1) * 30 + v]) * 0.0078125L);
            const auto exact = static_cast<double>(std::log(sum) - logits[(p - 1) * 30 + static_cast<std::size_t>(ids[p])] * 0.0078125L);
            ASSERT_NEAR(nll[i], exact, 1e-9 * std::max(1.0, exact));
        }
    }
    ModelGraph capped;
    capped.logit_scale = 0.5;
    capped.final_softcap = 2;
    const double a = 2 * std::tanh(0.25), b = 2 * std::tanh(2.0);
    EXPECT_NEAR(negative_log_likelihood(capped, std::vector<std::int32_t>{1, 8}, 0), std::log(std::exp(a) + std::exp(b)) - a, 1e-12);
    EXPECT_THROW((void)score_window(engine, ids, 0, control), Error);
}

}  // namespace
}  // namespace bitwright::test
