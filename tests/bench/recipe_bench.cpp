// SPDX-License-Identifier: GPL-3.0-or-later
// CPU time to materialize, quantize and range the largest linear of a model folder: recipe_bench MODEL.
#include "core/recipe/placement.h"
#include "core/recipe/range_rules.h"
#include "core/recipe/transforms.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

using namespace bitwright;

namespace {

template <typename Work>
void report(const char* what, int repeats, const Work& work)
{
    double best = 1e300;
    for (int i = 0; i < repeats; ++i) {
        const std::clock_t start = std::clock();
        work();
        best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
    std::printf("%-44s %8.1f ms\n", what, best * 1e3);
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc != 2) return std::fprintf(stderr, "usage: recipe_bench MODEL\n"), 2;
    const Model model = open_model(argv[1]);
    const SiteId down = model.sites->find("layers.0.mlp.down_proj.weight");
    Recipe recipe = base_recipe(model, {4, 8}, Semantics::bitwright);
    const auto plain = materialize(model, nullptr, down);
    std::printf("down_proj %s\n", to_string(plain.shape).c_str());
    report("materialize, no transform", 5, [&] { static_cast<void>(materialize(model, nullptr, down)); });
    for (const LegalPair& pair : legal_pairs(model)) {
        recipe.transforms.emplace_back(ScalePair{pair.pair, pair.layer, numbers(std::vector<float>(static_cast<std::size_t>(pair.channels), 1.25f))});
    }
    report("materialize, all pairs of the model", 5, [&] { static_cast<void>(materialize(model, &recipe, down)); });
    report("quantize_weight per row, pairs", 5, [&] { static_cast<void>(quantize_weight(model, recipe, down)); });
    recipe.sites.at("layers.0.mlp.down_proj.weight").scheme.granularity = Granularity::tensor;
    report("quantize_weight per tensor, pairs", 5, [&] { static_cast<void>(quantize_weight(model, recipe, down)); });
    Scheme scheme;
    for (const Granularity granularity : {Granularity::tensor, Granularity::row, Granularity::channel}) {
        for (const int bits : {8, 4}) {
            scheme.granularity = granularity;
            scheme.bits = bits;
            report(("mse range, " + in_words(scheme)).c_str(), 1, [&] { static_cast<void>(weight_range(plain.weight, plain.shape, scheme, Semantics::bitwright, {RangeKind::mse, 100})); });
        }
    }
}
