// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/optimize/method_form.h"

#include "core/numerics/method_list.h"
#include "core/numerics/numerics.h"
#include "core/recipe/edits.h"
#include "core/workspace/calibrations.h"
#include "views/desk/formats.h"
#include "views/desk/theme.h"
#include "views/optimize/option_list.h"

#include <QCheckBox>
#include <QComboBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>
#include <map>
#include <ranges>

namespace bitwright::views {
namespace {

constexpr int quick_steps = 64, thorough_steps = 512;
constexpr int paper_epochs = 60;  ///< mobilequant §5.1; the method's own default
enum Length { quick, thorough, longest, own };  ///< rows of the preset's box; longest: the method's own long one, or the paper's epochs

QSpinBox* bits(int low, int high, int value, const QString& name)
{
    auto* box = new QSpinBox;
    box->setRange(low, high);
    box->setValue(value);
    box->setSuffix(MethodForm::tr(" bit"));
    box->setAccessibleName(name);
    return box;
}

}  // namespace

MethodForm::MethodForm(Desk& desk, QWidget* parent) : QWidget(parent), desk_(desk)
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 8, 0);
    rows_ = new QFormLayout;
    rows_->setHorizontalSpacing(8);
    rows_->setVerticalSpacing(6);
    rows_->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    method_ = new QComboBox;
    for (const MethodInfo& info : method_list() | std::views::reverse) {  // the most capable first
        const auto name = QString::fromStdString(std::string(info.name));
        method_->addItem(method_title(name), name);
        method_->setItemData(method_->count() - 1, QString::fromStdString(std::string(info.summary)), Qt::ToolTipRole);
    }
    method_->setAccessibleName(tr("Method"));
    weights_ = bits(2, 8, 8, tr("Bits of weights"));
    activations_ = bits(4, 8, 8, tr("Bits of activations"));
    symmetric_ = new QCheckBox(tr("Symmetric weights"));
    start_ = new QComboBox;
    start_->setAccessibleName(tr("Start"));
    start_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);  // long names do not widen the form
    start_->setMinimumContentsLength(12);
    range_ = new QComboBox;
    range_->addItem(tr("The method's own"), QString());
    range_->addItem(tr("Min and max"), QStringLiteral("minmax"));
    range_->addItem(tr("99.9 %"), QStringLiteral("percentile:99.9"));
    range_->addItem(tr("99.99 %"), QStringLiteral("percentile:99.99"));
    range_->addItem(tr("Least squares"), QStringLiteral("mse"));
    range_->addItem(tr("Best of these, by site"), QStringLiteral("best"));
    range_->addItem(tr("Output error (SeqMSE)"), QStringLiteral("seqmse"));
    range_->setAccessibleName(tr("Ranges"));
    rows_->addRow(tr("&Method"), method_);
    rows_->addRow(tr("&Weights"), weights_);
    rows_->addRow(tr("&Activations"), activations_);
    rows_->addRow(QString(), symmetric_);
    rows_->addRow(tr("&Start from"), start_);
    rows_->addRow(tr("&Ranges"), range_);
    length_ = new QComboBox;
    length_->setAccessibleName(tr("Preset"));
    length_->addItems({tr("Quick"), tr("Thorough"), tr("Paper"), tr("Own")});
    steps_ = new QSpinBox;
    steps_->setRange(0, 1'000'000);
    steps_->setValue(quick_steps);
    steps_->setAccessibleName(tr("Steps"));
    holdout_ = new QLineEdit;
    holdout_->setPlaceholderText(tr("none"));
    holdout_->setAccessibleName(tr("Held-out text"));
    holdout_->setToolTip(tr("A text the method does not see: its loss tells whether more steps still help"));
    auto* choose = new QToolButton;
    choose->setText(QStringLiteral("…"));
    choose->setAccessibleName(tr("Choose the held-out text"));
    auto* line = new QHBoxLayout;
    line->setContentsMargins(0, 0, 0, 0);
    line->addWidget(holdout_, 1);
    line->addWidget(choose);
    rows_->addRow(tr("&Preset"), length_);
    rows_->addRow(tr("S&teps"), steps_);
    auto* held_out = new QLabel(tr("&Held out"));
    held_out->setBuddy(holdout_);
    rows_->addRow(held_out, line);
    holdout_row_ = line;
    column->addLayout(rows_);

    more_ = new QToolButton;
    more_->setText(tr("All options"));
    more_->setObjectName(QStringLiteral("all_options"));
    more_->setCheckable(true);
    more_->setAutoRaise(true);
    more_->setArrowType(Qt::RightArrow);
    more_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    column->addWidget(more_);
    options_ = new OptionList;
    options_->hide();
    column->addWidget(options_);
    forecast_ = new QLabel;
    forecast_->setObjectName(QStringLiteral("forecast"));
    forecast_->setWordWrap(true);
    forecast_->setTextFormat(Qt::PlainText);
    column->addWidget(forecast_);
    run_ = new QPushButton(tr("Start"));
    run_->setObjectName(QStringLiteral("start"));
    run_->setDefault(true);
    column->addWidget(run_);
    column->addStretch();

    connect(choose, &QToolButton::clicked, this, [this] {
        const auto file = QFileDialog::getOpenFileName(this, tr("Held-out text"), QFileInfo(holdout_->text()).absolutePath());
        if (!file.isEmpty()) holdout_->setText(file);
    });
    connect(run_, &QPushButton::clicked, this, &MethodForm::start_wanted);
    connect(method_, &QComboBox::currentIndexChanged, this, &MethodForm::show_fields);
    connect(length_, &QComboBox::currentIndexChanged, this, &MethodForm::show_fields);
    for (auto* box : {weights_, activations_, steps_}) connect(box, &QSpinBox::valueChanged, this, &MethodForm::forecast);
    connect(options_, &OptionList::changed, this, &MethodForm::forecast);
    connect(more_, &QToolButton::toggled, this, [this](bool open) {
        more_->setArrowType(open ? Qt::DownArrow : Qt::RightArrow);
        options_->setVisible(open);
    });
    connect(start_, &QComboBox::currentIndexChanged, this, [this] {
        start_->setToolTip(start_->currentText());
        forecast();
    });
    show_fields();
}

