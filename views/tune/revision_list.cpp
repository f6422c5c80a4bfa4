// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/revision_list.h"

#include "plots/style.h"
#include "views/desk/theme.h"

#include <QApplication>
#include <QDateTime>
#include <QLocale>
#include <QPainter>
#include <QPainterPath>
#include <QRegularExpression>

#include <algorithm>
#include <unordered_map>

namespace bitwright::views {
namespace {

/// "layers.3.mlp.down_proj.input: max …" as "3 · down_proj input: max …": the line is short, the tooltip has it in full.
QString shortened(QString words)
{
    static const QRegularExpression site(QStringLiteral("\\b(?:[a-z_]+\\.)+(\\d+)\\.(?:\\w+\\.)*(\\w+)\\.(input2?|output|weight)\\b"));
    return words.replace(site, QStringLiteral("\\1 · \\2 \\3"));
}

constexpr int lane_width = 12, most_lanes = 6;

int lane_x(int column) { return 8 + std::min(column, most_lanes - 1) * lane_width; }

QString when(const std::string& created)
{
    const auto time = QDateTime::fromString(QString::fromStdString(created), Qt::ISODateWithMs).toLocalTime();
    if (!time.isValid()) return {};
    return time.date() == QDate::currentDate() ? QLocale().toString(time.time(), QLocale::ShortFormat) : QLocale().toString(time, QLocale::ShortFormat);
}

}  // namespace

RevisionListModel::RevisionListModel(Revisions& revisions, QObject* parent) : QAbstractListModel(parent), revisions_(revisions)
{
    connect(&revisions, &Revisions::list_changed, this, &RevisionListModel::read);
    connect(&revisions, &Revisions::changed, this, [this] {
        if (!rows_.empty()) Q_EMIT dataChanged(index(0), index(rowCount() - 1));
    });
    read();
}

void RevisionListModel::read()
{
    const auto& all = revisions_.all();
    std::unordered_map<const Revision*, std::int64_t> position;
    for (std::size_t i = 0; i < all.size(); ++i) position.emplace(all[i].get(), static_cast<std::int64_t>(i));
    std::vector<std::int64_t> parents;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto parent = position.find(all[i]->parent.get());
        parents.push_back(parent == position.end() || parent->second <= static_cast<std::int64_t>(i) ? -1 : parent->second);
    }
    // one edit more is the usual news: the view keeps its place
    const bool grown = all.size() > rows_.size() && std::ranges::equal(rows_, std::span(all).last(rows_.size()));
    auto graph = revision_graph(parents);
    if (grown && !rows_.empty()) {
        beginInsertRows({}, 0, static_cast<int>(all.size() - rows_.size()) - 1);
        rows_ = all;
        graph_ = std::move(graph);
        endInsertRows();
    } else if (rows_ == all) {
        graph_ = std::move(graph);
    } else {
        beginResetModel();
        rows_ = all;
        graph_ = std::move(graph);
        endResetModel();
    }
    if (!rows_.empty()) Q_EMIT dataChanged(index(0), index(rowCount() - 1));
}

QString RevisionListModel::caption(int row) const
{
    const auto& one = revision(row);
    QString method = method_title(QString::fromStdString(one.row.method));
    const QString time = when(one.row.created);
    return time.isEmpty() ? method : time + QStringLiteral(" · ") + method;
}

int RevisionListModel::head_row() const
{
    const auto head = revisions_.head();
    const auto found = std::ranges::find_if(rows_, [&](const auto& row) { return row == head; });
    return found == rows_.end() ? -1 : static_cast<int>(found - rows_.begin());
}

QVariant RevisionListModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= rowCount()) return {};
    const auto& one = revision(index.row());
    const QString name = one.row.name ? QString::fromStdString(*one.row.name) : QString();
    switch (role) {
        case Qt::DisplayRole:
            if (!name.isEmpty() && one.words == method_title(QString::fromStdString(one.row.method))) return name;  // the caption names the method
            return (name.isEmpty() ? QString() : name + QStringLiteral(" · ")) + shortened(one.words);
        case Qt::EditRole: return name;
        case Qt::ToolTipRole:
        case Qt::AccessibleTextRole: {
            QString text = one.row.id > 0 ? tr("recipe:%1").arg(one.row.id) : tr("being stored");
            if (!name.isEmpty()) text += QStringLiteral(" · ") + name;
            if (one.row.id > 0 && index.row() == head_row()) text += tr(" · open");
            return text + QLatin1Char('\n') + one.words + QLatin1Char('\n') + caption(index.row());
        }
        case id_role: return QVariant::fromValue<qlonglong>(one.row.id);
        case is_head_role: return index.row() == head_row();
        default: return {};
    }
}

