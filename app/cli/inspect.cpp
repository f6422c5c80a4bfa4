// SPDX-License-Identifier: GPL-3.0-or-later
// inspect: what a model folder is, by its headers; --verify reads every weight.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"

#include <memory>

namespace bitwright::cli {
namespace {

struct Arguments {
    std::string model;
    bool verify = false;
};

/// Multiply-accumulates of one token through all linears, lm_head included; attention's own products grow with the context and are not in it.
std::int64_t macs_per_token(const SiteCatalogue& sites)
{
    std::int64_t macs = 0;
    for (const auto& site : sites.sites()) {
        if (site.kind != SiteKind::weight || is_norm(site.weight_role)) continue;
        if (site.weight_role == WeightRole::embedding || site.weight_role == WeightRole::position_embedding) continue;
        macs += site.rows * site.channels;
    }
    return macs;
}

Json sites_of(const SiteCatalogue& sites)
{
    Json list = Json::array();
    for (const auto& site : sites.sites()) {
        const bool weight = site.kind == SiteKind::weight;
        Json levels = Json::array();
        if (site.levels.simulated) levels.push_back("simulated");
        if (site.levels.full) levels.push_back("full");
        if (site.levels.integer) levels.push_back("integer");
        list.push_back({{"name", site.name},
                        {"kind", weight ? "weight" : "activation"},
                        {"shape", weight && site.rows > 1 ? Json{site.rows, site.channels} : Json{site.channels}},
                        {"levels", levels}});
    }
    return list;
}

void inspect(const CommandLine& line, const Arguments& arguments)
{
    const auto model = open_model(arguments.model);
    if (model.checkpoint->has_tokenizer()) (void)open_tokenizer(model);
    const auto& architecture = model.architecture();
    Json object{{"family", architecture.model_type},
                {"layers", architecture.layers},
                {"parameters", model.description->parameter_count()},
                {"bytes", model.checkpoint->weight_bytes()},
                {"macs_per_token", macs_per_token(*model.sites)},
                {"architecture", architecture_fingerprint(architecture)},
                {"tokenizer", model.checkpoint->has_tokenizer()},
                {"identity", model.checkpoint->identity()},
                {"sites", sites_of(*model.sites)}};
    if (arguments.verify) {
        const auto faults = model.checkpoint->verify(line.control);
        if (!faults.empty()) {
            for (std::size_t i = 0; i + 1 < faults.size(); ++i) line.say(faults[i]);
            throw Error(ErrorKind::bad_input, faults.back());
        }
        object["content_hash"] = model.checkpoint->content_hash(line.control);
        object["verified"] = true;
    }
    line.print(object);
}

}  // namespace

void add_inspect(CLI::App& app, CommandLine& line)
{
    auto* command = add_command(
        app, "inspect", "what a model folder is: family, sizes, every site",
        "family, layers, parameters, bytes, macs_per_token, architecture, tokenizer, identity, sites[{name, kind, shape, levels}]; with --verify also "
        "content_hash, verified");
    auto arguments = std::make_shared<Arguments>();
    command->add_option("model", arguments->model, "Hugging Face model folder")->required();
    command->add_flag("--verify", arguments->verify, "read every weight and refuse values that are not finite");
    command->callback([&line, arguments] { line.action = [&line, arguments] { inspect(line, *arguments); }; });
}

}  // namespace bitwright::cli
