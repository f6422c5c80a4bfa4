// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/devices/device_card.h"

#include "views/desk/simulated_badge.h"
#include "views/desk/theme.h"

#include <QPainter>
#include <QPushButton>

namespace bitwright::views {
namespace {

constexpr int width_of_card = 216, height_of_card = 84, margin = 10, icon_size = 22;

/// The words as at most `lines` lines of this width, the last one elided.
QStringList wrapped(const QString& words, const QFontMetrics& metrics, int width, int lines)
{
    QStringList out;
    QString line;
    const auto list = words.split(QLatin1Char(' '), Qt::SkipEmptyParts);
    for (qsizetype i = 0; i < list.size(); ++i) {
        const auto longer = line.isEmpty() ? list[i] : line + QLatin1Char(' ') + list[i];
        if (line.isEmpty() || metrics.horizontalAdvance(longer) <= width) {
            line = longer;
            continue;
        }
        if (out.size() + 1 == lines) {
            line += QLatin1Char(' ') + list.mid(i).join(QLatin1Char(' '));
            break;
        }
        out << line;
        line = list[i];
    }
    return line.isEmpty() ? out : out << metrics.elidedText(line, Qt::ElideRight, width);
}

/// "Unlock the phone and accept the dialog." of an advice that says more.
QString first_sentence(const QString& advice)
{
    const auto end = advice.indexOf(QLatin1String(". "));
    return end < 0 ? advice : advice.left(end + 1);
}

}  // namespace

DeviceCard::DeviceCard(QWidget* parent) : QAbstractButton(parent), button_(new QPushButton(this))
{
    setCheckable(true);
    setFocusPolicy(Qt::StrongFocus);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    button_->hide();
    connect(button_, &QPushButton::clicked, this, [this] { Q_EMIT action_clicked(entry_.id); });
}

QSize DeviceCard::sizeHint() const { return {width_of_card, height_of_card}; }

void DeviceCard::show_device(const DeviceEntry& entry)
{
    if (entry == entry_) return;
    entry_ = entry;
    setText(entry.name);
    setAccessibleName(entry.simulated ? tr("%1, simulated").arg(entry.name) : entry.name);
    setAccessibleDescription(entry.advice.isEmpty() ? entry.state : entry.state + QStringLiteral(". ") + entry.advice);
    setToolTip(entry.advice.isEmpty() ? entry.state : entry.advice);
    button_->setText(entry.action);
    button_->setAccessibleName(entry.action.isEmpty() ? QString() : tr("%1: %2").arg(entry.name, entry.action));
    button_->setVisible(!entry.action.isEmpty());
    place_button();
    update();
}

void DeviceCard::resizeEvent(QResizeEvent*) { place_button(); }

void DeviceCard::place_button()
{
    const auto size = QSize(std::max(64, button_->sizeHint().width()), 24);
    button_->setGeometry(QRect(QPoint(width() - size.width() - 8, height() - size.height() - 8), size));
}

void DeviceCard::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const bool strong = isChecked() || hasFocus();
    const double pen = isChecked() ? 2 : 1;
    painter.setPen(QPen(palette().color(strong ? QPalette::Highlight : QPalette::Mid), pen));
    painter.setBrush(palette().color(underMouse() && !isChecked() ? QPalette::AlternateBase : QPalette::Base));
    painter.drawRoundedRect(QRectF(rect()).adjusted(pen / 2, pen / 2, -pen / 2, -pen / 2), 4, 4);
    if (hasFocus()) {
        painter.setPen(QPen(palette().color(QPalette::WindowText), 1, Qt::DotLine));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(rect()).adjusted(3.5, 3.5, -3.5, -3.5), 3, 3);
    }
    views::icon(entry_.id == QLatin1String("local") ? QStringLiteral("computer") : QStringLiteral("phone")).paint(&painter, QRect(margin, margin, icon_size, icon_size));
    const int left = margin + icon_size + 8;
    int right = width() - margin;
    if (entry_.simulated) {
        const auto badge = simulated_badge_size(font());
        right -= badge.width();
        paint_simulated_badge(painter, QPoint(right, margin + (icon_size - badge.height()) / 2), font(), palette());
        right -= 6;
    }
    auto bold = font();
    bold.setBold(true);
    painter.setFont(bold);
    painter.setPen(palette().color(QPalette::WindowText));
    painter.drawText(QRect(left, margin, right - left, icon_size), Qt::AlignVCenter | Qt::AlignLeft, QFontMetrics(bold).elidedText(entry_.name, Qt::ElideRight, right - left));
    auto small = font();
    small.setPointSizeF(small.pointSizeF() - 1);
    painter.setFont(small);
    const QFontMetrics metrics(small);
    const int text_width = (button_->isHidden() ? width() - margin : button_->x() - 8) - margin;
    const bool asks = !entry_.advice.isEmpty();
    const auto words = asks ? first_sentence(entry_.advice) : entry_.state;
    painter.setPen(asks ? signal_colours().warning : palette().color(entry_.ready ? QPalette::WindowText : QPalette::PlaceholderText));
    int y = margin + icon_size + 6;
    for (const auto& line : wrapped(words, metrics, text_width, 3)) {
        painter.drawText(QRect(margin, y, text_width, metrics.height()), Qt::AlignLeft | Qt::AlignVCenter, line);
        y += metrics.height();
    }
}

}  // namespace bitwright::views
