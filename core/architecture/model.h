// SPDX-License-Identifier: GPL-3.0-or-later
// A model as everything above reads it: the checkpoint, what it says, and its sites. Opened by headers only.
// Threading: immutable; pass `const Model&` or copy (three shared pointers).
#pragma once

#include "core/architecture/architecture.h"
#include "core/architecture/site.h"

namespace bitwright {

struct Model {
    std::shared_ptr<const Checkpoint> checkpoint;
    std::shared_ptr<const ModelDescription> description;
    std::shared_ptr<const SiteCatalogue> sites;

    [[nodiscard]] const Architecture& architecture() const noexcept { return description->architecture(); }
};

/// Opens a model folder. Throws Error (bad_input).
[[nodiscard]] Model open_model(const std::filesystem::path& folder);

}  // namespace bitwright
