// SPDX-License-Identifier: GPL-3.0-or-later
// What the runner does with a package: loads it, runs it, and writes when what happened.
// Threading: one call at a time; it has the sampler's thread beside it.
#pragma once

#include "core/runtime/runner/lines.h"
#include "core/runtime/runner/options.h"

namespace bitwright::runner {

/// Throws Error: bad_input for the package, failed when two runs give different tokens.
void measure(const Options& options, Lines& lines);

}  // namespace bitwright::runner
