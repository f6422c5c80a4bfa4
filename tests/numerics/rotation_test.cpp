// SPDX-License-Identifier: GPL-3.0-or-later
// Rotations: the matrices, what they do to a weight, that the float function of every family stays or is refused, the Cayley step and the gradients behind
// learned ones, and what they are worth on TinyStories.
#include "core/numerics/methods/rotation_learning.h"

#include "core/numerics/decoder/sweep.h"
#include "core/runtime/random.h"
#include "tests/numerics/authors_run.h"
#include "tests/numerics/golden_models.h"
#include "tests/numerics/method_figures.h"
#include "tests/numerics/torch_support.h"

#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>

namespace bitwright {
namespace {

at::Tensor noise(at::IntArrayRef shape, std::uint64_t seed)
{
    Random random(seed);
    at::Tensor out = at::empty(shape, at::kFloat);
    for (std::int64_t i = 0; i < out.numel(); ++i) out.mutable_data_ptr<float>()[i] = static_cast<float>(random.uniform() + random.uniform() + random.uniform() - 1.5);
    return out;
}

TEST(Rotations, HadamardsAreOrthogonalAndFlat)
{
    for (const std::int64_t n : {1, 2, 8, 12, 48, 128, 7}) {
        const at::Tensor q = at::tensor(random_hadamard(n, 3)).view({n, n}).to(at::kDouble);
        EXPECT_LT(test::largest_difference(at::matmul(q, q.t()), at::eye(n, at::kDouble)), 1e-6) << n;
        EXPECT_EQ(random_hadamard(n, 3), random_hadamard(n, 3));
        if ((n & (n - 1)) == 0) {
            EXPECT_LT(test::largest_difference(q.abs(), at::full({n, n}, 1 / std::sqrt(static_cast<double>(n)), at::kDouble)), 1e-7) << n;
        }
    }
    EXPECT_NE(random_hadamard(128, 3), random_hadamard(128, 4));
}

TEST(Rotations, AWeightIsTurnedOnTheSideThatIsRotated)
{
    const std::int64_t n = 6;
    const std::vector<float> matrix = random_hadamard(n, 9);
    const at::Tensor q = at::tensor(matrix).view({n, n}).to(at::kDouble);
    const at::Tensor w = noise({12, 18}, 1), b = noise({12}, 2);
    const LegalRotation rotation{"rotate_heads", 0, n, {0}, {1}, {}};
    for (const SiteId site : {0, 1, 2}) {
        MaterializedWeight weight{{12, 18}, {w.data_ptr<float>(), w.data_ptr<float>() + w.numel()}, {b.data_ptr<float>(), b.data_ptr<float>() + b.numel()}};
        rotate(weight, site, rotation, numbers(matrix));
        const at::Tensor wide = w.to(at::kDouble);
        at::Tensor wanted = wide, bias = b.to(at::kDouble);
        if (site == 0) wanted = at::matmul(wide.view({12, 3, n}), q).view({12, 18});
        if (site == 1) {
            wanted = at::cat({at::matmul(q.t(), wide.narrow(0, 0, n)), at::matmul(q.t(), wide.narrow(0, n, n))});
            bias = at::cat({at::matmul(q.t(), bias.narrow(0, 0, n)), at::matmul(q.t(), bias.narrow(0, n, n))});
        }
        EXPECT_LT(test::largest_difference(at::tensor(weight.weight).view({12, 18}), wanted), 1e-6) << site;
        EXPECT_LT(test::largest_difference(at::tensor(weight.bias), bias), 1e-6) << site;
    }
}

TEST(Rotations, TheCayleyStepStaysOrthogonalAndFollowsTheGradient)
{
    const std::int64_t n = 16;
    at::Tensor q = at::tensor(random_hadamard(n, 5)).view({n, n});
    const at::Tensor gradient = noise({n, n}, 6), q64 = q.to(at::kDouble), g64 = gradient.to(at::kDouble);
    const at::Tensor along = -(g64 - at::matmul(q64, at::matmul(g64.t(), q64)));  // the projection's first order
    const double small = 1e-4;
    const at::Tensor moved = (cayley_step(q, gradient, small).to(at::kDouble) - q64) / small;
    EXPECT_LT(test::relative_difference(moved, along), 5e-3);
    // minimize ‖Q − A‖² over rotations: it falls at every step, and Q stays orthogonal
    const at::Tensor target = cayley_step(q, noise({n, n}, 8), 1);
    double before = 1e9;
    for (int i = 0; i < 20; ++i) {
        const double now = (q - target).square().sum().item<double>();
        EXPECT_LT(now, before) << i;
        before = now;
        q = cayley_step(q, 2 * (q - target), 0.05);
    }
    EXPECT_LT(test::largest_difference(at::matmul(q.to(at::kDouble), q.to(at::kDouble).t()), at::eye(n, at::kDouble)), 1e-5);
    EXPECT_TRUE(at::equal(cayley_step(q, at::zeros({n, n}), 1), q));
}

Recipe rotated(const Model& model, bool residual, std::uint64_t seed = 1)
{
    Recipe recipe;
    recipe.architecture = architecture_fingerprint(model.architecture());
    if (residual) {
        fold_norms(recipe, model);
        recipe.transforms.emplace_back(ScalePair{"rotate_residual", -1, numbers(random_hadamard(model.architecture().hidden, seed))});
    }
    for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer)
        if (const auto legal = legal_rotation(model, "rotate_heads", layer)) recipe.transforms.emplace_back(ScalePair{"rotate_heads", layer, numbers(random_hadamard(legal->size, seed + 1))});
    return recipe;
}

class RotationsOn : public ::testing::TestWithParam<std::string> {};

TEST_P(RotationsOn, TheFloatFunctionStaysOrTheModelIsRefusedInWords)
{
    Control control;
    const Model model = open_model(test::golden_models() / GetParam());
    const std::string obstacle = rotation_obstacle(model, "rotate_residual");
    const Recipe recipe = rotated(model, obstacle.empty());
    EXPECT_NO_THROW(validate(recipe, model));
    const TokenWindows windows = test::odd_windows(model);
    const std::vector<std::int32_t> ids(windows.ids.begin(), windows.ids.begin() + 12);
    const Tensor plain = load_numerics().forward(model, nullptr, Level::floating, Placement::paper, ids, control).logits;
    const Tensor turned = load_numerics().forward(model, &recipe, Level::floating, Placement::paper, ids, control).logits;
    const auto a = plain.as<float>(), b = turned.as<float>();
    float size = 0, off = 0;
    for (std::size_t i = 0; i < a.size(); ++i) size = std::max(size, std::abs(a[i])), off = std::max(off, std::abs(a[i] - b[i]));
    EXPECT_LT(off, 2e-4F * std::max(1.0F, size));

    MethodRequest request;
    request.model = model;
    request.calibration = windows;
    for (const char* method : {"quarot", "spinquant"}) {
        request.method = method;
        request.options = {{"gptq_windows", "1"}};
        if (std::string(method) == "spinquant") request.options.insert({{"steps", "2"}, {"slice", "6"}, {"batch", "2"}});
        if (!obstacle.empty()) {
            try {
                (void)load_numerics().run(request, control);
                FAIL() << "rotated";
            } catch (const Error& error) {
                EXPECT_NE(std::string(error.what()).find(obstacle), std::string::npos) << error.what();
            }
            request.options["residual"] = "off";
        }
        const Recipe made = load_numerics().run(request, control).recipe;
        EXPECT_NO_THROW(validate(made, model));
        for (const Placement placement : {Placement::paper, Placement::full}) {
            const EvaluateOptions simulated{Level::simulated, placement, {}, 0};
            EXPECT_TRUE(std::isfinite(load_numerics().evaluate(model, &made, windows, simulated, control).at(0).nll_sum));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Golden, RotationsOn, ::testing::ValuesIn(test::golden_model_names()), [](const auto& model) { return test::test_name(model.param); });

TEST(Rotations, WrongOnesAreRefused)
{
    const Model model = open_model(test::golden_models() / "llama");
    Recipe recipe = rotated(model, true);
    EXPECT_NO_THROW(validate(recipe, model));
    const Recipe read = recipe_from_json(to_json(recipe, {[](const Tensor& t) { return tensor_sha256(t); }, {}}),
                                         {{}, [&](std::string_view hash) {
                                              for (const Transform& transform : recipe.transforms) {
                                                  const Numbers values = std::get<ScalePair>(transform).scale;
                                                  const Tensor tensor = Tensor::from<float>(Dtype::f32, {std::ssize(*values)}, *values);
                                                  if (tensor_sha256(tensor) == hash) return tensor;
                                              }
                                              throw failure("absent");
                                          }},
                                         "here");
    EXPECT_EQ(recipe_hash(read), recipe_hash(recipe));
    std::vector<float> off = *std::get<ScalePair>(recipe.transforms.back()).scale;
    off[0] += 0.1F;
    std::get<ScalePair>(recipe.transforms.back()).scale = numbers(off);
    EXPECT_THROW(validate(recipe, model), Error);
    Recipe unfolded = rotated(model, true);
    std::erase_if(unfolded.transforms, [](const Transform& transform) { return !rotation_in(transform); });
    EXPECT_THROW(validate(unfolded, model), Error);  // norm weights that are not 1
}

// The gradient of a smooth function of the final states, against central differences.
TEST(Rotations, GradientsOfLearnedOnes)
{
    const Model model = open_model(test::golden_models() / "llama");
    Recipe start = rotated(model, true);
    const TokenWindows windows = test::odd_windows(model);
    const at::Tensor weights = noise({1, 12, model.architecture().vocab}, 4).to(at::kDouble);
    const auto value = [&](RotationLearning& twin) {
        Decoder decoder(model, twin, {.double_precision = true});
        at::Tensor x = decoder.embed(window_ids(windows, 0, 12), twin);
        for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer) x = decoder.layer(layer, x, twin);
        return (decoder.logits(decoder.finish(x, twin), twin) * weights).sum();
    };
    RotationLearning twin(model, start, 8);
    value(twin).backward();
    const auto gradients = twin.gradients();
    ASSERT_EQ(gradients.size(), 1 + static_cast<std::size_t>(model.architecture().layers));
    std::size_t rotation = 0;
    for (Transform& transform : start.transforms) {
        if (!rotation_in(transform)) continue;
        auto* turned = std::get_if<ScalePair>(&transform);
        const at::Tensor gradient = gradients[rotation++];
        const double size = gradient.abs().max().item<double>();
        for (const std::int64_t entry : {std::int64_t{0}, gradient.numel() / 2, gradient.numel() - 1}) {
            const c10::NoGradGuard no_grad;
            const Numbers kept = turned->scale;
            double ends[2];
            for (const int side : {0, 1}) {
                std::vector<float> moved = *kept;
                moved[static_cast<std::size_t>(entry)] += side ? 2e-3F : -2e-3F;
                turned->scale = numbers(moved);
                RotationLearning other(model, start, 8);
                ends[side] = value(other).item<double>();
            }
            turned->scale = kept;
            EXPECT_NEAR(gradient.reshape(-1)[entry].item<double>(), (ends[1] - ends[0]) / 4e-3, 0.01 * size) << turned->pair << " " << entry;
        }
    }
}

TEST(Rotations, APauseWhileLearningChangesNothing)
{
    BITWRIGHT_NEEDS_SHARED();
    MethodRequest request;
    request.model = test::tiny_stories();
    request.calibration = test::short_windows(4, 64);
    request.holdout = request.calibration;
    request.method = "spinquant";
    request.options = {{"steps", "6"}, {"slice", "32"}, {"batch", "2"}, {"gptq_windows", "2"}};
    Control plain;
    const MethodOutcome whole = load_numerics().run(request, plain);
    ASSERT_TRUE(whole.holdout_loss_before && whole.holdout_loss_after);
    request.checkpoint_path = test::scratch("spinquant") / "run.safetensors";
    Control pausing;
    request.watch.on_step = [&](const MethodProgress& progress) {
        if (progress.record.step == 3) pausing.request_pause();
    };
    ASSERT_EQ(load_numerics().run(request, pausing).state, MethodState::paused);
    EXPECT_NO_THROW(validate(load_recipe(request.checkpoint_path), request.model));
    request.resume_from = request.checkpoint_path;
    request.watch = {};
    Control again;
    const MethodOutcome resumed = load_numerics().run(request, again);
    EXPECT_EQ(recipe_hash(resumed.recipe), recipe_hash(whole.recipe));
    ASSERT_EQ(resumed.log.size(), 6U);
}

TEST(SlowRotations, FlattenOutliersOfTheResidualStream)
{
    BITWRIGHT_NEEDS_SHARED();
    for (const bool outliers : {false, true}) {
        const Model model = test::tiny_stories(outliers);
        for (const int bits : {8, 4}) {
            std::map<std::string, double> figure;
            for (const auto& [name, method, options] : {std::tuple{"gptq", "gptq", std::map<std::string, std::string>{}}, {"quarot", "quarot", {}}, {"spinquant", "spinquant", {}}}) {
                const auto [recipe, cpu] = test::quantized(model, method, bits, options);
                figure[name] = test::perplexity(model, recipe, "eval_tinystories", 64);
                std::printf("%s W%dA8 %s: %.2f, %.1f CPU s\n", outliers ? "tso" : "ts", bits, name, figure[name], cpu);
            }
            if (outliers) EXPECT_LT(figure["quarot"], 0.2 * figure["gptq"]);
            else EXPECT_LT(figure["spinquant"], figure["quarot"] * 1.01);
            EXPECT_LT(figure["quarot"], bits == 8 ? 43.5 : 46);
        }
    }
}

}  // namespace
}  // namespace bitwright
