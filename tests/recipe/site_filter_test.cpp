// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/site_filter.h"

#include "core/recipe/placement.h"
#include "core/runtime/error.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

namespace bitwright {
namespace {

struct Filtered {
    Model model = open_model(test::shared() / "golden" / "models" / "llama");
    Recipe recipe = base_recipe(model, {4, 8}, Semantics::bitwright);
    SiteFigures bad, good;
    Filtered()
    {
        bad.sqnr_db = 12.5;
        bad.saturation = 0.02;
        bad.output_error = 0.3;
        bad.note = "Look again";
        good.sqnr_db = 40;
        good.saturation = 0;
    }
    bool passes(const std::string& filter, const std::string& site, const SiteFigures* figures = nullptr) const
    {
        const auto found = recipe.sites.find(site);
        return SiteFilter::parse(filter)((*model.sites)[model.sites->find(site)], found == recipe.sites.end() ? nullptr : &found->second, figures);
    }
};

TEST(SiteFilter, FollowsItsWords)
{
    BITWRIGHT_NEEDS_SHARED();
    const Filtered f;
    const std::string down = "layers.1.mlp.down_proj.input", weight = "layers.1.mlp.down_proj.weight", norm = "layers.0.input_layernorm.output", head = "lm_head.output",
                      residual = "layers.0.residual_mlp", pv = "layers.0.self_attn.pv.input";
    EXPECT_TRUE(f.passes("", down));
    EXPECT_TRUE(f.passes("  kind:down_proj   layer:1-12 bits:8 ", down));
    EXPECT_FALSE(f.passes("kind:down_proj bits:8", weight));
    EXPECT_TRUE(f.passes("kind:down_proj bits:2-4 scheme:row", weight));
    EXPECT_TRUE(f.passes("KIND:norm layer:0", norm));
    EXPECT_FALSE(f.passes("-kind:norm", norm));
    EXPECT_TRUE(f.passes("-kind:norm", down));
    EXPECT_TRUE(f.passes("layer:none", head));
    EXPECT_FALSE(f.passes("layer:none", down));
    EXPECT_TRUE(f.passes("layer:0,1-", down));
    EXPECT_FALSE(f.passes("layer:-0", down));
    EXPECT_TRUE(f.passes("role:residual kind:residual", residual));
    EXPECT_TRUE(f.passes("role:input kind:attention", pv));
    EXPECT_FALSE(f.passes("role:output", pv));
    EXPECT_TRUE(f.passes("bits>=16 kind:activation", pv));
    EXPECT_TRUE(f.passes("scheme:asymmetric scheme:static", down));
    EXPECT_FALSE(f.passes("scheme:float", down));
    EXPECT_TRUE(f.passes("down", down));
    EXPECT_TRUE(f.passes("layers.?.mlp.*", down));
    EXPECT_FALSE(f.passes("layers.?.mlp", down));
    EXPECT_TRUE(f.passes("*.{down_proj,up_proj}.input", down));
    EXPECT_TRUE(f.passes("\"look again\"", down, &f.bad));
    EXPECT_TRUE(f.passes("sqnr<20 saturation>0.1 output-error>=30%", down, &f.bad));
    EXPECT_FALSE(f.passes("sqnr<20", down, &f.good));
    EXPECT_TRUE(f.passes("-sqnr<20 saturation=0", down, &f.good));
    EXPECT_FALSE(f.passes("sqnr<20", down));   // not measured: neither
    EXPECT_FALSE(f.passes("-sqnr<20", down));
    EXPECT_FALSE(f.passes("cosine>0", down, &f.bad));
    EXPECT_TRUE(f.passes("scheme:float", "layers.0.mlp.act.output") == false);
    EXPECT_TRUE(SiteFilter::parse("sqnr<20").needs_figures());
    EXPECT_FALSE(SiteFilter::parse("kind:mlp \"sqnr<20\"").needs_figures());
    EXPECT_TRUE(SiteFilter::parse("  ").empty());
}

TEST(SiteFilter, NamesTheWordItDoesNotUnderstand)
{
    for (const auto& [text, word, possible] : std::vector<std::tuple<std::string, std::string, std::string>>{
             {"bits:8 kind:downproj", "kind:downproj", "down_proj"},
             {"role:weights", "role:weights", "weight"},
             {"layer:a-b", "layer:a-b", "4-12"},
             {"layer:", "layer:", "4-12"},
             {"bits:eight", "bits:eight", "4-12"},
             {"scheme:blue", "scheme:blue", "symmetric"},
             {"colour:red", "colour:red", "layer:"},
             {"sqnr<", "sqnr<", "number"},
             {"sqnr<<3", "sqnr<<3", "number"},
             {"speed>3", "speed>3", "sqnr"},
             {"\"open", "\"open", "closing quote"},
             {"a{b*", "a{b*", "}"}}) {
        try {
            static_cast<void>(SiteFilter::parse(text));
            ADD_FAILURE() << text;
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
            EXPECT_NE(std::string(error.what()).find(possible), std::string::npos) << error.what();
        }
    }
}

}  // namespace
}  // namespace bitwright
