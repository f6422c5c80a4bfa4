// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desk/selection.h"

namespace bitwright::views {

void SelectionModel::set(const Selection& selection)
{
    if (selection == current_) return;
    history_.resize(position_ + 1);
    history_.push_back(selection);
    if (history_.size() > 200) history_.erase(history_.begin());
    position_ = history_.size() - 1;
    current_ = selection;
    Q_EMIT changed(current_);
}

void SelectionModel::set_site(const QString& site, int layer, int channel)
{
    Selection selection;
    selection.site = site;
    selection.layer = layer;
    selection.channel = channel;
    set(selection);
}

void SelectionModel::set_filter(const QString& words)
{
    if (words == filter_) return;
    filter_ = words;
    Q_EMIT filter_changed(filter_);
}

void SelectionModel::back()
{
    if (can_go_back()) go(position_ - 1);
}

void SelectionModel::forward()
{
    if (can_go_forward()) go(position_ + 1);
}

void SelectionModel::go(std::size_t position)
{
    position_ = position;
    current_ = history_[position_];
    Q_EMIT changed(current_);
}

void SelectionModel::clear()
{
    history_.assign(1, Selection{});
    position_ = 0;
    current_ = {};
    Q_EMIT changed(current_);
    set_filter({});
}

}  // namespace bitwright::views
