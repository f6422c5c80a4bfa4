// SPDX-License-Identifier: GPL-3.0-or-later
// Packages and what they measured on a device. Every repeat is kept; a quantity that was not measured has no row.
// Threading: as Workspace.
#pragma once

#include "core/workspace/results.h"
#include "core/workspace/workspace.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bitwright {

struct PackageRow {
    std::int64_t id = 0;
    std::string sha256, path, recipe_hash;
    std::int64_t bytes = 0;
    std::optional<std::int64_t> recipe;      ///< when this workspace has it
    std::optional<std::string> conversions;  ///< JSON list of sentences: what the export changed; absent: exported elsewhere
};
/// @return id of the package with these bytes; its place is noted.
std::int64_t put_package(Workspace& workspace, const PackageRow& package);
[[nodiscard]] PackageRow get_package(const Workspace& workspace, std::int64_t id);

/// One quantity: its value is the median of the samples.
struct Measurement {
    std::string quantity, unit;
    double value = 0;
    std::vector<double> samples;
};
struct RunRow {
    std::int64_t id = 0, package = 0, conditions = 0, prompt_tokens = 0, generated = 0, repeats = 0;
    bool aborted = false;
    std::optional<std::string> output_hash, note;
    std::string log, start, finish;  ///< log: hash in `tensor` of the runner's JSON lines
    std::vector<std::string> tags;
    bool archived = false;
    std::vector<Measurement> measurements;
    std::string runtime = "bitwright";              ///< what ran it; others give no ids, so output_hash is absent
    std::optional<std::string> offload, evidence;   ///< of other runtimes: where it computed ("unverified accelerator" …), and the line that proves it
};
std::int64_t put_run(Workspace& workspace, const RunRow& run);
/// Throws Error (bad_input) when absent.
[[nodiscard]] RunRow get_run(const Workspace& workspace, std::int64_t id);
/// Newest first; archived ones only when asked.
[[nodiscard]] std::vector<RunRow> list_runs(const Workspace& workspace, bool archived);

/// The middle value, or the mean of the two. Precondition: not empty.
[[nodiscard]] double median(std::vector<double> values);

}  // namespace bitwright
