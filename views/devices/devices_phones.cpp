// SPDX-License-Identifier: GPL-3.0-or-later
// The devices there are: adb's list and the Demo phone as cards, and what the chosen one says of itself.
#include "views/devices/devices_page.h"

#include "core/workspace/device_runs.h"
#include "core/workspace/local_machine.h"
#include "views/desk/theme.h"
#include "views/devices/connect_sheet.h"
#include "views/devices/device_cards.h"
#include "views/devices/plan_form.h"
#include "views/devices/runtimes_sheet.h"
#include "views/devices/self_test_sheet.h"
#include "views/devices/timeline_view.h"

#include <QComboBox>
#include <QFile>
#include <QGridLayout>
#include <QGroupBox>
#include <QLabel>
#include <QPushButton>
#include <QTableView>

#include <algorithm>
#include <utility>

namespace bitwright::views {
namespace {

const QString local = QStringLiteral("local"), demo = QStringLiteral("demo");
constexpr int read_again_ms = 15000;

QByteArray demo_scenario()
{
    QFile file(QStringLiteral(":/devices/scenarios/demo.json"));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QString q(std::string_view text) { return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size())); }

}  // namespace

/// Begins to look for phones; nothing after the first time.
void DevicesPage::listen()
{
    if (adb_) return;
    try {
        adb_ = adb_settings_from_environment();
    } catch (const Error& error) {
        problem_->setText(QString::fromUtf8(error.what()));
        problem_->show();
        adb_.emplace();
        return;
    }
    demo_ = std::make_unique<DemoPhoneProcess>(*adb_, demo_scenario());
    connect(demo_.get(), &DemoPhoneProcess::changed, this, &DevicesPage::refresh_cards);
    connect(demo_.get(), &DemoPhoneProcess::failed, this, [this](const QString& sentence) { message_->show_error(sentence); });
    list_ = std::make_unique<DeviceList>(*adb_);
    connect(list_.get(), &DeviceList::changed, this, &DevicesPage::refresh_cards);
    again_.setInterval(read_again_ms);
    connect(&again_, &QTimer::timeout, this, [this] {
        if (isVisible() && cards_->chosen().ready && cards_->chosen().id != local) read_phone(cards_->chosen().serial);
    });
    again_.start();
    refresh_cards();
}

/// Another adb or another port: everything is asked anew.
void DevicesPage::adb_chosen()
{
    if (!adb_) return;
    AdbSettings now;
    try {
        now = adb_settings_from_environment();
    } catch (const Error& error) {
        return message_->show_error(QString::fromUtf8(error.what()));
    }
    if (now.executable == adb_->executable && now.port == adb_->port) return;
    list_.reset();
    demo_.reset();
    delete std::exchange(connecting_, nullptr);
    readings_.clear();
    unread_.clear();
    adb_.reset();
    again_.disconnect(this);
    if (isVisible()) listen();
    else refresh_cards();
}

