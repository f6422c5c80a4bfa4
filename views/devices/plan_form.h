// SPDX-License-Identifier: GPL-3.0-or-later
// What a measurement asks of a device, as the options of `measure`. What only phones understand shows for phones alone.
// Threading: UI thread.
#pragma once

#include <QJsonObject>
#include <QStringList>
#include <QWidget>

#include <utility>
#include <vector>

class QCheckBox;
class QSpinBox;

namespace bitwright::views {

class PlanForm : public QWidget {
    Q_OBJECT
public:
    PlanForm(int threads, QWidget* parent = nullptr);
    void set_phone(bool phone);
    [[nodiscard]] QStringList options() const;
    [[nodiscard]] bool decodes() const;
    [[nodiscard]] QJsonObject state() const;
    void restore(const QJsonObject& state);

private:
    [[nodiscard]] std::vector<std::pair<const char*, QSpinBox*>> numbers() const;  ///< by their key
    [[nodiscard]] std::vector<std::pair<const char*, QCheckBox*>> choices() const;
    QSpinBox *prompt_, *generate_, *repeats_, *warmup_, *threads_, *rest_, *cool_, *idle_, *sustained_, *batches_;
    QCheckBox *big_cores_, *conditions_, *suspend_;
    std::vector<QWidget*> for_phones_;
};

}  // namespace bitwright::views
