// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desk/actions.h"

#include <QRegularExpression>
#include <QWidget>

#include <algorithm>

namespace bitwright::views {

Actions::Actions(QWidget* window) : QObject(window), window_(window) {}

QAction* Actions::add(const QString& id, const QString& group, const QString& text, const QKeySequence& shortcut, std::function<void()> run, QWidget* scope)
{
    Q_ASSERT_X(find(id) == nullptr, "Actions::add", qPrintable(id));
    auto* action = new QAction(text, this);
    action->setObjectName(id);
    if (!shortcut.isEmpty()) action->setShortcut(shortcut);
    action->setShortcutContext(scope ? Qt::WidgetWithChildrenShortcut : Qt::WindowShortcut);
    connect(action, &QAction::triggered, this, [run = std::move(run)] { run(); });
    (scope ? scope : window_)->addAction(action);
    entries_.push_back({id, group, action, QString(text).remove(QLatin1Char('&'))});
    connect(action, &QObject::destroyed, this, [this, action] { std::erase_if(entries_, [&](const Entry& entry) { return entry.action == action; }); });
    return action;
}

QAction* Actions::find(const QString& id) const
{
    const auto entry = std::ranges::find(entries_, id, &Entry::id);
    return entry == entries_.end() ? nullptr : entry->action;
}

void Actions::set_command_line(const QStringList& arguments) { command_line_ = arguments; }

QString Actions::command_line() const
{
    if (command_line_.isEmpty()) return {};
    static const QRegularExpression plain(QStringLiteral("^[A-Za-z0-9_./:=@%+,-]+$"));
    QString line = QStringLiteral("bitwright-cli");
    for (const auto& argument : command_line_) {
        QString quoted = argument;
        line += QLatin1Char(' ') + (plain.match(argument).hasMatch() ? argument : QLatin1Char('\'') + quoted.replace(QLatin1Char('\''), QLatin1String("'\\''")) + QLatin1Char('\''));
    }
    return line;
}

}  // namespace bitwright::views
