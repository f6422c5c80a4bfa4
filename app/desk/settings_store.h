// SPDX-License-Identifier: GPL-3.0-or-later
// Settings on disk: ~/.config/bitwright/bitwright.ini. A file that cannot be read gives the defaults.
// Threading: UI thread.
#pragma once

#include "views/desk/settings.h"

namespace bitwright {

[[nodiscard]] views::Settings load_settings();
void save_settings(const views::Settings& settings);

}  // namespace bitwright
