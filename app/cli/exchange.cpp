// SPDX-License-Identifier: GPL-3.0-or-later
// export, import, outliers: what leaves and enters.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/jobs/package_job.h"

#include "core/exchange/aimet.h"
#include "core/exchange/authors.h"
#include "core/exchange/foreign_ranges.h"
#include "core/recipe/outliers.h"

#include <algorithm>
#include <memory>

namespace bitwright::cli {
namespace {

struct ExportArguments {
    std::string recipe, format, out, model, names, workspace;
};

NameMap names_in(const std::string& file) { return file.empty() ? NameMap{} : read_name_map(file); }

Json conversions_json(const std::vector<Conversion>& conversions)
{
    Json list = Json::array();
    for (const auto& conversion : conversions) list.push_back({{"site", conversion.site}, {"what", conversion.what}});
    return list;
}

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
    if (arguments.format.starts_with("aimet")) {
        const auto version = arguments.format == "aimet-1.0" ? AimetVersion::v1_0_0 : AimetVersion::v0_6_1;
        const auto written = export_aimet(model.model(), found.recipe, arguments.out, version, names_in(arguments.names), line.control);
        object["activations"] = written.activations;
        object["parameters"] = written.parameters;
        object["conversions"] = conversions_json(written.conversions);
        if (!found.recipe.transforms.empty()) object["note"] = "the grids of weights are those after the recipe's transforms; export --format authors writes these weights";
        return line.print(object);
    }
    const auto [row, report] = export_with_row(environment, model, found.recipe, arguments.out);
    object["package"] = to_string(Reference{"package", row.id});
    object["sha256"] = row.sha256;
    object["bytes"] = report.file_size;
    object["conversions"] = conversions_json(report.conversions);
    line.print(object);
}

struct ImportArguments {
    std::string path, format, model, name, names, recipe, workspace;
};

constexpr std::size_t shown_names = 20;  ///< of those a file has and the model has not

Json names_json(const std::vector<std::string>& names)
{
    Json list(std::vector<std::string>(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), shown_names))));
    if (names.size() > shown_names) list.push_back("and " + std::to_string(names.size() - shown_names) + " more");
    return list;
}

/// What a file holds as a recipe; `object` gets what else there is to say.
Recipe read_import(const ImportArguments& arguments, const Model& model, const std::optional<NamedRecipe>& base, Json& object)
{
    if (arguments.format == "authors") return import_authors(model, authors_files(arguments.path));
    if (arguments.format == "recipe") return load_recipe(std::filesystem::path(arguments.path));
    if (arguments.format == "aimet") {
        auto read = import_aimet(model, arguments.path, names_in(arguments.names));
        object["version"] = read.version;
        object["unknown"] = names_json(read.unknown);
        object["conversions"] = conversions_json(read.conversions);
        return std::move(read.recipe);
    }
    const auto ranges = read_foreign_ranges(model, arguments.path, names_in(arguments.names));
    std::size_t used = 0;
    auto recipe = with_foreign_ranges(base->recipe, model, ranges, used);
    object["ranges"] = used;
    object["unknown"] = names_json(ranges.unknown);
    object["file_sha256"] = ranges.sha256;
    return recipe;
}

void run_import(CommandLine& line, const ImportArguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    OpenedModel model(arguments.model, *workspace);
    const bool on_recipe = arguments.format == "ranges";
    if (on_recipe == arguments.recipe.empty()) throw usage_error(on_recipe ? "--format ranges needs --recipe REF, whose ranges they become" : "--recipe goes with --format ranges only");
    const auto base = on_recipe ? std::optional(find_recipe(*workspace, arguments.recipe)) : std::nullopt;
    if (base) validate(base->recipe, model.model());
    Json more;
    auto recipe = read_import(arguments, model.model(), base, more);
    validate(recipe, model.model());
    if (recipe.model_hash.empty()) recipe.model_hash = model.content_hash(line.control);
    RecipeRow row;
    row.model = model.row(*workspace, line.control);
    if (!arguments.name.empty()) row.name = arguments.name;
    if (base) {
        row.parent = base->row.id;
        row.calibration = base->row.calibration;
        row.words = "ranges imported from " + std::filesystem::path(arguments.path).filename().string();
    }
    const auto id = put_recipe(*workspace, recipe, row);
    Json object{{"recipe", to_string(Reference{"recipe", id})},
                {"format", arguments.format},
                {"method", recipe.made_by.method},
                {"semantics", name_of(recipe.semantics)},
                {"sites", recipe.sites.size()},
                {"hash", recipe_hash(recipe)}};
    if (more.is_object()) object.update(more);
    line.print(object);
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
        add_command(app, "export", "write a recipe as a package, as AIMET encodings, as the authors' files, or as a recipe file",
                    "recipe, format, out; for a package also package, sha256, bytes, conversions[{site, what}] (what changed on the way to integers); for aimet also activations, parameters (how many encodings), conversions, note");
    auto out = std::make_shared<ExportArguments>();
    exporting->add_option("--recipe", out->recipe, "REF")->required();
    exporting->add_option("--format", out->format, "package, aimet (version 0.6.1), aimet-1.0, authors or recipe")->required()->check(CLI::IsMember({"package", "aimet", "aimet-1.0", "authors", "recipe"}));
    exporting->add_option("--out", out->out, "file (authors: folder) to write")->required();
    exporting->add_option("--names", out->names, "of aimet: JSON file {site: name in the graph}");
    exporting->add_option("--model", out->model, "model folder; default: where it was last seen");
    add_workspace(*exporting, out->workspace);
    exporting->callback([&line, out] { line.action = [&line, out] { run_export(line, *out); }; });

    auto* importing = add_command(app, "import", "read AIMET encodings, ranges observed elsewhere, the authors' files or a recipe file",
                                  "recipe, format, method, semantics, sites (how many), hash; of aimet also version, unknown[names that are no site], conversions[{site, what}]; of ranges also ranges (how many "
                                  "were taken), unknown, file_sha256");
    auto in = std::make_shared<ImportArguments>();
    importing->add_option("path", in->path, "file; of authors the folder with act_dict.json and default_qcfg.json")->required();
    importing->add_option("--format", in->format, "aimet (0.4 to 0.6 and 1.0), ranges (JSON or npz), authors or recipe")->required()->check(CLI::IsMember({"aimet", "ranges", "authors", "recipe"}));
    importing->add_option("--names", in->names, "of aimet and ranges: JSON file {site: name in the file}");
    importing->add_option("--recipe", in->recipe, "of ranges: REF whose ranges they become");
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
