// SPDX-License-Identifier: GPL-3.0-or-later
// The options of a method, a line each: its name, its value, and an arrow that takes a changed one back to its default. An empty field is the default, which
// it shows. Which options there are comes from the method itself (MethodForecast::options).
// Threading: UI thread.
#pragma once

#include "core/numerics/numerics.h"

#include <QStringList>
#include <QWidget>

#include <map>
#include <vector>

class QGridLayout;
class QLineEdit;
class QToolButton;

namespace bitwright::views {

class OptionList : public QWidget {
    Q_OBJECT
public:
    explicit OptionList(QWidget* parent = nullptr);
    /// Fields for `options`; values that were given stay where the option is still known.
    void set_options(const std::vector<MethodOption>& options);
    /// What differs from the default, "key=value" each.
    [[nodiscard]] QStringList given() const;
    /// Fields appear with the next set_options where there are none yet.
    void give(const QStringList& assignments);

Q_SIGNALS:
    void changed();

private:
    struct Line {
        QLineEdit* value;
        QToolButton* reset;
    };
    Line make(const MethodOption& option);

    QGridLayout* grid_;
    std::map<QString, Line> lines_;
    std::map<QString, QString> given_;  ///< also of options that the method at hand does not have
};

}  // namespace bitwright::views
