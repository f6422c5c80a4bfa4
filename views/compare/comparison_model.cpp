// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/compare/comparison_model.h"

#include "views/desk/formats.h"
#include "views/desk/theme.h"

#include <QApplication>
#include <QCoreApplication>
#include <QLocale>
#include <QPainter>

namespace bitwright::views {
namespace {

constexpr std::string_view thin_space = "\u2009";

/// Core writes numbers in the C locale; the screen has the user's decimal point.
QString localised(const std::string& text)
{
    QString out = QString::fromStdString(text);
    return out.replace(QLatin1Char('.'), QLocale().decimalPoint());
}

QString text(const char* source) { return QCoreApplication::translate("ComparisonModel", source); }

QString signed_number(double value, int digits = 3) { return (value < 0 ? QStringLiteral("−") : QStringLiteral("+")) + number(std::abs(value), digits); }

QString joined(const std::vector<std::string>& parts)
{
    QStringList list;
    for (const auto& part : parts) list << QString::fromStdString(part);
    return list.join(QStringLiteral("; "));
}

void add_speed(QStringList& parts, const Figure& figure, const Figure& baseline, const char* faster, const char* slower)
{
    if (!figure.value || !baseline.value || !(*baseline.value > 0) || !(*figure.value > 0)) return;
    const double ratio = *figure.value / *baseline.value;
    auto part = text(ratio >= 1 ? faster : slower).arg(number(ratio >= 1 ? ratio : 1 / ratio));
    if (!apart(figure, baseline)) part += text(" (within the spread of the repeats)");
    parts << part;
}

}  // namespace

QString sentence_of(const ComparisonRow& row, const ComparisonRow& baseline)
{
    if (&row == &baseline) return text("The baseline: the others are set against it.");
    QStringList parts;
    const auto speed = speed_obstacles(row, baseline);
    if (speed.empty()) {
        add_speed(parts, row.prefill_tokens_per_s, baseline.prefill_tokens_per_s, QT_TRANSLATE_NOOP("ComparisonModel", "%1× faster prefill"), QT_TRANSLATE_NOOP("ComparisonModel", "%1× slower prefill"));
        add_speed(parts, row.decode_tokens_per_s, baseline.decode_tokens_per_s, QT_TRANSLATE_NOOP("ComparisonModel", "%1× faster decode"), QT_TRANSLATE_NOOP("ComparisonModel", "%1× slower decode"));
    } else {
        parts << text("speed is not comparable: %1").arg(joined(speed));
    }
    if (row.bytes.value && baseline.bytes.value && *row.bytes.value > 0) {
        const double ratio = *baseline.bytes.value / *row.bytes.value;
        parts << (ratio >= 1 ? text("%1× smaller").arg(number(ratio)) : text("%1× larger").arg(number(1 / ratio)));
    }
    const auto obstacles = perplexity_obstacles(row, baseline);
    if (!obstacles.empty() && row.perplexity_token.value) {
        parts << text("perplexity is not comparable: %1").arg(joined(obstacles));
    } else if (row.perplexity_token.value && baseline.perplexity_token.value) {
        const double delta = *row.perplexity_token.value - *baseline.perplexity_token.value;
        parts << text("perplexity %1 (%2 %)").arg(signed_number(delta), signed_number(100 * delta / *baseline.perplexity_token.value, 2));
        if (row.perplexity_difference) {
            auto part = text("95 % interval %1 … %2 over %3 windows").arg(signed_number(row.perplexity_difference->low), signed_number(row.perplexity_difference->high), count(row.perplexity_difference->windows));
            if (row.perplexity_difference->within_chance()) part += text(", so these windows do not tell the two apart");
            parts << part;
        }
    }
    if (parts.isEmpty()) return text("Nothing of it was measured that the baseline has, too.");
    auto sentence = parts.join(QStringLiteral(", "));
    sentence[0] = sentence[0].toUpper();
    return sentence + QLatin1Char('.');
}

void ComparisonModel::set_report(Report report)
{
    beginResetModel();
    report_ = std::move(report);
    columns_.clear();
    for (auto& column : comparison_table(report_, thin_space).columns)
        if (column.number) columns_.push_back(std::move(column));
    if (report_.rows.empty()) columns_.clear();
    endResetModel();
}

int ComparisonModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(report_.rows.size()); }
int ComparisonModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(columns_.size()) + 1; }

