// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/results/results_model.h"

#include "plots/numbers.h"

#include <cmath>
#include <limits>

namespace bitwright::views {
namespace {

QString figure(const std::optional<double>& value) { return plots::file_number(value.value_or(std::numeric_limits<double>::quiet_NaN())); }

QStringList fields(const ResultRow& row)
{
    return {row.id(),   row.name,        row.method, row.level,   figure(row.perplexity), figure(row.kl), figure(row.accuracy), figure(row.prefill), figure(row.decode), figure(row.memory),
            row.device, row.measured_on, row.tags.join(QLatin1Char(' ')), row.note, row.created};
}

const QStringList& titles()
{
    static const QStringList names{QStringLiteral("result"),     QStringLiteral("recipe"),         QStringLiteral("method"),
                                   QStringLiteral("level"),      QStringLiteral("perplexity_token"), QStringLiteral("kl_token"),
                                   QStringLiteral("accuracy"),   QStringLiteral("prefill_tokens_per_s"),
                                   QStringLiteral("decode_tokens_per_s"), QStringLiteral("peak_rss_bytes"), QStringLiteral("device"),
                                   QStringLiteral("measured_on"), QStringLiteral("tags"),           QStringLiteral("note"),
                                   QStringLiteral("created")};
    return names;
}

}  // namespace

QString results_csv(const std::vector<ResultRow>& rows)
{
    QString out = titles().join(QLatin1Char(',')) + QStringLiteral("\r\n");
    for (const auto& row : rows) {
        QStringList line;
        for (const auto& field : fields(row)) line << plots::file_field(field);
        out += line.join(QLatin1Char(',')) + QStringLiteral("\r\n");
    }
    return out;
}

QString results_markdown(const std::vector<ResultRow>& rows)
{
    QString out = QStringLiteral("| ") + titles().join(QStringLiteral(" | ")) + QStringLiteral(" |\n|");
    for (int i = 0; i < titles().size(); ++i) out += i >= 4 && i <= 9 ? QStringLiteral(" ---: |") : QStringLiteral(" --- |");
    out += QLatin1Char('\n');
    for (const auto& row : rows) {
        QStringList line;
        for (auto field : fields(row)) line << field.replace(QLatin1Char('\\'), QLatin1String("\\\\")).replace(QLatin1Char('|'), QLatin1String("\\|")).replace(QLatin1Char('\n'), QLatin1Char(' '));
        out += QStringLiteral("| ") + line.join(QStringLiteral(" | ")) + QStringLiteral(" |\n");
    }
    return out;
}

}  // namespace bitwright::views
