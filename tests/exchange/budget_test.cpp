// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/budget.h"

#include "core/exchange/package_export.h"
#include "core/runtime/safetensors.h"
#include "tests/exchange/float_reference.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace bitwright::test {
namespace {

std::vector<std::vector<std::int32_t>> some_ids(const Model& model)
{
    std::vector<std::int32_t> ids;
    for (std::int32_t i = 0; i < 12; ++i) ids.push_back(i * 7 % static_cast<std::int32_t>(model.architecture().vocab));
    return {ids};
}

bool is_weight_tensor(const std::string& name)
{
    if (name.starts_with("rope.") || name == "tokenizer.json" || name.find("activation") != std::string::npos || name.find("attention.") != std::string::npos) return false;
    return true;
}

TEST(Budget, IsTheSizeOfThePackagesWeights)
{
    BITWRIGHT_NEEDS_SHARED();
    const Control control;
    for (const std::string name : {"llama", "llama-bias", "llama-gqa-tied", "gpt2", "opt", "qwen3", "phi3", "gpt-neox", "gemma2"}) {
        for (const int bits : {4, 8}) {
            const Model model = open_model(shared() / "golden" / "models" / name);
            const Recipe recipe = observed_recipe(model, some_ids(model), bits, 8);
            const auto path = scratch("budget") / "package.safetensors";
            const auto report = export_package(model, recipe, path, {}, control);
            const SafetensorsFile package(path);
            std::uint64_t stored = 0;
            std::string tensors;
            for (const TensorEntry& entry : package.entries()) {
                if (!is_weight_tensor(entry.name)) continue;
                stored += static_cast<std::uint64_t>(element_count(entry.shape)) * size_of(entry.dtype);
                tensors += entry.name + " ";
            }
            const Budget budget = budget_of(model, recipe);
            EXPECT_EQ(budget.weight_bytes, stored) << name << ", " << bits << " bits: " << tensors;
            EXPECT_LE(budget.weight_bytes, report.file_size);
            for (const SiteBytes& site : budget.sites) EXPECT_TRUE(site.packaged);
            EXPECT_NEAR(budget.bits_per_weight, 8.0 * static_cast<double>(stored) / static_cast<double>(budget.weights), 1e-12);
            EXPECT_GT(budget.bits_per_activation, 8);
            EXPECT_LT(budget.bits_per_activation, 16);
        }
    }
}

TEST(Budget, CountsWhatAPackageCannotHoldAsItIsStored)
{
    BITWRIGHT_NEEDS_SHARED();
    const Model model = open_model(shared() / "golden" / "models" / "llama");
    const Budget nothing = budget_of(model, Recipe());
    std::uint64_t matrices = 0;
    for (const SiteBytes& site : nothing.sites) {
        if ((*model.sites)[site.site].rows > 1) {
            EXPECT_FALSE(site.packaged);
            EXPECT_EQ(site.bytes, site.float_bytes);
            matrices += site.bytes;
        }
    }
    EXPECT_GT(matrices, 0u);
    EXPECT_EQ(nothing.float_bytes, model.checkpoint->weight_bytes());
    EXPECT_EQ(nothing.bits_per_activation, 32);
}

}  // namespace
}  // namespace bitwright::test
