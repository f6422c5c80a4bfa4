// SPDX-License-Identifier: GPL-3.0-or-later
// Large packages kept in the panels a kernel set reads, so that the next start maps a file instead of laying out every weight again.
// An entry is derived from one package and trusted as far as any package is: Package::open() checks every size, offset, shift and table of it before
// a kernel reads. It names what it was made of (a hash of the source's header, size, time of change and samples of its bytes), which must be what is
// asked for; it is written under another name, synced and renamed, so no half of one can be met; what is damaged or of something else is made anew.
// Weights are not read to be checked: any byte is a code.
// Who may write into the folder may change what the engine answers, as with the packages themselves; the folder is made for its owner alone.
// Threading: may be called by several threads and processes at once; the last writer of an entry wins, with the same bytes.
#pragma once

#include "core/runtime/package.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

namespace bitwright {

struct LayoutCache {
    std::filesystem::path folder;  ///< empty: no cache
    /// Bytes; smaller ones are packed in memory sooner than a file is found.
    std::uint64_t least_package = std::uint64_t{64} << 20;
    /// Of all entries. When one is written, those not used for longest go until it fits, and all that were not used for 60 days.
    std::uint64_t most_bytes = std::uint64_t{24} << 30;
};

/// $XDG_CACHE_HOME or ~/.cache, "bitwright/layouts"; no cache where there is neither.
[[nodiscard]] LayoutCache default_layout_cache();

/// `package`, or, where it is large and in rows, the same one in panels: mapped from the cache, where it is written when it is not there yet.
/// Where the cache cannot be used (no room, not ours to write) the package comes back as it is.
[[nodiscard]] std::shared_ptr<const Package> laid_out_from_cache(std::shared_ptr<const Package> package, WeightLayout layout, const LayoutCache& cache);

}  // namespace bitwright
