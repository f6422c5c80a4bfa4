// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/start/sample.h"

#include "views/desk/desk.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>

namespace bitwright::views {
namespace {
const QString sample_name = QStringLiteral("Bitwright-Sample-2M");
}

bool is_model_folder(const QString& folder) { return QFileInfo::exists(folder + QStringLiteral("/config.json")); }

QString sample_folder()
{
    QDir folder(QCoreApplication::applicationDirPath());
    for (int up = 0; up < 5; ++up) {
        for (const auto* place : {"share/bitwright/models/", "resources/models/"}) {
            const QString candidate = folder.filePath(QLatin1String(place) + sample_name);
            if (is_model_folder(candidate)) return QDir::cleanPath(candidate);
        }
        if (!folder.cdUp()) break;
    }
    return {};
}

QString sample_copy_folder() { return Desk::data_folder() + QLatin1Char('/') + sample_name + QStringLiteral("-outliers"); }

}  // namespace bitwright::views