const MethodInfo& MethodForm::method() const { return *find_method(method_->currentData().toString().toStdString()); }
bool MethodForm::optimizes() const { return method().optimizes; }

QString MethodForm::preset() const
{
    const auto& presets = method().presets;
    const auto row = static_cast<std::size_t>(length_->currentIndex());
    return row < presets.size() ? QString::fromStdString(std::string(presets[row])) : QString();
}

void MethodForm::show_fields()
{
    rows_->setRowVisible(length_, optimizes());
    rows_->setRowVisible(steps_, optimizes());
    rows_->setRowVisible(holdout_row_, optimizes());
    const auto windows = desk_.calibration() ? desk_.calibration()->windows : 0;
    const bool owned = length_->currentIndex() == own, knows = !method().presets.empty();
    length_->setItemText(longest, knows ? tr("Long") : tr("Paper"));
    steps_->setEnabled(owned);
    if (!knows && length_->currentIndex() == quick) steps_->setValue(quick_steps);
    if (!knows && length_->currentIndex() == thorough) steps_->setValue(thorough_steps);
    if (!knows && length_->currentIndex() == longest && windows > 0) steps_->setValue(static_cast<int>(paper_epochs * windows));
    length_->setToolTip(knows ? tr("Quick: no steps. Thorough: as many as pay. Long: more, for the last bit. Own: as you say.")
                              : tr("Quick: %1 steps. Thorough: %2. Paper: %3 epochs over the calibration's windows. Own: as you say.").arg(quick_steps).arg(thorough_steps).arg(paper_epochs));
    forecast();
}

