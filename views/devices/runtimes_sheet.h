// SPDX-License-Identifier: GPL-3.0-or-later
// Runtimes of others on the chosen phone (llama.cpp, QNN, Genie, ExecuTorch, LiteRT, ONNX Runtime): what the user's folder lacks, the script that would run one,
// to be copied, and what it left, stored as a run with the proof of where it computed.
// Invariants: not modal; nothing is run on the phone from here; every button is a command of bitwright-cli backends.
// Threading: UI thread.
#pragma once

#include "views/desk/desk.h"
#include "views/devices/device_card.h"

#include <QDialog>

#include <functional>

class QComboBox;
class QLabel;
class QLineEdit;
class QPlainTextEdit;
class QPushButton;

namespace bitwright::views {

class RuntimesSheet : public QDialog {
    Q_OBJECT
public:
    explicit RuntimesSheet(Desk& desk, QWidget* parent = nullptr);
    /// The phone, its Hexagon version ("" unknown), and what is planned, as options of `measure`.
    void set_phone(const DeviceEntry& device, const QString& hexagon, std::function<QStringList()> plan);

protected:
    void showEvent(QShowEvent* event) override;

private:
    [[nodiscard]] QStringList runtime_options() const;
    void ask_missing();
    void ask_script();
    void store();
    void run(const QString& title, const QStringList& command, std::function<void(const nlohmann::ordered_json&)> done);
    void follow(std::int64_t number);
    void say(const QString& sentence, bool error = false);
    QLineEdit* path(const QString& name, bool folder);

    Desk& desk_;
    DeviceEntry device_;
    QString hexagon_;
    std::function<QStringList()> plan_;
    QComboBox *runtime_, *accelerator_;
    QLineEdit *folder_ = nullptr, *model_ = nullptr, *more_;
    QPlainTextEdit* text_;
    QPushButton *missing_, *script_, *copy_, *store_;
    QLabel* state_;
    std::int64_t job_ = 0;
    std::function<void(const nlohmann::ordered_json&)> done_;
};

}  // namespace bitwright::views