void DevicesPage::refresh_cards()
{
    std::vector<DeviceEntry> entries{{local, local, tr("This computer"), tr("Ready"), {}, {}, true, false}};
    const auto demo_state = demo_ ? demo_->state() : DemoPhoneProcess::State::off;
    bool demo_listed = false;
    if (list_) {
        for (const auto& phone : list_->phones()) {
            DeviceEntry entry;
            entry.serial = q(phone.serial);
            const bool ours = demo_ && entry.serial == demo_->serial();
            if (ours && demo_state == DemoPhoneProcess::State::off) continue;  // adb has not forgotten it yet
            demo_listed |= ours;
            entry.id = ours ? demo : entry.serial;
            entry.ready = phone.state == ConnectionState::device;
            entry.advice = q(advice(phone.state));
            entry.state = entry.ready ? tr("Ready") : q(state_name(phone.state));
            if (measuring(entry.serial)) entry.state = tr("Measuring");
            entry.name = q(phone.model).replace(QLatin1Char('_'), QLatin1Char(' '));
            entry.simulated = ours || entry.serial.startsWith(QLatin1String("localfilesystem:")) || entry.serial.startsWith(QLatin1String("emulator-"));
            if (const auto read = readings_.find(entry.serial); read != readings_.end()) {
                entry.name = QString::fromStdString(read->second.name);
                entry.simulated = read->second.simulated;
            }
            if (ours) {
                entry.name = tr("Demo phone");
                entry.action = tr("Stop");
                if (entry.ready && !demo_->runs_programs()) {
                    entry.ready = false;
                    entry.advice = tr("It cannot run programs for phones here. Install qemu (sudo apt install qemu-user-static), then start it again.");
                }
            }
            if (entry.name.isEmpty()) entry.name = entry.simulated ? tr("A phone") : entry.serial;
            entries.push_back(std::move(entry));
        }
        for (const auto& [serial, one] : measurements_) {
            const bool listed = std::ranges::find(entries, serial, &DeviceEntry::serial) != entries.end();
            if (one.over || listed || (demo_ && serial == demo_->serial())) continue;
            const auto read = readings_.find(serial);
            entries.push_back({serial, serial, read != readings_.end() ? QString::fromStdString(read->second.name) : serial, tr("Not connected"),
                               tr("Plug it in again: the measurement goes on there and is collected then."), {}, false, read != readings_.end() && read->second.simulated});
        }
        std::erase_if(readings_, [&](const auto& read) { return std::ranges::find(entries, read.first, &DeviceEntry::serial) == entries.end(); });
        std::erase_if(unread_, [&](const auto& read) { return std::ranges::find(entries, read.first, &DeviceEntry::serial) == entries.end(); });
        problem_->setText(list_->problem());
        problem_->setVisible(!list_->problem().isEmpty());
    }
    if (demo_ && !demo_listed) {
        const bool starting = demo_state != DemoPhoneProcess::State::off;
        entries.push_back({demo, {}, tr("Demo phone"), starting ? tr("Starting") : tr("A phone that is not there, to try everything with"), {}, starting ? QString() : tr("Start"), false, true});
    }
    for (const auto& entry : entries)
        if (entry.ready && entry.id != local && !readings_.contains(entry.serial) && !unread_.contains(entry.serial)) read_phone(entry.serial);
    const auto before = cards_->chosen();
    cards_->set_devices(entries);
    if (!wanted_.isEmpty() && cards_->find(wanted_)) cards_->choose(std::exchange(wanted_, QString()));
    const auto& after = cards_->chosen();
    if (!before.id.isEmpty() && before.id != after.id && !cards_->find(before.id)) desk_.say(tr("%1 is not connected any more").arg(before.name));
    if (before != after) device_chosen();
    if (before.id == after.id && after.ready && !before.ready && after.id != local) read_phone(after.serial);
}

void DevicesPage::toggle_demo()
{
    if (!demo_) return;
    if (demo_->state() == DemoPhoneProcess::State::off) {
        message_->dismiss();  // what was said of the one before
        demo_->start();
        cards_->choose(demo);
    } else {
        demo_->stop();
    }
}

void DevicesPage::show_connect()
{
    listen();
    if (!connecting_) connecting_ = new ConnectSheet(*adb_, this);
    connecting_->show();
    connecting_->raise();
    connecting_->activateWindow();
}

void DevicesPage::show_self_test()
{
    if (!testing_) testing_ = new SelfTestSheet(desk_, this);
    testing_->set_device(cards_->chosen());
    testing_->show();
    testing_->raise();
    testing_->activateWindow();
}

void DevicesPage::show_runtimes()
{
    if (!runtimes_) runtimes_ = new RuntimesSheet(desk_, this);
    const auto& device = cards_->chosen();
    QString hexagon;
    if (const auto read = readings_.find(device.serial); read != readings_.end())
        if (const auto* profile = find_soc_profile(known_socs(), read->second.facts)) hexagon = profile->hexagon ? QString::fromStdString(profile->hexagon->architecture) : QString();
    runtimes_->set_phone(device, hexagon, [this] { return plan_->options(); });
    runtimes_->show();
    runtimes_->raise();
    runtimes_->activateWindow();
}

/// The chosen device is another, or is in another state.
void DevicesPage::device_chosen()
{
    const auto& device = cards_->chosen();
    plan_->set_phone(device.id != local);
    for (auto* widget : std::initializer_list<QWidget*>{against_, against_label_, timeline_, script_}) widget->setVisible(device.id != local);
    card_->setTitle(device.name);
    if (testing_ && testing_->isVisible()) testing_->set_device(device);
    show_facts();
    show_runs();
    enable_buttons();
    show_live();
    show_state();
}

