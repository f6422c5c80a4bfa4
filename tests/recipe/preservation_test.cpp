// SPDX-License-Identifier: GPL-3.0-or-later
// Every legal pair of every golden model leaves the float function as it is.
#include "core/numerics/numerics.h"
#include "core/recipe/outliers.h"
#include "core/recipe/transforms.h"
#include "core/runtime/random.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace bitwright {
namespace {

namespace fs = std::filesystem;

std::vector<float> random_scales(const LegalPair& pair, Random& random)
{
    std::vector<float> s(static_cast<std::size_t>(pair.channels));
    for (float& value : s) {
        value = static_cast<float>(0.5 + 1.5 * random.uniform());
        if (!pair.positive_only && random.below(4) == 0) value = -value;
    }
    if (pair.tied_rope_pairs) {
        for (std::int64_t c = 0; c < pair.channels; ++c) {
            if (c % pair.head_dim < pair.rope_dims / 2) s[static_cast<std::size_t>(c + pair.rope_dims / 2)] = s[static_cast<std::size_t>(c)];
        }
    }
    return s;
}

std::vector<std::int32_t> prompt_of(const Model& model, int prompt)
{
    const SafetensorsFile golden(model.checkpoint->folder() / "golden.safetensors");
    const auto ids = to_int64(golden.tensor("p" + std::to_string(prompt) + ".input_ids"));
    return {ids.begin(), ids.end()};
}

ForwardResult forward(const Model& model, const Recipe* recipe, const std::vector<std::int32_t>& ids)
{
    return load_numerics().forward(model, recipe, Level::floating, Placement::paper, ids, Control());
}

double largest_difference(const ForwardResult& a, const ForwardResult& b)
{
    const auto x = a.logits.as<float>(), y = b.logits.as<float>();
    EXPECT_EQ(x.size(), y.size());
    double largest = 0;
    for (std::size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::fabs(static_cast<double>(x[i]) - y[i]));
    return largest;
}

TEST(FunctionPreserving, EveryLegalPairOfEveryModel)
{
    BITWRIGHT_NEEDS_SHARED();
    load_numerics().set_threads(1);
    double worst = 0;
    int models = 0;
    for (const auto& entry : fs::directory_iterator(test::shared() / "golden" / "models")) {
        if (!entry.is_directory()) continue;
        const Model model = open_model(entry.path());
        const auto pairs = legal_pairs(model);
        ++models;
        std::set<std::string> kinds{"all"};
        for (const auto& pair : pairs) kinds.insert(pair.pair);
        for (const int prompt : {0, 1}) {
            const auto ids = prompt_of(model, prompt);
            const ForwardResult plain = forward(model, nullptr, ids);
            for (const auto& kind : kinds) {
                Random random(29);
                Recipe recipe;
                for (const auto& pair : pairs) {
                    if (kind == "all" || kind == pair.pair)
                        recipe.transforms.emplace_back(ScalePair{pair.pair, pair.layer, numbers(random_scales(pair, random))});
                }
                const double difference = largest_difference(plain, forward(model, &recipe, ids));
                EXPECT_LT(difference, 2e-4) << entry.path().filename() << " prompt " << prompt << ", " << kind;
                worst = std::max(worst, difference);
            }
        }
    }
    EXPECT_EQ(models, 35);
    RecordProperty("worst_logit_difference", std::to_string(worst));
    std::printf("worst logit difference %.3g over %d models\n", worst, models);
}

// The test above can fail: scales that ignore what the pair says do change the function.
TEST(FunctionPreserving, TiesAndSignsMatter)
{
    BITWRIGHT_NEEDS_SHARED();
    const auto change = [](const char* name, const std::string& kind, bool keep_sign) {
        const Model model = open_model(test::shared() / "golden" / "models" / name);
        Random random(31);
        Recipe recipe;
        LegalPair pair = *legal_pair(model, kind, 0);
        pair.tied_rope_pairs = false;
        pair.positive_only = keep_sign;
        recipe.transforms.emplace_back(ScalePair{kind, 0, numbers(random_scales(pair, random))});
        const auto ids = prompt_of(model, 0);
        return largest_difference(forward(model, nullptr, ids), forward(model, &recipe, ids));
    };
    EXPECT_GT(change("llama", "q_k", true), 0.01);        // RoPE turns channels i and i + dims/2 into each other
    EXPECT_GT(change("opt", "up_down", false), 0.01);     // ReLU
    EXPECT_LT(change("bloom-pow2", "q_k", false), 2e-4);  // no rotation, no tie
}

TEST(FunctionPreserving, OutlierCopiesAreTheSameFunction)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = open_model(test::shared() / "data" / "models" / "TinyStories-656K");
    const fs::path folder = test::scratch("outlier-function") / "copy";
    write_outlier_copy(model, choose_outliers(model, {.seed = 2}), "Seed 2.", folder, Control());
    const Model copy = open_model(folder);
    const SafetensorsFile windows(test::shared() / "golden" / "mobilequant" / "windows.safetensors");
    const auto all = to_int64(windows.tensor("eval_tinystories"));
    const std::vector<std::int32_t> ids(all.begin(), all.begin() + 128);
    const ForwardResult before = forward(model, nullptr, ids), after = forward(copy, nullptr, ids);
    const double difference = largest_difference(before, after);
    std::printf("outlier copy: largest logit difference %.3g\n", difference);
    EXPECT_LT(difference, 1e-3);  // logits reach 29; only the order of summation may differ
}

}  // namespace
}  // namespace bitwright
