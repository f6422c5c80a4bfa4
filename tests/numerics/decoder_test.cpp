// SPDX-License-Identifier: GPL-3.0-or-later
// Every family against transformers in float64: hidden states, logits, cached decoding, greedy ids; the double-precision path much closer than the float one.
#include "core/numerics/evaluate/evaluate.h"
#include "tests/numerics/golden_models.h"
#include "tests/numerics/torch_support.h"

#include <c10/core/GradMode.h>

#include <cstdio>
#include <map>

namespace bitwright {
namespace {

using test::largest_difference;
using test::read_tensor;

constexpr double limit = 2e-4;

std::vector<std::int32_t> ids_of(const SafetensorsFile& file, const std::string& name)
{
    const auto values = to_int64(file.tensor(name));
    return {values.begin(), values.end()};
}

at::Tensor tensor_of(const Tensor& x) { return at::tensor(at::ArrayRef<float>(x.as<float>().data(), x.as<float>().size()), at::kFloat).view(x.shape); }

class GoldenTest : public ::testing::TestWithParam<std::string> {
protected:
    void SetUp() override
    {
        folder_ = test::golden_models() / GetParam();
        golden_ = std::make_unique<SafetensorsFile>(folder_ / "golden.safetensors");
        for (const std::string prompt : {"p0", "p1"}) {
            if (golden_->find(prompt + ".f64.logits")) prompts_.push_back(prompt);
        }
        ASSERT_FALSE(prompts_.empty());
    }

