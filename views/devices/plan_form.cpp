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
    repeats_ = field(0, 2, tr("Repea&ts"), tr("Repeats"), 1, 1000, 5);
    warmup_ = field(1, 0, tr("&Warm-up"), tr("Warm-up runs"), 0, 100, 1);
    threads_ = field(1, 1, tr("T&hreads"), tr("Threads"), 1, 256, threads);
    rest_ = field(2, 0, tr("Re&st"), tr("Rest between runs, seconds"), 0, 3600, 0);
    cool_ = field(2, 1, tr("&Cool to"), tr("Battery temperature to wait for before runs, °C"), 19, 60, 19);
    idle_ = field(2, 2, tr("&Idle"), tr("Idle baseline before and after, seconds"), 0, 3600, 0);
    sustained_ = field(3, 0, tr("S&ustained"), tr("Sustained run, minutes"), 0, 1440, 0);
    batches_ = field(3, 1, tr("&Batches"), tr("Batches"), 1, 10'000, 1);
    const auto check = [&](int row, int column, int columns, const QString& text, const QString& words) {
        auto* box = new QCheckBox(text, this);
        box->setToolTip(words);
        grid->addWidget(box, row, column, 1, columns);
        return box;
    };
    big_cores_ = check(1, 4, 2, tr("Big cores only"), tr("Pins the threads to the phone's fastest cores"));
    conditions_ = check(4, 0, 6, tr("Wait for conditions &fit for energy"),
                        tr("Starts when the battery is 30 to 80 % full, the phone lives from it, its screen is on and nothing throttles; waits for ten minutes and then says what is missing"));
    suspend_ = check(3, 4, 2, tr("Suspend charging"), tr("Asks the plugged phone to live from its battery; undone at the end, or at the next connection"));
    sustained_->setSuffix(tr(" min"));
    sustained_->setSpecialValueText(tr("no"));
    sustained_->setToolTip(tr("Repeats until so long has passed, to see how heat slows the phone"));
    batches_->setToolTip(tr("Does all of that so often, with rest and cooling between: energy wants five of a minute each"));
    idle_->setSuffix(tr(" s"));
    idle_->setSpecialValueText(tr("none"));
    idle_->setToolTip(tr("Idles before and after, so that energy above idle can be given"));
    prompt_->setToolTip(tr("Tokens of the prompt"));
    generate_->setToolTip(tr("Tokens to generate after it"));
    generate_->setSpecialValueText(tr("none"));
    warmup_->setToolTip(tr("Runs before the measured ones: caches and clocks settle"));
    rest_->setSuffix(tr(" s"));
    rest_->setSpecialValueText(tr("none"));
    rest_->setToolTip(tr("Seconds between runs"));
    cool_->setSuffix(tr(" °C"));
    cool_->setSpecialValueText(tr("any heat"));
    cool_->setToolTip(tr("Before the first run and between runs, waits until the battery is this cool, ten minutes at most"));
    for_phones_ = {big_cores_, conditions_, suspend_};
    for (auto* box : {rest_, cool_, idle_, sustained_, batches_}) {
        for_phones_.push_back(box);
        for (auto* label : findChildren<QLabel*>())
            if (label->buddy() == box) for_phones_.push_back(label);
    }
    for (const int column : {1, 3, 5}) grid->setColumnStretch(column, 1);
    for (auto* widget : for_phones_) {  // their places stay, so that nothing moves with the device
        auto policy = widget->sizePolicy();
        policy.setRetainSizeWhenHidden(true);
        widget->setSizePolicy(policy);
    }
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
    if (idle_->value() > 0) add("--idle", idle_);
    if (sustained_->value() > 0) options << QStringLiteral("--seconds") << QString::number(60 * sustained_->value());
    if (batches_->value() > 1) add("--batches", batches_);
    if (conditions_->isChecked()) options << QStringLiteral("--energy-conditions");
    if (suspend_->isChecked()) options << QStringLiteral("--suspend-charging");
    return options;
}

std::vector<std::pair<const char*, QSpinBox*>> PlanForm::numbers() const
{
    return {{"prompt", prompt_}, {"generate", generate_}, {"repeats", repeats_}, {"warmup", warmup_}, {"threads", threads_}, {"rest", rest_}, {"cool", cool_}, {"idle", idle_}, {"sustained", sustained_}, {"batches", batches_}};
}

std::vector<std::pair<const char*, QCheckBox*>> PlanForm::choices() const { return {{"big_cores", big_cores_}, {"energy_conditions", conditions_}, {"suspend_charging", suspend_}}; }

QJsonObject PlanForm::state() const
{
    QJsonObject state;
    for (const auto& [key, box] : numbers()) state[QLatin1String(key)] = box->value();
    for (const auto& [key, box] : choices()) state[QLatin1String(key)] = box->isChecked();
    return state;
}

void PlanForm::restore(const QJsonObject& state)
{
    for (const auto& [key, box] : numbers()) box->setValue(state[QLatin1String(key)].toInt(box->value()));
    for (const auto& [key, box] : choices()) box->setChecked(state[QLatin1String(key)].toBool(false));
}

}  // namespace bitwright::views