Qt::ItemFlags RevisionListModel::flags(const QModelIndex& index) const { return index.isValid() ? Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemIsEditable | Qt::ItemNeverHasChildren : Qt::NoItemFlags; }

bool RevisionListModel::setData(const QModelIndex& index, const QVariant& value, int role)
{
    if (!index.isValid() || role != Qt::EditRole) return false;
    revisions_.name(revision(index.row()).row.id, value.toString().trimmed());
    return true;
}

void RevisionDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const
{
    const auto* model = qobject_cast<const RevisionListModel*>(index.model());
    if (!model) return;
    const auto& graph = model->graph(index.row());
    const auto& revision = model->revision(index.row());
    const bool head = index.data(RevisionListModel::is_head_role).toBool(), selected = option.state & QStyle::State_Selected;
    QStyleOptionViewItem background = option;
    QApplication::style()->drawPrimitive(QStyle::PE_PanelItemViewItem, &background, painter, option.widget);
    const auto group = option.widget && !option.widget->isActiveWindow() ? QPalette::Inactive : QPalette::Active;
    const QColor text = option.palette.color(group, selected ? QPalette::HighlightedText : QPalette::Text);
    const QColor quiet = selected ? text : option.palette.color(group, QPalette::PlaceholderText);

    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->translate(option.rect.topLeft());
    const int height = option.rect.height(), middle = height / 2, x = lane_x(graph.column);
    painter->setPen(QPen(quiet, 1.5));
    painter->setBrush(Qt::NoBrush);
    for (const int lane : graph.through) painter->drawLine(lane_x(lane), 0, lane_x(lane), height);
    if (!graph.newest) painter->drawLine(x, 0, x, middle);
    if (!graph.oldest) painter->drawLine(x, middle, x, height);
    for (const int lane : graph.joins) {
        QPainterPath curve(QPointF(lane_x(lane), 0));
        curve.cubicTo(lane_x(lane), middle, x, 0, x, middle);
        painter->drawPath(curve);
    }
    const QColor dot = selected ? text : method_colour(QString::fromStdString(revision.row.method));
    painter->setPen(QPen(dot, 1.5));
    painter->setBrush(head ? dot : option.palette.color(group, selected ? QPalette::Highlight : QPalette::Base));
    painter->drawEllipse(QPointF(x, middle), head ? 5 : 4, head ? 5 : 4);

    int lanes = graph.column;
    for (const int lane : graph.through) lanes = std::max(lanes, lane);
    for (const int lane : graph.joins) lanes = std::max(lanes, lane);
    const int left = lane_x(lanes) + 12, right = option.rect.width() - 8;
    QFont first = option.font, second = option.font;
    first.setBold(head);
    second.setPointSizeF(option.font.pointSizeF() - 1);
    const QString number = revision.row.id > 0 ? QLocale().toString(static_cast<qlonglong>(revision.row.id)) : QStringLiteral("…");
    painter->setFont(second);
    painter->setPen(quiet);
    const int number_width = painter->fontMetrics().horizontalAdvance(number);
    painter->drawText(QRect(right - number_width, middle, number_width, middle - 3), Qt::AlignRight | Qt::AlignVCenter, number);
    painter->drawText(QRect(left, middle, right - number_width - 8 - left, middle - 3), Qt::AlignLeft | Qt::AlignVCenter,
                      painter->fontMetrics().elidedText(model->caption(index.row()), Qt::ElideRight, right - number_width - 8 - left));
    painter->setFont(first);
    painter->setPen(text);
    painter->drawText(QRect(left, 3, right - left, middle - 3), Qt::AlignLeft | Qt::AlignVCenter, painter->fontMetrics().elidedText(index.data().toString(), Qt::ElideRight, right - left));
    painter->restore();
    if (option.state & QStyle::State_HasFocus) {
        QStyleOptionFocusRect focus;
        focus.QStyleOption::operator=(option);
        focus.backgroundColor = option.palette.color(QPalette::Base);
        QApplication::style()->drawPrimitive(QStyle::PE_FrameFocusRect, &focus, painter, option.widget);
    }
}

QSize RevisionDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const { return {160, 2 * option.fontMetrics.height() + 8}; }

void RevisionDelegate::updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option, const QModelIndex&) const
{
    QRect place = option.rect.adjusted(24, 2, -8, 0);
    place.setHeight(editor->sizeHint().height());
    editor->setGeometry(place);
}

}  // namespace bitwright::views
