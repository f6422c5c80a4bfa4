// SPDX-License-Identifier: GPL-3.0-or-later
// Smoothing, the learnable twin and the steps of an optimization against golden/quantize and golden/mobilequant.
#include "core/numerics/decoder/sweep.h"
#include "core/numerics/methods/block_wise.h"
#include "core/numerics/methods/end_to_end.h"
#include "core/numerics/methods/optimizer.h"
#include "core/numerics/methods/recipe_steps.h"

#include "tests/numerics/authors_run.h"
#include "tests/numerics/torch_support.h"

#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <sstream>

namespace bitwright {
namespace {

using test::largest_difference;
using test::read_tensor;
using test::relative_difference;

std::vector<float> values_of(const SafetensorsFile& file, const std::string& name)
{
    const at::Tensor t = read_tensor(file, name).to(at::kFloat).contiguous();
    return {t.const_data_ptr<float>(), t.const_data_ptr<float>() + t.numel()};
}

// --- SmoothQuant -------------------------------------------------------------------------------------------------------------------------------------

TEST(SmoothQuant, ScalesEqualTheGoldens)
{
    BITWRIGHT_NEEDS_SHARED();
    const SafetensorsFile file(test::shared() / "golden/quantize/smoothquant.safetensors");
    for (const std::string alpha : {"0.0", "0.5", "0.6", "1.0"})
        for (const auto& [kind, weights] : {std::pair{"norm_linear", std::vector<std::string>{"Wq", "Wk", "Wv"}}, {"linear_linear", {"W2"}}}) {
            const std::string name = std::string(kind) + ".a" + alpha + ".";
            at::Tensor w;
            for (const auto& weight : weights) {
                const at::Tensor columns = read_tensor(file, name + weight).abs().amax(0);
                w = w.defined() ? at::maximum(w, columns) : columns;
            }
            const at::Tensor columns = w.to(at::kFloat).contiguous();
            const auto scales = smoothquant_scales(values_of(file, name + "act_max"), {columns.const_data_ptr<float>(), static_cast<std::size_t>(columns.numel())},
                                                   std::stod(alpha));
            const auto wanted = values_of(file, name + "scale");
            ASSERT_EQ(scales.size(), wanted.size());
            for (std::size_t c = 0; c < scales.size(); ++c) EXPECT_NEAR(scales[c], wanted[c], 2.4e-7 * std::abs(wanted[c])) << name << c;
        }
}

// The authors' per-channel absolute maxima of the unsmoothed model, as far as smoothing asks for them.
Statistics authors_statistics()
{
    const SafetensorsFile seen(test::mobilequant_golden() / "act_scales_ts.safetensors");
    Statistics statistics;
    for (std::int64_t layer = 0; layer < 2; ++layer)
        for (const auto& [theirs, ours] : {std::pair{"self_attn.q_proj_input", "input_layernorm.output"}, {"mlp.w1_input", "post_attention_layernorm.output"},
                                           {"mlp.w2_input", "mlp.down_proj.input"}}) {
            SiteStatistics site;
            site.site = "layers." + std::to_string(layer) + "." + ours;
            site.channel_abs_max = values_of(seen, "model.layers." + std::to_string(layer) + "." + theirs);
            statistics.sites.push_back(std::move(site));
        }
    return statistics;
}

// tso's are checked from our own calibration in methods_run_test.
TEST(SmoothQuant, EdgeScalesEqualTheAuthors)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = test::tiny_stories();
    const SafetensorsFile wanted(test::mobilequant_golden() / "smoothquant_edge_scales_ts.safetensors");
    const Statistics statistics = authors_statistics();
    Recipe recipe = base_recipe(model, {}, Semantics::authors);
    add_smoothquant(recipe, model, statistics, 0.5, true, Control());
    ASSERT_EQ(recipe.transforms.size(), 6U);
    for (const Transform& transform : recipe.transforms) {
        const auto& pair = std::get<ScalePair>(transform);
        const std::string theirs = pair.pair == "norm_qkv" ? "qkv" : pair.pair == "norm_mlp" ? "fc1" : "fc2";
        const auto scale = values_of(wanted, std::to_string(pair.layer) + "." + theirs);
        ASSERT_EQ(scale.size(), pair.scale->size());
        for (std::size_t c = 0; c < scale.size(); ++c) EXPECT_NEAR((*pair.scale)[c], scale[c], 2.4e-7 * scale[c]) << pair.pair << pair.layer << " " << c;
    }
    Recipe only_norms = base_recipe(model, {}, Semantics::authors);
    add_smoothquant(only_norms, model, statistics, 0.5, false, Control());
    EXPECT_EQ(only_norms.transforms.size(), 4U);
}

// --- optimizer ---------------------------------------------------------------------------------------------------------------------------------------

TEST(Optimizer, AdamFollowsItsDefinition)
{
    std::vector<float> parameter{1.0F, -2.0F, 3.0F};
    std::vector<double> wanted{1.0, -2.0, 3.0}, m(3), v(3);
    Moments moments;
    for (std::int64_t step = 1; step <= 50; ++step) {
        std::vector<float> gradient{std::sin(0.3F * static_cast<float>(step)), 1e-6F, 100.0F};
        const double lr = CosineSchedule{1e-2, 1e-3}.at(step - 1, 50);
        adamw_update(parameter, gradient, moments, lr, step);
        for (std::size_t i = 0; i < 3; ++i) {
            const auto g = static_cast<double>(gradient[i]);
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.999 * v[i] + 0.001 * g * g;
            wanted[i] -= lr * (m[i] / (1 - std::pow(0.9, step))) / (std::sqrt(v[i] / (1 - std::pow(0.999, step))) + 1e-8);
            EXPECT_NEAR(parameter[i], wanted[i], 2e-6 * std::abs(wanted[i]) + 2e-6);
        }
    }
}

// --- the authors' run --------------------------------------------------------------------------------------------------------------------------------

// Hidden states after the last layer, before the final norm.
at::Tensor hidden(const Model& model, const Recipe& recipe, const TokenWindows& windows)
{
    CheckpointWeights weights(model, &recipe);
    SimulateTap tap(model, recipe, Placement::paper);
    Decoder decoder(model, weights, {recipe.semantics});
    at::Tensor ids = at::empty({1, windows.length}, at::kLong);
    std::copy_n(windows.window(0), windows.length, ids.mutable_data_ptr<std::int64_t>());
    at::Tensor x = decoder.embed(ids, tap);
    for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer) x = decoder.layer(layer, x, tap);
    return x[0];
}

