// SPDX-License-Identifier: GPL-3.0-or-later
// Devices: this computer, the phones that adb sees and the Demo phone; a plan for the chosen one, its repeats as they arrive, its facts and last runs.
// Invariants: nobody speaks with adb before the page was shown; what waits for a phone never waits in this thread.
// Threading: UI thread; this computer's facts and rows are read on the interactive lane, phones on threads of their own (PhoneCalls).
#pragma once

#include "device_bridge/adb/device_list.h"
#include "device_bridge/adb/phone_calls.h"
#include "device_bridge/run/demo_phone_process.h"
#include "device_bridge/run/phone_reading.h"
#include "plots/curves.h"
#include "views/desk/desk.h"
#include "views/desk/message_line.h"
#include "views/desk/page.h"
#include "views/devices/device_card.h"
#include "views/devices/device_facts.h"
#include "views/results/results_model.h"

#include <QTimer>

#include <map>
#include <optional>

class QComboBox;
class QGridLayout;
class QGroupBox;
class QLabel;
class QProgressBar;
class QPushButton;
class QTableView;

namespace bitwright::views {

class ConnectSheet;
class DeviceCards;
class PlanForm;
class RuntimesSheet;
class SelfTestSheet;
class TimelineView;

class DevicesPage : public Page {
    Q_OBJECT
public:
    explicit DevicesPage(Desk& desk, QWidget* parent = nullptr);
    ~DevicesPage() override;
    [[nodiscard]] QString id() const override { return QStringLiteral("devices"); }
    [[nodiscard]] QString title() const override { return tr("Devices"); }
    void activated() override;
    [[nodiscard]] QJsonObject state() const override;
    void restore(const QJsonObject& state) override;
    /// `measure …` as Start submits it; empty: no stored recipe, or the chosen device cannot be measured on.
    [[nodiscard]] QStringList command() const;
    [[nodiscard]] const DemoPhoneProcess* demo_phone() const noexcept { return demo_.get(); }

protected:
    void showEvent(QShowEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    /// The newest measurement on a device in this session.
    struct Measurement {
        std::int64_t job = 0;
        QString title;
        std::vector<double> repeats, values;  ///< repeats that were told, and their speeds: fast ones come several at a time
        std::int64_t counted = 0, before = 0;  ///< the last repeat of the run under way, and those of earlier runs (two recipes in turns)
        bool decodes = true, over = false;
        std::shared_ptr<const Timeline> timeline;
    };

    QGroupBox* build_card();
    QGroupBox* build_plan();
    QWidget* build_runs();
    QWidget* build_sheets();
    void add_actions();
    void listen();
    void adb_chosen();
    void refresh_cards();
    void device_chosen();
    void toggle_demo();
    void show_connect();
    void show_self_test();
    void show_runtimes();
    void copy_script();
    void follow_script();
    void read_phone(const QString& serial);
    void read_local_facts();
    void show_facts();
    void fill_facts(const std::vector<Fact>& facts);
    void read_runs();
    void show_runs();
    void fill_recipes();
    void enable_buttons();
    void start();
    void evaluate_integer();
    void follow(std::int64_t number);
    void show_state();
    void show_samples();
    void show_live();
    [[nodiscard]] const Measurement* measurement() const;  ///< on the chosen device
    [[nodiscard]] bool measuring(const QString& serial) const;

    Desk& desk_;
    DeviceCards* cards_;
    QLabel* problem_;
    QGroupBox* card_ = nullptr;
    QGridLayout* facts_ = nullptr;
    QLabel* next_step_ = nullptr;
    QComboBox *recipe_ = nullptr, *against_ = nullptr;
    QLabel* against_label_ = nullptr;
    PlanForm* plan_ = nullptr;
    QPushButton *start_ = nullptr, *evaluate_ = nullptr, *script_ = nullptr, *cancel_ = nullptr;
    QLabel* state_ = nullptr;
    QProgressBar* progress_ = nullptr;
    plots::CurvesView* samples_;
    TimelineView* timeline_ = nullptr;
    MessageLine* message_;
    ConnectSheet* connecting_ = nullptr;  ///< both all made when first wanted
    SelfTestSheet* testing_ = nullptr;
    RuntimesSheet* runtimes_ = nullptr;
    std::int64_t script_job_ = 0;  ///< writes the script that is to be copied
    ResultsModel model_;
    ResultsProxy proxy_{model_};
    QTableView* table_;
    std::vector<ResultRow> rows_;  ///< runs on all devices
    std::vector<Fact> local_facts_;
    QString wanted_;               ///< the device of the last session, until it is there
    std::optional<AdbSettings> adb_;
    std::unique_ptr<DeviceList> list_;  ///< from the first time the page is shown
    std::unique_ptr<DemoPhoneProcess> demo_;
    std::map<QString, PhoneReading> readings_;        ///< by serial
    std::map<QString, QString> unread_;               ///< serial: why it could not be read
    std::map<QString, Measurement> measurements_;     ///< by serial; "local"
    QTimer again_;                                    ///< reads the chosen phone's state again
    bool dirty_ = true;
    PhoneCalls calls_;  ///< last: ends before what its continuations touch
};

}  // namespace bitwright::views