QString ComparisonModel::first_column(int index, int role) const
{
    const auto& row = report_.rows[static_cast<std::size_t>(index)];
    const auto given = QString::fromStdString(row.name);
    const auto name = row.level == "float" ? method_title(QStringLiteral("float")) : given.startsWith(QLatin1String("recipe:")) ? method_title(QString::fromStdString(row.method)) + QStringLiteral(" · ") + given : given;
    QStringList facts;
    if (!row.bits.empty()) facts << QString::fromStdString(row.bits);
    if (row.level != "float") facts << (row.level == "integer" ? tr("integer") : row.placement == "full" ? tr("simulated, full") : tr("simulated"));
    if (row.semantics == "authors") facts << tr("authors' semantics");
    if (static_cast<std::size_t>(index) == report_.baseline) facts << tr("baseline");
    if (role == second_role) return facts.join(QStringLiteral(" · "));
    if (role == Qt::AccessibleTextRole) return name + QStringLiteral(", ") + facts.join(QStringLiteral(", "));
    return name;
}

QVariant ComparisonModel::data(const QModelIndex& index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) return {};
    const auto& row = report_.rows[static_cast<std::size_t>(index.row())];
    const auto& baseline = reference_of(report_, row);
    if (role == Qt::FontRole && static_cast<std::size_t>(index.row()) == report_.baseline) {
        QFont font = QApplication::font();
        font.setBold(true);
        return font;
    }
    if (role == Qt::TextAlignmentRole) return QVariant((index.column() == 0 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    if (index.column() == 0) {
        if (role == Qt::ToolTipRole || role == Qt::AccessibleDescriptionRole) return sentence_of(row, baseline);
        if (role == Qt::DisplayRole || role == second_role || role == Qt::AccessibleTextRole) return first_column(index.row(), role);
        if (role == Qt::DecorationRole) return method_colour(QString::fromStdString(row.method));
        return {};
    }
    const auto& shown = cell(index);
    const bool obstacle = shown.delta == "not comparable";
    switch (role) {
    case Qt::DisplayRole: return localised(shown.text);
    case second_role: return obstacle ? tr("not comparable") : localised(shown.delta.empty() ? shown.spread : shown.delta);
    case obstacle_role: return obstacle;
    case Qt::ToolTipRole: {
        if (!shown.why.empty()) return QString::fromStdString(shown.why);
        auto words = sentence_of(row, baseline);
        if (!shown.interval.empty()) words += QLatin1Char('\n') + tr("95 % interval of the difference: %1").arg(localised(shown.interval));
        if (shown.spread.starts_with("95 %")) return words + QLatin1Char('\n') + tr("Interval of the figure itself: %1").arg(localised(shown.spread));
        return shown.spread.empty() ? words : tr("%1 (repeats %2)").arg(words, localised(shown.spread));
    }
    case Qt::AccessibleTextRole:
        return headerData(index.column(), Qt::Horizontal, Qt::DisplayRole).toString().replace(QLatin1Char('\n'), QLatin1Char(' ')) + QLatin1Char(' ') + localised(shown.text) + QLatin1Char(' ') +
               localised(shown.delta) + (shown.why.empty() ? QString() : QStringLiteral(", ") + QString::fromStdString(shown.why));
    default: return {};
    }
}

QVariant ComparisonModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal || section < 0 || section >= columnCount()) return {};
    if (role == Qt::TextAlignmentRole) return QVariant((section == 0 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    if (role == Qt::ToolTipRole && section > 0 && columns_[static_cast<std::size_t>(section - 1)].unit == "on disk")
        return tr("The package with its weights, tables and tokenizer, as it goes to the phone; of the float model its weight files. Tune shows the weights alone.");
    if (role != Qt::DisplayRole) return {};
    if (section == 0) return tr("Recipe");
    static const char* const known[] = {QT_TR_NOOP("Perplexity"), QT_TR_NOOP("Size"),  QT_TR_NOOP("Prefill"), QT_TR_NOOP("Decode"),
                                        QT_TR_NOOP("Memory"),     QT_TR_NOOP("per token"), QT_TR_NOOP("per word"), QT_TR_NOOP("tokens/s"), QT_TR_NOOP("peak"),
                                        QT_TR_NOOP("on disk"),    QT_TR_NOOP("KL to float"), QT_TR_NOOP("Same top token")};
    const auto translated = [&](const std::string& words) {
        for (const char* name : known)
            if (words == name) return tr(name);
        return QString::fromStdString(words);
    };
    const auto& column = columns_[static_cast<std::size_t>(section - 1)];
    return column.unit.empty() ? translated(column.title) : translated(column.title) + QLatin1Char('\n') + translated(column.unit);
}

void ComparisonDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const
{
    QStyleOptionViewItem box = option;
    initStyleOption(&box, index);
    box.text.clear();
    box.icon = {};
    box.features &= ~QStyleOptionViewItem::HasDecoration;
    const auto* style = box.widget ? box.widget->style() : QApplication::style();
    style->drawControl(QStyle::CE_ItemViewItem, &box, painter, box.widget);
    const bool selected = box.state & QStyle::State_Selected;
    const auto group = box.state & QStyle::State_Active ? QPalette::Active : QPalette::Inactive;
    auto area = box.rect.adjusted(8, 3, -8, -3);
    painter->save();
    if (const auto colour = index.data(Qt::DecorationRole); colour.isValid()) {
        painter->fillRect(QRect(box.rect.left(), box.rect.top() + 4, 3, box.rect.height() - 8), colour.value<QColor>());
    }
    const auto alignment = index.column() == 0 ? Qt::AlignLeft : Qt::AlignRight;
    const auto second = index.data(ComparisonModel::second_role).toString();
    const auto text_colour = box.palette.color(group, selected ? QPalette::HighlightedText : QPalette::Text);
    painter->setFont(box.font);
    painter->setPen(text_colour);
    const int half = area.height() / 2;
    const auto upper = second.isEmpty() ? area : QRect(area.left(), area.top(), area.width(), half);
    painter->drawText(upper, alignment | Qt::AlignVCenter, box.fontMetrics.elidedText(index.data(Qt::DisplayRole).toString(), Qt::ElideRight, area.width()));
    if (!second.isEmpty()) {
        QFont small = box.font;
        small.setBold(false);
        small.setPointSizeF(small.pointSizeF() - 1);
        painter->setFont(small);
        const auto muted = index.data(ComparisonModel::obstacle_role).toBool() ? signal_colours().warning : box.palette.color(QPalette::PlaceholderText);
        painter->setPen(selected ? text_colour : muted);
        painter->drawText(QRect(area.left(), area.top() + half, area.width(), area.height() - half), alignment | Qt::AlignVCenter,
                          QFontMetrics(small).elidedText(second, Qt::ElideRight, area.width()));
    }
    painter->restore();
}

QSize ComparisonDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const
{
    const QFontMetrics metrics(option.font);
    const int width = std::max(metrics.horizontalAdvance(index.data(Qt::DisplayRole).toString()), metrics.horizontalAdvance(index.data(ComparisonModel::second_role).toString()));
    return {width + 16, 2 * metrics.height() + 6};
}

}  // namespace bitwright::views
