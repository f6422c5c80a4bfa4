// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/explore/offending_tokens.h"

#include "core/workspace/calibrations.h"
#include "views/desk/dense_table.h"
#include "views/desk/formats.h"
#include "views/desk/site_titles.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QTableView>
#include <QTextLayout>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace bitwright::views {
namespace {

constexpr std::int64_t most_tokens = 50, tokens_before = 12, tokens_after = 8;

/// The token in its text, itself on the accent colour and always in view.
class TextDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override
    {
        QStyleOptionViewItem plain = option;
        initStyleOption(&plain, index);
        plain.text.clear();
        plain.widget->style()->drawControl(QStyle::CE_ItemViewItem, &plain, painter, plain.widget);
        const bool selected = option.state & QStyle::State_Selected;
        const QString token = index.data(TokensModel::token_role).toString();
        const QRect area = option.rect.adjusted(6, 0, -6, 0);
        const QFontMetrics metrics(option.font);
        const int token_width = metrics.horizontalAdvance(token) + 4;
        const int left = std::min(area.width() / 2, area.width() - token_width);
        const QString before = metrics.elidedText(index.data(TokensModel::before_role).toString(), Qt::ElideLeft, std::max(0, left));
        const int x = area.left() + std::max(0, left) - metrics.horizontalAdvance(before);
        painter->save();
        painter->setClipRect(option.rect);
        painter->setFont(option.font);
        const auto text = option.palette.color(selected ? QPalette::HighlightedText : QPalette::Text);
        painter->setPen(text);
        painter->drawText(QRect(x, area.top(), metrics.horizontalAdvance(before) + 1, area.height()), Qt::AlignVCenter | Qt::TextSingleLine, before);
        const QRect plate(x + metrics.horizontalAdvance(before), area.top() + 2, token_width, area.height() - 4);
        painter->fillRect(plate, option.palette.color(selected ? QPalette::HighlightedText : QPalette::Highlight));
        painter->setPen(option.palette.color(selected ? QPalette::Highlight : QPalette::HighlightedText));
        painter->drawText(plate, Qt::AlignCenter | Qt::TextSingleLine, token);
        painter->setPen(text);
        const QRect rest(plate.right() + 1, area.top(), area.right() - plate.right(), area.height());
        painter->drawText(rest, Qt::AlignVCenter | Qt::TextSingleLine, metrics.elidedText(index.data(TokensModel::after_role).toString(), Qt::ElideRight, rest.width()));
        painter->restore();
    }
};

/// On one line.
QString shown(const std::string& text)
{
    QString line = QString::fromStdString(text);
    line.replace(QLatin1Char('\n'), QChar(0x21B5));
    line.replace(QLatin1Char('\t'), QChar(0x2192));
    return line;
}

}  // namespace

TokenInText token_in_text(const TokenValue& value, const TokenWindows& windows, const Tokenizer* tokenizer)
{
    TokenInText found{value, {}, {}, {}};
    const std::int32_t* ids = windows.window(value.window);
    const auto first = ids + std::max<std::int64_t>(0, value.position - tokens_before), token = ids + value.position;
    const auto last = ids + std::min(windows.length, value.position + 1 + tokens_after);
    const auto decode = [&](const std::int32_t* from, const std::int32_t* to) {
        if (tokenizer) return tokenizer->decode({from, to}, false);
        std::string text;
        for (; from != to; ++from) text += std::to_string(*from) + " ";
        return text;
    };
    // by difference, so that spaces between tokens stay where they are
    const std::string all = decode(first, last), through = decode(first, token + 1), before = decode(first, token);
    if (all.starts_with(through) && through.starts_with(before)) {
        found.before = shown(before);
        found.token = shown(through.substr(before.size()));
        found.after = shown(all.substr(through.size()));
    } else {
        found.before = shown(before);
        found.token = shown(decode(token, token + 1));
        found.after = shown(decode(token + 1, last));
    }
    if (found.token.isEmpty() && tokenizer) found.token = QString::fromUtf8(tokenizer->text_of(*token).data(), static_cast<qsizetype>(tokenizer->text_of(*token).size()));
    return found;
}

void TokensModel::set(std::vector<TokenInText> tokens)
{
    beginResetModel();
    tokens_ = std::move(tokens);
    endResetModel();
}