void MethodForm::refresh()
{
    const QSignalBlocker blocker(start_);
    const auto chosen = start_->currentData();
    start_->clear();
    start_->addItem(tr("The plain model"), 0);
    const auto head = desk_.revisions().head();
    for (const auto& revision : desk_.revisions().all()) {
        if (revision->row.id == 0 || start_->count() > 40) continue;
        const auto name = recipe_title(revision->row);
        start_->addItem(revision == head ? tr("recipe:%1 (open) · %2").arg(revision->row.id).arg(name) : tr("recipe:%1 · %2").arg(revision->row.id).arg(name), static_cast<qlonglong>(revision->row.id));
    }
    start_->setCurrentIndex(std::max(0, start_->findData(chosen)));
    show_fields();
}

void MethodForm::start_from(std::int64_t row)
{
    refresh();
    start_->setCurrentIndex(std::max(0, start_->findData(static_cast<qlonglong>(row))));
}

QString MethodForm::title() const { return tr("%1 W%2A%3").arg(method_->currentText()).arg(weights_->value()).arg(activations_->value()); }

QStringList MethodForm::arguments() const
{
    if (!desk_.model() || !desk_.calibration()) return {};
    QStringList arguments{QStringLiteral("quantize"), desk_.model_folder(), QStringLiteral("--calibration"), QStringLiteral("calibration:%1").arg(desk_.calibration()->id), QStringLiteral("--method"),
                          method_->currentData().toString(), QStringLiteral("--weights"), QString::number(weights_->value()), QStringLiteral("--activations"), QString::number(activations_->value()),
                          QStringLiteral("--seed"), QStringLiteral("0")};
    if (symmetric_->isChecked()) arguments << QStringLiteral("--symmetric-weights");
    if (range_->currentIndex() > 0) arguments << QStringLiteral("--range") << range_->currentData().toString();
    if (start_->currentData().toLongLong() != 0) arguments << QStringLiteral("--from") << QStringLiteral("recipe:%1").arg(start_->currentData().toLongLong());
    if (optimizes()) {
        if (const auto name = preset(); !name.isEmpty()) arguments << QStringLiteral("--preset") << name;
        else arguments << QStringLiteral("--steps") << QString::number(steps_->value());
        const auto text = holdout_->text().trimmed();
        if (!text.isEmpty()) arguments << QStringLiteral("--holdout-text") << text;
        if (!text.isEmpty() || holds_out_windows(*desk_.calibration())) arguments << QStringLiteral("--holdout-every") << QString::number(std::max(1, steps_->value() / 16));
    }
    for (const auto& option : options_->given()) arguments << QStringLiteral("--set") << option;
    arguments << QStringLiteral("-w") << desk_.workspace_path();
    return arguments;
}

