// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/aimet_names.h"

#include "core/checkpoint/parse_json.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"

#include <nlohmann/json.hpp>

#include <map>

namespace bitwright {
namespace {

/// How many sites each tensor of the checkpoint serves.
std::map<std::string, int> tensor_uses(const Model& model)
{
    std::map<std::string, int> uses;
    for (const Site& site : model.sites->sites()) {
        if (site.kind != SiteKind::weight) continue;
        if (const auto source = model.description->weight(site.weight_role, site.layer)) ++uses[source->tensor];
    }
    return uses;
}

std::string name_of_site(const Model& model, const Site& site, const std::map<std::string, int>& uses)
{
    if (site.kind != SiteKind::weight) return site.name;
    const auto source = model.description->weight(site.weight_role, site.layer);
    return source && source->stacked == 0 && uses.at(source->tensor) == 1 ? source->tensor : site.name;
}

}  // namespace

NameMap read_name_map(const std::filesystem::path& path)
{
    const auto json = parse_json(read_text(path), path.string());
    if (!json.is_object()) throw bad_input(path.string(), "", "must be an object of names: {\"layers.0.mlp.down_proj.output\": \"/layers.0/mlp/down_proj/MatMul_output_0\"}");
    NameMap names;
    std::map<std::string, std::string> taken;
    for (const auto& [site, name] : json.items()) {
        if (!name.is_string() || name.get_ref<const std::string&>().empty()) throw bad_input(path.string(), site, "is no name; write the tensor's name in quotes");
        const auto text = name.get<std::string>();
        if (const auto [other, fresh] = taken.emplace(text, site); !fresh) throw bad_input(path.string(), site, "has the name \"" + text + "\" that " + other->second + " has already");
        names.emplace(site, text);
    }
    return names;
}

std::string aimet_name(const Model& model, const Site& site) { return name_of_site(model, site, tensor_uses(model)); }

AimetNames::AimetNames(const Model& model, const NameMap& names)
{
    const auto uses = tensor_uses(model);
    std::map<std::string, SiteId> own;
    for (const Site& site : model.sites->sites()) {
        names_.push_back(name_of_site(model, site, uses));
        own.emplace(names_.back(), site.id);
        own.emplace(site.name, site.id);
    }
    for (const auto& [site, name] : names) {
        const auto found = own.find(site);
        if (found == own.end()) throw bad_input("names", site, "is neither a site nor a weight tensor of this model; inspect lists the sites");
        names_[static_cast<std::size_t>(found->second)] = name;
    }
    for (std::size_t i = 0; i < names_.size(); ++i) {
        const auto [other, fresh] = sites_.emplace(names_[i], static_cast<SiteId>(i));
        if (!fresh) throw bad_input("names", names_[i], "is the name of two sites; give each its own");
    }
    for (const auto& [name, id] : own) sites_.emplace(name, id);
}

SiteId AimetNames::find(const std::string& name) const noexcept
{
    auto found = sites_.find(name);
    if (found == sites_.end() && name.starts_with("model.")) found = sites_.find(name.substr(6));  // a module's path as Hugging Face spells it
    return found == sites_.end() ? no_site : found->second;
}

}  // namespace bitwright
