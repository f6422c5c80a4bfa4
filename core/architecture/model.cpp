// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/architecture/model.h"

namespace bitwright {

Model open_model(const std::filesystem::path& folder)
{
    Model model;
    model.checkpoint = Checkpoint::open(folder);
    model.description = std::make_shared<const ModelDescription>(ModelDescription::read(*model.checkpoint));
    model.sites = std::make_shared<const SiteCatalogue>(*model.description);
    return model;
}

}  // namespace bitwright
