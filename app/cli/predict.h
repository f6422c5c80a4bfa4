// SPDX-License-Identifier: GPL-3.0-or-later
// predict: what a recipe would take on a device whose rates are known, before it is exported.
// Threading: as the other commands.
#pragma once

#include "app/cli/command_line.h"

namespace bitwright::cli {

void add_predict(CLI::App& app, CommandLine& line);

}  // namespace bitwright::cli
