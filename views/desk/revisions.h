// SPDX-License-Identifier: GPL-3.0-or-later
// The recipe that is open and how it came to be: every edit is a new row in the workspace, undo and redo walk the heads visited, and both survive a restart.
// Invariants: rows never change; the head is what every page shows; undo after n edits gives the head before them, hash for hash.
// Threading: UI thread; rows are written on the store lane, in the order of the edits.
#pragma once

#include "core/recipe/recipe.h"
#include "core/workspace/recipe_history.h"
#include "core/workspace/recipes.h"
#include "views/desk/lane.h"

#include <QObject>
#include <QString>
#include <QStringList>

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

namespace bitwright::views {

/// One point of the history. The row's id is 0 until the store lane has written it; the recipe of an older session is null until it was asked for.
struct Revision {
    RecipeRow row;
    std::shared_ptr<const Recipe> recipe;
    std::shared_ptr<Revision> parent;  ///< null where unknown or none
    QString words;                     ///< "down_proj input 0–21: max 61.2 → 18.4", or the method's name
    std::atomic<std::int64_t> stored{0};  ///< the row's id as the store lane knows it
};

/// What two recipes decide differently, a line each, without how they came to be (method, options, calibration).
[[nodiscard]] QStringList decisions_in_words(const Recipe& before, const Recipe& after);

/// The recipe's name; without one its method's title.
[[nodiscard]] QString recipe_title(const RecipeRow& row);

class Revisions : public QObject {
    Q_OBJECT
public:
    explicit Revisions(Lanes lanes) : lanes_(lanes) {}

    /// The recipe that is open; null: none.
    [[nodiscard]] std::shared_ptr<const Recipe> recipe() const { return head() ? head()->recipe : nullptr; }
    [[nodiscard]] std::shared_ptr<const Revision> head() const { return position_ < visited_.size() ? visited_[position_] : nullptr; }
    /// All recipes of the model, newest first.
    [[nodiscard]] const std::vector<std::shared_ptr<Revision>>& all() const noexcept { return all_; }
    [[nodiscard]] bool can_undo() const noexcept { return position_ > 0 && position_ < visited_.size(); }
    [[nodiscard]] bool can_redo() const noexcept { return position_ + 1 < visited_.size(); }
    [[nodiscard]] QString undo_words() const;
    [[nodiscard]] QString redo_words() const;

    /// Another workspace or model: what it holds, and the visited heads of its last session.
    struct Stored {
        std::shared_ptr<Workspace> workspace;
        std::optional<std::int64_t> model;
        std::vector<RecipeRow> rows;
        RecipeHistory history;
        std::shared_ptr<const Recipe> head;
    };
    /// Reads it; on any thread. `model` absent: a model the workspace has never seen.
    [[nodiscard]] static Stored read(std::shared_ptr<Workspace> workspace, std::optional<std::int64_t> model);
    void open(Stored stored);
    void close();
    /// New rows that a job made. The newest becomes the head where there was none.
    void refresh();

    /// `next` becomes the head at once and a row soon. `words`: what the edit said; "" gives the difference in words. A recipe that decides the same as the head is no edit.
    void edit(Recipe next, const QString& words = {});
    /// Any row becomes the head (adopt a method's result, go back to a branch). Its recipe is read on the interactive lane.
    void adopt(std::int64_t row);
    /// Names a stored row, so that it is found again; "" takes the name away. A name stays where it was given: edits after it have none.
    void name(std::int64_t row, const QString& name);
    void undo();
    void redo();

Q_SIGNALS:
    void changed();       ///< the head
    void list_changed();  ///< all()
    void walked(const QStringList& command);  ///< "open recipe:3", "undo", "redo": what the command `recipe` would be given
    void failed(const QString& sentence);

private:
    bool visit(std::int64_t row);
    void arrive(std::size_t position);
    void remember();
    [[nodiscard]] std::shared_ptr<Revision> find(std::int64_t row) const;

    Lanes lanes_;
    std::shared_ptr<Workspace> workspace_;
    std::optional<std::int64_t> model_;
    std::vector<std::shared_ptr<Revision>> all_, visited_;
    std::size_t position_ = 0;
};

}  // namespace bitwright::views
