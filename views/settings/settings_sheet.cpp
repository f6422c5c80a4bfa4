// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/settings/settings_sheet.h"

#include "device_bridge/adb/adb_error.h"
#include "device_bridge/adb/adb_server.h"
#include "views/desk/theme.h"

#include <QComboBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

namespace bitwright::views {

SettingsSheet::SettingsSheet(Desk& desk, QWidget* parent)
    : QDialog(parent), desk_(desk), theme_(new QComboBox(this)), sequence_(new QComboBox(this)), threads_(new QSpinBox(this)), port_(new QSpinBox(this)), adb_(new QLineEdit(this)),
      adb_found_(new QLabel(this)), problem_(new QLabel(this))
{
    setWindowTitle(tr("Settings"));
    setModal(false);
    resize(520, 0);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(16, 16, 16, 16);
    column->setSpacing(12);
    auto* form = new QFormLayout;
    form->setHorizontalSpacing(16);
    theme_->addItems({tr("As the system"), tr("Light"), tr("Dark"), tr("High contrast")});  // in the order of ThemeChoice
    theme_->setAccessibleName(tr("Appearance"));
    form->addRow(tr("&Appearance"), theme_);
    sequence_->addItems({QStringLiteral("viridis"), QStringLiteral("cividis"), QStringLiteral("magma"), tr("grey")});  // in the order of plots::Sequence
    sequence_->setAccessibleName(tr("Colours of maps"));
    form->addRow(tr("&Colours of maps"), sequence_);
    threads_->setRange(0, 1024);
    threads_->setSpecialValueText(tr("all processors"));
    threads_->setAccessibleName(tr("Threads"));
    threads_->setToolTip(tr("Of new measurements on this computer"));
    form->addRow(tr("&Threads"), threads_);
    auto* path = new QHBoxLayout;
    adb_->setPlaceholderText(tr("the first adb in $PATH"));
    adb_->setAccessibleName(tr("Path of adb"));
    auto* choose = new QPushButton(tr("Choose…"), this);
    choose->setAutoDefault(false);
    path->addWidget(adb_, 1);
    path->addWidget(choose);
    auto* label = new QLabel(tr("a&db"), this);
    label->setBuddy(adb_);
    form->addRow(label, path);
    adb_found_->setForegroundRole(QPalette::PlaceholderText);
    adb_found_->setTextFormat(Qt::PlainText);
    form->addRow(QString(), adb_found_);
    port_->setRange(0, 65535);
    port_->setSpecialValueText(tr("5037, adb's own"));
    port_->setAccessibleName(tr("Port of the adb server"));
    form->addRow(tr("&Port of adb"), port_);
    column->addLayout(form);
    problem_->setWordWrap(true);
    problem_->setTextFormat(Qt::PlainText);
    problem_->setAccessibleName(tr("What is wrong"));
    problem_->hide();
    column->addWidget(problem_);
    column->addStretch();
    auto* close = new QPushButton(tr("Close"), this);
    close->setAutoDefault(false);  // Return in a field takes the field
    column->addWidget(close, 0, Qt::AlignRight);
    connect(close, &QPushButton::clicked, this, &QDialog::reject);
    for (auto* box : {theme_, sequence_}) connect(box, &QComboBox::currentIndexChanged, this, &SettingsSheet::take);
    connect(threads_, &QSpinBox::valueChanged, this, &SettingsSheet::take);
    connect(port_, &QSpinBox::editingFinished, this, &SettingsSheet::take_adb);
    connect(adb_, &QLineEdit::editingFinished, this, &SettingsSheet::take_adb);
    connect(choose, &QPushButton::clicked, this, [this] {
        const auto file = QFileDialog::getOpenFileName(this, tr("Which adb?"));
        if (file.isEmpty()) return;
        adb_->setText(file);
        take_adb();
    });
    desk_.actions().add(QStringLiteral("desk.settings"), tr("View"), tr("Settings…"), QKeySequence(QStringLiteral("Ctrl+,")), [this] {
        show();
        raise();
        activateWindow();
    });
}

void SettingsSheet::showEvent(QShowEvent* event)
{
    QDialog::showEvent(event);
    show_settings();
}

void SettingsSheet::show_settings()
{
    const auto& settings = desk_.settings();
    showing_ = true;
    theme_->setCurrentIndex(static_cast<int>(settings.theme));
    sequence_->setCurrentIndex(static_cast<int>(settings.sequence));
    threads_->setValue(settings.threads);
    adb_->setText(settings.adb);
    port_->setValue(settings.adb_port);
    showing_ = false;
    say({});
    try {
        adb_found_->setText(tr("%1 is used").arg(QString::fromStdString(find_adb(adb_settings_from_environment()).string())));
    } catch (const Error& error) {
        adb_found_->setText(QString::fromUtf8(error.what()));
    }
}

void SettingsSheet::take()
{
    if (showing_) return;
    auto& settings = desk_.settings();
    settings.theme = static_cast<ThemeChoice>(theme_->currentIndex());
    settings.sequence = static_cast<plots::Sequence>(sequence_->currentIndex());
    settings.threads = threads_->value();
    Q_EMIT desk_.settings_changed();
}

void SettingsSheet::take_adb()
{
    auto& settings = desk_.settings();
    const auto path = adb_->text().trimmed();
    if (showing_ || (path == settings.adb && port_->value() == settings.adb_port)) return;
    try {
        AdbSettings wanted;
        wanted.executable = path.toStdString();
        if (!path.isEmpty()) (void)find_adb(wanted);
    } catch (const Error& error) {
        return say(QString::fromUtf8(error.what()));
    }
    settings.adb = path;
    settings.adb_port = port_->value();
    choose_adb(path.toStdString(), static_cast<std::uint16_t>(port_->value()));
    Q_EMIT desk_.settings_changed();
    show_settings();
}

void SettingsSheet::say(const QString& sentence)
{
    auto palette = problem_->palette();
    palette.setColor(QPalette::WindowText, signal_colours().error);
    problem_->setPalette(palette);
    problem_->setText(sentence);
    problem_->setVisible(!sentence.isEmpty());
}

}  // namespace bitwright::views
