// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/palette/palette_model.h"

#include "views/desk/theme.h"
#include "views/palette/fuzzy.h"

#include <QPointer>

#include <algorithm>

namespace bitwright::views {
namespace {
constexpr std::size_t most_shown = 200;  // nobody scrolls further: one more letter is shorter
}

void PaletteModel::gather()
{
    items_.clear();
    for (const auto& entry : desk_.actions().entries()) {
        if (!entry.action->isEnabled() || !entry.action->isVisible()) continue;
        QString text = entry.action->text();
        text.remove(QLatin1Char('&'));
        items_.push_back({entry.id, text, entry.group, entry.action->shortcut().toString(QKeySequence::NativeText), [action = QPointer<QAction>(entry.action)] {
                              if (action) action->trigger();
                          }, true, entry.title});
    }
    if (const auto& model = desk_.model())
        for (const auto& site : model->sites->sites()) {
            const auto name = QString::fromStdString(site.name);
            items_.push_back({name, name, tr("Site"), {}, [this, name, layer = static_cast<int>(site.layer)] { desk_.selection().set_site(name, layer); }, false});
        }
    for (const auto& revision : desk_.revisions().all()) {
        const auto id = revision->stored.load() ? revision->stored.load() : revision->row.id;
        if (id == 0) continue;
        const auto reference = QStringLiteral("recipe:%1").arg(id);
        QString text = reference;
        if (revision->row.name) text += QStringLiteral(" · ") + QString::fromStdString(*revision->row.name);
        if (!revision->row.method.empty()) text += QStringLiteral(" · ") + method_title(QString::fromStdString(revision->row.method));
        items_.push_back({reference, text, tr("Open recipe"), {}, [this, id] { desk_.revisions().adopt(id); }, false});
    }
}

void PaletteModel::set_typed(const QString& typed)
{
    beginResetModel();
    struct Found {
        std::size_t item;
        int score;
        qsizetype recency;
    };
    std::vector<Found> found;
    const bool nothing = typed.trimmed().isEmpty();
    for (std::size_t i = 0; i < items_.size(); ++i) {
        const auto& item = items_[i];
        if (nothing && !item.action && !recent_.contains(item.id)) continue;
        const QString& title = item.title.isEmpty() ? item.text : item.title;  // what an undo would undo is no reason to find it
        int score = fuzzy_score(typed, title);
        if (score == 0 && item.action) score = fuzzy_score(typed, item.group + QLatin1Char(' ') + title) / 2;
        if (score == 0) continue;
        if (item.action && !nothing) score += 8;
        const auto at = recent_.indexOf(item.id);
        found.push_back({i, score, at < 0 ? recent_.size() : at});
    }
    std::ranges::stable_sort(found, [&](const Found& a, const Found& b) {
        if (nothing) return a.recency < b.recency;
        return a.score != b.score ? a.score > b.score : a.recency < b.recency;
    });
    if (found.size() > most_shown) found.resize(most_shown);
    shown_.clear();
    for (const auto& one : found) shown_.push_back(one.item);
    endResetModel();
}

void PaletteModel::run(int row)
{
    if (row < 0 || row >= rowCount()) return;
    const Item item = items_[shown_[static_cast<std::size_t>(row)]];
    recent_.removeAll(item.id);
    recent_.prepend(item.id);
    item.run();
}

QVariant PaletteModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= rowCount()) return {};
    const auto& item = items_[shown_[static_cast<std::size_t>(index.row())]];
    switch (role) {
    case Qt::DisplayRole: return item.text;
    case group_role: return item.group;
    case shortcut_role: return item.shortcut;
    case Qt::AccessibleTextRole: return item.shortcut.isEmpty() ? tr("%1: %2").arg(item.group, item.text) : tr("%1: %2, %3").arg(item.group, item.text, item.shortcut);
    default: return {};
    }
}

}  // namespace bitwright::views
