// SPDX-License-Identifier: GPL-3.0-or-later
// energy import: an external meter's record of a run on a phone.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/cli/device_json.h"
#include "app/jobs/phone_energy.h"

#include <memory>

namespace bitwright::cli {
namespace {

struct Arguments {
    std::string run, csv, workspace;
};

void import(const CommandLine& line, const Arguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto run = find_id(*workspace, arguments.run, "run");
    const auto imported = import_energy(*workspace, run, arguments.csv);
    line.print({{"run", to_string(Reference{"run", run})}, {"columns", imported.columns}, {"alignment", imported.alignment}, {"energy", energies_json(imported.rows)}});
}

}  // namespace

void add_energy(CLI::App& app, CommandLine& line)
{
    auto arguments = std::make_shared<Arguments>();
    auto* energy = add_command(app, "energy", "energy of runs on phones", "");
    energy->require_subcommand(1);
    auto* importing = add_command(*energy, "import", "energy of a run from an external meter's CSV; the run was measured with --marker, by which its place in the record is found",
                                  "run, columns (what was read as what), alignment, energy[as measure prints it]");
    importing->add_option("run", arguments->run, "run:N, or job:N for what it made")->required();
    importing->add_option("csv", arguments->csv, "the meter's record: columns time and power, or current and voltage")->required();
    add_workspace(*importing, arguments->workspace);
    importing->callback([&line, arguments] { line.action = [&line, arguments] { import(line, *arguments); }; });
}

}  // namespace bitwright::cli
