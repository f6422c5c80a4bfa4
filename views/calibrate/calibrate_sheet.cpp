// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/calibrate/calibrate_sheet.h"

#include "core/statistics/calibration.h"
#include "core/workspace/desk.h"
#include "views/calibrate/calibrations_model.h"
#include "views/desk/dense_table.h"
#include "views/desk/formats.h"
#include "views/desk/theme.h"
#include "views/start/sample.h"

#include <QCheckBox>
#include <QComboBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QRadioButton>
#include <QShowEvent>
#include <QSpinBox>
#include <QTableView>
#include <QVBoxLayout>
#include <nlohmann/json.hpp>

#include <utility>

namespace bitwright::views {
namespace {

QSpinBox* spin(QWidget* parent, int lowest, int highest, const QString& name)
{
    auto* box = new QSpinBox(parent);
    box->setRange(lowest, highest);
    box->setAccelerated(true);
    box->setAccessibleName(name);
    return box;
}

}  // namespace

CalibrateSheet::CalibrateSheet(Desk& desk, QWidget* parent)
    : QDialog(parent), desk_(desk), from_text_(new QRadioButton(tr("Text file"), this)), from_ids_(new QRadioButton(tr("Token ids"), this)),
      text_(new QLineEdit(this)), ids_(new QLineEdit(this)), samples_(spin(this, 1, 100000, tr("Samples"))), length_(spin(this, 1, 1 << 20, tr("Tokens in a sample"))),
      seed_(spin(this, 0, 1 << 30, tr("Seed"))), held_out_(spin(this, 0, 50, tr("Held-out share"))), special_(new QComboBox(this)), after_recipe_(new QCheckBox(this)), tokens_(new QLabel(this)), time_(new QLabel(this)), memory_(new QLabel(this)),
      warnings_(new QLabel(this)), start_(new QPushButton(tr("Calibrate"), this)), use_(new QPushButton(tr("Show this one"), this)), made_(new CalibrationsModel(desk, this)),
      table_(new QTableView(this))
{
    setWindowTitle(tr("Calibrate"));
    setModal(false);
    resize(640, 0);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(16, 16, 16, 16);
    column->setSpacing(12);
    auto* purpose = new QLabel(tr("Runs the model over windows of text and observes every site: ranges, outliers and error estimates come from it."), this);
    purpose->setWordWrap(true);
    purpose->setForegroundRole(QPalette::PlaceholderText);
    column->addWidget(purpose);
    column->addWidget(make_fields());
    auto* buttons = new QHBoxLayout;
    buttons->addStretch();
    auto* close = new QPushButton(tr("Close"), this);
    close->setAutoDefault(false);
    connect(close, &QPushButton::clicked, this, &QDialog::reject);
    start_->setDefault(true);
    start_->setObjectName(QStringLiteral("start"));
    connect(start_, &QPushButton::clicked, this, &CalibrateSheet::start);
    buttons->addWidget(close);
    buttons->addWidget(start_);
    column->addLayout(buttons);
    column->addWidget(make_made(), 1);
    column->addStretch();

    later_.setSingleShot(true);
    later_.setInterval(200);
    connect(&later_, &QTimer::timeout, this, &CalibrateSheet::plan);
    for (auto* edit : {text_, ids_}) connect(edit, &QLineEdit::textChanged, this, &CalibrateSheet::ask);
    for (auto* box : {samples_, length_, seed_, held_out_}) connect(box, &QSpinBox::valueChanged, this, &CalibrateSheet::ask);
    connect(special_, &QComboBox::currentIndexChanged, this, &CalibrateSheet::ask);
    connect(after_recipe_, &QCheckBox::toggled, this, &CalibrateSheet::ask);
    connect(from_ids_, &QRadioButton::toggled, this, [this](bool ids) {
        for (auto* field : std::initializer_list<QWidget*>{text_, samples_, length_, special_}) {
            auto* row = field == text_ ? field->parentWidget() : field;
            row->setVisible(!ids);
            if (auto* label = form_->labelForField(row)) label->setVisible(!ids);
        }
        ids_->parentWidget()->setVisible(ids);
        if (auto* label = form_->labelForField(ids_->parentWidget())) label->setVisible(ids);
        ask();
    });
    connect(&desk_, &Desk::recipe_changed, this, [this] {
        if (isVisible()) ask();
    });
    connect(&desk_, &Desk::workspace_changed, this, [this] {
        if (isVisible()) read_last();
    });
    connect(&desk_, &Desk::calibrations_changed, this, [this] {
        if (isVisible()) ask();
    });
    from_text_->setChecked(true);
    Q_EMIT from_ids_->toggled(false);
    set_request({});
}

QWidget* CalibrateSheet::make_fields()
{
    auto* fields = new QWidget(this);
    form_ = new QFormLayout(fields);
    form_->setContentsMargins({});
    form_->setHorizontalSpacing(16);
    form_->setVerticalSpacing(8);
    form_->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    auto* source = new QHBoxLayout;
    source->setSpacing(16);
    source->addWidget(from_text_);
    source->addWidget(from_ids_);
    source->addStretch();
    form_->addRow(tr("Tokens from"), source);
    const auto with_button = [&](QLineEdit* edit, const QString& name, const QString& hint) {
        auto* holder = new QWidget(fields);
        auto* row = new QHBoxLayout(holder);
        row->setContentsMargins({});
        row->setSpacing(8);
        edit->setAccessibleName(name);
        edit->setPlaceholderText(hint);
        row->addWidget(edit, 1);
        auto* choose = new QPushButton(tr("Choose…"), holder);
        choose->setAutoDefault(false);
        choose->setAccessibleName(tr("Choose: %1").arg(name));
        connect(choose, &QPushButton::clicked, this, &CalibrateSheet::choose_file);
        row->addWidget(choose);
        form_->addRow(name, holder);
    };
    with_button(text_, tr("Text"), tr("a UTF-8 text file"));
    with_button(ids_, tr("Ids"), tr("FILE.safetensors:TENSOR, integers [windows, length]"));
    form_->addRow(tr("Samples"), samples_);
    length_->setSuffix(tr(" tokens"));
    form_->addRow(tr("Length"), length_);
    form_->addRow(tr("Seed"), seed_);
    held_out_->setSuffix(tr(" %"));
    held_out_->setSpecialValueText(tr("none"));
    held_out_->setToolTip(tr("Share of the text that is not observed: an optimization checks itself on windows of it and keeps its best step"));
    form_->addRow(tr("Held out"), held_out_);
    special_->addItem(tr("none"), QStringLiteral("none"));
    special_->addItem(tr("the tokenizer's own"), QStringLiteral("auto"));
    special_->setAccessibleName(tr("Special tokens around the text"));
    form_->addRow(tr("Special tokens"), special_);
    for (auto* field : std::initializer_list<QWidget*>{samples_, length_, seed_, held_out_, special_}) field->setFixedWidth(176);
    after_recipe_->setText(tr("after the open recipe's transforms"));
    form_->addRow(tr("Observe"), after_recipe_);
    form_->addRow(tr("Reads"), tokens_);
    form_->addRow(tr("Takes"), time_);
    form_->addRow(tr("Needs"), memory_);
    warnings_->setWordWrap(true);
    warnings_->setTextFormat(Qt::PlainText);
    form_->addRow(warnings_);
    return fields;
}

QWidget* CalibrateSheet::make_made()
{
    auto* made = new QWidget(this);
    auto* column = new QVBoxLayout(made);
    column->setContentsMargins({});
    column->setSpacing(8);
    auto* title = new QLabel(tr("Calibrations so far"), made);
    QFont bold = title->font();
    bold.setWeight(QFont::DemiBold);
    title->setFont(bold);
    auto* row = new QHBoxLayout;
    row->addWidget(title);
    row->addStretch();
    use_->setAutoDefault(false);
    use_->setObjectName(QStringLiteral("use"));
    connect(use_, &QPushButton::clicked, this, &CalibrateSheet::use_chosen);
    row->addWidget(use_);
    column->addLayout(row);
    table_->setModel(made_);
    table_->setAccessibleName(tr("Calibrations so far"));
    make_dense(*table_);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    auto* header = table_->horizontalHeader();
    header->setSectionResizeMode(QHeaderView::ResizeToContents);
    header->setSectionResizeMode(CalibrationsModel::origin, QHeaderView::Stretch);
    column->addWidget(table_, 1);
    connect(table_, &QTableView::activated, this, &CalibrateSheet::use_chosen);
    const auto refresh = [this, made] {
        made->setVisible(made_->rowCount() > 0);
        use_->setVisible(table_->currentIndex().isValid() && table_->currentIndex().row() != made_->shown_row());
    };
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, refresh);
    connect(made_, &QAbstractItemModel::modelReset, this, refresh);
    refresh();
    return made;
}

