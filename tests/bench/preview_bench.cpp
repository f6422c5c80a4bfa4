// SPDX-License-Identifier: GPL-3.0-or-later
// Time of the previews that follow a drag, on made-up data of a large site: 64 reservoir rows × 5,632 channels, 16 rows × 256 outputs.
#include "core/recipe/preview.h"
#include "core/recipe/row_products.h"
#include "tests/recipe/synthetic_site.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

using namespace bitwright;

namespace {

template <typename Work>
void report(const char* what, const Work& work)
{
    std::vector<double> times;
    for (int i = 0; i < 101; ++i) {
        const auto start = std::chrono::steady_clock::now();
        work();
        times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(times.begin(), times.end());
    std::printf("%-52s p50 %6.2f ms  p95 %6.2f ms\n", what, times[50], times[95]);
}

}  // namespace

int main()
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
}
