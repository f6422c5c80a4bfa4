// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/budget_bar.h"

#include "views/desk/formats.h"
#include "views/desk/theme.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace bitwright::views {

BudgetBar::BudgetBar(QWidget* parent) : QWidget(parent)
{
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(8, 4, 8, 4);
    row->setSpacing(16);
    size_ = add(tr("Weights alone"));
    bits_ = add(tr("Bits: weight · activation"));
    speed_ = add(tr("Predicted tokens/s"));
    perplexity_ = add(tr("Perplexity"));
    row->addStretch();
    evaluate_ = new QToolButton(this);
    evaluate_->setToolButtonStyle(Qt::ToolButtonTextOnly);
    row->addWidget(evaluate_);
    set_cost({});
    set_perplexities({});
}

BudgetBar::Field BudgetBar::add(const QString& caption)
{
    auto* column = new QVBoxLayout;
    column->setSpacing(0);
    Field field{new QLabel(caption, this), new QLabel(this)};
    QFont small = field.caption->font();
    small.setPointSizeF(small.pointSizeF() - 1);
    field.caption->setFont(small);
    field.caption->setForegroundRole(QPalette::PlaceholderText);
    field.value->setAccessibleDescription(caption);
    field.value->setTextInteractionFlags(Qt::TextSelectableByMouse);
    column->addWidget(field.caption);
    column->addWidget(field.value);
    qobject_cast<QHBoxLayout*>(layout())->addLayout(column);
    return field;
}

void BudgetBar::set(const Field& field, const QString& text, const QString& tooltip)
{
    field.value->setText(text);
    field.value->setToolTip(tooltip);
    field.value->setAccessibleName(field.caption->text() + QStringLiteral(": ") + text);
}

void BudgetBar::set_cost(const std::optional<Cost>& cost)
{
    if (!cost) {
        for (const auto* field : {&size_, &bits_, &speed_}) set(*field, not_measured, tr("No recipe is open"));
        return;
    }
    const QString as_float = tr("The weights as a package stores them, with scales and biases; %1 in the checkpoint.\nThe package's file, whose size Compare shows, also holds tables and the tokenizer.").arg(bytes(cost->float_bytes));
    set(size_, bytes(cost->bytes), cost->remark.isEmpty() ? as_float : as_float + QLatin1Char('\n') + cost->remark);
    set(bits_, number(cost->bits_per_weight) + tr(" · ") + number(cost->bits_per_activation),
        tr("Per weight, with scales, zero points and biases beside the codes.\nPer activation, the mean over those of the integer level by channels; a float site counts as 32"));
    set(speed_, cost->decode_tokens_per_s ? tr("%1 · %2").arg(number(cost->prefill_tokens_per_s), number(cost->decode_tokens_per_s)) : not_measured, cost->speed_basis);
}

void BudgetBar::set_perplexities(const std::vector<KnownPerplexity>& known)
{
    QStringList texts, tips;
    const bool all_stale = !known.empty() && std::ranges::none_of(known, [](const KnownPerplexity& one) { return one.stale.isEmpty(); });
    perplexity_.caption->setText(all_stale ? tr("Perplexity (stale)") : tr("Perplexity"));
    for (const auto& one : known) {
        texts << tr("%1 %2").arg(number(one.value, 4), one.level) + (one.stale.isEmpty() || all_stale ? QString() : tr(" (stale)"));
        tips << tr("%1: %2, %3").arg(one.level, one.text, one.definition) + (one.stale.isEmpty() ? QString() : QLatin1Char('\n') + one.stale);
    }
    set(perplexity_, texts.isEmpty() ? not_measured : texts.join(QStringLiteral(" · ")), tips.isEmpty() ? tr("This recipe was never evaluated") : tips.join(QStringLiteral("\n")));
    stale_ = all_stale;
    recolour();
}

void BudgetBar::set_running(const QString& words)
{
    evaluate_->setEnabled(words.isEmpty());
    evaluate_->setText(words.isEmpty() ? tr("Evaluate") : words);
}

QString BudgetBar::speed_text() const { return speed_.value->text(); }

QString BudgetBar::perplexity_text() const { return perplexity_.value->text(); }

void BudgetBar::recolour()
{
    QPalette colours = palette();
    if (stale_) colours.setColor(QPalette::WindowText, signal_colours().stale);
    perplexity_.value->setPalette(colours);
}

void BudgetBar::changeEvent(QEvent* event)
{
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && perplexity_.value) recolour();
}

}  // namespace bitwright::views
