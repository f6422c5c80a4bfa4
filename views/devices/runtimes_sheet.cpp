// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/devices/runtimes_sheet.h"

#include "device_bridge/backends/backend.h"
#include "views/desk/theme.h"

#include <QClipboard>
#include <QComboBox>
#include <QFileDialog>
#include <QFontDatabase>
#include <QFormLayout>
#include <QGuiApplication>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QProcess>
#include <QPushButton>
#include <QVBoxLayout>

namespace bitwright::views {
namespace {

QString q(std::string_view text) { return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size())); }
QString q(const nlohmann::ordered_json& value) { return value.is_string() ? QString::fromStdString(value.get<std::string>()) : QString(); }

}  // namespace

RuntimesSheet::RuntimesSheet(Desk& desk, QWidget* parent)
    : QDialog(parent), desk_(desk), runtime_(new QComboBox(this)), accelerator_(new QComboBox(this)), more_(new QLineEdit(this)), text_(new QPlainTextEdit(this)),
      missing_(new QPushButton(tr("What is &missing"), this)), script_(new QPushButton(tr("&Script"), this)), copy_(new QPushButton(tr("&Copy"), this)), store_(new QPushButton(tr("Store what it measured…"), this)),
      state_(new QLabel(this))
{
    setWindowTitle(tr("Runtimes of others"));
    setModal(false);
    resize(760, 560);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(16, 16, 16, 16);
    column->setSpacing(12);
    auto* words = new QLabel(tr("Bitwright ships none of these. Choose your folder with one, built for Android: the script that would run it is written for the chosen phone and the plan beside it, "
                                "you run it, and what it left is stored with the proof of where it computed."),
                             this);
    words->setWordWrap(true);
    words->setForegroundRole(QPalette::PlaceholderText);
    column->addWidget(words);
    auto* form = new QFormLayout;
    form->setHorizontalSpacing(16);
    for (const auto id : backends::backend_ids())
        if (id != "bitwright") runtime_->addItem(q(backends::make_backend(id)->name()), q(id));
    runtime_->setAccessibleName(tr("Runtime"));
    form->addRow(tr("&Runtime"), runtime_);
    for (const auto& [name, id] : {std::pair{tr("processor"), "cpu"}, {tr("graphics"), "gpu"}, {tr("NPU"), "npu"}}) accelerator_->addItem(name, QLatin1String(id));
    accelerator_->setAccessibleName(tr("Accelerator"));
    form->addRow(tr("&On the"), accelerator_);
    folder_ = path(tr("Folder of the runtime"), true);
    form->addRow(tr("&Folder"), folder_->parentWidget());
    model_ = path(tr("Model file"), false);
    form->addRow(tr("Mo&del"), model_->parentWidget());
    more_->setPlaceholderText(QStringLiteral("tokenizer=FILE input=FILE config=FILE"));
    more_->setAccessibleName(tr("More files"));
    form->addRow(tr("More &files"), more_);
    column->addLayout(form);
    auto* buttons = new QHBoxLayout;
    for (auto* button : {missing_, script_, copy_, store_}) {
        button->setAutoDefault(false);
        buttons->addWidget(button);
    }
    buttons->addStretch();
    column->addLayout(buttons);
    state_->setWordWrap(true);
    state_->setTextFormat(Qt::PlainText);
    state_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    state_->setAccessibleName(tr("What came of it"));
    column->addWidget(state_);
    text_->setReadOnly(true);
    text_->setLineWrapMode(QPlainTextEdit::NoWrap);
    text_->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    text_->setAccessibleName(tr("Script"));
    column->addWidget(text_, 1);
    copy_->setEnabled(false);
    connect(missing_, &QPushButton::clicked, this, &RuntimesSheet::ask_missing);
    connect(script_, &QPushButton::clicked, this, &RuntimesSheet::ask_script);
    connect(copy_, &QPushButton::clicked, this, [this] { QGuiApplication::clipboard()->setText(text_->toPlainText()); });
    connect(store_, &QPushButton::clicked, this, &RuntimesSheet::store);
    connect(&desk_.jobs(), &JobQueue::changed, this, &RuntimesSheet::follow);
    connect(&desk_.jobs(), &JobQueue::finished, this, &RuntimesSheet::follow);
}

QLineEdit* RuntimesSheet::path(const QString& name, bool folder)
{
    auto* box = new QWidget(this);
    auto* row = new QHBoxLayout(box);
    row->setContentsMargins(0, 0, 0, 0);
    auto* line = new QLineEdit(box);
    line->setAccessibleName(name);
    auto* choose = new QPushButton(tr("Choose…"), box);
    choose->setAccessibleName(tr("Choose: %1").arg(name));
    choose->setAutoDefault(false);
    row->addWidget(line, 1);
    row->addWidget(choose);
    connect(choose, &QPushButton::clicked, this, [this, line, name, folder] {
        const auto chosen = folder ? QFileDialog::getExistingDirectory(this, name) : QFileDialog::getOpenFileName(this, name);
        if (!chosen.isEmpty()) line->setText(chosen);
    });
    return line;
}

void RuntimesSheet::set_phone(const DeviceEntry& device, const QString& hexagon, std::function<QStringList()> plan)
{
    device_ = device;
    hexagon_ = hexagon;
    plan_ = std::move(plan);
}

