// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/devices/plan_form.h"

#include <QCheckBox>
#include <QGridLayout>
#include <QLabel>
#include <QSpinBox>

namespace bitwright::views {

PlanForm::PlanForm(int threads, QWidget* parent) : QWidget(parent)
{
    auto* grid = new QGridLayout(this);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->setHorizontalSpacing(8);
    grid->setVerticalSpacing(4);
    const auto field = [&](int row, int column, const QString& text, const QString& name, int low, int high, int value) {
        auto* box = new QSpinBox(this);
        box->setRange(low, high);
        box->setValue(value);
        box->setAccessibleName(name);
        box->setGroupSeparatorShown(true);
        box->setAlignment(Qt::AlignRight);
        box->setMinimumWidth(76);
        auto* label = new QLabel(text, this);
        label->setBuddy(box);
        grid->addWidget(label, row, 2 * column);
        grid->addWidget(box, row, 2 * column + 1);
        return box;
    };
    prompt_ = field(0, 0, tr("&Prompt"), tr("Prompt tokens"), 1, 1'000'000, 64);
    generate_ = field(0, 1, tr("&Generate"), tr("Generated tokens"), 0, 1'000'000, 16);
    repeats_ = field(1, 0, tr("Repea&ts"), tr("Repeats"), 1, 1000, 5);
    warmup_ = field(1, 1, tr("&Warm-up"), tr("Warm-up runs"), 0, 100, 1);
    threads_ = field(2, 0, tr("T&hreads"), tr("Threads"), 1, 256, threads);
    big_cores_ = new QCheckBox(tr("&Big cores only"), this);
    big_cores_->setToolTip(tr("Pins the threads to the phone's fastest cores"));
    grid->addWidget(big_cores_, 2, 2, 1, 2);
    rest_ = field(3, 0, tr("Re&st"), tr("Rest between runs, seconds"), 0, 3600, 0);
    cool_ = field(3, 1, tr("&Cool to"), tr("Battery temperature to wait for between runs, °C"), 19, 60, 19);
    prompt_->setToolTip(tr("Tokens of the prompt"));
    generate_->setToolTip(tr("Tokens to generate after it"));
    generate_->setSpecialValueText(tr("none"));
    warmup_->setToolTip(tr("Runs before the measured ones: caches and clocks settle"));
    rest_->setSuffix(tr(" s"));
    rest_->setSpecialValueText(tr("none"));
    rest_->setToolTip(tr("Seconds between runs"));
    cool_->setSuffix(tr(" °C"));
    cool_->setSpecialValueText(tr("any heat"));
    cool_->setToolTip(tr("Between runs, waits until the battery is this cool, ten minutes at most"));
    for (auto* widget : {static_cast<QWidget*>(big_cores_), static_cast<QWidget*>(rest_), static_cast<QWidget*>(cool_)}) {  // their places stay, so that nothing moves with the device
        auto policy = widget->sizePolicy();
        policy.setRetainSizeWhenHidden(true);
        widget->setSizePolicy(policy);
    }
    for_phones_ = {big_cores_, rest_, cool_, grid->itemAtPosition(3, 0)->widget(), grid->itemAtPosition(3, 2)->widget()};
    grid->setColumnStretch(1, 1);
    grid->setColumnStretch(3, 1);
    set_phone(false);
}

void PlanForm::set_phone(bool phone)
{
    for (auto* widget : for_phones_) widget->setVisible(phone);
}

bool PlanForm::decodes() const { return generate_->value() > 0; }

QStringList PlanForm::options() const
{
    QStringList options;
    const auto add = [&](const char* option, const QSpinBox* box) { options << QLatin1String(option) << QString::number(box->value()); };
    add("--prompt-tokens", prompt_);
    add("--generate", generate_);
    add("--repeats", repeats_);
    add("--warmup", warmup_);
    add("--threads", threads_);
    if (big_cores_->isHidden()) return options;
    if (big_cores_->isChecked()) options << QStringLiteral("--big-cores");
    if (rest_->value() > 0) add("--rest", rest_);
    if (cool_->value() > cool_->minimum()) add("--cool-to", cool_);
    return options;
}

QJsonObject PlanForm::state() const
{
    return {{QStringLiteral("prompt"), prompt_->value()}, {QStringLiteral("generate"), generate_->value()}, {QStringLiteral("repeats"), repeats_->value()},
            {QStringLiteral("warmup"), warmup_->value()}, {QStringLiteral("threads"), threads_->value()},   {QStringLiteral("rest"), rest_->value()},
            {QStringLiteral("cool"), cool_->value()},     {QStringLiteral("big_cores"), big_cores_->isChecked()}};
}

void PlanForm::restore(const QJsonObject& state)
{
    const auto put = [&](const char* key, QSpinBox* box) { box->setValue(state[QLatin1String(key)].toInt(box->value())); };
    put("prompt", prompt_);
    put("generate", generate_);
    put("repeats", repeats_);
    put("warmup", warmup_);
    put("threads", threads_);
    put("rest", rest_);
    put("cool", cool_);
    big_cores_->setChecked(state[QStringLiteral("big_cores")].toBool(false));
}

}  // namespace bitwright::views
