// SPDX-License-Identifier: GPL-3.0-or-later
// Results and progress for people. JSON is written by CommandLine::print.
// Threading: one thread.
#pragma once

#include "core/runtime/control.h"

#include <nlohmann/json.hpp>

#include <iosfwd>

namespace bitwright::cli {

/// key: value lines; a list of objects as a table.
void print_for_people(std::ostream& out, const nlohmann::ordered_json& object);

/// One line on stderr that replaces itself, at most ten times a second; only on a terminal.
void show_progress(const Progress& progress);
void clear_progress();

}  // namespace bitwright::cli
