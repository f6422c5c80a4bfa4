// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers as they stand on screen and in files. Screen: three significant digits, narrow spaces in thousands, the locale's digits and decimal point, an en
// dash for what was not measured. Files: shortest text that reads back to the same value, point as decimal sign, empty when not measured.
// Threading: pure functions.
#pragma once

#include <QLocale>
#include <QString>

namespace bitwright::plots {

[[nodiscard]] QString number_text(double value, const QLocale& locale = QLocale(), int significant = 3);
/// For axes: no trailing zeros.
[[nodiscard]] QString tick_text(double value, const QLocale& locale = QLocale(), int significant = 6);
/// A label among others `step` apart: as many decimals as the step needs.
[[nodiscard]] QString step_text(double value, double step, const QLocale& locale = QLocale());
/// On a logarithmic axis: "100", "10⁵", "0.01", "2×10⁻⁶".
[[nodiscard]] QString power_text(double value, const QLocale& locale = QLocale());
/// "61.2 ms"; the number alone without a unit.
[[nodiscard]] QString quantity_text(double value, const QString& unit, const QLocale& locale = QLocale());
/// "channel (unit)"; the name alone without a unit.
[[nodiscard]] QString axis_text(const QString& name, const QString& unit);
[[nodiscard]] QString file_number(double value);
/// As `file_number`, for values that were computed as float.
[[nodiscard]] QString file_number(float value);
/// One field of a CSV line, quoted when it must be (RFC 4180).
[[nodiscard]] QString file_field(const QString& text);

}  // namespace bitwright::plots
