// SPDX-License-Identifier: GPL-3.0-or-later
// Perplexity of TinyStories-656K against golden/evaluation (sums and every window within 1e-5 relative); error per layer.
#include "core/checkpoint/token_windows.h"
#include "core/numerics/evaluate/evaluate.h"
#include "core/recipe/placement.h"
#include "tests/numerics/golden_models.h"
#include "tests/support/shared_data.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <fstream>

namespace bitwright {
namespace {

constexpr double limit = 1e-5;
const Control control;

struct Story {
    Model model = open_model(test::shared() / "data" / "models" / "TinyStories-656K");
    std::shared_ptr<const Tokenizer> tokenizer = Tokenizer::open(model.checkpoint->tokenizer_path());
    nlohmann::json golden;

    Story() { std::ifstream(test::shared() / "golden" / "evaluation" / "TinyStories-656K.json") >> golden; }
    [[nodiscard]] TokenWindows stream(const std::string& text, std::int32_t bos = -1) const
    {
        return stream_windows(*tokenizer, test::shared() / "data" / "text" / text, 512, bos);
    }
    [[nodiscard]] std::vector<WindowScore> scores(const TokenWindows& windows, const EvaluateOptions& options = {}) const
    {
        LevelModel level(model, nullptr, Level::floating, Placement::paper, control);
        return score_windows(level, nullptr, windows, options, {});
    }
};

void expect_equal(const std::vector<WindowScore>& scores, const nlohmann::json& golden, const char* name)
{
    ASSERT_EQ(scores.size(), golden["windows"].get<std::size_t>());
    double sum = 0, worst = 0;
    std::int64_t tokens = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        sum += scores[i].nll_sum;
        tokens += scores[i].tokens;
        if (golden.contains("window_nll")) {
            const double expected = golden["window_nll"][i];
            worst = std::max(worst, std::abs(scores[i].nll_sum - expected) / expected);
        }
    }
    const double expected = golden["nll_sum"];
    std::printf("evaluation %s: sum %.3f (relative error %.1e), worst window %.1e\n", name, sum, std::abs(sum - expected) / expected, worst);
    EXPECT_EQ(tokens, golden["scored_tokens"].get<std::int64_t>());
    EXPECT_LE(std::abs(sum - expected), limit * expected);
    EXPECT_LE(worst, limit);
}

void keep_first(TokenWindows& windows, std::int64_t count)
{
    windows.count = count;
    windows.ids.resize(static_cast<std::size_t>(count * windows.length));
}

TEST(Evaluation, TinyStoriesEqualsTheReference)
{
    BITWRIGHT_NEEDS_SHARED();
    const Story story;
    auto windows = story.stream("tinystories.txt");
    keep_first(windows, 64);
    expect_equal(story.scores(windows), story.golden["tinystories_64"], "tinystories_64");
}

TEST(Evaluation, SkippedWindowsAndPositionsLeaveTheRestAsItIs)
{
    BITWRIGHT_NEEDS_SHARED();
    const Story story;
    auto windows = story.stream("tinystories.txt");
    keep_first(windows, 6);
    const auto all = story.scores(windows), rest = story.scores(windows, {.skip_windows = 4});
    ASSERT_EQ(rest.size(), 2u);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(rest[i].nll_sum, all[4 + i].nll_sum);

    EvaluateOptions halves{.first_scored = std::vector<std::int64_t>(6, 256)};
    const auto second_half = story.scores(windows, halves);
    for (std::size_t i = 0; i < 6; ++i) {
        EXPECT_EQ(second_half[i].tokens, 256);
        EXPECT_LT(second_half[i].nll_sum, all[i].nll_sum);
    }
    EXPECT_THROW(static_cast<void>(story.scores(windows, {.first_scored = {1}})), Error);
}

TEST(Evaluation, KlAndAgreementAreThoseOfTheLogits)
{
    const Model model = open_model(test::golden_models() / "llama-gqa-tied");
    TokenWindows windows{.count = 2, .length = 12, .ids = {}, .origin = "test"};
    for (int i = 0; i < 24; ++i) windows.ids.push_back((i * 37 + 11) % 100);
    Recipe coarse;
    for (const Site& site : model.sites->sites()) {
        if (is_layer_linear(site.role)) coarse.sites[site.name].scheme = {.bits = 3, .granularity = Granularity::row};
    }
    LevelModel plain(model, nullptr, Level::floating, Placement::paper, control), quantized(model, &coarse, Level::simulated, Placement::paper, control);
    const auto scores = score_windows(quantized, &plain, windows, {.level = Level::simulated}, {});
    ASSERT_EQ(scores.size(), 2U);
    for (std::int64_t w = 0; w < 2; ++w) {
        const std::vector<std::int32_t> ids(windows.window(w), windows.window(w) + 11);
        const auto p = run_forward(plain, ids).logits, q = run_forward(quantized, ids).logits;
        const auto vocab = static_cast<std::size_t>(p.shape[1]);
        long double kl = 0;
        std::int64_t same = 0, first = -1;
        for (std::size_t t = 0; t < 11; ++t) {
            const auto a = p.as<float>().subspan(t * vocab, vocab), b = q.as<float>().subspan(t * vocab, vocab);
            long double sum_a = 0, sum_b = 0;
            for (std::size_t v = 0; v < vocab; ++v) sum_a += std::exp(static_cast<long double>(a[v])), sum_b += std::exp(static_cast<long double>(b[v]));
            for (std::size_t v = 0; v < vocab; ++v)
                kl += std::exp(static_cast<long double>(a[v])) / sum_a * ((static_cast<long double>(a[v]) - std::log(sum_a)) - (static_cast<long double>(b[v]) - std::log(sum_b)));
            const bool equal = std::max_element(a.begin(), a.end()) - a.begin() == std::max_element(b.begin(), b.end()) - b.begin();
            same += equal;
            if (!equal && first < 0) first = static_cast<std::int64_t>(t) + 1;
        }
        ASSERT_TRUE(scores[static_cast<std::size_t>(w)].agreement);
        const auto& agreement = *scores[static_cast<std::size_t>(w)].agreement;
        EXPECT_NEAR(agreement.kl_sum, static_cast<double>(kl), 1e-6 * std::abs(static_cast<double>(kl)) + 1e-9);
        EXPECT_EQ(agreement.same_top, same);
        EXPECT_EQ(agreement.first_divergence, first);
        EXPECT_GT(agreement.kl_sum, 0);
    }
}

TEST(Evaluation, SequencesOfAnyLengthScoreAsWindowsDo)
{
    const Model model = open_model(test::golden_models() / "llama-gqa-tied");
    LevelModel level(model, nullptr, Level::floating, Placement::paper, control);
    std::vector<TokenSequence> sequences;
    for (const int length : {2, 9, 5, 9}) {
        TokenSequence sequence{{}, length > 4 ? 3 : 1};
        for (int i = 0; i < length; ++i) sequence.ids.push_back((i * 31 + length) % 100);
        sequences.push_back(sequence);
    }
    sequences.push_back({{1, 2, 3}, 3});  // nothing to score
    const auto scores = score_sequences(level, nullptr, sequences, {}, {});
    ASSERT_EQ(scores.size(), sequences.size());
    for (std::size_t i = 0; i + 1 < sequences.size(); ++i) {
        TokenWindows window{.count = 1, .length = static_cast<std::int64_t>(sequences[i].ids.size()), .ids = sequences[i].ids, .origin = "test"};
        const auto alone = score_windows(level, nullptr, window, {.first_scored = {sequences[i].first_scored}}, {});
        EXPECT_EQ(alone[0].nll_sum, scores[i].nll_sum) << i;
        EXPECT_EQ(alone[0].tokens, scores[i].tokens) << i;
    }
    EXPECT_EQ(scores.back().tokens, 0);
    EXPECT_EQ(scores.back().nll_sum, 0);
    EXPECT_EQ(score_sequences(level, nullptr, sequences, {.skip_windows = 3}, {}).front().nll_sum, scores[3].nll_sum);
    EXPECT_THROW((void)score_sequences(level, nullptr, std::vector<TokenSequence>{{{1}, 1}}, {}, {}), Error);
}

TEST(SlowEvaluation, WikitextEqualsTheReference)
{
    BITWRIGHT_NEEDS_SHARED();
    const Story story;
    expect_equal(story.scores(story.stream("wikitext2-test-raw.txt")), story.golden["wikitext2"], "wikitext2");
    expect_equal(story.scores(story.stream("wikitext2-test-raw.txt", 1)), story.golden["wikitext2_one_bos"], "wikitext2_one_bos");
}

TEST(SlowEvaluation, RollingWikitextEqualsTheReference)
{
    BITWRIGHT_NEEDS_SHARED();
    const Story story;
    auto ids = story.tokenizer->encode(read_utf8(test::shared() / "data" / "text" / "wikitext2-test-raw.txt"), false);
    ids.insert(ids.begin(), 1);
    // a window holds 512 read ids and the last scored one; the last window reads as many as the others and scores what is left
    TokenWindows windows{.count = 0, .length = 513, .ids = {}, .origin = "rolling"};
    EvaluateOptions options;
    const auto n = static_cast<std::int64_t>(ids.size());
    for (std::int64_t scored = 1; scored < n; scored += 512) {
        const std::int64_t begin = std::min(scored - 1, n - windows.length);
        windows.ids.insert(windows.ids.end(), ids.begin() + begin, ids.begin() + begin + windows.length);
        options.first_scored.push_back(scored - begin);
        ++windows.count;
    }
    expect_equal(story.scores(windows, options), story.golden["wikitext2_rolling"], "wikitext2_rolling");
}

TEST(LayerErrors, AreInfiniteWithoutSitesAndAddUpWithThem)
{
    const Model model = open_model(test::golden_models() / "llama-gqa-tied");
    TokenWindows windows{.count = 3, .length = 20, .ids = {}, .origin = "test"};
    for (int i = 0; i < 60; ++i) windows.ids.push_back((i * 37 + 11) % 100);
    LevelModel plain(model, nullptr, Level::floating, Placement::paper, control);

    const Recipe nothing;
    LevelModel same(model, &nothing, Level::simulated, Placement::paper, control);
    for (const auto& error : compare_layers(plain, same, windows)) {
        EXPECT_EQ(error.sqnr_db, std::numeric_limits<double>::infinity());
        EXPECT_EQ(error.introduced_sqnr_db, std::numeric_limits<double>::infinity());
        EXPECT_NEAR(error.cosine, 1, 1e-12);
    }

    double coarser = std::numeric_limits<double>::infinity();
    for (const int bits : {8, 4}) {
        Recipe weights_only;
        for (const Site& site : model.sites->sites()) {
            if (is_layer_linear(site.role)) weights_only.sites[site.name].scheme = {.bits = bits, .granularity = Granularity::row};
        }
        LevelModel quantized(model, &weights_only, Level::simulated, Placement::paper, control);
        const auto errors = compare_layers(plain, quantized, windows);
        ASSERT_EQ(errors.size(), static_cast<std::size_t>(model.architecture().layers));
        EXPECT_DOUBLE_EQ(errors[0].sqnr_db, errors[0].introduced_sqnr_db);
        EXPECT_LT(errors.back().sqnr_db, errors.back().introduced_sqnr_db);
        EXPECT_LT(errors[0].sqnr_db, coarser - 15);  // four bits are 24 dB
        EXPECT_LT(errors[0].cosine, 1);
        coarser = errors[0].sqnr_db;
    }
}

}  // namespace
}  // namespace bitwright
