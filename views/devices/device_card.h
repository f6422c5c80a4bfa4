// SPDX-License-Identifier: GPL-3.0-or-later
// One device as a card that can be chosen: name, state, the next step in words, the badge of a simulated one; perhaps a button of its own.
// Threading: UI thread.
#pragma once

#include <QAbstractButton>

class QPushButton;

namespace bitwright::views {

struct DeviceEntry {
    QString id;      ///< "local", "demo", else the serial
    QString serial;  ///< as --device takes it; "" when it cannot be measured on
    QString name, state;
    QString advice;  ///< what the user can do; "" when there is nothing to do
    QString action;  ///< of the card's own button; "" none
    bool ready = false, simulated = false;
    friend bool operator==(const DeviceEntry&, const DeviceEntry&) = default;
};

class DeviceCard : public QAbstractButton {
    Q_OBJECT
public:
    explicit DeviceCard(QWidget* parent = nullptr);
    void show_device(const DeviceEntry& entry);
    [[nodiscard]] const DeviceEntry& device() const noexcept { return entry_; }
    [[nodiscard]] QSize sizeHint() const override;

Q_SIGNALS:
    void action_clicked(const QString& id);

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void place_button();
    DeviceEntry entry_;
    QPushButton* button_;
};

}  // namespace bitwright::views
