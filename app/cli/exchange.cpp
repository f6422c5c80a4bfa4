// SPDX-License-Identifier: GPL-3.0-or-later
// export, import, outliers: what leaves and enters.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/jobs/package_job.h"

#include "core/exchange/authors.h"
#include "core/recipe/outliers.h"

#include <memory>

namespace bitwright::cli {
namespace {

struct ExportArguments {
    std::string recipe, format, out, model, workspace;
};

void run_export(CommandLine& line, const ExportArguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    auto environment = line.environment(*workspace, false);
    const auto found = find_recipe(*workspace, arguments.recipe);
    Json object{{"recipe", to_string(Reference{"recipe", found.row.id})}, {"format", arguments.format}, {"out", arguments.out}};
    if (arguments.format == "recipe") {
        save_recipe(found.recipe, arguments.out);
        return line.print(object);
    }
    OpenedModel model(folder_for(*workspace, found.row, arguments.model), *workspace);
    validate(found.recipe, model.model());
    if (!found.recipe.model_hash.empty() && found.recipe.model_hash != model.content_hash(line.control))
        throw bad_input(model.model().checkpoint->folder().string(), "",
                        "is not the model that " + to_string(Reference{"recipe", found.row.id}) + " was made for; name that one with --model");
    if (arguments.format == "authors") {
        export_authors(model.model(), found.recipe, arguments.out, line.control);
        return line.print(object);
    }
    const auto [row, report] = export_with_row(environment, model, found.recipe, arguments.out);
    object["package"] = to_string(Reference{"package", row.id});
    object["sha256"] = row.sha256;
    object["bytes"] = report.file_size;
    object["conversions"] = Json::array();
    for (const auto& conversion : report.conversions) object["conversions"].push_back({{"site", conversion.site}, {"what", conversion.what}});
    line.print(object);
}

struct ImportArguments {
    std::string path, format, model, name, workspace;
};

void run_import(CommandLine& line, const ImportArguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    OpenedModel model(arguments.model, *workspace);
    auto recipe =
        arguments.format == "authors" ? import_authors(model.model(), authors_files(arguments.path)) : load_recipe(std::filesystem::path(arguments.path));
    validate(recipe, model.model());
    if (recipe.model_hash.empty()) recipe.model_hash = model.content_hash(line.control);
    RecipeRow row;
    row.model = model.row(*workspace, line.control);
    if (!arguments.name.empty()) row.name = arguments.name;
    const auto id = put_recipe(*workspace, recipe, row);
    line.print({{"recipe", to_string(Reference{"recipe", id})},
                {"format", arguments.format},
                {"method", recipe.made_by.method},
                {"semantics", name_of(recipe.semantics)},
                {"sites", recipe.sites.size()},
                {"hash", recipe_hash(recipe)}});
}

struct OutlierArguments {
    std::string model, out;
    OutlierOptions options;
};

void run_outliers(const CommandLine& line, const OutlierArguments& arguments)
{
    const auto model = open_model(arguments.model);
    const auto channels = choose_outliers(model, arguments.options);
    write_outlier_copy(model, channels, std::filesystem::absolute(arguments.model).lexically_normal().filename().string(), arguments.out, line.control);
    Json list = Json::array();
    for (const auto& channel : channels)
        list.push_back({{"pair", channel.pair}, {"layer", channel.layer}, {"channel", channel.channel}, {"factor", channel.factor}});
    line.print({{"out", arguments.out}, {"channels", list}});
}

}  // namespace

void add_exchange(CLI::App& app, CommandLine& line)
{
    auto* exporting =
        add_command(app, "export", "write a recipe as a package, as the authors' files, or as a recipe file",
                    "recipe, format, out; for a package also package, sha256, bytes, conversions[{site, what}] (what changed on the way to integers)");
    auto out = std::make_shared<ExportArguments>();
    exporting->add_option("--recipe", out->recipe, "REF")->required();
    exporting->add_option("--format", out->format, "package, authors or recipe")->required()->check(CLI::IsMember({"package", "authors", "recipe"}));
    exporting->add_option("--out", out->out, "file (authors: folder) to write")->required();
    exporting->add_option("--model", out->model, "model folder; default: where it was last seen");
    add_workspace(*exporting, out->workspace);
    exporting->callback([&line, out] { line.action = [&line, out] { run_export(line, *out); }; });

    auto* importing = add_command(app, "import", "read the authors' files or a recipe file", "recipe, format, method, semantics, sites (how many), hash");
    auto in = std::make_shared<ImportArguments>();
    importing->add_option("path", in->path, "recipe file, or folder with act_dict.json and default_qcfg.json")->required();
    importing->add_option("--format", in->format, "authors or recipe")->required()->check(CLI::IsMember({"authors", "recipe"}));
    importing->add_option("--model", in->model, "model folder")->required();
    importing->add_option("--name", in->name, "name of the recipe");
    add_workspace(*importing, in->workspace);
    importing->callback([&line, in] { line.action = [&line, in] { run_import(line, *in); }; });

    auto* copying = add_command(app, "outliers", "a copy of a model with outlier channels: the same function in float, harder to quantize",
                                "out, channels[{pair, layer, channel, factor}]");
    auto copy = std::make_shared<OutlierArguments>();
    copying->add_option("model", copy->model, "model folder")->required();
    copying->add_option("--out", copy->out, "folder to make")->required();
    copying->add_option("--seed", copy->options.seed, "chooses the channels")->required();
    copying->callback([&line, copy] { line.action = [&line, copy] { run_outliers(line, *copy); }; });
}

}  // namespace bitwright::cli