CalibrationRequest CalibrateSheet::request() const
{
    CalibrationRequest request;
    request.from_ids = from_ids_->isChecked();
    request.text = text_->text().trimmed();
    request.ids = ids_->text().trimmed();
    request.special = special_->currentData().toString();
    request.samples = samples_->value();
    request.length = length_->value();
    request.seed = static_cast<std::uint64_t>(seed_->value());
    request.held_out_percent = held_out_->value();
    if (const auto head = desk_.revisions().head(); head && !after_recipe_->isHidden() && after_recipe_->isChecked()) {
        const auto stored = head->stored.load();
        request.recipe = stored ? stored : head->row.id;
    }
    return request;
}

void CalibrateSheet::set_request(const CalibrationRequest& request)
{
    (request.from_ids ? from_ids_ : from_text_)->setChecked(true);
    text_->setText(request.text);
    ids_->setText(request.ids);
    special_->setCurrentIndex(std::max(0, special_->findData(request.special)));
    samples_->setValue(static_cast<int>(request.samples));
    length_->setValue(static_cast<int>(request.length));
    seed_->setValue(static_cast<int>(request.seed));
    held_out_->setValue(request.held_out_percent);
}

void CalibrateSheet::showEvent(QShowEvent* event)
{
    QDialog::showEvent(event);
    if (read_of_.lock() != desk_.workspace() || !desk_.workspace())
        read_last();
    else
        ask();
}

