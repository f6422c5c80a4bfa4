// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desk/formats.h"

#include <QCoreApplication>
#include <QLocale>

#include <algorithm>
#include <cmath>

namespace bitwright::views {
namespace {

constexpr QChar thin_space(0x2009);

constexpr QChar minus(0x2212);

/// The locale's digits and decimal point, thin spaces between groups of three, a minus as long as a plus.
QString fixed(double value, int decimals)
{
    QLocale locale;
    locale.setNumberOptions(QLocale::OmitGroupSeparator);
    QString text = locale.toString(value, 'f', decimals);
    const auto point = text.indexOf(locale.decimalPoint());
    const qsizetype whole = point < 0 ? text.size() : point;
    const qsizetype first = text.startsWith(locale.negativeSign()) ? locale.negativeSign().size() : 0;
    if (whole - first > 3)
        for (qsizetype i = whole - 3; i > first; i -= 3) text.insert(i, thin_space);
    return first > 0 ? minus + text.mid(first) : text;
}

}  // namespace

QString number(double value, int digits)
{
    if (std::isnan(value)) return QStringLiteral("NaN");
    if (std::isinf(value)) return value > 0 ? QStringLiteral("∞") : QStringLiteral("−∞");
    const double magnitude = std::fabs(value);
    if (magnitude == 0) return QLocale().toString(0);
    if (magnitude >= 1e7 || magnitude < 1e-4) return (value < 0 ? QString(minus) : QString()) + QLocale().toString(magnitude, 'e', digits - 1).toLower();
    const int before = static_cast<int>(std::floor(std::log10(magnitude))) + 1;
    return fixed(value, std::max(0, digits - before));
}

QString number(const std::optional<double>& value, int digits) { return value ? number(*value, digits) : not_measured; }
std::optional<double> typed_number(QString text)
{
    text.remove(thin_space).remove(QChar(0x202f)).remove(QLatin1Char(' ')).replace(minus, QLatin1Char('-'));
    bool ok = false;
    double value = QLocale().toDouble(text, &ok);
    if (!ok) value = QLocale::c().toDouble(text, &ok);
    return ok && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

QString count(std::int64_t value) { return fixed(static_cast<double>(value), 0); }
QString percent(double share, int digits) { return number(share * 100, digits) + thin_space + QLatin1Char('%'); }
QString percent(const std::optional<double>& share, int digits) { return share ? percent(*share, digits) : not_measured; }

QString bytes(std::uint64_t value)
{
    static constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
    auto amount = static_cast<double>(value);
    std::size_t unit = 0;
    while (amount >= 999.5 && unit + 1 < std::size(units)) {
        amount /= 1000;
        ++unit;
    }
    return (unit == 0 ? count(static_cast<std::int64_t>(value)) : number(amount)) + thin_space + QLatin1String(units[unit]);
}

QString duration(double seconds)
{
    const auto text = [](const char* form) { return QCoreApplication::translate("Duration", form); };
    if (seconds < 10) return text("%1 s").arg(QLocale().toString(std::max(0.0, seconds), 'f', 1));
    if (seconds < 90) return text("%1 s").arg(std::lround(seconds));
    if (seconds < 5400) return text("%1 min").arg(std::lround(seconds / 60));
    const auto minutes = std::lround(seconds / 60);
    return text("%1 h %2 min").arg(minutes / 60).arg(minutes % 60);
}

}  // namespace bitwright::views
