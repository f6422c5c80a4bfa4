// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desk/settings_store.h"

#include <QSettings>

#include <algorithm>

namespace bitwright {
namespace {

template <typename E>
E choice(const QVariant& value, int count)
{
    return static_cast<E>(std::clamp(value.toInt(), 0, count - 1));
}

}  // namespace

views::Settings load_settings()
{
    const QSettings file(QSettings::IniFormat, QSettings::UserScope, QStringLiteral("bitwright"), QStringLiteral("bitwright"));
    views::Settings settings;
    settings.theme = choice<views::ThemeChoice>(file.value(QStringLiteral("theme"), 0), 4);
    settings.sequence = choice<plots::Sequence>(file.value(QStringLiteral("sequence"), 0), 4);
    settings.recent = file.value(QStringLiteral("recent")).toStringList();
    settings.geometry = file.value(QStringLiteral("geometry")).toByteArray();
    settings.docks = file.value(QStringLiteral("docks")).toByteArray();
    settings.lock_wait_seconds = std::clamp(file.value(QStringLiteral("lock_wait_seconds"), settings.lock_wait_seconds).toInt(), 1, 3600);
    settings.threads = std::max(0, file.value(QStringLiteral("threads"), 0).toInt());
    settings.adb = file.value(QStringLiteral("adb")).toString();
    settings.adb_port = std::clamp(file.value(QStringLiteral("adb_port"), 0).toInt(), 0, 65535);
    return settings;
}

void save_settings(const views::Settings& settings)
{
    QSettings file(QSettings::IniFormat, QSettings::UserScope, QStringLiteral("bitwright"), QStringLiteral("bitwright"));
    file.setValue(QStringLiteral("theme"), static_cast<int>(settings.theme));
    file.setValue(QStringLiteral("sequence"), static_cast<int>(settings.sequence));
    file.setValue(QStringLiteral("recent"), settings.recent);
    file.setValue(QStringLiteral("geometry"), settings.geometry);
    file.setValue(QStringLiteral("docks"), settings.docks);
    file.setValue(QStringLiteral("lock_wait_seconds"), settings.lock_wait_seconds);
    file.setValue(QStringLiteral("threads"), settings.threads);
    file.setValue(QStringLiteral("adb"), settings.adb);
    file.setValue(QStringLiteral("adb_port"), settings.adb_port);
}

}  // namespace bitwright
