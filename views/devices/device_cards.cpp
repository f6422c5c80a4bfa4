// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/devices/device_cards.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QScrollBar>

#include <algorithm>

namespace bitwright::views {

DeviceCards::DeviceCards(QWidget* parent) : QScrollArea(parent), group_(new QButtonGroup(this))
{
    auto* inside = new QWidget(this);
    row_ = new QHBoxLayout(inside);
    row_->setContentsMargins(0, 0, 0, 0);
    row_->setSpacing(8);
    row_->addStretch();
    setWidget(inside);
    setWidgetResizable(true);
    setFrameShape(QFrame::NoFrame);
    setFocusPolicy(Qt::NoFocus);
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setAccessibleName(tr("Devices"));
    const int height = DeviceCard().sizeHint().height();
    setFixedHeight(height);
    connect(horizontalScrollBar(), &QScrollBar::rangeChanged, this, [this, height](int low, int high) { setFixedHeight(height + (high > low ? horizontalScrollBar()->sizeHint().height() + 2 : 0)); });
    connect(group_, &QButtonGroup::buttonToggled, this, [this](QAbstractButton* button, bool on) {
        if (!on) return;
        ensureWidgetVisible(button, 0, 0);
        Q_EMIT chosen_changed();
    });
}

DeviceCard* DeviceCards::card(const QString& id) const
{
    const auto found = std::ranges::find_if(cards_, [&](const DeviceCard* one) { return one->device().id == id; });
    return found == cards_.end() ? nullptr : *found;
}

void DeviceCards::set_devices(const std::vector<DeviceEntry>& devices)
{
    for (auto one = cards_.begin(); one != cards_.end();) {
        if (std::ranges::find(devices, (*one)->device().id, &DeviceEntry::id) != devices.end()) {
            ++one;
            continue;
        }
        group_->removeButton(*one);
        (*one)->hide();
        (*one)->deleteLater();
        one = cards_.erase(one);
    }
    std::vector<DeviceCard*> ordered;
    for (const auto& device : devices) {
        auto* one = card(device.id);
        if (!one) {
            one = new DeviceCard(widget());
            group_->addButton(one);
            connect(one, &DeviceCard::action_clicked, this, &DeviceCards::action_clicked);
        }
        one->show_device(device);
        row_->insertWidget(static_cast<int>(ordered.size()), one);
        ordered.push_back(one);
    }
    cards_ = std::move(ordered);
    if (!group_->checkedButton() && !cards_.empty()) cards_.front()->setChecked(true);
}

const DeviceEntry* DeviceCards::find(const QString& id) const
{
    const auto* found = card(id);
    return found ? &found->device() : nullptr;
}

const DeviceEntry& DeviceCards::chosen() const
{
    static const DeviceEntry none;
    const auto* checked = qobject_cast<const DeviceCard*>(group_->checkedButton());
    return checked ? checked->device() : none;
}

void DeviceCards::choose(const QString& id)
{
    if (auto* wanted = card(id)) wanted->setChecked(true);
}

}  // namespace bitwright::views
