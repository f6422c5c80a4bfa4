// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/authors.h"

#include "core/recipe/grid.h"
#include "core/recipe/legality.h"
#include "core/recipe/merged_checkpoint.h"
#include "core/recipe/placement.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace bitwright {
namespace {

using nlohmann::json;
using R = SiteRole;

struct Field {
    SiteRole role;
    std::string_view module, name;
};
// Of a layer, without "model.layers.N.". An MLP without a gate has up_proj in w1 (see module_of).
constexpr std::array layer_fields{
    Field{R::attention_norm_input, "input_layernorm", "input"},
    Field{R::attention_norm_weight, "input_layernorm", "weight"},
    Field{R::attention_norm_output, "input_layernorm", "output"},
    Field{R::q_weight, "self_attn.q_proj", "weight"},
    Field{R::q_output, "self_attn.q_proj", "output"},
    Field{R::k_weight, "self_attn.k_proj", "weight"},
    Field{R::k_output, "self_attn.k_proj", "output"},
    Field{R::v_weight, "self_attn.v_proj", "weight"},
    Field{R::v_output, "self_attn.v_proj", "output"},
    Field{R::qk_input, "self_attn.qk_bmm", "input"},
    Field{R::qk_input2, "self_attn.qk_bmm", "input2"},
    Field{R::qk_output, "self_attn.qk_bmm", "output"},
    Field{R::pv_input, "self_attn.pv_bmm", "input"},
    Field{R::pv_input2, "self_attn.pv_bmm", "input2"},
    Field{R::pv_output, "self_attn.pv_bmm", "output"},
    Field{R::o_weight, "self_attn.o_proj", "weight"},
    Field{R::o_output, "self_attn.o_proj", "output"},
    Field{R::mlp_norm_input, "post_attention_layernorm", "input"},
    Field{R::mlp_norm_weight, "post_attention_layernorm", "weight"},
    Field{R::mlp_norm_output, "post_attention_layernorm", "output"},
    Field{R::gate_weight, "mlp.w1", "weight"},
    Field{R::gate_output, "mlp.w1", "output"},
    Field{R::up_weight, "mlp.w3", "weight"},
    Field{R::up_output, "mlp.w3", "output"},
    Field{R::activation_sigmoid, "mlp.act_fn", "input2"},
    Field{R::activation_output, "mlp.act_fn", "output"},
    Field{R::down_input, "mlp.w2", "input"},
    Field{R::down_weight, "mlp.w2", "weight"},
    Field{R::down_output, "mlp.w2", "output"},
};
constexpr std::array model_fields{
    Field{R::final_norm_input, "model.norm", "input"},
    Field{R::final_norm_output, "model.norm", "output"},
    Field{R::lm_head_output, "lm_head", "output"},
};

struct Named {
    const Site* site;
    std::string module;
    std::string field;
};

/// The sites of this model that their files can name, in layer order.
std::vector<Named> named_sites(const Model& model)
{
    std::vector<Named> list;
    const bool gated = model.architecture().gated_mlp;
    for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer) {
        for (const Field& field : layer_fields) {
            const SiteId id = model.sites->find(field.role, layer);
            if (id == no_site) continue;
            const std::string_view module = !gated && field.module == "mlp.w3" ? "mlp.w1" : field.module;
            list.push_back({&(*model.sites)[id], "model.layers." + std::to_string(layer) + "." + std::string(module), std::string(field.name)});
        }
    }
    for (const Field& field : model_fields) {
        if (const SiteId id = model.sites->find(field.role, -1); id != no_site)
            list.push_back({&(*model.sites)[id], std::string(field.module), std::string(field.name)});
    }
    return list;
}

/// One of their files, read.
class File {
public:
    explicit File(const std::filesystem::path& path) : path_(path.string())
    {
        try {
            modules_ = json::parse(read_text(path));
        } catch (const json::exception& error) {
            throw bad_input(path_, "", std::string("is not JSON: ") + error.what());
        }
        if (!modules_.is_object()) throw bad_input(path_, "", "must be an object of modules");
    }
    /// Null when absent.
    const json* find(const Named& named) const
    {
        const auto module = modules_.find(named.module);
        if (module == modules_.end() || !module->is_object()) return nullptr;
        const auto field = module->find(named.field);
        return field == module->end() ? nullptr : &*field;
    }
    Error error(const Named& named, const std::string& what) const { return bad_input(path_, named.module + "." + named.field, what); }
    /// Refuses a file of a deeper or other model: each layer named must exist.
    void check_layers(std::int64_t layers) const
    {
        constexpr std::string_view prefix = "model.layers.";
        for (const auto& [module, fields] : modules_.items()) {
            if (module.compare(0, prefix.size(), prefix) != 0) continue;
            std::int64_t layer = -1;
            std::from_chars(module.data() + prefix.size(), module.data() + module.size(), layer);
            if (layer < 0 || layer >= layers)
                throw bad_input(path_, module, "this model has layers 0 … " + std::to_string(layers - 1) + "; take the file of this model");
        }
    }

private:
    std::string path_;
    json modules_;
};

