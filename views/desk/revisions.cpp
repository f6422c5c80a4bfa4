// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desk/revisions.h"

#include "views/desk/formats.h"
#include "views/desk/theme.h"

#include <QStringList>

#include <algorithm>

namespace bitwright::views {
namespace {

constexpr std::size_t longest_history = 4000;

QString words_of(const RecipeRow& row) { return row.words ? QString::fromStdString(*row.words) : method_title(QString::fromStdString(row.method)); }

/// The first of them, and how many more there are.
QString summary_of(const QStringList& decisions)
{
    QStringList shown = decisions.mid(0, 3);
    if (decisions.size() > 3) shown << QObject::tr("and %n more", nullptr, static_cast<int>(decisions.size() - 3));
    return shown.join(QStringLiteral("; "));
}

}  // namespace

QStringList decisions_in_words(const Recipe& before, const Recipe& after)
{
    QStringList decisions;
    for (const auto& difference : diff_in_words(before, after)) {
        static const char* const history[] = {"method: ", "options: ", "calibration: ", "seed: ", "steps: "};
        if (std::ranges::none_of(history, [&](const char* field) { return difference.starts_with(field); })) decisions << QString::fromStdString(difference);
    }
    return decisions;
}

QString recipe_title(const RecipeRow& row) { return row.name ? QString::fromStdString(*row.name) : method_title(QString::fromStdString(row.method)); }

Revisions::Stored Revisions::read(std::shared_ptr<Workspace> workspace, std::optional<std::int64_t> model)
{
    Stored stored;
    stored.model = model;
    if (model)
        for (auto& row : list_recipes(*workspace))
            if (row.model == model) stored.rows.push_back(std::move(row));
    if (model) stored.history = recipe_history(*workspace, *model);
    if (const auto open = stored.history.open()) stored.head = std::make_shared<const Recipe>(load_recipe(*workspace, *open));
    stored.workspace = std::move(workspace);
    return stored;
}

void Revisions::open(Stored stored)
{
    workspace_ = std::move(stored.workspace);
    model_ = stored.model;
    all_.clear();
    visited_.clear();
    for (auto& row : stored.rows) {
        auto revision = std::make_shared<Revision>();
        revision->words = words_of(row);
        revision->stored = row.id;
        revision->row = std::move(row);
        all_.push_back(std::move(revision));
    }
    for (const auto& revision : all_)
        if (revision->row.parent) revision->parent = find(*revision->row.parent);
    for (const auto id : stored.history.visited)
        if (auto revision = find(id)) visited_.push_back(std::move(revision));
    position_ = stored.history.position;
    if (position_ < visited_.size()) visited_[position_]->recipe = std::move(stored.head);
    Q_EMIT list_changed();
    Q_EMIT changed();
}

void Revisions::close()
{
    workspace_.reset();
    model_.reset();
    all_.clear();
    visited_.clear();
    position_ = 0;
    Q_EMIT list_changed();
    Q_EMIT changed();
}

void Revisions::refresh()
{
    if (!workspace_) return;
    lanes_.interactive.post(this, QStringLiteral("revisions.refresh"), [this, workspace = workspace_, model = model_](const Control&) -> Lane::Continuation {
        auto rows = list_recipes(*workspace);
        return [this, workspace, model, rows = std::move(rows)] {
            if (workspace != workspace_) return;
            bool news = false;
            for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
                if (!model_) model_ = row->model;
                if (row->model != model_ || find(row->id)) continue;
                // an edit of ours that is being written has no id yet; it is the newest with this hash
                if (std::ranges::any_of(all_, [&](const auto& known) { return known->row.id == 0 && known->row.hash == row->hash; })) continue;
                auto revision = std::make_shared<Revision>();
                revision->row = *row;
                revision->stored = row->id;
                revision->words = words_of(*row);
                if (row->parent) revision->parent = find(*row->parent);
                all_.insert(all_.begin(), std::move(revision));
                news = true;
            }
            if (news) Q_EMIT list_changed();
            if (visited_.empty() && !all_.empty()) visit(all_.front()->row.id);
        };
    }, [this](const QString& sentence) { Q_EMIT failed(sentence); });
}

QString Revisions::undo_words() const { return can_undo() ? visited_[position_]->words : QString(); }
QString Revisions::redo_words() const { return can_redo() ? visited_[position_ + 1]->words : QString(); }