    std::filesystem::path folder_;
    std::unique_ptr<SafetensorsFile> golden_;
    std::vector<std::string> prompts_;
    const Control control_;
};

class Golden : public GoldenTest {
protected:
    void check(const std::filesystem::path& folder, const char* spelling)
    {
        const Model model = open_model(folder);
        LevelModel level(model, nullptr, Level::floating, Placement::paper, control_);
        double hidden = 0, final = 0, logits = 0;
        for (const auto& prompt : prompts_) {
            const auto result = run_forward(level, ids_of(*golden_, prompt + ".input_ids"));
            const auto expected = read_tensor(*golden_, prompt + ".f64.hidden");
            ASSERT_EQ(static_cast<std::int64_t>(result.hidden.size()), expected.size(0));
            for (std::int64_t i = 0; i < expected.size(0); ++i) {
                hidden = std::max(hidden, largest_difference(tensor_of(result.hidden[static_cast<std::size_t>(i)]), expected[i]));
            }
            final = std::max(final, largest_difference(tensor_of(result.final), read_tensor(*golden_, prompt + ".f64.final")));
            logits = std::max(logits, largest_difference(tensor_of(result.logits), read_tensor(*golden_, prompt + ".f64.logits")));
        }
        std::printf("golden %-22s %-11s hidden %.1e final %.1e logits %.1e\n", GetParam().c_str(), spelling, hidden, final, logits);
        EXPECT_LE(hidden, limit);
        EXPECT_LE(final, limit);
        EXPECT_LE(logits, limit);
    }
};

TEST_P(Golden, EqualsTheReference) { check(folder_, "config"); }
TEST_P(Golden, EqualsTheReferenceInTheOlderSpelling) { check(test::hub_folder(folder_), "config.hub"); }

TEST_P(Golden, DoubleEqualsTheReferenceToItsStoredPrecision)
{
    const c10::NoGradGuard no_grad;
    const Model model = open_model(folder_);
    CheckpointWeights weights(model, nullptr);
    Decoder decoder(model, weights, {.double_precision = true});
    Tap tap;
    for (const auto& prompt : prompts_) {
        auto x = decoder.embed(read_tensor(*golden_, prompt + ".input_ids"), tap);
        for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer) x = decoder.layer(layer, x, tap);
        const auto logits = decoder.logits(decoder.finish(x, tap), tap)[0];
        EXPECT_LE(largest_difference(logits, read_tensor(*golden_, prompt + ".f64.logits")), 2e-6) << prompt;
    }
}

class Cached : public GoldenTest {};

TEST_P(Cached, ChunksEqualTheWholePrompt)
{
    const c10::NoGradGuard no_grad;
    const Model model = open_model(folder_);
    CheckpointWeights weights(model, nullptr);
    Decoder decoder(model, weights);
    Tap tap;
    const auto ids = read_tensor(*golden_, prompts_.back() + ".input_ids");
    const auto layers = model.architecture().layers;
    const auto uncached = [&](std::int64_t length) {
        auto x = decoder.embed(ids.narrow(1, 0, length), tap);
        for (std::int64_t layer = 0; layer < layers; ++layer) x = decoder.layer(layer, x, tap);
        return decoder.logits(decoder.finish(x, tap), tap)[0][length - 1];
    };
    KvCache cache;
    std::int64_t done = 0;
    for (const std::int64_t chunk : {7, 1, 1, 10, 1}) {
        ASSERT_TRUE(decoder.can_extend(cache, chunk));
        auto x = decoder.embed(ids.narrow(1, done, chunk), tap, done);
        for (std::int64_t layer = 0; layer < layers; ++layer) x = decoder.layer(layer, x, tap, &cache);
        done += chunk;
        ASSERT_EQ(cache.length, done);
        EXPECT_LE(largest_difference(decoder.logits(decoder.finish(x, tap), tap)[0][chunk - 1], uncached(done)), 5e-5) << "after " << done << " tokens";
    }
}

// Also across the length where the frequencies change (llama-rope-dynamic, phi3-longrope: 32), where the cache is made anew.
TEST_P(Cached, GreedyEqualsTheUncachedRunAndTheReference)
{
    const Model model = open_model(folder_);
    LevelModel level(model, nullptr, Level::floating, Placement::paper, control_);
    for (const auto& prompt : prompts_) {
        const auto start = ids_of(*golden_, prompt + ".input_ids");
        Tensor logits;
        const auto made = run_generate(level, start, 16, false, &logits);
        ASSERT_EQ(made.size(), 16u);
        const auto cached = tensor_of(logits);
        if (golden_->find(prompt + ".greedy_ids")) {
            EXPECT_EQ(made, ids_of(*golden_, prompt + ".greedy_ids")) << prompt;
        }
        if (golden_->find(prompt + ".f64.greedy_logits")) {
            EXPECT_LE(largest_difference(cached, read_tensor(*golden_, prompt + ".f64.greedy_logits")), limit) << prompt;
        }
        auto all = start;
        all.insert(all.end(), made.begin(), made.end() - 1);
        for (const std::size_t step : {std::size_t{0}, std::size_t{9}, std::size_t{15}}) {
            const std::vector<std::int32_t> ids(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(start.size() + step));
            const auto whole = tensor_of(run_forward(level, ids).logits);
            EXPECT_LE(largest_difference(cached[static_cast<std::int64_t>(step)], whole[-1]), 5e-5) << prompt << " step " << step;
        }
    }
}

/// Sees everything, changes nothing, so that attention is explicit; counts and checks what passes.
class Watch final : public Tap {
public:
    at::Tensor activation(const Site& site, const at::Tensor& x) override
    {
        ++visits_[site.id];
        const bool matrix = site.role == SiteRole::qk_output || site.role == SiteRole::pv_input;
        const auto channels = matrix ? x.size(1) : x.dim() == 4 && site.channels != x.size(3) ? x.size(1) * x.size(3) : x.size(-1);
        EXPECT_EQ(channels, site.channels) << site.name;
        EXPECT_EQ(site.kind, SiteKind::activation) << site.name;
        return x;
    }
    at::Tensor weight(const Site& site, const at::Tensor& w) override
    {
        ++visits_[site.id];
        EXPECT_EQ(site.kind, SiteKind::weight) << site.name;
        EXPECT_EQ(w.size(-1), site.channels) << site.name;
        return w;
    }
    [[nodiscard]] bool wants(const Site&) const override { return true; }

    std::map<SiteId, int> visits_;
};

class Sites : public GoldenTest {};

TEST_P(Sites, EachIsPassedExactlyOnceAndWatchingChangesNothing)
{
    const c10::NoGradGuard no_grad;
    const Model model = open_model(folder_);
    CheckpointWeights weights(model, nullptr);
    Decoder decoder(model, weights);
    Watch watch;
    auto x = decoder.embed(read_tensor(*golden_, prompts_.back() + ".input_ids"), watch);
    for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer) x = decoder.layer(layer, x, watch);
    const auto logits = decoder.logits(decoder.finish(x, watch), watch)[0];
    EXPECT_LE(largest_difference(logits, read_tensor(*golden_, prompts_.back() + ".f64.logits")), limit);
    for (const Site& site : model.sites->sites()) EXPECT_EQ(watch.visits_[site.id], 1) << site.name;
}

const auto names = ::testing::ValuesIn(test::golden_model_names());
const auto spelled = [](const auto& info) { return test::test_name(info.param); };
INSTANTIATE_TEST_SUITE_P(Models, Golden, names, spelled);
INSTANTIATE_TEST_SUITE_P(Models, Cached, names, spelled);
INSTANTIATE_TEST_SUITE_P(Models, Sites, names, spelled);

}  // namespace
}  // namespace bitwright
