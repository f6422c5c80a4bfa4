// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/package_job.h"

#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "core/workspace/recipes.h"

#include <nlohmann/json.hpp>

namespace fs = std::filesystem;

namespace bitwright {

PackageRow put_package_file(Workspace& workspace, const Package& package, const PackageReport* report)
{
    PackageRow row;
    row.sha256 = sha256_hex(MappedFile(package.path()).bytes());
    row.path = fs::absolute(package.path()).lexically_normal().string();
    row.bytes = static_cast<std::int64_t>(package.file_size());
    row.recipe_hash = package.recipe_hash();
    if (const auto recipe = find_recipe_by_hash(workspace, row.recipe_hash)) row.recipe = recipe->id;
    if (report) {
        auto conversions = nlohmann::json::array();
        for (const auto& conversion : report->conversions) conversions.push_back(conversion.site + ": " + conversion.what);
        row.conversions = conversions.dump();
    }
    return get_package(workspace, put_package(workspace, row));
}

std::pair<PackageRow, PackageReport> export_with_row(JobEnvironment& environment, OpenedModel& model, const Recipe& recipe, const fs::path& path)
{
    auto report = export_package(model.model(), recipe, path, {}, environment.control);
    auto row = put_package_file(environment.workspace, *Package::open(path), &report);
    return {std::move(row), std::move(report)};
}

fs::path package_of(JobEnvironment& environment, OpenedModel& model, const Recipe& recipe)
{
    const auto folder = environment.workspace.data_folder();
    const auto path = folder / ("package-" + sha256_hex(model.content_hash(environment.control) + recipe_hash(recipe)).substr(0, 24) + ".safetensors");
    if (fs::exists(path)) return path;
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) throw failure(folder.string() + ": cannot be made (" + error.message() + ")");
    (void)export_with_row(environment, model, recipe, path);
    return path;
}

}  // namespace bitwright
