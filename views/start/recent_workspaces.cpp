// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/start/recent_workspaces.h"

#include "core/workspace/desk.h"
#include "views/desk/theme.h"

#include <QDir>
#include <QFileInfo>
#include <QKeyEvent>
#include <QLabel>
#include <QLocale>
#include <QPainter>
#include <QStyleOptionFocusRect>
#include <QToolButton>
#include <QVBoxLayout>
#include <nlohmann/json.hpp>

namespace bitwright::views {
namespace {

constexpr int row_height = 56, tile_width = 72, tile_height = 40, gap = 8;

QString place_of(const QString& path)
{
    QString folder = QFileInfo(path).absolutePath();
    if (folder == QDir::homePath() || folder.startsWith(QDir::homePath() + QLatin1Char('/'))) folder.replace(0, QDir::homePath().size(), QLatin1Char('~'));
    return QDir::toNativeSeparators(folder);
}

/// The heatmap stored in a workspace; null when there is none or the file cannot be read just now.
QImage thumbnail_of(const Workspace& workspace)
{
    const auto value = desk_value(workspace, "thumbnail");
    if (!value.is_string()) return {};
    return QImage::fromData(QByteArray::fromBase64(QByteArray::fromStdString(value.get<std::string>())), "PNG");
}

RecentWorkspace read(const QString& path, const std::shared_ptr<Workspace>& open)
{
    RecentWorkspace row;
    row.path = path;
    const QFileInfo file(path);
    row.missing = !file.isFile();
    if (row.missing) return row;
    row.changed = file.lastModified();
    const QFileInfo log(path + QStringLiteral("-wal"));
    if (log.exists() && log.lastModified() > row.changed) row.changed = log.lastModified();
    try {
        if (open && QString::fromStdString(open->path().string()) == path)
            row.thumbnail = thumbnail_of(*open);
        else
            row.thumbnail = thumbnail_of(Workspace(path.toStdString(), std::chrono::milliseconds(50)));
    } catch (const Error&) {  // opening it will say what is wrong
    }
    return row;
}

}  // namespace

QString in_words(const QDateTime& time, const QDateTime& now)
{
    const QLocale locale;
    const QString clock = locale.toString(time.time(), QStringLiteral("HH:mm"));
    const auto days = time.date().daysTo(now.date());
    if (days == 0) return RecentWorkspaces::tr("today %1").arg(clock);
    if (days == 1) return RecentWorkspaces::tr("yesterday %1").arg(clock);
    return locale.toString(time.date(), time.date().year() == now.date().year() ? QStringLiteral("d MMMM") : QStringLiteral("d MMMM yyyy"));
}

RecentRow::RecentRow(RecentWorkspace workspace, QWidget* parent) : QAbstractButton(parent), workspace_(std::move(workspace))
{
    setText(QFileInfo(workspace_.path).completeBaseName());
    setFocusPolicy(Qt::StrongFocus);
    setAttribute(Qt::WA_Hover);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setToolTip(QDir::toNativeSeparators(workspace_.path));
    if (workspace_.missing) {
        setAccessibleName(tr("%1 in %2, not there any more").arg(text(), place_of(workspace_.path)));
        remove_ = new QToolButton(this);
        remove_->setText(tr("Remove"));
        remove_->setAutoRaise(true);
        remove_->setAccessibleName(tr("Remove %1 from the list").arg(text()));
        connect(remove_, &QToolButton::clicked, this, &RecentRow::remove_wanted);
    } else {
        setCursor(Qt::PointingHandCursor);
        setAccessibleName(tr("Open %1 in %2, changed %3").arg(text(), place_of(workspace_.path), in_words(workspace_.changed)));
    }
}

QSize RecentRow::sizeHint() const { return {320, row_height}; }

void RecentRow::resizeEvent(QResizeEvent*)
{
    if (!remove_) return;
    const QSize size = remove_->sizeHint();
    remove_->setGeometry(width() - size.width() - gap, (height() - size.height()) / 2, size.width(), size.height());
}

void RecentRow::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter)
        click();
    else if (event->key() == Qt::Key_Delete)
        Q_EMIT remove_wanted();
    else
        QAbstractButton::keyPressEvent(event);
}

