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

#include <algorithm>

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
    place();
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

void MessageLine::float_over(QWidget& area)
{
    area_ = &area;
    area.installEventFilter(this);
    recolour();
}

void MessageLine::place()
{
    if (!area_ || isHidden()) return;
    constexpr int margin = 16, widest = 720;
    const int width = std::min(area_->width() - 2 * margin, widest);
    const int wrapped = heightForWidth(width), height = wrapped > 0 ? wrapped : sizeHint().height();
    const QRect over(area_->mapTo(parentWidget(), QPoint()), area_->size());
    setGeometry(over.center().x() - width / 2, over.bottom() - margin - height, width, height);
    raise();
}

bool MessageLine::eventFilter(QObject* watched, QEvent* event)
{
    if (watched == area_ && (event->type() == QEvent::Resize || event->type() == QEvent::Move)) place();
    return QFrame::eventFilter(watched, event);
}

QString MessageLine::text() const { return isHidden() ? QString() : text_->text(); }

void MessageLine::recolour()
{
    const auto colours = signal_colours();
    const QColor colour = error_ ? colours.error : QApplication::palette().color(QPalette::Mid);
    const QString edge = area_ ? QStringLiteral("1px solid %1").arg(QApplication::palette().color(QPalette::Mid).name()) : QStringLiteral("none");
    const auto sheet = QStringLiteral("bitwright--views--MessageLine { border: %1; border-left: 4px solid %2; background: %3; }")
                           .arg(edge, colour.name(), QApplication::palette().color(QPalette::Base).name());
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
