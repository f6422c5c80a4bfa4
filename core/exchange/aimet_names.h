// SPDX-License-Identifier: GPL-3.0-or-later
// Names of sites in AIMET encodings, both ways. Internal to exchange.
// Threading: pure functions; AimetNames is immutable.
#pragma once

#include "core/exchange/aimet.h"

#include <unordered_map>

namespace bitwright {

class AimetNames {
public:
    /// Throws Error (bad_input) when the map names no site, or one name is given twice.
    AimetNames(const Model& model, const NameMap& names);
    [[nodiscard]] const std::string& name(SiteId site) const { return names_[static_cast<std::size_t>(site)]; }
    /// Also by the site's own name, and by its checkpoint tensor. no_site: none.
    [[nodiscard]] SiteId find(const std::string& name) const noexcept;

private:
    std::vector<std::string> names_;  ///< by SiteId
    std::unordered_map<std::string, SiteId> sites_;
};

}  // namespace bitwright
