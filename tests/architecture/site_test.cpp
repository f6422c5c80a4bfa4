// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/architecture/model.h"
#include "tests/support/models.h"

#include <gtest/gtest.h>

#include <set>

namespace bitwright {
namespace {

Model golden_model(const std::string& name) { return open_model(test::golden_models() / name); }

bool has(const Model& model, std::string_view name) { return model.sites->find(name) != no_site; }

// The paper's table (mobilequant §1.4) for one layer, written down by hand.
TEST(Sites, PaperPlacementOfALlamaLayer)
{
    const auto model = golden_model("llama-gqa-tied");
    const std::set<std::string> expected{"input_layernorm.input",
                                         "input_layernorm.weight",
                                         "input_layernorm.output",
                                         "self_attn.q_proj.weight",
                                         "self_attn.q_proj.output",
                                         "self_attn.k_proj.weight",
                                         "self_attn.k_proj.output",
                                         "self_attn.v_proj.weight",
                                         "self_attn.v_proj.output",
                                         "self_attn.qk.input",
                                         "self_attn.qk.input2",
                                         "self_attn.qk.output",
                                         "self_attn.pv.input",
                                         "self_attn.pv.input2",
                                         "self_attn.pv.output",
                                         "self_attn.o_proj.weight",
                                         "self_attn.o_proj.output",
                                         "post_attention_layernorm.input",
                                         "post_attention_layernorm.weight",
                                         "post_attention_layernorm.output",
                                         "mlp.gate_proj.weight",
                                         "mlp.gate_proj.output",
                                         "mlp.up_proj.weight",
                                         "mlp.up_proj.output",
                                         "mlp.act.input2",
                                         "mlp.act.output",
                                         "mlp.down_proj.input",
                                         "mlp.down_proj.weight",
                                         "mlp.down_proj.output"};
    std::set<std::string> simulated;
    for (const auto& site : model.sites->sites()) {
        if (!site.levels.simulated) continue;
        ASSERT_GE(site.layer, 0) << site.name;
        if (site.layer == 1) simulated.insert(site.name.substr(std::string("layers.1.").size()));
    }
    EXPECT_EQ(simulated, expected);
}

TEST(Sites, LevelsOfALlama)
{
    const auto model = golden_model("llama-gqa-tied");
    std::set<std::string> full_only, not_integer;
    for (const auto& site : model.sites->sites()) {
        EXPECT_TRUE(site.levels.full) << site.name;
        if (!site.levels.simulated && site.layer <= 0) full_only.insert(site.name);
        if (!site.levels.integer && site.layer <= 0) not_integer.insert(site.name);
    }
    EXPECT_EQ(full_only, (std::set<std::string>{"embed_tokens.weight", "residual_embedding", "layers.0.residual_attention", "layers.0.residual_mlp",
                                                "norm.input", "norm.weight", "norm.output", "lm_head.weight", "lm_head.output"}));
    EXPECT_EQ(not_integer, (std::set<std::string>{"layers.0.self_attn.qk.output", "layers.0.mlp.act.input2", "layers.0.mlp.act.output"}));
    EXPECT_EQ((*model.sites)[model.sites->find("layers.1.self_attn.pv.input")].integer_scale, 1.0f / 65536);
}

TEST(Sites, SizesAndLookups)
{
    const auto model = golden_model("llama-gqa-tied");
    const auto& sites = *model.sites;
    const auto& k = sites[sites.find("layers.1.self_attn.k_proj.weight")];
    EXPECT_EQ(k.kind, SiteKind::weight);
    EXPECT_EQ(k.weight_role, WeightRole::k_proj);
    EXPECT_EQ(k.rows, 24);
    EXPECT_EQ(k.channels, 48);
    EXPECT_EQ(sites[sites.find("layers.1.self_attn.k_proj.output")].channels, 24);
    EXPECT_EQ(sites[sites.find("layers.1.self_attn.qk.output")].channels, 4);
    EXPECT_EQ(sites[sites.find("layers.1.mlp.down_proj.input")].channels, 72);
    EXPECT_EQ(sites[sites.find("lm_head.output")].channels, 112);
    for (std::size_t i = 0; i < sites.sites().size(); ++i) {
        const auto& site = sites.sites()[i];
        EXPECT_EQ(site.id, static_cast<SiteId>(i));
        EXPECT_EQ(sites.find(site.name), site.id);
        EXPECT_EQ(sites.find(site.role, site.layer), site.id);
    }
    EXPECT_EQ(sites.find("layers.2.mlp.down_proj.input"), no_site);
    EXPECT_EQ(sites.find(SiteRole::down_input, 2), no_site);
    EXPECT_EQ(sites.find(SiteRole::q_norm_output, 0), no_site);
}

TEST(Sites, OfEveryFamily)
{
    for (const auto& name : test::golden_model_names()) {
        SCOPED_TRACE(name);
        const auto model = golden_model(name);
        const auto& a = model.architecture();
        std::set<std::string> names;
        for (const auto& site : model.sites->sites()) {
            EXPECT_TRUE(names.insert(site.name).second) << site.name;
            EXPECT_GT(site.channels, 0) << site.name;
            EXPECT_EQ(site.rows > 0, site.kind == SiteKind::weight) << site.name;
            if (site.kind == SiteKind::weight) {
                EXPECT_TRUE(model.description->weight(site.weight_role, site.layer)) << site.name;
            }
        }
        EXPECT_EQ(has(model, "layers.0.mlp.gate_proj.weight"), a.gated_mlp);
        EXPECT_EQ(has(model, "layers.0.mlp.act.input2"), a.activation == Activation::silu);
        EXPECT_EQ(has(model, "layers.0.input_layernorm.output"), a.block.pre_attention_norm);
        EXPECT_EQ(has(model, "layers.0.post_attention_layernorm.output"), a.block.pre_mlp_norm);
        EXPECT_EQ(has(model, "layers.0.attention_branch_norm.output"), a.block.post_attention_norm);
        EXPECT_EQ(has(model, "layers.0.mlp_branch_norm.input"), a.block.post_mlp_norm);
        EXPECT_EQ(has(model, "layers.0.self_attn.q_norm.weight"), a.qk_norm != QkNorm::none);
        EXPECT_EQ(has(model, "embed_norm.weight"), a.embedding_norm);
        EXPECT_EQ(has(model, "embed_positions.weight"), a.position == PositionKind::learned);
        EXPECT_EQ(has(model, "project_in.weight"), a.embedding_width != a.hidden);
        EXPECT_EQ(has(model, "norm.weight"), a.final_norm);
        EXPECT_EQ(a.ropes.empty(), a.position != PositionKind::rope);
        EXPECT_EQ(static_cast<std::int64_t>(a.attention.size()), a.layers);
    }
}

TEST(Sites, Patterns)
{
    const auto model = golden_model("llama-gqa-tied");
    const auto count = [&](std::string_view pattern) { return model.sites->match(pattern).size(); };
    EXPECT_EQ(count("layers.*.mlp.down_proj.input"), 2u);
    EXPECT_EQ(count("layers.?.mlp.{down,up}_proj.{weight,output}"), 8u);
    EXPECT_EQ(count("{layers.{0,1}.mlp.act.output,norm.weight}"), 3u);
    EXPECT_EQ(count("*"), model.sites->sites().size());
    EXPECT_EQ(count("norm.weight"), 1u);
    try {
        (void)count("layers.0.mlp.down_prj.input");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_input);
        EXPECT_NE(std::string(error.what()).find("near names: layers.0.mlp.down_proj.input"), std::string::npos) << error.what();
    }
    EXPECT_THROW((void)count("{a"), Error);
    EXPECT_THROW((void)count(""), Error);
    EXPECT_THROW((void)count(std::string(400, '{') + std::string(400, '}')), Error);
}

}  // namespace
}  // namespace bitwright