void MethodForm::forecast()
{
    const bool possible = !arguments().isEmpty();
    run_->setEnabled(possible);
    if (!possible) return forecast_->setText(desk_.model() ? tr("A calibration comes first.") : QString());
    const auto signs = signal_colours();
    const auto show = [this](const QString& text, const QColor& colour) {
        forecast_->setText(text);
        auto palette = forecast_->palette();
        palette.setColor(QPalette::WindowText, colour);
        forecast_->setPalette(palette);
    };
    MethodRequest request;
    request.model = *desk_.model();
    request.method = method_->currentData().toString().toStdString();
    request.weight_bits = weights_->value();
    request.activation_bits = activations_->value();
    request.symmetric_weights = symmetric_->isChecked();
    if (range_->currentIndex() > 0) request.options["range"] = range_->currentData().toString().toStdString();
    const auto chosen = preset();
    if (!chosen.isEmpty()) request.options["preset"] = chosen.toStdString();
    else if (optimizes()) request.options["steps"] = std::to_string(steps_->value());
    std::map<std::string, std::string> given;
    for (const auto& option : options_->given()) given.insert(parse_assignment(option.toStdString()));
    desk_.lanes().compute.post(this, QStringLiteral("optimize.forecast"), [this, show, signs, request, given, chosen, workspace = desk_.workspace(), row = *desk_.calibration()](const Control&) mutable -> Lane::Continuation {
        request.calibration = load_calibration_windows(*workspace, row);
        request.holdout = load_held_out_windows(*workspace, row);
        auto forecast = load_numerics().forecast(request);
        const auto known = forecast.options;
        for (const auto& [key, value] : given)  // of another method they stay in their fields, unused
            if (std::ranges::any_of(known, [&](const MethodOption& option) { return option.key == key; })) request.options.insert_or_assign(key, value);
        std::string wrong;
        try {
            forecast = load_numerics().forecast(request);
        } catch (const Error& error) {
            wrong = error.what();
        }
        return [this, show, signs, chosen, forecast, wrong, held_out = request.holdout ? request.holdout->count : 0] {
            holdout_->setPlaceholderText(held_out > 0 ? tr("the calibration's %1").arg(held_out) : tr("none"));
            options_->set_options(forecast.options);
            if (!chosen.isEmpty() && chosen == preset()) {  // the method says how many steps its preset has
                const QSignalBlocker quiet(steps_);
                steps_->setValue(static_cast<int>(forecast.steps));
            }
            if (!wrong.empty()) {
                run_->setEnabled(false);
                return show(QString::fromStdString(wrong), signs.error);
            }
            QStringList parts{tr("Needs about %1 of memory without the desk itself, %2 are available").arg(bytes(forecast.peak_bytes), bytes(forecast.available_bytes))};
            if (forecast.seconds_per_step)
                parts << tr("about %1 a step, %2 in all (an estimate until the first steps are measured)").arg(duration(*forecast.seconds_per_step), duration(*forecast.seconds_per_step * static_cast<double>(forecast.steps)));
            else if (forecast.steps > 0)
                parts << tr("time is known after the first steps");
            if (!forecast.fits) parts << tr("it does not fit: %1").arg(QString::fromStdString(forecast.explanation));
            run_->setEnabled(forecast.fits);
            show(parts.join(QStringLiteral("; ")), forecast.fits ? palette().color(QPalette::WindowText) : signs.error);
        };
    }, [this, show, signs](const QString& sentence) {
        run_->setEnabled(false);
        show(sentence, signs.error);
    });
}

QJsonObject MethodForm::state() const
{
    return {{QStringLiteral("method"), method_->currentData().toString()}, {QStringLiteral("weights"), weights_->value()}, {QStringLiteral("activations"), activations_->value()},
            {QStringLiteral("symmetric"), symmetric_->isChecked()},        {QStringLiteral("range"), range_->currentIndex()},  {QStringLiteral("length"), length_->currentIndex()},
            {QStringLiteral("steps"), steps_->value()},                    {QStringLiteral("holdout"), holdout_->text()},      {QStringLiteral("options"), options_->given().join(QLatin1Char(' '))},
            {QStringLiteral("all_options"), more_->isChecked()}};
}

void MethodForm::restore(const QJsonObject& state)
{
    if (state.isEmpty()) return;
    method_->setCurrentIndex(std::max(0, method_->findData(state.value(QStringLiteral("method")).toString())));
    weights_->setValue(state.value(QStringLiteral("weights")).toInt(8));
    activations_->setValue(state.value(QStringLiteral("activations")).toInt(8));
    symmetric_->setChecked(state.value(QStringLiteral("symmetric")).toBool());
    range_->setCurrentIndex(state.value(QStringLiteral("range")).toInt());
    length_->setCurrentIndex(state.value(QStringLiteral("length")).toInt());
    steps_->setValue(state.value(QStringLiteral("steps")).toInt(quick_steps));
    holdout_->setText(state.value(QStringLiteral("holdout")).toString());
    options_->give(state.value(QStringLiteral("options")).toString().split(QLatin1Char(' '), Qt::SkipEmptyParts));
    more_->setChecked(state.value(QStringLiteral("all_options")).toBool());
}

}  // namespace bitwright::views
