// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/playground/text_side.h"

#include "views/desk/formats.h"
#include "views/desk/theme.h"

#include <QEvent>
#include <QLabel>
#include <QScrollBar>
#include <QTextEdit>
#include <QVBoxLayout>

namespace bitwright::views {

TextSide::TextSide(QWidget* parent) : QWidget(parent), title_(new QLabel(this)), speed_(new QLabel(not_measured, this)), view_(new QTextEdit(this))
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins({});
    column->setSpacing(4);
    QFont bold = title_->font();
    bold.setWeight(QFont::DemiBold);
    title_->setFont(bold);
    title_->setTextFormat(Qt::PlainText);
    title_->setBuddy(view_);
    view_->setReadOnly(true);
    view_->setTabChangesFocus(true);
    view_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    view_->document()->setDocumentMargin(8);
    speed_->setForegroundRole(QPalette::PlaceholderText);
    speed_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    column->addWidget(title_);
    column->addWidget(view_, 1);
    column->addWidget(speed_);
}

void TextSide::set_title(const QString& title)
{
    title_->setText(title);
    view_->setAccessibleName(title);
}

void TextSide::set_text(const QString& prompt, const QString& text, const std::optional<TokenPlace>& mark)
{
    prompt_ = prompt, text_ = text, mark_ = mark;
    auto* bar = view_->verticalScrollBar();
    const bool at_end = bar->value() == bar->maximum();
    view_->setPlainText(prompt + text);
    colour();
    bar->setValue(at_end ? bar->maximum() : bar->value());
    view_->setAccessibleDescription(marked().isEmpty() ? QString() : tr("The first token that differs is “%1”").arg(marked()));
}

void TextSide::set_speed(const QString& words) { speed_->setText(words); }
QString TextSide::speed() const { return speed_->text(); }

QString TextSide::marked() const { return mark_ ? text_.mid(mark_->begin, mark_->end - mark_->begin) : QString(); }

/// By selections beside the document, so that what is copied is plain text.
void TextSide::colour()
{
    QList<QTextEdit::ExtraSelection> selections;
    const auto add = [&](int begin, int end) -> QTextCharFormat& {
        QTextEdit::ExtraSelection selection;
        selection.cursor = QTextCursor(view_->document());
        selection.cursor.setPosition(begin);
        selection.cursor.setPosition(end, QTextCursor::KeepAnchor);
        selections << selection;
        return selections.back().format;
    };
    const int start = static_cast<int>(prompt_.size());
    if (start > 0) add(0, start).setForeground(palette().placeholderText());
    if (mark_ && mark_->end > mark_->begin) {
        auto& format = add(start + mark_->begin, start + mark_->end);
        format.setBackground(palette().highlight());
        format.setForeground(palette().highlightedText());
        format.setFontUnderline(true);
    }
    view_->setExtraSelections(selections);
}

void TextSide::changeEvent(QEvent* event)
{
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) colour();
}

}  // namespace bitwright::views