void RuntimesSheet::showEvent(QShowEvent* event)
{
    QDialog::showEvent(event);
    const bool phone = !device_.serial.isEmpty() && device_.id != QLatin1String("local");
    say(phone ? tr("For %1").arg(device_.name) : tr("Choose a phone on its card first: the script is written for it."));
    script_->setEnabled(phone);
    store_->setEnabled(phone);
}

QStringList RuntimesSheet::runtime_options() const
{
    QStringList options{QStringLiteral("--runtime"), folder_->text().trimmed(), QStringLiteral("--accelerator"), accelerator_->currentData().toString()};
    if (!hexagon_.isEmpty()) options << QStringLiteral("--hexagon") << hexagon_;
    return options;
}

void RuntimesSheet::ask_missing()
{
    if (folder_->text().trimmed().isEmpty()) return say(tr("Choose the folder of the runtime first"), true);
    run(tr("What %1 lacks").arg(folder_->text()), QStringList{QStringLiteral("backends"), QStringLiteral("list")} + runtime_options(), [this](const nlohmann::ordered_json& result) {
        QString all;
        for (const auto& one : result.value("backends", nlohmann::ordered_json::array())) {
            if (q(one["backend"]) == QLatin1String("bitwright")) continue;
            all += q(one["name"]) + QStringLiteral(": ") + (one.value("ok", false) ? tr("everything is there") : q(one["reason"])) + QLatin1Char('\n');
            for (const auto& file : one["missing"]) all += tr("    missing: %1").arg(q(file)) + QLatin1Char('\n');
        }
        text_->setPlainText(all);
        copy_->setEnabled(true);
        say(tr("What this folder has for each runtime"));
    });
}

void RuntimesSheet::ask_script()
{
    if (folder_->text().trimmed().isEmpty() || model_->text().trimmed().isEmpty()) return say(tr("Choose the folder of the runtime and the model file first"), true);
    const auto plan = plan_ ? plan_().mid(0, 10) : QStringList();  // --prompt-tokens … --threads
    run(tr("Script for %1").arg(runtime_->currentText()),
        QStringList{QStringLiteral("backends"), QStringLiteral("script"), runtime_->currentData().toString(), QStringLiteral("model=") + model_->text().trimmed()} + QProcess::splitCommand(more_->text()) +
            runtime_options() + QStringList{QStringLiteral("--device"), device_.serial} + plan + QStringList{QStringLiteral("--json")},
        [this](const nlohmann::ordered_json& result) {
            text_->setPlainText(q(result.value("script", nlohmann::ordered_json())));
            copy_->setEnabled(true);
            say(tr("Run it in an empty folder; then store what it measured."));
        });
}

void RuntimesSheet::store()
{
    if (!desk_.workspace()) return say(tr("Open a workspace first"), true);
    if (model_->text().trimmed().isEmpty()) return say(tr("Choose the model file first: the run is stored with it"), true);
    const auto folder = QFileDialog::getExistingDirectory(this, tr("The folder in which the script ran"));
    if (folder.isEmpty()) return;
    const auto plan = plan_ ? plan_() : QStringList();
    const auto planned = [&](const char* option) { return plan.value(plan.indexOf(QLatin1String(option)) + 1); };
    run(tr("What %1 measured").arg(runtime_->currentText()),
        {QStringLiteral("backends"), QStringLiteral("read"), runtime_->currentData().toString(), folder, QStringLiteral("--accelerator"), accelerator_->currentData().toString(), QStringLiteral("--model"),
         model_->text().trimmed(), QStringLiteral("--device"), device_.serial, QStringLiteral("--prompt-tokens"), planned("--prompt-tokens"), QStringLiteral("--generate"), planned("--generate"),
         QStringLiteral("--threads"), planned("--threads"), QStringLiteral("-w"), desk_.workspace_path()},
        [this](const nlohmann::ordered_json& result) {
            const auto run = q(result.value("run", nlohmann::ordered_json())), offload = q(result.value("offload", nlohmann::ordered_json()));
            if (result.value("complete", false)) say(tr("Stored as %1. Where it computed: %2").arg(run, offload));
            else say(tr("Stored as %1, aborted: %2").arg(run, q(result.value("error", nlohmann::ordered_json()))), true);
            desk_.refresh();
        });
}

void RuntimesSheet::run(const QString& title, const QStringList& command, std::function<void(const nlohmann::ordered_json&)> done)
{
    if (job_ != 0) return;
    desk_.actions().set_command_line(command);
    done_ = std::move(done);
    say(tr("Looking…"));
    job_ = desk_.jobs().submit(title, command);
    follow(job_);
}

void RuntimesSheet::follow(std::int64_t number)
{
    if (number != job_ || job_ == 0) return;
    const auto job = desk_.jobs().job(number);
    if (!job || !is_over(job->phase)) return;
    job_ = 0;
    if (job->phase == JobPhase::done) done_(job->result);
    else say(job->phase == JobPhase::failed ? job->message : tr("Cancelled."), true);
}

void RuntimesSheet::say(const QString& sentence, bool error)
{
    state_->setStyleSheet(error ? QStringLiteral("color: %1").arg(signal_colours().error.name()) : QString());
    state_->setText(sentence);
}

}  // namespace bitwright::views
