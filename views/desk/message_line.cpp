// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desk/message_line.h"

#include "views/desk/theme.h"

#include <QAccessible>
#include <QApplication>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QPushButton>
#include <QToolButton>

namespace bitwright::views {

MessageLine::MessageLine(QWidget* parent) : QFrame(parent)
{
    setObjectName(QStringLiteral("message_line"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(12, 6, 8, 6);
    text_ = new QLabel(this);
    text_->setWordWrap(true);
    text_->setTextFormat(Qt::PlainText);
    text_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    action_ = new QPushButton(this);
    close_ = new QToolButton(this);
    close_->setText(QStringLiteral("×"));
    close_->setAutoRaise(true);
    close_->setAccessibleName(tr("Close the message"));
    row->addWidget(text_, 1);
    row->addWidget(action_);
    row->addWidget(close_);
    connect(action_, &QPushButton::clicked, this, [this] {
        const auto run = run_;
        dismiss();
        if (run) run();
    });
    connect(close_, &QToolButton::clicked, this, &MessageLine::dismiss);
    leave_.setSingleShot(true);
    connect(&leave_, &QTimer::timeout, this, &MessageLine::dismiss);
    hide();
}

void MessageLine::show_error(const QString& sentence, const QString& action, std::function<void()> run) { show_text(sentence, true, action, std::move(run)); }
void MessageLine::show_note(const QString& sentence, const QString& action, std::function<void()> run) { show_text(sentence, false, action, std::move(run)); }

void MessageLine::show_text(const QString& sentence, bool error, const QString& action, std::function<void()> run)
{
    error_ = error;
    run_ = std::move(run);
    text_->setText(sentence);
    setAccessibleName(error ? tr("Error: %1").arg(sentence) : sentence);
    action_->setText(action);
    action_->setVisible(!action.isEmpty());
    recolour();
    show();
    QAccessibleEvent event(this, QAccessible::Alert);
    QAccessible::updateAccessibility(&event);
    if (error)
        leave_.stop();
    else
        leave_.start(8000);
}

void MessageLine::dismiss()
{
    leave_.stop();
    run_ = {};
    hide();
}

QString MessageLine::text() const { return isHidden() ? QString() : text_->text(); }

void MessageLine::recolour()
{
    const auto colours = signal_colours();
    const QColor colour = error_ ? colours.error : QApplication::palette().color(QPalette::Mid);
    const auto sheet = QStringLiteral("bitwright--views--MessageLine { border: none; border-left: 4px solid %1; background: %2; }").arg(colour.name(), QApplication::palette().color(QPalette::Base).name());
    if (sheet != styleSheet()) setStyleSheet(sheet);  // which changes the palette and comes back here
}

void MessageLine::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Escape)
        dismiss();
    else
        QFrame::keyPressEvent(event);
}

void MessageLine::changeEvent(QEvent* event)
{
    if (event->type() == QEvent::PaletteChange && !isHidden()) recolour();
    QFrame::changeEvent(event);
}

}  // namespace bitwright::views
