// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/package_export.h"

#include "core/exchange/package_plan.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "core/runtime/package.h"

#include <algorithm>
#include <set>

namespace bitwright {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t default_context = 8192;

std::string word_of(PositionKind kind)
{
    switch (kind) {
        case PositionKind::none: return "none";
        case PositionKind::rope: return "rope";
        case PositionKind::learned: return "learned";
        case PositionKind::alibi: return "alibi";
    }
    return {};
}
std::string word_of(Activation activation)
{
    switch (activation) {
        case Activation::silu: return "silu";
        case Activation::gelu: return "gelu";
        case Activation::gelu_tanh: return "gelu_tanh";
        case Activation::relu: return "relu";
    }
    return {};
}

std::int64_t context_of(const Architecture& a, const PackageOptions& options)
{
    if (options.context < 0 || options.context > std::int64_t{1} << 20) throw usage_error("context: must be 1 … 1,048,576 positions");
    if (options.context > a.max_positions && a.position == PositionKind::learned)
        throw usage_error("context: the model has learned positions for " + std::to_string(a.max_positions) + " tokens only");
    return options.context > 0 ? options.context : std::min(a.max_positions, default_context);
}

Json architecture_json(const Architecture& a, std::int64_t context, double logit_scale)
{
    Json json{{"model_type", a.model_type}, {"layers", a.layers},       {"hidden", a.hidden},   {"heads", a.heads},          {"kv_heads", a.kv_heads},
              {"head_dim", a.head_dim},     {"ffn", a.ffn},             {"vocab", a.vocab},     {"context", context},        {"gated_mlp", a.gated_mlp},
              {"bos", a.bos},               {"eos", a.eos},             {"logit_scale", logit_scale}, {"final_softcap", a.final_softcap},
              {"norm", a.norm == NormKind::rms ? "rms" : "layer"},      {"position", word_of(a.position)}, {"activation", word_of(a.activation)}, {"tied_embeddings", a.tied_embeddings}};
    if (std::ranges::any_of(a.ropes, &Rope::depends_on_length)) json["rope"] = "fixed for length " + std::to_string(context);
    return json;
}

/// Bits of the layers' linears and of what they read, in words: "8", "4, 8".
Json recipe_json(const Model& model, const Recipe& recipe)
{
    std::set<int> weights, activations;
    for (const Site& site : model.sites->sites()) {
        const auto found = recipe.sites.find(site.name);
        if (found == recipe.sites.end() || site.layer < 0) continue;
        if (site.kind == SiteKind::weight && site.rows > 1) weights.insert(found->second.scheme.bits);
        for (const SiteRole role : {SiteRole::attention_norm_output, SiteRole::pv_output, SiteRole::mlp_norm_output, SiteRole::down_input})
            if (site.role == role) activations.insert(found->second.scheme.bits);
    }
    const auto words = [](const std::set<int>& bits) {
        std::string text;
        for (const int b : bits) text += (text.empty() ? "" : ", ") + std::to_string(b);
        return text;
    };
    return {{"hash", recipe_hash(recipe)}, {"method", recipe.made_by.method}, {"weight_bits", words(weights)}, {"activation_bits", words(activations)}};
}

}  // namespace

PackageReport export_package(const Model& model, const Recipe& recipe, const std::filesystem::path& path, const PackageOptions& options, const Control& control)
{
    validate(recipe, model);
    const std::int64_t context = context_of(model.architecture(), options);
    PackagePlan plan(model, recipe, context);
    plan.lay_out(control);

    std::vector<SafetensorsWriter::Declared> declared;
    for (const TensorGroup& group : plan.groups()) declared.insert(declared.end(), group.declared.begin(), group.declared.end());
    std::string tokenizer;
    if (model.checkpoint->has_tokenizer()) tokenizer = read_text(model.checkpoint->tokenizer_path());
    if (!tokenizer.empty()) declared.push_back({"tokenizer.json", Dtype::u8, {std::ssize(tokenizer)}});

    SafetensorsWriter writer(path, std::move(declared),
                             {{"format", std::to_string(package_format)},
                              {"layout", "rows"},
                              {"architecture", architecture_json(model.architecture(), context, plan.logit_scale()).dump()},
                              {"operations", plan.operations().dump()},
                              {"recipe", recipe_json(model, recipe).dump()},
                              {"made_by", "Bitwright " BITWRIGHT_VERSION}});
    std::int64_t done = 0;
    for (const TensorGroup& group : plan.groups()) {
        control.check();
        for (const Tensor& tensor : group.make()) writer.append(tensor.data);
        control.report({"export", ++done, std::ssize(plan.groups())});
    }
    writer.append(std::as_bytes(std::span(tokenizer.data(), tokenizer.size())));
    writer.finish();
    try {
        (void)Package::open(path);
    } catch (...) {  // what the engine would refuse is not left behind
        std::filesystem::remove(path);
        throw;
    }
    return {plan.conversions(), static_cast<std::uint64_t>(std::filesystem::file_size(path))};
}

}  // namespace bitwright
