// SPDX-License-Identifier: GPL-3.0-or-later
// How well typed letters fit a text: all of them in order, better where they begin words or follow one another.
// Threading: pure function.
#pragma once

#include <QString>

namespace bitwright::views {

/// > 0 when every letter of `typed` occurs in `text` in order (case and spaces of `typed` do not count); 0 when not. Nothing typed fits everything with 1.
[[nodiscard]] int fuzzy_score(const QString& typed, const QString& text);

}  // namespace bitwright::views