/// The fields as they were at the last start in this workspace; else the texts beside the model and its context.
void CalibrateSheet::read_last()
{
    read_of_ = desk_.workspace();
    CalibrationRequest request;
    if (desk_.model()) {
        const auto context = desk_.model()->architecture().max_positions;
        if (context > 0) request.length = std::min<std::int64_t>(512, context);
        for (const auto* name : {"texts/calibration.txt", "calibration.txt"})
            if (const QString path = desk_.model_folder() + QLatin1Char('/') + QLatin1String(name); request.text.isEmpty() && QFileInfo::exists(path)) request.text = path;
        if (const QString path = sample_folder() + QStringLiteral("/texts/calibration.txt"); request.text.isEmpty() && QFileInfo::exists(path)) request.text = path;
        request.from_ids = !desk_.model()->checkpoint->has_tokenizer();
    }
    if (const auto& workspace = desk_.workspace()) {
        const auto last = desk_value(*workspace, "calibrate");  // one row of a file that is open: no need of a lane
        if (last.is_object()) {
            request.from_ids = last.value("from_ids", request.from_ids);
            request.text = QString::fromStdString(last.value("text", request.text.toStdString()));
            request.ids = QString::fromStdString(last.value("ids", request.ids.toStdString()));
            request.special = QString::fromStdString(last.value("special", request.special.toStdString()));
            request.samples = last.value("samples", request.samples);
            request.length = last.value("length", request.length);
            request.seed = last.value("seed", request.seed);
            request.held_out_percent = last.value("held_out", request.held_out_percent);
        }
    }
    set_request(request);
    ask();
}