void DevicesPage::read_phone(const QString& serial)
{
    if (measuring(serial)) return;  // asking would disturb it
    const AdbTarget target{*adb_, serial.toStdString(), 0};
    calls_.post(serial, [this, target, serial](const Control& control) -> PhoneCalls::Continuation {
        auto reading = std::make_shared<PhoneReading>(bitwright::read_phone(target, control));
        return [this, target, serial, reading] {
            auto& kept = readings_[serial];
            reading->energy = kept.energy;
            kept = *reading;
            unread_.erase(serial);
            refresh_cards();
            if (cards_->chosen().serial == serial) show_facts();
            if (kept.energy || measuring(serial)) return;
            calls_.post(serial, [this, target, serial, reading](const Control& probing) -> PhoneCalls::Continuation {
                auto choice = std::make_shared<SourceChoice>(probe_energy(target, reading->facts, probing));
                return [this, serial, choice] {
                    if (const auto found = readings_.find(serial); found != readings_.end()) found->second.energy = *choice;
                    if (cards_->chosen().serial == serial) show_facts();
                };
            });
        };
    }, [this, serial](const QString& sentence) {
        unread_[serial] = sentence;
        if (cards_->chosen().serial == serial) show_facts();
    });
}

void DevicesPage::read_local_facts()
{
    desk_.lanes().interactive.post(this, QStringLiteral("devices.facts"), [this](const Control&) -> Lane::Continuation {
        const auto conditions = local_conditions("", {}, {});
        return [this, conditions] {
            local_facts_ = facts_of_this_computer(conditions);
            if (cards_->chosen().id == local) show_facts();
        };
    }, [this](const QString& sentence) { message_->show_error(sentence); });
}

void DevicesPage::show_facts()
{
    const auto& device = cards_->chosen();
    const auto read = readings_.find(device.serial);
    const auto unread = unread_.find(device.serial);
    QString step = device.advice;
    if (device.id == demo && device.serial.isEmpty())
        step = tr("A phone that is not there: press Start, and everything that works with a phone works with it, through the real adb. What is measured on it is stored as simulated and never "
                  "compared with hardware.");
    else if (step.isEmpty() && read == readings_.end() && device.id != local)
        step = unread != unread_.end() ? unread->second : tr("Asking the phone what it is…");
    next_step_->setText(step);
    next_step_->setVisible(!step.isEmpty());
    if (device.id == local) fill_facts(local_facts_);
    else if (read != readings_.end()) fill_facts(facts_of_phone(read->second, known_socs()));
    else fill_facts({});
}

void DevicesPage::fill_facts(const std::vector<Fact>& facts)
{
    while (auto* item = facts_->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    int row = 0;
    for (const auto& [name, value, why] : facts) {
        auto* label = new QLabel(name, card_);
        label->setForegroundRole(QPalette::PlaceholderText);
        auto* text = new QLabel(value, card_);
        text->setTextFormat(Qt::PlainText);  // what a phone says is shown, not obeyed
        text->setWordWrap(true);
        text->setTextInteractionFlags(Qt::TextSelectableByMouse);
        text->setToolTip(why.isEmpty() ? QString() : QStringLiteral("<qt>") + why.toHtmlEscaped().replace(QLatin1Char('\n'), QLatin1String("<br>")) + QStringLiteral("</qt>"));
        text->setAccessibleName(name);
        facts_->addWidget(label, row, 0, Qt::AlignTop);
        facts_->addWidget(text, row++, 1);
    }
}

/// The runs of the chosen device.
void DevicesPage::show_runs()
{
    const auto& device = cards_->chosen();
    const auto serial = device.id == demo && demo_ ? demo_->serial() : device.serial;
    const auto identity = device.id == local || serial.isEmpty() ? QString() : QString::fromStdString(device_identity(serial.toStdString()));
    std::vector<ResultRow> shown;
    for (const auto& row : rows_)
        if (row.is_run() && row.device_identity == identity && (device.id == local || !identity.isEmpty())) shown.push_back(row);
    model_.set_rows(std::move(shown));
    table_->setAccessibleName(tr("Last runs on %1").arg(device.name));
    const auto* running = measurement();
    if (proxy_.rowCount() > 0 && (!running || running->over)) table_->setCurrentIndex(proxy_.index(0, ResultsModel::name));
}

}  // namespace bitwright::views
