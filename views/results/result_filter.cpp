// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/results/result_filter.h"

#include <QRegularExpression>

#include <algorithm>
#include <array>

namespace bitwright::views {
namespace {

constexpr std::array texts{"method", "level", "tag", "device", "note", "name", "recipe", "kind", "is", "on"};
constexpr std::array figures{"ppl", "perplexity", "kl", "accuracy", "prefill", "decode", "memory", "windows"};

template <std::size_t N>
bool among(const std::array<const char*, N>& names, const QString& name)
{
    return std::ranges::any_of(names, [&](const char* known) { return name == QLatin1String(known); });
}

std::optional<double> figure_of(const QString& field, const ResultRow& row)
{
    if (field == QLatin1String("ppl") || field == QLatin1String("perplexity")) return row.perplexity;
    if (field == QLatin1String("kl")) return row.kl;
    if (field == QLatin1String("accuracy")) return row.accuracy;
    if (field == QLatin1String("prefill")) return row.prefill;
    if (field == QLatin1String("decode")) return row.decode;
    if (field == QLatin1String("memory")) return row.memory;
    return row.windows > 0 ? std::optional(static_cast<double>(row.windows)) : std::nullopt;
}

QStringList texts_of(const QString& field, const ResultRow& row)
{
    if (field == QLatin1String("method")) return {row.method};
    if (field == QLatin1String("level")) return {row.level};
    if (field == QLatin1String("tag")) return row.tags;
    if (field == QLatin1String("device")) return {row.device};
    if (field == QLatin1String("note")) return {row.note};
    if (field == QLatin1String("name") || field == QLatin1String("recipe")) return {row.name};
    if (field == QLatin1String("kind")) return {QString::fromStdString(row.reference.kind)};
    if (field == QLatin1String("on")) return {row.measured_on};
    if (field == QLatin1String("is")) {
        QStringList states;
        if (row.archived) states << QStringLiteral("archived");
        if (row.aborted) states << QStringLiteral("aborted");
        if (row.starred()) states << QStringLiteral("starred");
        return states;
    }
    return QStringList{row.name, row.method, row.level, row.measured_on, row.device, row.note, row.id(), row.created.left(10)} + row.tags;
}

}  // namespace

ResultFilter::ResultFilter(const QString& words)
{
    static const QRegularExpression term(QStringLiteral("^(-?)([a-z]+)(:|<=|>=|<|>|=|≤|≥)(.+)$"), QRegularExpression::CaseInsensitiveOption);
    for (const auto& word : words.split(QRegularExpression(QStringLiteral("\\s+")), Qt::SkipEmptyParts)) {
        Term found;
        const auto match = term.match(word);
        if (!match.hasMatch()) {
            found.negated = word.size() > 1 && word.startsWith(QLatin1Char('-'));
            found.text = found.negated ? word.mid(1) : word;
            terms_.push_back(std::move(found));
            continue;
        }
        found.negated = !match.captured(1).isEmpty();
        found.field = match.captured(2).toLower();
        const auto sign = match.captured(3);
        found.text = match.captured(4);
        bool is_number = false;
        QString digits = found.text;
        found.value = digits.replace(QLatin1Char(','), QLatin1Char('.')).toDouble(&is_number);
        if (among(figures, found.field) && is_number) {
            if (sign == QLatin1String("<")) found.comparison = Comparison::less;
            else if (sign == QLatin1String(">")) found.comparison = Comparison::more;
            else if (sign == QLatin1String("<=") || sign == QLatin1String("≤")) found.comparison = Comparison::at_most;
            else if (sign == QLatin1String(">=") || sign == QLatin1String("≥")) found.comparison = Comparison::at_least;
            else found.comparison = Comparison::equal;
        } else if (!among(texts, found.field) || sign != QLatin1String(":")) {
            unknown_ << word;
            continue;
        }
        terms_.push_back(std::move(found));
    }
}

bool ResultFilter::matches(const ResultRow& row) const
{
    return std::ranges::all_of(terms_, [&](const Term& term) { return holds(term, row) != term.negated; });
}

bool ResultFilter::wants_archived() const
{
    return std::ranges::any_of(terms_, [](const Term& term) { return term.field == QLatin1String("is") && !term.negated && term.text.startsWith(QLatin1String("arch"), Qt::CaseInsensitive); });
}

bool ResultFilter::holds(const Term& term, const ResultRow& row)
{
    if (term.comparison == Comparison::contains)
        return std::ranges::any_of(texts_of(term.field, row), [&](const QString& text) { return text.contains(term.text, Qt::CaseInsensitive); });
    const auto figure = figure_of(term.field, row);
    if (!figure) return false;
    switch (term.comparison) {
    case Comparison::less: return *figure < term.value;
    case Comparison::at_most: return *figure <= term.value;
    case Comparison::more: return *figure > term.value;
    case Comparison::at_least: return *figure >= term.value;
    default: return *figure == term.value;
    }
}

}  // namespace bitwright::views
