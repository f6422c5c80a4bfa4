// SPDX-License-Identifier: GPL-3.0-or-later
// preview_bench [MODEL]: processor time of the previews that follow a drag, on made-up data of a large site: 64 reservoir rows × 5,632 channels, 16 rows × 256 outputs;
// with a model folder also the estimate of the output error of its first down_proj, for input and weight, with as many weights as the inspector reads for a drag.
#include "core/recipe/output_error.h"
#include "core/recipe/placement.h"
#include "core/recipe/preview.h"
#include "core/recipe/row_products.h"
#include "tests/recipe/synthetic_site.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

using namespace bitwright;

namespace {

template <typename Work>
void report(const char* what, const Work& work)
{
    std::vector<double> times;
    for (int i = 0; i < 101; ++i) {
        const std::clock_t start = std::clock();  // of this process: who else uses the machine does not count
        work();
        times.push_back(static_cast<double>(std::clock() - start) * 1e3 / CLOCKS_PER_SEC);
    }
    std::sort(times.begin(), times.end());
    std::printf("%-52s p50 %6.2f ms  p95 %6.2f ms\n", what, times[50], times[95]);
}

}  // namespace

int main(int argc, char** argv)
{
    const auto made = test::synthetic_site(1024, 5632, 6, 64, 1);
    Range range{numbers({-20}), numbers({40}), {}, {}, "by hand"};
    Scheme scheme;
    for (const int bits : {4, 8, 16}) {
        scheme.bits = bits;
        report(("preview_activation, " + in_words(scheme)).c_str(), [&] { static_cast<void>(preview_activation(made.statistics, made.site, scheme, range, Semantics::bitwright)); });
    }
    scheme.bits = 8;
    scheme.granularity = Granularity::channel;
    const Range channels{numbers(made.statistics.channel_min), numbers(made.statistics.channel_max), {}, {}, "min-max"};
    report("preview_activation, 8 bit per channel", [&] { static_cast<void>(preview_activation(made.statistics, made.site, scheme, channels, Semantics::bitwright)); });
    scheme.granularity = Granularity::tensor;
    report("preview_channel", [&] { static_cast<void>(preview_channel(made.statistics, made.site, 7, scheme, range, Semantics::bitwright)); });

    WeightSample sample;
    sample.shape = {2048, 5632};
    sample.whole = false;
    for (std::int64_t row = 0; row < 64; ++row) sample.rows.push_back(row * 32);
    sample.values.assign(made.values.begin(), made.values.begin() + 64 * 5632);
    report("preview_weight, 64 rows of 5,632, per tensor", [&] { static_cast<void>(preview_weight(sample, scheme, range, Semantics::bitwright)); });

    const std::vector<float> x(made.values.begin(), made.values.begin() + 16 * 5632), w(made.values.begin(), made.values.begin() + 256 * 5632);
    report("row_products, 16 rows × 5,632 × 256 outputs", [&] { static_cast<void>(row_products(x, w, 5632)); });
    if (argc < 2) return 0;

    const Model model = open_model(argv[1]);
    Recipe recipe = base_recipe(model, {}, Semantics::bitwright);
    for (const char* name : {"layers.0.mlp.down_proj.input", "layers.0.mlp.down_proj.weight"}) {
        const SiteId id = model.sites->find(name);
        const auto input = test::synthetic_site(512, (*model.sites)[output_error_input(model, id)].channels, 6, 64, 1).statistics;
        SiteDecision& decision = recipe.sites[name];
        decision.range = (*model.sites)[id].kind == SiteKind::activation ? range : Range{};
        for (const std::int64_t weights : {std::int64_t{512} << 10, std::int64_t{1} << 40}) {
            const OutputErrorEstimate estimate(model, recipe, id, input, {.weights = weights}, Control());
            report((std::string("output error of ") + name + (weights < (1 << 30) ? ", as dragged" : ", 256 outputs")).c_str(), [&] { static_cast<void>(estimate.estimate(decision.scheme, decision.range)); });
        }
    }
    return 0;
}