void RecentRow::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    const auto& colours = palette();
    if (!workspace_.missing && (underMouse() || isDown())) painter.fillRect(rect(), colours.color(isDown() ? QPalette::Mid : QPalette::Button));
    const QRect tile(gap, (height() - tile_height) / 2, tile_width, tile_height);
    if (workspace_.thumbnail.isNull()) {
        painter.fillRect(tile, colours.color(QPalette::Button));
        if (!workspace_.missing) views::icon(QStringLiteral("workspace")).paint(&painter, QRect(tile.center() - QPoint(9, 9), QSize(20, 20)), Qt::AlignCenter, QIcon::Disabled);
    } else {
        painter.setRenderHint(QPainter::SmoothPixmapTransform);
        painter.drawImage(tile, workspace_.thumbnail);
    }
    const QString when = workspace_.missing ? QString() : in_words(workspace_.changed);
    QFont caption = font(), title = font();
    caption.setPointSizeF(font().pointSizeF() - 1);
    title.setWeight(QFont::DemiBold);
    const QFontMetrics small(caption), large(title);
    const int left = tile.right() + 1 + 12;
    const int below = width() - left - gap - (remove_ ? remove_->width() + gap : 0);
    const int width_left = below - (when.isEmpty() ? 0 : small.horizontalAdvance(when) + gap);
    const int top = (height() - large.height() - small.height() - 2) / 2;
    painter.setFont(title);
    painter.setPen(colours.color(workspace_.missing ? QPalette::PlaceholderText : QPalette::WindowText));
    painter.drawText(QRect(left, top, width_left, large.height()), Qt::AlignVCenter, large.elidedText(text(), Qt::ElideRight, width_left));
    painter.setFont(caption);
    painter.setPen(colours.color(QPalette::PlaceholderText));
    const QString place = workspace_.missing ? tr("not there any more") : place_of(workspace_.path);
    painter.drawText(QRect(left, top + large.height() + 2, below, small.height()), Qt::AlignVCenter, small.elidedText(place, Qt::ElideMiddle, below));
    if (!when.isEmpty()) painter.drawText(QRect(0, top, width() - gap, large.height()), Qt::AlignVCenter | Qt::AlignRight, when);
    if (hasFocus()) {
        painter.setPen(QPen(colours.color(QPalette::Highlight), 2));
        painter.drawRect(rect().adjusted(1, 1, -1, -1));
    }
}

RecentWorkspaces::RecentWorkspaces(Desk& desk, QWidget* parent) : QWidget(parent), desk_(desk), column_(new QVBoxLayout(this))
{
    column_->setContentsMargins({});
    column_->setSpacing(0);
}

void RecentWorkspaces::refresh()
{
    desk_.lanes().interactive.post(this, QStringLiteral("start.recent"), [this, paths = desk_.settings().recent, open = desk_.workspace()](const Control& control) -> Lane::Continuation {
        std::vector<RecentWorkspace> rows;
        for (const auto& path : paths) {
            control.check();
            rows.push_back(read(path, open));
        }
        return [this, rows = std::move(rows)]() mutable { show_rows(std::move(rows)); };
    });
}

void RecentWorkspaces::show_rows(std::vector<RecentWorkspace> rows)
{
    while (auto* item = column_->takeAt(0)) {
        if (item->widget()) item->widget()->deleteLater();
        delete item;
    }
    if (rows.empty()) {
        auto* none = new QLabel(tr("No workspace yet. Opening a model makes one, and it stays in this list."), this);
        none->setWordWrap(true);
        none->setForegroundRole(QPalette::PlaceholderText);
        none->setContentsMargins(gap, gap, gap, gap);
        column_->addWidget(none);
    }
    for (auto& workspace : rows) {
        auto* row = new RecentRow(std::move(workspace), this);
        const QString path = row->workspace().path;
        connect(row, &RecentRow::clicked, this, [this, row, path] {
            if (!row->workspace().missing) Q_EMIT chosen(path);
        });
        connect(row, &RecentRow::remove_wanted, this, [this, path] {
            desk_.settings().recent.removeAll(path);
            refresh();
        });
        column_->addWidget(row);
    }
    column_->addStretch();
}

}  // namespace bitwright::views
