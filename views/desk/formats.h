// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers and durations as they stand on the screen: locale-aware, three significant digits, thin spaces in thousands, an en dash where nothing was measured.
// Files and command lines do not use this: they are invariant.
// Threading: pure functions.
#pragma once

#include <QString>

#include <cstdint>
#include <optional>

namespace bitwright::views {

inline const QString not_measured = QStringLiteral("–");

/// 3 significant digits ("0.0123", "61.2", "1 234"); scientific beyond 10⁷ and below 10⁻⁴; "∞", "NaN" as they are.
[[nodiscard]] QString number(double value, int digits = 3);
[[nodiscard]] QString number(const std::optional<double>& value, int digits = 3);  ///< absent: not_measured
/// What a user typed or left as number() wrote it: in the locale or as files have it. Absent: no finite number.
[[nodiscard]] std::optional<double> typed_number(QString text);
[[nodiscard]] QString count(std::int64_t value);                                   ///< "16 384"
[[nodiscard]] QString percent(double share, int digits = 3);                       ///< of a share in [0, 1]: "1.23 %"
[[nodiscard]] QString percent(const std::optional<double>& share, int digits = 3);
[[nodiscard]] QString bytes(std::uint64_t value);                                  ///< "2.20 GB", powers of 1000
[[nodiscard]] QString duration(double seconds);                                    ///< "3 min", "42 s", "0.8 s", "2 h 10 min"

}  // namespace bitwright::views
