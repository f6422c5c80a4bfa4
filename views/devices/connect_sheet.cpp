// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/devices/connect_sheet.h"

#include "device_bridge/adb/wireless.h"
#include "views/desk/theme.h"

#include <QFormLayout>
#include <QGroupBox>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>

namespace bitwright::views {

ConnectSheet::ConnectSheet(AdbSettings adb, QWidget* parent)
    : QDialog(parent), adb_(std::move(adb)), address_(new QLineEdit(this)), pair_address_(new QLineEdit(this)), code_(new QLineEdit(this)), connect_(new QPushButton(tr("C&onnect"), this)),
      pair_(new QPushButton(tr("&Pair"), this)), pairing_(new QGroupBox(tr("Pair once (Android 11 and newer)"), this)), no_pairing_(new QLabel(this)), answer_(new QLabel(this))
{
    setWindowTitle(tr("Connect a phone over Wi-Fi"));
    setModal(false);
    resize(520, 0);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(16, 16, 16, 16);
    column->setSpacing(12);
    auto* words = new QLabel(tr("On the phone: Settings, Developer options, Wireless debugging. An older phone: connect it by cable once and run “adb tcpip 5555”."), this);
    words->setWordWrap(true);
    words->setForegroundRole(QPalette::PlaceholderText);
    column->addWidget(words);
    auto* form = new QFormLayout;
    address_->setPlaceholderText(QStringLiteral("192.168.1.20:5555"));
    address_->setAccessibleName(tr("Address of the phone"));
    form->addRow(tr("&Address"), address_);
    column->addLayout(form);
    column->addWidget(connect_, 0, Qt::AlignRight);
    auto* pairing = new QFormLayout(pairing_);
    pair_address_->setPlaceholderText(QStringLiteral("192.168.1.20:37099"));
    pair_address_->setAccessibleName(tr("Address for pairing"));
    code_->setPlaceholderText(tr("six digits"));
    code_->setAccessibleName(tr("Pairing code"));
    pairing->addRow(tr("A&ddress"), pair_address_);
    pairing->addRow(tr("&Code"), code_);
    pairing->addRow(pair_);
    column->addWidget(pairing_);
    no_pairing_->setWordWrap(true);
    no_pairing_->setText(tr("This computer's adb cannot pair with a code (Android platform tools 30 or newer can)."));
    no_pairing_->setForegroundRole(QPalette::PlaceholderText);
    column->addWidget(no_pairing_);
    pairing_->hide();
    no_pairing_->hide();
    answer_->setWordWrap(true);
    answer_->setTextFormat(Qt::PlainText);
    answer_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    answer_->setAccessibleName(tr("What adb answered"));
    answer_->hide();
    column->addWidget(answer_);
    column->addStretch();
    connect_->setDefault(true);
    pair_->setAutoDefault(false);
    connect(connect_, &QPushButton::clicked, this, &ConnectSheet::connect_now);
    connect(pair_, &QPushButton::clicked, this, &ConnectSheet::pair_now);
}

void ConnectSheet::showEvent(QShowEvent* event)
{
    QDialog::showEvent(event);
    address_->setFocus();
    make_room();
    ask_pairing();
}

void ConnectSheet::make_room()
{
    layout()->activate();
    resize(width(), std::max(height(), layout()->heightForWidth(width())));
}

void ConnectSheet::ask_pairing()
{
    calls_.post(QStringLiteral("pairing"), [this, adb = adb_](const Control& control) -> PhoneCalls::Continuation {
        const bool can = can_pair(adb, control);
        return [this, can] {
            pairing_->setVisible(can);
            no_pairing_->setVisible(!can);
            make_room();
        };
    }, [this](const QString& sentence) { say(sentence, true); });
}

void ConnectSheet::say(const QString& sentence, bool error)
{
    answer_->setStyleSheet(QStringLiteral("color: %1").arg((error ? signal_colours().error : signal_colours().good).name()));
    answer_->setText(sentence);
    answer_->show();
    make_room();
}

void ConnectSheet::connect_now()
{
    const auto address = address_->text().trimmed();
    connect_->setEnabled(false);
    say(tr("Connecting…"), false);
    const bool began = calls_.post(QStringLiteral("connect"), [this, adb = adb_, address](const Control& control) -> PhoneCalls::Continuation {
        const auto serial = QString::fromStdString(connect_phone(adb, address.toStdString(), control));
        return [this, serial] {
            connect_->setEnabled(true);
            say(tr("%1 is connected").arg(serial), false);
            Q_EMIT connected(serial);
        };
    }, [this](const QString& sentence) {
        connect_->setEnabled(true);
        say(sentence, true);
    });
    if (!began) connect_->setEnabled(true);
}

void ConnectSheet::pair_now()
{
    const auto address = pair_address_->text().trimmed(), code = code_->text().trimmed();
    pair_->setEnabled(false);
    const bool began = calls_.post(QStringLiteral("pair"), [this, adb = adb_, address, code](const Control& control) -> PhoneCalls::Continuation {
        pair_phone(adb, address.toStdString(), code.toStdString(), control);
        return [this] {
            pair_->setEnabled(true);
            code_->clear();
            say(tr("Paired. Now connect to the address under “Wireless debugging”."), false);
        };
    }, [this](const QString& sentence) {
        pair_->setEnabled(true);
        say(sentence, true);
    });
    if (!began) pair_->setEnabled(true);
}

}  // namespace bitwright::views