QVariant TokensModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid()) return {};
    const auto& token = at(index.row());
    if (role == Qt::TextAlignmentRole) return QVariant::fromValue(Qt::Alignment(Qt::AlignVCenter | (index.column() == text ? Qt::AlignLeft : Qt::AlignRight)));
    if (role == before_role) return token.before;
    if (role == token_role) return token.token;
    if (role == after_role) return token.after;
    if (role == Qt::ToolTipRole && index.column() == text) return tr("Token %1: %2").arg(token.value.token).arg(token.token);
    if (role != Qt::DisplayRole) return {};
    switch (index.column()) {
        case value: return number(static_cast<double>(token.value.value));
        case window: return count(token.value.window);
        case position: return count(token.value.position);
        case text: return QString(token.before + token.token + token.after);
        default: return {};
    }
}

QVariant TokensModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole) return QVariant::fromValue(Qt::Alignment(Qt::AlignVCenter | (section == text ? Qt::AlignLeft : Qt::AlignRight)));
    if (role != Qt::DisplayRole) return {};
    switch (section) {
        case value: return tr("Value");
        case window: return tr("Window");
        case position: return tr("Position");
        case text: return tr("Text");
        default: return {};
    }
}

OffendingTokens::OffendingTokens(Desk& desk, QWidget* parent) : QWidget(parent), desk_(desk), model_(new TokensModel(this))
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(4);
    auto* row = new QHBoxLayout;
    auto* back = new QToolButton(this);
    back->setText(tr("‹ Offenders"));
    back->setAccessibleName(tr("Back to the offenders"));
    back->setFocusPolicy(Qt::StrongFocus);
    connect(back, &QToolButton::clicked, this, &OffendingTokens::back_wanted);
    title_ = new QLabel(this);
    title_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    row->addWidget(back);
    row->addWidget(title_, 1);
    column->addLayout(row);
    state_ = new QLabel(this);
    state_->setWordWrap(true);
    state_->setForegroundRole(QPalette::PlaceholderText);
    column->addWidget(state_);
    table_ = new QTableView(this);
    table_->setModel(model_);
    table_->setAccessibleName(tr("Tokens that cause the offender"));
    table_->setItemDelegateForColumn(TokensModel::text, new TextDelegate(table_));
    make_dense(*table_);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setAlternatingRowColors(true);
    table_->horizontalHeader()->setStretchLastSection(true);
    for (int i = 0; i < TokensModel::text; ++i) table_->setColumnWidth(i, 72);
    column->addWidget(table_, 1);
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, [this](const QModelIndex& index) {
        if (!index.isValid() || !desk_.model() || site_ == no_site) return;
        Selection selection = desk_.selection().current();
        const Site& site = (*desk_.model()->sites)[site_];
        selection.site = QString::fromStdString(site.name);
        selection.layer = static_cast<int>(site.layer);
        selection.channel = channel_;
        selection.token = static_cast<int>(model_->at(index.row()).value.position);
        desk_.selection().set(selection);
    });
}

void OffendingTokens::ask(SiteId id, int channel, bool after)
{
    if (!desk_.model() || !desk_.workspace() || !desk_.calibration()) return;
    const Site& site = (*desk_.model()->sites)[id];
    site_ = id;
    channel_ = channel;
    model_->set({});
    const QString name = tr("%1, channel %2").arg(site_title(site)).arg(channel);
    title_->setText(name);
    state_->setText(tr("Running the model over the calibration's windows…"));
    state_->show();
    auto recipe = after ? desk_.recipe() : nullptr;
    desk_.lanes().compute.post(
        this, QStringLiteral("explore.tokens"),
        [this, model = *desk_.model(), recipe, workspace = desk_.workspace(), row = *desk_.calibration(), id, channel, name](const Control& control) -> Lane::Continuation {
            const auto windows = load_calibration_windows(*workspace, row);
            const auto values = load_numerics().channel_tokens(model, recipe.get(), id, channel, windows, most_tokens, control);
            const auto tokenizer = model.checkpoint->has_tokenizer() ? Tokenizer::open(model.checkpoint->tokenizer_path()) : nullptr;
            std::vector<TokenInText> tokens;
            for (const auto& value : values) tokens.push_back(token_in_text(value, windows, tokenizer.get()));
            return [this, tokens = std::move(tokens), name, total = windows.count * windows.length, spoken = tokenizer != nullptr]() mutable {
                title_->setText(tr("%1: the %2 largest of %3 tokens").arg(name, count(std::ssize(tokens)), count(total)));
                state_->setText(spoken ? QString() : tr("The model has no tokenizer; ids stand for the text."));
                state_->setVisible(!spoken);
                model_->set(std::move(tokens));
            };
        },
        [this](const QString& sentence) { state_->setText(sentence); });
}

}  // namespace bitwright::views
