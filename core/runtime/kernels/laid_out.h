// SPDX-License-Identifier: GPL-3.0-or-later
// A package's graph with its linears in the panels a kernel set reads.
// Threading: immutable after construction, shared.
#pragma once

#include "core/runtime/kernels/packing.h"
#include "core/runtime/control.h"
#include "core/runtime/package.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

namespace bitwright {

/// Every linear of the graph with its name in the package, layer by layer, the logits' last.
void for_each_linear(ModelGraph& graph, const std::function<void(const std::string& name, Linear& op)>& visit);

/// Writes `package` (in rows) with its linears in panels, one panel at a time; linears that no panel fits stay in rows. Throws Error (failed), Cancelled.
void write_laid_out(const Package& package, WeightLayout layout, const std::filesystem::path& path, const Control& control);

/// `package`, or, where it is large and in rows, the same one in panels: mapped from `cache`, where it is written when it is not there yet, under a name that names
/// its header, size, time of change and layout. Where the cache cannot be used the package comes back as it is.
[[nodiscard]] std::shared_ptr<const Package> laid_out_from_cache(std::shared_ptr<const Package> package, WeightLayout layout, const std::filesystem::path& cache);
/// $XDG_CACHE_HOME or ~/.cache, "bitwright/layouts"; empty where there is neither.
[[nodiscard]] std::filesystem::path default_layout_cache();

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