TEST(AuthorsRun, RoundToNearestHiddenStatesBitForBit)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = test::tiny_stories();
    const SafetensorsFile wanted(test::mobilequant_golden() / "hidden_ts.safetensors");
    const TokenWindows windows = test::golden_windows("eval_tinystories", 1);
    for (const int bits : {8, 4})
        EXPECT_EQ(largest_difference(hidden(model, test::authors_recipe(model, "ts_rtn", bits), windows), read_tensor(wanted, "rtn_w" + std::to_string(bits) + "a8")), 0);
}

// Their SmoothQuant-Edge start with the scales in float32 as they computed them. Those of golden/mobilequant's file are partly one ulp off (read back from
// smoothed weights), and that flips codes. LibTorch's square root is not the correctly rounded one, so it is LibTorch's here.
Recipe authors_start(const Model& model, int weight_bits)
{
    const SafetensorsFile seen(test::mobilequant_golden() / "act_scales_ts.safetensors");
    Recipe recipe = test::authors_recipe(model, "ts_rtn", weight_bits);
    const Recipe smoothed = test::authors_recipe(model, "ts_sqe", weight_bits);
    recipe.sites = smoothed.sites;
    for (const Transform& transform : smoothed.transforms) {
        const auto& [name, layer, scales] = std::get<ScalePair>(transform);
        const LegalPair pair = *legal_pair(model, name, layer);
        const std::string theirs = name == "norm_qkv" ? "self_attn.q_proj_input" : name == "norm_mlp" ? "mlp.w1_input" : "mlp.w2_input";
        at::Tensor w;
        for (const SiteId consumer : pair.consumers) {
            const MaterializedWeight made = materialize(model, &recipe, consumer);
            const at::Tensor columns = at::tensor(at::ArrayRef<float>(made.weight)).view(made.shape).abs().amax(0);
            w = w.defined() ? at::maximum(w, columns) : columns;
        }
        const at::Tensor a = read_tensor(seen, "model.layers." + std::to_string(layer) + "." + theirs);
        const at::Tensor s = (a.sqrt() / w.clamp_min(1e-5).sqrt()).clamp_min(1e-5).contiguous();
        recipe.transforms.emplace_back(ScalePair{name, layer, numbers({s.const_data_ptr<float>(), s.const_data_ptr<float>() + s.numel()})});
    }
    return recipe;
}