std::string text_of(const File& file, const Named& named, const json& values, const char* key)
{
    const auto found = values.is_object() ? values.find(key) : values.end();
    if (!values.is_object() || found == values.end()) throw file.error(named, "\"" + std::string(key) + "\" is missing");
    return found->is_string() ? found->get<std::string>() : found->dump();
}

/// Theirs are strings; only "True" and "true" are true.
Scheme scheme_from(const File& file, const Named& named, const json& values)
{
    const auto truth = [&](const char* key) {
        const std::string text = text_of(file, named, values, key);
        return text == "True" || text == "true";
    };
    const auto integer = [&](const char* key) {
        const std::string text = text_of(file, named, values, key);
        std::int64_t value = 0;
        const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (fault != std::errc{} || end != text.data() + text.size()) throw file.error(named, std::string(key) + " \"" + text + "\" is no integer");
        return value;
    };
    Scheme scheme;
    const std::int64_t bits = integer("bitwidth");
    if (bits > 16) {
        scheme.kind = SchemeKind::floating;
        return scheme;
    }
    scheme.bits = static_cast<int>(bits);
    scheme.symmetric = truth("is_symmetric");
    scheme.dynamic = truth("is_dynamic");
    const bool weight = named.site->kind == SiteKind::weight;
    const std::int64_t group = integer("group_size");
    if (weight && is_norm(named.site->weight_role)) return scheme;
    if (weight && group > 0) {
        scheme.granularity = Granularity::group;
        scheme.group_size = group;
    } else if (truth("is_per_channel")) {
        scheme.granularity = weight ? Granularity::row : Granularity::token;
    }
    return scheme;
}

Range range_from(const File& file, const Named& named, const json& values)
{
    if (!values.is_array() || values.size() != 2 || !values[0].is_number() || !values[1].is_number()) throw file.error(named, "must be [min, max]");
    const float min = values[0].get<float>(), max = values[1].get<float>();
    if (!std::isfinite(min) || !std::isfinite(max) || min > max) throw file.error(named, "must be finite with min ≤ max");
    return {numbers({min}), numbers({max}), {}, {}, "act_dict"};
}

void add_smooth_scales(Recipe& recipe, const Model& model, const std::filesystem::path& path)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> keys{
        {{"qkv", "norm_qkv"}, {"fc1", "norm_mlp"}, {"out", "v_o"}, {"fc2", "up_down"}, {"qkt", "q_k"}}};
    const SafetensorsFile file(path);
    std::size_t used = 0;
    for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer) {
        for (const auto& [suffix, pair] : keys) {
            const std::string name = std::to_string(layer) + "." + std::string(suffix);
            const TensorEntry* entry = file.find(name);
            if (!entry) continue;
            const auto legal = legal_pair(model, pair, layer);
            if (!legal) throw bad_input(path.string(), name, "is no scale pair of " + recipe.architecture + "; take the file of this model");
            if (element_count(entry->shape) != legal->channels) {
                throw bad_input(
                    path.string(), name,
                    "has " + std::to_string(element_count(entry->shape)) + " scales where the model has " + std::to_string(legal->channels) + " channels");
            }
            std::vector<float> scale(static_cast<std::size_t>(legal->channels));
            to_float(file.tensor(name), scale);
            recipe.transforms.emplace_back(ScalePair{std::string(pair), layer, numbers(std::move(scale))});
            ++used;
        }
    }
    if (used == 0 || used != file.entries().size())
        throw bad_input(path.string(), "", "must hold tensors {layer}.{qkv,fc1,out,fc2,qkt} of this model's layers only");
}

/// The range that gives their formula the recipe's grid.
std::pair<float, float> exported_range(const Range& range, std::size_t i, const Scheme& scheme, Semantics semantics)
{
    const Grid grid = grid_of(range, i, scheme, semantics);  // throws when the range is missing
    float min = 0, max = 0;
    if (range.scale) {
        range_of(grid, scheme.symmetric, min, max);
        return {min, max};
    }
    min = (*range.min)[range.min->size() == 1 ? 0 : i];
    max = (*range.max)[range.max->size() == 1 ? 0 : i];
    if (semantics == Semantics::bitwright) {
        min = std::min(min, 0.0f);
        max = std::max(max, 0.0f);
    }
    return {min, max};
}

const SiteDecision* quantizer(const Recipe& recipe, const Named& named)
{
    const auto found = recipe.sites.find(named.site->name);
    if (found == recipe.sites.end() || found->second.scheme.kind == SchemeKind::floating) return nullptr;
    const Scheme& scheme = found->second.scheme;
    const auto refuse = [&](const std::string& what) {
        return bad_input("recipe", named.site->name, what + ", which default_qcfg.json cannot say; set it to uniform per tensor");
    };
    if (scheme.kind != SchemeKind::uniform) throw refuse("is " + in_words(scheme));
    const bool weight = named.site->kind == SiteKind::weight;
    const Granularity g = scheme.granularity;
    const bool sayable = g == Granularity::tensor || (weight ? g == Granularity::row || g == Granularity::group : g == Granularity::token);
    if (!sayable) throw refuse("is quantized per " + std::string(name_of(g)));
    return &found->second;
}

