// SPDX-License-Identifier: GPL-3.0-or-later
// What must hold whatever the family: streaming changes no bit, gradients are the function's, a cancel is heard, bad ids are refused in words.
#include "core/numerics/evaluate/evaluate.h"
#include "core/numerics/quantize/simulate_tap.h"
#include "tests/numerics/golden_models.h"
#include "tests/numerics/torch_support.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <map>

namespace bitwright {
namespace {

Model model_named(const std::string& name) { return open_model(test::golden_models() / name); }

std::vector<std::int32_t> some_ids(std::int64_t n)
{
    std::vector<std::int32_t> ids;
    for (std::int64_t i = 0; i < n; ++i) ids.push_back(static_cast<std::int32_t>((i * 37 + 11) % 100));
    return ids;
}

TEST(DecoderInvariants, StreamingChangesNoBit)
{
    for (const std::string name : {"llama-gqa-tied", "opt", "phi3", "gpt2", "bloom-odd"}) {
        const Model model = model_named(name);
        const Control control;
        LevelModel kept(model, nullptr, Level::floating, Placement::paper, control), streamed(model, nullptr, Level::floating, Placement::paper, control, {.keep_bytes = 0});
        const auto a = run_forward(kept, some_ids(31)), b = run_forward(streamed, some_ids(31));
        EXPECT_EQ(a.logits.data, b.logits.data) << name;
        for (std::size_t i = 0; i < a.hidden.size(); ++i) EXPECT_EQ(a.hidden[i].data, b.hidden[i].data) << name << " " << i;
    }
}

TEST(DecoderInvariants, WeightsTappedOnceEqualWeightsTappedInEveryForward)
{
    const c10::NoGradGuard no_grad;
    for (const std::string name : {"llama-gqa-tied", "opt", "stablelm"}) {
        const Model model = model_named(name);
        Recipe recipe;
        for (const Site& site : model.sites->sites()) {
            if (site.kind == SiteKind::weight && site.levels.full) recipe.sites[site.name].scheme = {.bits = 6};
        }
        const Control control;
        LevelModel once(model, &recipe, Level::simulated, Placement::full, control);
        const auto a = run_forward(once, some_ids(17)).logits;

        CheckpointWeights weights(model, nullptr);
        Decoder decoder(model, weights);
        SimulateTap tap(model, recipe, Placement::full);
        const auto ids = some_ids(17);
        auto x = decoder.embed(at::tensor(std::vector<std::int64_t>(ids.begin(), ids.end()), at::kLong).unsqueeze(0), tap);
        for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer) x = decoder.layer(layer, x, tap);
        const auto b = decoder.logits(decoder.finish(x, tap), tap).contiguous();
        ASSERT_EQ(static_cast<std::size_t>(b.numel()), a.as<float>().size());
        EXPECT_TRUE(std::equal(a.as<float>().begin(), a.as<float>().end(), b.data_ptr<float>())) << name;
    }
}

/// Weights of one layer as the test holds them.
class HeldWeights final : public WeightProvider {
public:
    explicit HeldWeights(const Model& model) : plain_(model, nullptr) {}
    at::Tensor weight(WeightRole role, std::int64_t layer) override
    {
        const auto replaced = replaced_.find(role);
        return layer == 0 && replaced != replaced_.end() ? replaced->second : plain_.weight(role, layer);
    }
    at::Tensor bias(WeightRole role, std::int64_t layer) override { return plain_.bias(role, layer); }
    std::map<WeightRole, at::Tensor> replaced_;

private:
    CheckpointWeights plain_;
};

TEST(DecoderInvariants, LayerIsDifferentiableInInputAndWeights)
{
    for (const std::string name : {"llama-gqa-tied", "stablelm", "granite", "falcon-new"}) {
        const Model model = model_named(name);
        const auto x = at::randn({1, 9, model.architecture().hidden}, at::kDouble), direction = at::randn_like(x), read = at::randn_like(x);
        for (const Semantics semantics : {Semantics::bitwright, Semantics::authors}) {
            HeldWeights weights(model);
            Decoder decoder(model, weights, {.semantics = semantics, .double_precision = true});
            Tap tap;
            const auto plain = weights.weight(WeightRole::k_proj, 0).to(at::kDouble);
            const auto turn = at::randn_like(plain);
            const auto value = [&](double step) {
                const c10::NoGradGuard no_grad;
                weights.replaced_[WeightRole::k_proj] = plain + step * turn;
                return (decoder.layer(0, x + step * direction, tap) * read).sum().item<double>();
            };
            const double numeric = (value(1e-5) - value(-1e-5)) / 2e-5;

            auto input = x.clone().set_requires_grad(true), w = plain.clone().set_requires_grad(true);
            weights.replaced_[WeightRole::k_proj] = w;
            (decoder.layer(0, input, tap) * read).sum().backward();
            const double analytic = (input.grad() * direction).sum().item<double>() + (w.grad() * turn).sum().item<double>();
            EXPECT_NEAR(analytic, numeric, 1e-6 * std::max(1.0, std::abs(numeric))) << name;
        }
    }
}

TEST(DecoderInvariants, TablesMadeWithoutGradientsServeATrainingPass)
{
    const Model model = model_named("llama-gqa-tied");
    CheckpointWeights weights(model, nullptr);
    Decoder decoder(model, weights);
    Tap tap;
    const auto x = at::randn({1, 12, model.architecture().hidden});
    {
        const c10::NoGradGuard no_grad;
        static_cast<void>(decoder.layer(0, x, tap));
    }
    auto input = x.clone().set_requires_grad(true);
    decoder.layer(0, input, tap).sum().backward();
    EXPECT_TRUE(input.grad().defined());
}

// A long context attends in blocks where it cannot be fused (window, soft cap); the blocks must equal the whole.
TEST(DecoderInvariants, LongContextsEqualTheirExplicitForm)
{
    class WantsAll final : public Tap {
        [[nodiscard]] bool wants(const Site&) const override { return true; }
    };
    for (const std::string name : {"mistral", "bloom-odd", "llama-gqa-tied"}) {
        const c10::NoGradGuard no_grad;
        const Model model = model_named(name);
        CheckpointWeights weights(model, nullptr);
        Decoder decoder(model, weights);
        Tap none;
        WantsAll all;
        const auto x = at::randn({1, 3000, model.architecture().hidden});
        EXPECT_LE(test::largest_difference(decoder.layer(0, x, none), decoder.layer(0, x, all)), 2e-5) << name;
    }
}

TEST(DecoderInvariants, CancelIsHeard)
{
    const Model model = model_named("opt");
    Control control;
    LevelModel level(model, nullptr, Level::floating, Placement::paper, control);
    control.request_cancel();
    EXPECT_THROW(static_cast<void>(run_forward(level, some_ids(5))), Cancelled);
}

TEST(DecoderInvariants, BadIdsAreRefusedInWords)
{
    const Model model = model_named("opt");
    const Control control;
    LevelModel level(model, nullptr, Level::floating, Placement::paper, control);
    const auto message = [&](const std::vector<std::int32_t>& ids) -> std::string {
        try {
            static_cast<void>(run_forward(level, ids));
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::bad_input);
            return error.what();
        }
        return "";
    };
    EXPECT_NE(message({1, 2, 100000}).find("vocabulary"), std::string::npos);
    EXPECT_NE(message({-1}).find("vocabulary"), std::string::npos);
    EXPECT_NE(message({}).find("at least one"), std::string::npos);
    EXPECT_NE(message(some_ids(129)).find("128 positions"), std::string::npos);
}

}  // namespace
}  // namespace bitwright
