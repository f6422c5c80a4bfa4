// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/start/drop_target.h"

#include <QDropEvent>
#include <QUrl>

namespace bitwright::views {

DropTarget::DropTarget(Desk& desk, QWidget* target) : QObject(target), desk_(desk)
{
    target->setAcceptDrops(true);
    target->installEventFilter(this);
}

QString DropTarget::path_of(const QMimeData& data, QString& fault)
{
    const auto urls = data.urls();
    if (urls.size() != 1) {
        fault = tr("%n things were dropped; drop one model folder or one workspace at a time", nullptr, static_cast<int>(urls.size()));
        return {};
    }
    if (!urls.front().isLocalFile()) {
        fault = tr("%1: does not lie on this computer; download the model first").arg(urls.front().toDisplayString());
        return {};
    }
    return urls.front().toLocalFile();
}

bool DropTarget::eventFilter(QObject* watched, QEvent* event)
{
    switch (event->type()) {
    case QEvent::DragEnter:
    case QEvent::DragMove: {
        auto* drag = static_cast<QDragMoveEvent*>(event);
        if (!drag->mimeData()->hasUrls()) return false;
        drag->setDropAction(Qt::CopyAction);
        drag->accept();
        if (event->type() == QEvent::DragEnter) Q_EMIT hovered(true);
        return true;
    }
    case QEvent::DragLeave: Q_EMIT hovered(false); return true;
    case QEvent::Drop: {
        auto* drop = static_cast<QDropEvent*>(event);
        Q_EMIT hovered(false);
        if (!drop->mimeData()->hasUrls()) return false;
        drop->setDropAction(Qt::CopyAction);
        drop->accept();
        QString fault;
        const QString path = path_of(*drop->mimeData(), fault);
        if (path.isEmpty()) {
            desk_.fail(fault);
        } else {
            Q_EMIT opening(path);
            desk_.open(path);
        }
        return true;
    }
    default: return QObject::eventFilter(watched, event);
    }
}

}  // namespace bitwright::views