void Revisions::edit(Recipe next, const QString& words)
{
    const auto before = head();
    if (!workspace_ || !before || !before->recipe) return;
    const auto decisions = decisions_in_words(*before->recipe, next);
    if (decisions.empty()) return;
    auto hash = recipe_hash(next);
    auto revision = std::make_shared<Revision>();
    revision->words = words.isEmpty() ? summary_of(decisions) : words;
    revision->recipe = std::make_shared<const Recipe>(std::move(next));
    revision->parent = visited_[position_];
    revision->row.hash = std::move(hash);
    revision->row.method = revision->recipe->made_by.method;
    revision->row.revision = before->row.revision + 1;
    revision->row.model = before->row.model;
    revision->row.calibration = before->row.calibration;
    revision->row.words = revision->words.toStdString();
    revision->row.created = timestamp();
    all_.insert(all_.begin(), revision);
    visited_.resize(position_ + 1);
    visited_.push_back(revision);
    if (visited_.size() > longest_history) visited_.erase(visited_.begin());
    lanes_.store.post(this, {}, [this, workspace = workspace_, revision, before_row = revision->row, recipe = revision->recipe, parent = revision->parent](const Control&) -> Lane::Continuation {
        RecipeRow row = before_row;
        row.parent = parent->stored.load();  // written before: the lane keeps the order
        if (*row.parent == 0) throw failure(workspace->path().string() + ": the revision before it could not be stored; undo, and try again");
        row.id = put_recipe(*workspace, *recipe, row);
        revision->stored = row.id;
        return [this, revision, row] {
            revision->row = row;
            remember();
            Q_EMIT list_changed();
        };
    }, [this](const QString& sentence) { Q_EMIT failed(tr("The edit is not stored: %1").arg(sentence)); });
    position_ = visited_.size() - 1;
    Q_EMIT list_changed();
    Q_EMIT changed();
}

void Revisions::adopt(std::int64_t row)
{
    if (visit(row)) Q_EMIT walked({QStringLiteral("open"), QStringLiteral("recipe:%1").arg(row)});
}

bool Revisions::visit(std::int64_t row)
{
    auto revision = find(row);
    if (revision == nullptr || revision == head()) return false;
    visited_.resize(visited_.empty() ? 0 : position_ + 1);
    visited_.push_back(std::move(revision));
    arrive(visited_.size() - 1);
    return true;
}

void Revisions::name(std::int64_t row, const QString& name)
{
    auto revision = find(row);
    if (!revision || row == 0 || QString::fromStdString(revision->row.name.value_or("")) == name) return;
    const auto given = name.isEmpty() ? std::nullopt : std::optional(name.toStdString());
    lanes_.store.post(this, {}, [this, workspace = workspace_, revision, row, given](const Control&) -> Lane::Continuation {
        name_recipe(*workspace, row, given);
        return [this, revision, given] {
            revision->row.name = given;
            Q_EMIT list_changed();
        };
    }, [this](const QString& sentence) { Q_EMIT failed(sentence); });
}

void Revisions::undo()
{
    if (!can_undo()) return;
    arrive(position_ - 1);
    Q_EMIT walked({QStringLiteral("undo")});
}

void Revisions::redo()
{
    if (!can_redo()) return;
    arrive(position_ + 1);
    Q_EMIT walked({QStringLiteral("redo")});
}

void Revisions::arrive(std::size_t position)
{
    position_ = position;
    const auto revision = visited_[position_];
    if (revision->recipe) {
        remember();
        Q_EMIT changed();
        return;
    }
    lanes_.interactive.post(this, QStringLiteral("revisions.load"), [this, workspace = workspace_, revision, id = revision->row.id](const Control&) -> Lane::Continuation {
        auto recipe = std::make_shared<const Recipe>(load_recipe(*workspace, id));
        return [this, revision, recipe = std::move(recipe)] {
            revision->recipe = recipe;
            if (head() != revision) return;
            remember();
            Q_EMIT changed();
        };
    }, [this](const QString& sentence) { Q_EMIT failed(sentence); });
}

void Revisions::remember()
{
    if (!workspace_ || !model_ || workspace_->read_only()) return;
    RecipeHistory history{{}, position_};
    for (const auto& revision : visited_) {
        if (revision->row.id == 0) return;  // being written; its continuation comes here again
        history.visited.push_back(revision->row.id);
    }
    lanes_.store.post(this, QStringLiteral("revisions.remember"), [workspace = workspace_, model = *model_, history = std::move(history)](const Control&) -> Lane::Continuation {
        put_recipe_history(*workspace, model, history);
        return {};
    }, [this](const QString& sentence) { Q_EMIT failed(sentence); });
}

std::shared_ptr<Revision> Revisions::find(std::int64_t row) const
{
    const auto found = std::ranges::find_if(all_, [&](const auto& revision) { return revision->row.id == row; });
    return found == all_.end() ? nullptr : *found;
}

}  // namespace bitwright::views