/// Weights whose range is not plain min–max are clipped to it, so that their min–max finds it again.
Recipe with_clips(const Model& model, Recipe recipe)
{
    for (const Named& named : named_sites(model)) {
        const SiteDecision* decision = named.site->kind == SiteKind::weight ? quantizer(recipe, named) : nullptr;
        if (!decision || (!decision->range.scale && (!decision->range.min || decision->range.source == "min-max"))) continue;
        const std::size_t count = range_size(model, *named.site, decision->scheme);
        std::vector<float> low(count), high(count);
        for (std::size_t i = 0; i < count; ++i) std::tie(low[i], high[i]) = exported_range(decision->range, i, decision->scheme, recipe.semantics);
        recipe.transforms.emplace_back(Clip{named.site->name, numbers(std::move(low)), numbers(std::move(high))});
    }
    return recipe;
}

}  // namespace

AuthorsFiles authors_files(const std::filesystem::path& folder)
{
    AuthorsFiles files{folder / "act_dict.json", folder / "default_qcfg.json", folder / "smooth_scales.safetensors"};
    for (const auto& path : {files.act_dict, files.qcfg}) {
        if (!std::filesystem::exists(path))
            throw bad_input(folder.string(), path.filename().string(), "is not there; the folder must hold act_dict.json and default_qcfg.json");
    }
    if (!std::filesystem::exists(files.smooth_scales)) files.smooth_scales.clear();
    return files;
}

Recipe import_authors(const Model& model, const AuthorsFiles& files)
{
    const File ranges(files.act_dict), schemes(files.qcfg);
    ranges.check_layers(model.architecture().layers);
    schemes.check_layers(model.architecture().layers);
    Recipe recipe;
    recipe.architecture = architecture_fingerprint(model.architecture());
    recipe.semantics = Semantics::authors;
    recipe.made_by.method = "imported";
    for (const Named& named : named_sites(model)) {
        const Site& site = *named.site;
        const json *range = ranges.find(named), *scheme = schemes.find(named);
        SiteDecision decision;
        if (scheme)
            decision.scheme = scheme_from(schemes, named, *scheme);
        else if (!site.levels.simulated && range)
            decision.scheme = scheme_for(site, {});
        else
            continue;
        if (decision.scheme.kind == SchemeKind::floating) continue;
        if (const auto fault = scheme_fault(model, site, decision.scheme); !fault.empty()) throw schemes.error(named, fault);
        if (site.kind == SiteKind::activation && !decision.scheme.dynamic) {
            if (range)
                decision.range = range_from(ranges, named, *range);
            else if (site.role == R::activation_sigmoid)
                decision.range = {numbers({0}), numbers({1}), {}, {}, "by definition"};
            else
                throw ranges.error(named, "is missing, but " + files.qcfg.filename().string() + " quantizes it; take both files of one model");
        }
        recipe.sites.emplace(site.name, std::move(decision));
    }
    if (recipe.sites.empty()) throw bad_input(files.qcfg.string(), "", "names no module of this model; modules are model.layers.N.self_attn.q_proj and so on");
    if (!files.smooth_scales.empty()) add_smooth_scales(recipe, model, files.smooth_scales);
    return recipe;
}

json authors_act_dict(const Model& model, const Recipe& recipe)
{
    json out = json::object();
    for (const Named& named : named_sites(model)) {
        const SiteDecision* decision = quantizer(recipe, named);
        if (!decision || named.site->kind != SiteKind::activation || decision->scheme.dynamic) continue;
        const auto [min, max] = exported_range(decision->range, 0, decision->scheme, recipe.semantics);
        out[named.module][named.field] = {static_cast<double>(min), static_cast<double>(max)};
    }
    return out;
}

json authors_qcfg(const Model& model, const Recipe& recipe)
{
    const auto text = [](bool value) { return value ? "True" : "False"; };
    json out = json::object();
    for (const Named& named : named_sites(model)) {
        const SiteDecision* decision = named.site->levels.simulated ? quantizer(recipe, named) : nullptr;
        if (!decision) continue;
        const Scheme& scheme = decision->scheme;
        const bool group = scheme.granularity == Granularity::group;
        out[named.module][named.field] = {{"bitwidth", std::to_string(scheme.bits)},
                                          {"group_size", std::to_string(group ? scheme.group_size : -1)},
                                          {"is_dynamic", text(scheme.dynamic)},
                                          {"is_per_channel", text(scheme.granularity == Granularity::row || scheme.granularity == Granularity::token)},
                                          {"is_symmetric", text(scheme.symmetric)}};
    }
    return out;
}

void export_authors(const Model& model, const Recipe& recipe, const std::filesystem::path& folder, const Control& control)
{
    validate(recipe, model);
    const std::map<std::string, std::string> texts{{"act_dict.json", authors_act_dict(model, recipe).dump(1) + "\n"},
                                                   {"default_qcfg.json", authors_qcfg(model, recipe).dump(4) + "\n"}};
    write_merged_checkpoint(model, with_clips(model, recipe), folder, MergedStorage::f32, texts, control);
}

}  // namespace bitwright