TEST(AuthorsRun, SmoothedHiddenStatesBitForBit)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = test::tiny_stories();
    const SafetensorsFile wanted(test::mobilequant_golden() / "hidden_ts.safetensors");
    const TokenWindows windows = test::golden_windows("eval_tinystories", 1);
    for (const int bits : {8, 4})
        EXPECT_EQ(largest_difference(hidden(model, authors_start(model, bits), windows), read_tensor(wanted, "sqe_w" + std::to_string(bits) + "a8")), 0);
}

struct CsvRow {
    double let, lwc, lrl, loss, norm;
};
std::vector<CsvRow> csv(const std::string& name)
{
    std::ifstream in(test::mobilequant_golden() / ("e2e_ts_" + name + "_first200.csv"));
    std::vector<CsvRow> rows;
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        std::replace(line.begin(), line.end(), ',', ' ');
        std::istringstream fields(line);
        double step = 0, sample = 0;
        CsvRow row{};
        fields >> step >> sample >> row.let >> row.lwc >> row.lrl >> row.loss >> row.norm;
        rows.push_back(row);
    }
    return rows;
}

void copy_parameters(LearnableModel& model, const std::map<std::string, at::Tensor>& from)
{
    for (Learnable& learnable : model.learnables()) {
        const at::Tensor value = from.at(learnable.name).contiguous();
        ASSERT_EQ(value.numel(), learnable.value.numel()) << learnable.name;
        std::copy_n(value.const_data_ptr<float>(), value.numel(), learnable.value.mutable_data_ptr<float>());
    }
}

// The reference ran with LibTorch's AVX2 loops. Its AVX-512 loops sum in another order, and one activation code that flips at the first token, which every
// token attends to, moves the W8A8 loss by 1e-3. Read by LibTorch at its first loop, so set before main().
[[maybe_unused]] const int loops = __builtin_cpu_supports("avx2") ? ::setenv("ATEN_CPU_CAPABILITY", "avx2", 1) : 0;

class AuthorsRun : public ::testing::TestWithParam<int> {};

TEST_P(AuthorsRun, FirstStepAndItsGradients)
{
    BITWRIGHT_NEEDS_SHARED();
    const std::string name = "w" + std::to_string(GetParam()) + "a8";
    const Model model = test::tiny_stories();
    const Recipe start = authors_start(model, GetParam());
    const TokenWindows windows = test::golden_windows("calib");
    const Control control;
    EndToEnd goal(model, start, windows, {}, control);
    auto& learnables = goal.learnables().learnables();
    EXPECT_EQ(learnables.size(), 2 * 61U);

    const auto rows = csv(name);
    // every code is theirs: what is left is the order in which threads sum the mean, one or two float steps
    EXPECT_NEAR(goal.loss_and_gradients(0), rows[0].loss, 2.5e-7 * rows[0].loss);
    // the scales of the softmax probabilities carry the W4A8 norm, each a sum of 2 million terms: in float with cancellation there, mostly in double here
    EXPECT_NEAR(goal.gradient_norm(), rows[0].norm, (GetParam() == 8 ? 2e-5 : 1e-3) * rows[0].norm);

    const SafetensorsFile after(test::mobilequant_golden() / ("e2e_ts_" + name + "_after_step0.safetensors"));
    std::map<std::string, at::Tensor> gradients, parameters;
    for (const auto& entry : after.entries())
        (entry.name.starts_with("grad/") ? gradients : parameters)[test::our_learnable(entry.name.substr(entry.name.find('/') + 1))] = read_tensor(after, entry.name);
    std::vector<double> differences;
    std::size_t moved_alike = 0, moved = 0;
    for (Learnable& learnable : learnables) {
        ASSERT_TRUE(gradients.contains(learnable.name)) << learnable.name;
        const at::Tensor wanted = gradients[learnable.name].reshape(-1);
        if (wanted.abs().max().item<double>() > 0) {
            differences.push_back(((learnable.value.grad() - wanted).norm() / wanted.norm()).item<double>());
        } else {
            EXPECT_EQ(learnable.value.grad().abs().max().item<double>(), 0) << learnable.name;
        }
        // the update: equal where the gradient is far from zero (Adam's first step is its sign)
        Moments moments;
        const double lr = learnable.group == LearnableGroup::let ? 1e-3 : learnable.group == LearnableGroup::lwc ? 1e-2 : 1e-6;
        const auto size = static_cast<std::size_t>(learnable.value.numel());
        const at::Tensor gradient = learnable.value.grad().contiguous();
        adamw_update({learnable.value.mutable_data_ptr<float>(), size}, {gradient.const_data_ptr<float>(), size}, moments, lr, 1);
        const at::Tensor off = (learnable.value.detach() - parameters[learnable.name].reshape(-1)).abs();
        moved += size;
        moved_alike += static_cast<std::size_t>((off <= 1e-3 * lr + 2e-7 * parameters[learnable.name].reshape(-1).abs()).sum().item<std::int64_t>());
    }
    std::sort(differences.begin(), differences.end());
    EXPECT_LT(differences[differences.size() / 2], 6e-6);  // ours sum in double, theirs in float
    EXPECT_GT(static_cast<double>(moved_alike), 0.98 * static_cast<double>(moved)) << moved_alike << " of " << moved;
    RecordProperty("gradient_median", std::to_string(differences[differences.size() / 2] * 1e6) + "e-6");

    copy_parameters(goal.learnables(), parameters);
    EXPECT_NEAR(goal.loss_and_gradients(1), rows[1].loss, 2.5e-7 * rows[1].loss);
    EXPECT_NEAR(goal.gradient_norm(), rows[1].norm, 1e-5 * rows[1].norm);
}

