// SPDX-License-Identifier: GPL-3.0-or-later
// Edits of many sites as one revision. What needs no weight and no statistics happens at once; ranges by rule and new slices on the interactive lane.
// Invariants: an edit that one of its sites refuses changes none; edits apply in the order they were asked for, each to the recipe the one before it made.
// Threading: UI thread.
#pragma once

#include "core/recipe/edits.h"
#include "views/desk/desk.h"

#include <QObject>

#include <deque>
#include <vector>

namespace bitwright::views {

class SiteEdits : public QObject {
    Q_OBJECT
public:
    SiteEdits(Desk& desk, QObject* parent = nullptr) : QObject(parent), desk_(desk) {}
    /// Precondition: a model and a recipe are open; `sites` is not empty.
    void apply(std::vector<SiteId> sites, Assignments assignments);
    /// As a lint or another page words it.
    void apply_pattern(const std::string& pattern, Assignments assignments);
    [[nodiscard]] bool busy() const noexcept { return !waiting_.empty(); }

Q_SIGNALS:
    void refused(const QString& sentence);
    void applied();

private:
    struct Edit {
        std::vector<SiteId> sites;
        Assignments assignments;
    };
    [[nodiscard]] bool is_quick(const Edit& edit) const;
    void start();
    void finish(const Edit& edit, Recipe next);

    Desk& desk_;
    std::deque<Edit> waiting_;
};

}  // namespace bitwright::views