void CalibrateSheet::choose_file()
{
    const bool ids = from_ids_->isChecked();
    auto* dialog = new QFileDialog(this, ids ? tr("Token ids") : tr("Text"), QFileInfo(ids ? ids_->text() : text_->text()).absolutePath(), ids ? tr("Tensors (*.safetensors)") : tr("All files (*)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    connect(dialog, &QFileDialog::fileSelected, this, [this, ids](const QString& path) { (ids ? ids_ : text_)->setText(ids ? path + QStringLiteral(":ids") : path); });
    dialog->open();
}

void CalibrateSheet::ask()
{
    const auto recipe = desk_.recipe();
    const bool transforms = recipe && !recipe->transforms.empty();
    after_recipe_->setVisible(transforms);
    form_->labelForField(after_recipe_)->setVisible(transforms);
    plan_.reset();
    start_when_planned_ = false;
    start_->setEnabled(false);
    later_.start();
}

void CalibrateSheet::plan()
{
    const auto asked = request();
    tokens_->setText(not_measured);
    time_->setText(not_measured);
    memory_->setText(not_measured);
    warn({}, false);
    if (!desk_.model() || !desk_.workspace()) return warn(tr("Open a model first."), false);
    if ((asked.from_ids ? asked.ids : asked.text).isEmpty()) return warn(asked.from_ids ? tr("Choose a file of token ids.") : tr("Choose a text."), false);
    const auto recipe = asked.recipe ? desk_.recipe() : nullptr;
    const auto row = desk_.model_row() ? std::optional(desk_.model_row()->id) : std::nullopt;
    desk_.lanes().interactive.post(
        this, QStringLiteral("calibrate.plan"),
        [this, asked, model = *desk_.model(), row, recipe, workspace = desk_.workspace()](const Control& control) -> Lane::Continuation {
            const auto plan = plan_calibration(asked, model, row, recipe.get(), *workspace, control);
            return [this, asked, plan] {
                if (asked == request()) show_plan(plan);
            };
        },
        [this](const QString& sentence) {
            warn(sentence, true);
        });
}

void CalibrateSheet::show_plan(const CalibrationPlan& plan)
{
    plan_ = plan;
    QString reads = tr("%1 tokens: %2 windows of %3").arg(count(plan.tokens()), count(plan.windows), count(plan.length));
    if (plan.text_tokens) reads += tr(", from a text of %1").arg(count(*plan.text_tokens));
    if (plan.held_out) reads += tr("; held out: %1 more").arg(count(plan.held_out));
    tokens_->setText(reads);
    if (plan.done)
        time_->setText(tr("nothing: it was done before"));
    else
        time_->setText(plan.seconds ? tr("about %1, as measured here before").arg(duration(*plan.seconds)) : tr("not known before the first calibration of this model"));
    warn(plan.warnings.join(QLatin1Char('\n')), false);
    start_->setText(plan.done ? tr("Show calibration:%1").arg(*plan.done) : tr("Calibrate"));
    start_->setEnabled(true);
    if (std::exchange(start_when_planned_, false)) return start();
    if (plan.done) memory_->setText(tr("nothing"));
    else forecast_memory(plan);
}

void CalibrateSheet::forecast_memory(const CalibrationPlan& plan)
{
    memory_->setText(tr("being counted…"));
    const TokenWindows shape{plan.windows, plan.length, {}, {}};
    desk_.lanes().compute.post(
        this, QStringLiteral("calibrate.memory"),
        [this, shape, asked = request(), model = *desk_.model()](const Control&) -> Lane::Continuation {
            const auto forecast = forecast_calibration(load_numerics(), model, shape);
            return [this, asked, forecast] {
                if (!plan_ || asked != request()) return;
                memory_->setText(tr("about %1 of memory without the desk itself; %2 are available").arg(bytes(forecast.peak_bytes), bytes(forecast.available_bytes)));
                if (forecast.fits) return;
                start_->setEnabled(false);
                warn(tr("It does not fit: %1").arg(QString::fromStdString(forecast.explanation)), true);
            };
        },
        [this](const QString& sentence) { memory_->setText(sentence); });
}

void CalibrateSheet::warn(const QString& words, bool error)
{
    error_ = error;
    const auto colours = signal_colours();
    warnings_->setStyleSheet(QStringLiteral("color: %1").arg((error ? colours.error : colours.warning).name()));
    warnings_->setText(words);
}

void CalibrateSheet::changeEvent(QEvent* event)
{
    if (event->type() == QEvent::PaletteChange && warnings_) warn(warnings_->text(), error_);
    QDialog::changeEvent(event);
}

void CalibrateSheet::keyPressEvent(QKeyEvent* event)
{
    if ((event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) && !start_->isEnabled() && !plan_ && !error_) {
        start_when_planned_ = true;  // as soon as it is known what the fields mean
        return;
    }
    QDialog::keyPressEvent(event);
}

void CalibrateSheet::start()
{
    if (!plan_ || !desk_.workspace()) return;
    if (plan_->done) {
        desk_.use_calibration(*plan_->done);
        return accept();
    }
    const auto asked = request();
    const auto arguments = asked.arguments(desk_.model_folder(), desk_.workspace_path());
    desk_.actions().set_command_line(arguments);
    (void)desk_.jobs().submit(tr("Calibration on %1 × %2").arg(count(plan_->windows), count(plan_->length)), arguments);
    if (!desk_.workspace()->read_only())
        desk_.lanes().store.post(this, QStringLiteral("calibrate.last"), [workspace = desk_.workspace(), asked](const Control&) -> Lane::Continuation {
            put_desk_value(*workspace, "calibrate",
                           {{"from_ids", asked.from_ids},
                            {"text", asked.text.toStdString()},
                            {"ids", asked.ids.toStdString()},
                            {"special", asked.special.toStdString()},
                            {"samples", asked.samples},
                            {"length", asked.length},
                            {"seed", asked.seed},
                            {"held_out", asked.held_out_percent}});
            return [] {};
        });
    accept();
}

void CalibrateSheet::use_chosen()
{
    if (!table_->currentIndex().isValid()) return;
    desk_.use_calibration(made_->id_at(table_->currentIndex().row()));
}

}  // namespace bitwright::views