TEST_P(AuthorsRun, LearningRatesAreExact)
{
    BITWRIGHT_NEEDS_SHARED();
    const auto rows = csv("w" + std::to_string(GetParam()) + "a8");
    ASSERT_EQ(rows.size(), 200U);
    for (std::size_t step = 0; step < rows.size(); ++step) {
        const auto at = static_cast<std::int64_t>(step);
        EXPECT_NEAR((CosineSchedule{1e-3, 1e-4}.at(at, 256)), rows[step].let, 1e-12);
        EXPECT_NEAR((CosineSchedule{1e-2, 1e-3}.at(at, 256)), rows[step].lwc, 1e-11);
        EXPECT_NEAR((CosineSchedule{1e-6, 1e-7}.at(at, 256)), rows[step].lrl, 1e-15);
    }
}

// The last layer's objective is the end-to-end one, so its loss and its gradients are known from there; the other layers' learnables get none.
TEST(BlockWiseGoal, TheLastLayersIsTheEndToEndOne)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = test::tiny_stories();
    const Recipe start = authors_start(model, 4);
    const TokenWindows windows = test::short_windows(3, 64);
    const Control control;
    EndToEnd whole(model, start, windows, {}, control);
    LearnableModel twin(model, start);
    BlockWise blocks(model, twin, windows, start.semantics, 0, control);  // 0: in a file
    const std::int64_t last = model.architecture().layers - 1;
    for (const std::int64_t window : {2, 0}) {
        EXPECT_EQ(blocks.loss_and_gradients(last, window), whole.loss_and_gradients(window));
        std::size_t reached = 0;
        for (std::size_t i = 0; i < twin.learnables().size(); ++i) {
            const Learnable &ours = twin.learnables()[i], &theirs = whole.learnables().learnables()[i];
            ASSERT_EQ(ours.name, theirs.name);
            const bool own = ours.name.starts_with("layers." + std::to_string(last) + ".");
            EXPECT_EQ(ours.value.grad().defined(), own) << ours.name;
            if (!own) continue;
            ++reached;
            EXPECT_TRUE(at::equal(ours.value.grad(), theirs.value.grad())) << ours.name;
        }
        EXPECT_EQ(reached, 61U);
    }
    // the first layer: what a forward pass of one layer leaves, in double by hand
    const double loss = blocks.loss_and_gradients(0, 1);
    Decoder quantized(model, twin, {start.semantics}), floating(model, twin.start_weights(), {start.semantics});
    Tap none;
    const c10::NoGradGuard no_grad;
    const at::Tensor x = floating.embed(window_ids(windows, 1, windows.length), none);
    const double wanted = (quantized.layer(0, x, twin).to(at::kDouble) - floating.layer(0, x, none).to(at::kDouble)).square().mean().item<double>();
    EXPECT_NEAR(loss, wanted, 1e-5 * wanted);
}

