// SPDX-License-Identifier: GPL-3.0-or-later
// The one selection and the one filter that all views read and set, with their history (Back, Forward).
// Invariants: a site is a name of the open model or empty; channel and token belong to that site; −1: none.
// Threading: UI thread.
#pragma once

#include <QObject>
#include <QString>
#include <QStringList>

#include <cstddef>
#include <vector>

namespace bitwright::views {

struct Selection {
    QString site;       ///< what the inspector shows
    int layer = -1;     ///< of the site, or a layer alone
    int channel = -1;
    int token = -1;     ///< position within the window
    QStringList sites;  ///< more than one selected row; contains `site`; empty: just `site`
    friend bool operator==(const Selection&, const Selection&) = default;
};

class SelectionModel : public QObject {
    Q_OBJECT
public:
    using QObject::QObject;
    [[nodiscard]] const Selection& current() const noexcept { return current_; }
    [[nodiscard]] const QString& filter() const noexcept { return filter_; }  ///< in words (core/recipe/site_filter.h)
    void set(const Selection& selection);
    void set_site(const QString& site, int layer, int channel = -1);
    void set_filter(const QString& words);
    [[nodiscard]] bool can_go_back() const noexcept { return position_ > 0; }
    [[nodiscard]] bool can_go_forward() const noexcept { return position_ + 1 < history_.size(); }
    void back();
    void forward();
    void clear();  ///< another model

Q_SIGNALS:
    void changed(const bitwright::views::Selection& selection);
    void filter_changed(const QString& words);

private:
    void go(std::size_t position);
    Selection current_;
    QString filter_;
    std::vector<Selection> history_{Selection{}};  ///< at most 200
    std::size_t position_ = 0;
};

}  // namespace bitwright::views
