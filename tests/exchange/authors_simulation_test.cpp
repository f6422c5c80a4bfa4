// SPDX-License-Identifier: GPL-3.0-or-later
// Their files, imported and simulated, give the hidden states their release computed.
#include "core/exchange/authors.h"
#include "core/numerics/numerics.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bitwright {
namespace {

namespace fs = std::filesystem;

// golden/mobilequant/README: rtn to the bit; sqe to about 4e-6 (W8A8) and 5e-4 (W4A8) relative RMS, codes that flip by the last bit of smoothed weights.
TEST(AuthorsSimulation, HiddenStatesOfTheRelease)
{
    BITWRIGHT_NEEDS_SHARED();
    const fs::path golden = test::shared() / "golden" / "mobilequant";
    const Model model = open_model(test::shared() / "data" / "models" / "TinyStories-656K");
    const SafetensorsFile hidden(golden / "hidden_ts.safetensors");
    const auto windows = to_int64(SafetensorsFile(golden / "windows.safetensors").tensor("eval_tinystories"));
    const std::vector<std::int32_t> ids(windows.begin(), windows.begin() + 512);
    Numerics& numerics = load_numerics();
    numerics.set_threads(1);
    for (const std::string smoothing : {"rtn", "sqe"}) {
        for (const std::string bits : {"w8a8", "w4a8"}) {
            AuthorsFiles files{golden / ("act_dict_ts_" + smoothing + ".json"), golden / ("qcfg_" + bits + ".json"), {}};
            if (smoothing == "sqe") files.smooth_scales = golden / "smoothquant_edge_scales_ts.safetensors";
            const Recipe recipe = import_authors(model, files);
            const ForwardResult result = numerics.forward(model, &recipe, Level::simulated, Placement::paper, ids, Control());
            const auto mine = result.hidden.back().as<float>(), theirs = hidden.tensor(smoothing + "_" + bits).as<float>();
            ASSERT_EQ(mine.size(), theirs.size());
            double error = 0, power = 0, largest = 0;
            for (std::size_t i = 0; i < mine.size(); ++i) {
                const double d = static_cast<double>(mine[i]) - theirs[i];
                error += d * d;
                power += static_cast<double>(theirs[i]) * theirs[i];
                largest = std::max(largest, std::fabs(d));
            }
            std::printf("%s %s: relative RMS %.2g, largest %.3g\n", smoothing.c_str(), bits.c_str(), std::sqrt(error / power), largest);
            EXPECT_LE(std::sqrt(error / power), smoothing == "rtn" ? 0.0 : bits == "w8a8" ? 2e-5 : 2e-3) << smoothing << " " << bits;
        }
    }
}

}  // namespace
}  // namespace bitwright