INSTANTIATE_TEST_SUITE_P(Bits, AuthorsRun, ::testing::Values(8, 4));

// --- the learnable twin ------------------------------------------------------------------------------------------------------------------------------

Recipe moved_twin(LearnableModel& twin)
{
    at::manual_seed(8);
    for (Learnable& learnable : twin.learnables()) {
        const at::Tensor noise = at::randn_like(learnable.value.detach());
        float* values = learnable.value.mutable_data_ptr<float>();
        for (std::int64_t i = 0; i < learnable.value.numel(); ++i) {
            const float n = noise.const_data_ptr<float>()[i];
            if (learnable.group == LearnableGroup::let) values[i] = std::exp(0.2F * n);
            if (learnable.group == LearnableGroup::lwc) values[i] = 2.5F + 0.5F * n;
            if (learnable.group == LearnableGroup::lrl && learnable.name.ends_with("scale")) values[i] *= 1 + 0.02F * n;
        }
    }
    return twin.recipe();
}

// materialize() and the simulated level on the exported recipe give what the optimizer saw, but for single codes that flip.
TEST(LearnableTwin, EqualsItsRecipeMaterialized)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = test::tiny_stories();
    for (const int bits : {8, 4}) {
        const Recipe start = test::authors_recipe(model, "ts_sqe", bits);
        LearnableModel twin(model, start);
        const Recipe result = moved_twin(twin);
        EXPECT_NO_THROW(validate(result, model));
        SimulateTap tap(model, result, Placement::paper);
        for (const Site& site : model.sites->sites()) {
            if (site.kind != SiteKind::weight || site.layer < 0) continue;
            const MaterializedWeight made = materialize(model, &result, site.id);
            const at::Tensor theirs = tap.weight(site, at::tensor(at::ArrayRef<float>(made.weight)).view(made.shape));
            const at::Tensor ours = twin.weight(site.weight_role, site.layer);
            // norm weights sit on the scale floor, where the grid reaches beyond the clip: only merging clips them (mobilequant-measured §5.2.3)
            if (ours.dim() == 1) continue;
            EXPECT_LT((theirs - ours).abs().gt(1e-6 * ours.abs().max()).to(at::kDouble).mean().item<double>(), 2e-3) << site.name;
        }
    }
}

TEST(LearnableTwin, RecomputingLayersGivesTheSameBits)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = test::tiny_stories();
    const Recipe start = test::authors_recipe(model, "ts_sqe", 8);
    TokenWindows windows = test::golden_windows("calib", 2);
    windows.length = 100;  // two short windows
    const Control control;
    EndToEnd whole(model, start, windows, {false, 0}, control), again(model, start, windows, {true, 1 << 30}, control);
    for (const std::int64_t window : {0, 1, 0}) {
        EXPECT_EQ(whole.loss_and_gradients(window), again.loss_and_gradients(window));
        for (std::size_t i = 0; i < whole.learnables().learnables().size(); ++i) {
            const auto& a = whole.learnables().learnables()[i];
            EXPECT_EQ(largest_difference(a.value.grad(), again.learnables().learnables()[i].value.grad()), 0) << a.name;
        }
    }
}

TEST(LearnableTwin, SmallScalesAreTruncatedAndKeepTheirSign)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = test::tiny_stories();
    const Recipe start = test::authors_recipe(model, "ts_sqe", 8);
    LearnableModel twin(model, start);
    float* scale = twin.learnables().front().value.mutable_data_ptr<float>();
    scale[0] = 1e-3F;
    scale[1] = -1e-3F;
    scale[2] = 0;
    scale[3] = 0.5F;
    twin.truncate_scales();
    EXPECT_EQ(scale[0], 1e-2F);
    EXPECT_EQ(scale[1], -1e-2F);
    EXPECT_EQ(scale[2], 1e-2F);
    EXPECT_EQ(scale[3], 0.5F);
}

}  // namespace
}  // namespace bitwright
