// SPDX-License-Identifier: GPL-3.0-or-later
// A package's graph with its linears in the panels a kernel set reads.
// Threading: immutable after construction, shared.
#pragma once

#include "core/runtime/kernels/packing.h"
#include "core/runtime/control.h"
#include "core/runtime/package.h"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace bitwright {

/// Every linear of the graph with its name in the package, layer by layer, the logits' last.
void for_each_linear(ModelGraph& graph, const std::function<void(const std::string& name, Linear& op)>& visit);

/// Writes `package` (in rows) with its linears in panels, one panel at a time; linears that no panel fits stay in rows. `more` joins the metadata.
/// Throws Error (failed), Cancelled.
void write_laid_out(const Package& package, WeightLayout layout, const std::filesystem::path& path, const Control& control, const std::map<std::string, std::string>& more = {});

class LaidOutPackage {
public:
    /// Linears that lie in rows are packed in memory, and the rows leave it; a linear that no panel fits stays as it is.
    LaidOutPackage(std::shared_ptr<const Package> package, WeightLayout layout, Workers& workers);
    LaidOutPackage(const LaidOutPackage&) = delete;
    LaidOutPackage& operator=(const LaidOutPackage&) = delete;

    [[nodiscard]] const Package& package() const noexcept { return *package_; }
    [[nodiscard]] const ModelGraph& graph() const noexcept { return graph_; }

private:
    std::shared_ptr<const Package> package_;
    ModelGraph graph_;
    std::vector<std::unique_ptr<PackedStorage>> storage_;
};

}  // namespace bitwright
