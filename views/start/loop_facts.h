// SPDX-License-Identifier: GPL-3.0-or-later
// How far a workspace has come on the way from a model to a comparison: what its rows prove, nothing else.
// Threading: read_loop_facts() on any thread.
#pragma once

#include "core/workspace/workspace.h"

namespace bitwright::views {

struct LoopFacts {
    bool open = false;
    bool calibrated = false;  ///< there is a calibration
    bool looked = false;      ///< a site was selected after it (desk key "looked")
    bool tuned = false;       ///< a recipe was edited by hand
    bool optimized = false;   ///< a method made a recipe
    bool measured = false;    ///< there is a run on a device
    bool compared = false;    ///< two different things were evaluated
};
[[nodiscard]] LoopFacts read_loop_facts(const Workspace& workspace);

}  // namespace bitwright::views
