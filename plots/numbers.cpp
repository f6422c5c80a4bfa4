// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/numbers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace bitwright::plots {
namespace {

const QString not_measured = QStringLiteral("–");

QString superscript(int exponent)
{
    static const std::array<QChar, 10> digits{QChar(0x2070), QChar(0x00b9), QChar(0x00b2), QChar(0x00b3), QChar(0x2074),
                                              QChar(0x2075), QChar(0x2076), QChar(0x2077), QChar(0x2078), QChar(0x2079)};
    QString text = exponent < 0 ? QString(QChar(0x207b)) : QString();
    for (const QChar c : QString::number(std::abs(exponent))) text += digits[static_cast<std::size_t>(c.digitValue())];
    return text;
}

QString grouped(double value, int decimals, QLocale locale)
{
    locale.setNumberOptions(QLocale::OmitGroupSeparator);
    QString text = locale.toString(value, 'f', decimals);
    text.replace(locale.negativeSign(), QString(QChar(0x2212)));
    int end = 0;  // of the whole part
    while (end < text.size() && (text[end].isDigit() || end == 0)) ++end;
    const int first = text.startsWith(QChar(0x2212)) ? 1 : 0;
    if (end - first > 3) {
        for (int i = end - 3; i > first; i -= 3) text.insert(i, QChar(0x202f));
    }
    return text;
}

QString without_trailing_zeros(QString text, const QString& point)
{
    const auto at = text.indexOf(point);
    if (at < 0) return text;
    const QChar zero = QLocale().zeroDigit().at(0);
    while (text.endsWith(zero) || text.endsWith(QLatin1Char('0'))) text.chop(1);
    if (text.endsWith(point)) text.chop(point.size());
    return text;
}

QString written(double value, const QLocale& locale, int significant, bool trim)
{
    if (std::isnan(value)) return not_measured;
    if (std::isinf(value)) return value > 0 ? QStringLiteral("∞") : QStringLiteral("−∞");
    if (value == 0) return locale.toString(0);
    // rounded first, so that 999.6 is 1000 and not 1.00e3
    const double unit = std::pow(10.0, std::floor(std::log10(std::fabs(value))) - significant + 1);
    const double rounded = std::round(value / unit) * unit;
    const int exponent = static_cast<int>(std::floor(std::log10(std::fabs(rounded)) + 1e-12));
    const QString point = locale.decimalPoint();
    if (exponent < -4 || exponent > 8) {
        QString mantissa = grouped(value / std::pow(10.0, exponent), significant - 1, locale);
        if (trim) mantissa = without_trailing_zeros(mantissa, point);
        const QString power = locale.toString(10) + superscript(exponent);
        return trim && mantissa == locale.toString(1) ? power : mantissa + QStringLiteral("×") + power;
    }
    const QString text = grouped(value, std::max(0, significant - 1 - exponent), locale);
    return trim ? without_trailing_zeros(text, point) : text;
}

template <typename Real>
QString shortest(Real value)
{
    if (!std::isfinite(value)) return {};
    std::array<char, 64> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    return QString::fromLatin1(buffer.data(), static_cast<int>(end - buffer.data()));
}

}  // namespace

QString number_text(double value, const QLocale& locale, int significant) { return written(value, locale, significant, false); }
QString tick_text(double value, const QLocale& locale, int significant) { return written(value, locale, significant, true); }

QString step_text(double value, double step, const QLocale& locale)
{
    if (!(step > 0) || std::fabs(value) >= 1e9 || step < 1e-4) return tick_text(std::fabs(value) < step * 1e-6 ? 0 : value, locale);
    int decimals = 0;  // of the step, which is 1, 2, 2.5 or 5·10ⁿ
    for (double scaled = step; decimals < 5 && std::fabs(scaled - std::round(scaled)) > 1e-6 * scaled; scaled *= 10) ++decimals;
    const QString text = grouped(value, decimals, locale);
    return std::fabs(value) < step * 1e-6 ? grouped(0, decimals, locale) : text;
}

QString power_text(double value, const QLocale& locale)
{
    if (!(value > 0) || (value < 1e4 && value > 1e-4)) return tick_text(value, locale);
    const int exponent = static_cast<int>(std::floor(std::log10(value) + 1e-9));
    const QString power = locale.toString(10) + superscript(exponent), mantissa = tick_text(value / std::pow(10.0, exponent), locale, 2);
    return mantissa == locale.toString(1) ? power : mantissa + QStringLiteral("×") + power;
}

QString quantity_text(double value, const QString& unit, const QLocale& locale)
{
    const QString text = number_text(value, locale);
    return unit.isEmpty() || std::isnan(value) ? text : text + QChar(0x00a0) + unit;
}

QString axis_text(const QString& name, const QString& unit) { return unit.isEmpty() ? name : name.isEmpty() ? unit : QStringLiteral("%1 (%2)").arg(name, unit); }
QString file_number(double value) { return shortest(value); }
QString file_number(float value) { return shortest(value); }

QString file_field(const QString& text)
{
    if (!text.contains(QLatin1Char(',')) && !text.contains(QLatin1Char('"')) && !text.contains(QLatin1Char('\n')) && !text.contains(QLatin1Char('\r'))) return text;
    QString quoted = text;
    quoted.replace(QLatin1Char('"'), QStringLiteral("\"\""));
    return QLatin1Char('"') + quoted + QLatin1Char('"');
}

}  // namespace bitwright::plots
