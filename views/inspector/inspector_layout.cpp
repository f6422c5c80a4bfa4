// SPDX-License-Identifier: GPL-3.0-or-later
// InspectorPanel: its widgets, what they show, actions and colours.
#include "views/inspector/inspector_panel.h"

#include "core/recipe/legality.h"
#include "plots/range_histogram.h"
#include "views/desk/dense_table.h"
#include "views/desk/formats.h"
#include "views/desk/message_line.h"
#include "views/desk/site_titles.h"
#include "views/desk/theme.h"

#include <QCheckBox>
#include <QComboBox>
#include <QEvent>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace bitwright::views {
namespace {

QLabel* caption_label(QWidget* parent)
{
    auto* label = new QLabel(parent);
    QFont font = label->font();
    font.setPointSizeF(font.pointSizeF() - 1);
    label->setFont(font);
    label->setForegroundRole(QPalette::PlaceholderText);
    label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    return label;
}

}  // namespace

void InspectorPanel::build()
{
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(0, 0, 0, 0);
    auto* scroll = new QScrollArea(this);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setFocusPolicy(Qt::NoFocus);
    outer->addWidget(scroll);
    auto* content = new QWidget(scroll);
    scroll->setWidget(content);
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(8, 8, 8, 8);
    column->setSpacing(8);

    auto* head = new QHBoxLayout;
    title_ = new QLabel(content);
    title_->setWordWrap(true);
    QFont bold = title_->font();
    bold.setBold(true);
    title_->setFont(bold);
    whole_site_ = new QToolButton(content);
    whole_site_->setText(tr("Whole site"));
    whole_site_->setToolTip(tr("Show all channels of the site"));
    whole_site_->setFocusPolicy(Qt::StrongFocus);
    connect(whole_site_, &QToolButton::clicked, this, [this] {
        if (subject_) desk_.selection().set_site(QString::fromStdString(subject_->site.name), static_cast<int>(subject_->site.layer));
    });
    head->addWidget(title_, 1);
    head->addWidget(whole_site_, 0, Qt::AlignTop);
    column->addLayout(head);
    subtitle_ = caption_label(content);
    subtitle_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    column->addWidget(subtitle_);
    message_ = new MessageLine(content);
    column->addWidget(message_);
    missing_ = new QLabel(content);
    missing_->setWordWrap(true);
    missing_->setForegroundRole(QPalette::PlaceholderText);
    column->addWidget(missing_);
    histogram_ = new plots::RangeHistogramView(content);
    histogram_->setMinimumHeight(152);
    histogram_->setMaximumHeight(340);
    histogram_->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Ignored);  // takes what the rest leaves
    histogram_->setTitle(tr("Range"));
    column->addWidget(histogram_, 1);
    histogram_from_ = caption_label(content);
    histogram_from_->setAlignment(Qt::AlignRight);
    column->addWidget(histogram_from_);
    column->addWidget(build_scheme());
    column->addWidget(build_presets());
    table_ = new QTableView(content);
    table_->setModel(figures_);
    table_->setAccessibleName(tr("Figures before and now"));
    table_->setSelectionMode(QAbstractItemView::NoSelection);
    copy_rows_by_key(*table_);
    table_->setFocusPolicy(Qt::TabFocus);
    table_->setTabKeyNavigation(false);
    table_->setShowGrid(false);
    table_->setFrameShape(QFrame::NoFrame);
    table_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    table_->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    table_->setWordWrap(false);
    QFont small = table_->font();
    small.setPointSizeF(small.pointSizeF() - 1);
    table_->setFont(small);
    table_->verticalHeader()->hide();
    table_->verticalHeader()->setDefaultSectionSize(21);
    auto* header = table_->horizontalHeader();
    header->setHighlightSections(false);
    header->setFont(small);
    header->setMinimumSectionSize(40);
    header->setSectionResizeMode(QHeaderView::Interactive);
    const auto wide = [&](int section, const QString& widest) { table_->setColumnWidth(section, QFontMetrics(small).horizontalAdvance(widest) + 7); };
    wide(FiguresModel::name, tr("Output error"));
    wide(FiguresModel::before, QStringLiteral("0.725\u2009%"));
    wide(FiguresModel::now, QStringLiteral("0.725\u2009% ±0.02"));
    wide(FiguresModel::measured_on, tr("all tokens"));
    table_->setMinimumWidth(header->length());  // beside the page's scroll bar, too
    header->setStretchLastSection(true);
    column->addWidget(table_);
    const auto fit = [this] { table_->setFixedHeight(figures_->rowCount() * 21 + table_->horizontalHeader()->sizeHint().height() + 2); };
    connect(figures_, &QAbstractItemModel::modelReset, this, fit);
    column->addWidget(build_footer());
    start_ = new QPushButton(content);
    connect(start_, &QPushButton::clicked, this, &InspectorPanel::start_recipe);
    column->addWidget(start_);
    column->addStretch();
    scroll->setMinimumWidth(content->minimumSizeHint().width() + scroll->verticalScrollBar()->sizeHint().width());

    connect(histogram_, &plots::RangeHistogramView::rangeDragged, this, &InspectorPanel::preview);
    connect(histogram_, &plots::RangeHistogramView::rangeReleased, this, &InspectorPanel::release);
    connect(histogram_, &plots::RangeHistogramView::refused, this, &InspectorPanel::refuse);
    connect(histogram_, &plots::Plot::exported, this, [this](const QString& path) { desk_.say(tr("Saved %1").arg(path)); });
    connect(histogram_, &plots::Plot::exportFailed, this, &InspectorPanel::refuse);
    restyle();
    show_subject();
}

QWidget* InspectorPanel::build_scheme()
{
    scheme_row_ = new QWidget(this);
    auto* grid = new QGridLayout(scheme_row_);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->setHorizontalSpacing(8);
    grid->setVerticalSpacing(4);
    bits_ = new QComboBox(scheme_row_);
    bits_->setAccessibleName(tr("Bits"));
    symmetry_ = new QComboBox(scheme_row_);
    symmetry_->setAccessibleName(tr("Symmetry"));
    symmetry_->addItems({tr("asymmetric"), tr("symmetric")});
    link_ = new QCheckBox(tr("&Linked"), scheme_row_);
    link_->setToolTip(tr("Moving one line moves the other: minimum = −maximum"));
    range_row_ = new QWidget(scheme_row_);
    auto* ends = new QHBoxLayout(range_row_);
    ends->setContentsMargins(0, 0, 0, 0);
    ends->setSpacing(8);
    minimum_ = new QLineEdit(range_row_);
    maximum_ = new QLineEdit(range_row_);
    for (auto [field, name] : {std::pair{minimum_, tr("Minimum")}, std::pair{maximum_, tr("Maximum")}}) {
        field->setAccessibleName(name);
        field->setToolTip(name);
        field->setAlignment(Qt::AlignRight);
        ends->addWidget(field, 1);
        if (field == minimum_) ends->addWidget(new QLabel(QStringLiteral("…"), range_row_));
        connect(field, &QLineEdit::editingFinished, this, &InspectorPanel::typed);
    }
    grid->addWidget(bits_, 0, 0);
    grid->addWidget(symmetry_, 0, 1);
    grid->addWidget(link_, 0, 2);
    grid->addWidget(range_row_, 1, 0, 1, 3);
    grid->setColumnStretch(0, 1);
    grid->setColumnStretch(1, 1);
    connect(bits_, &QComboBox::activated, this, &InspectorPanel::choose_bits);
    connect(symmetry_, &QComboBox::activated, this, &InspectorPanel::choose_symmetry);
    connect(link_, &QCheckBox::toggled, this, [this](bool on) { histogram_->setSymmetric(on || scheme_.symmetric); });
    return scheme_row_;
}

QWidget* InspectorPanel::build_presets()
{
    presets_ = new QWidget(this);
    auto* grid = new QGridLayout(presets_);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->setSpacing(4);
    int cell = 0;
    const auto add = [&](const QString& text, const QString& tip, std::function<void()> run) {
        auto* button = new QToolButton(presets_);
        button->setText(text);
        button->setToolTip(tip);
        button->setAccessibleName(tr("Range: %1").arg(tip));
        button->setFocusPolicy(Qt::StrongFocus);
        QFont font = button->font();
        font.setPointSizeF(font.pointSizeF() - 1);
        button->setFont(font);
        button->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
        grid->addWidget(button, cell / 3, cell % 3);
        ++cell;
        connect(button, &QToolButton::clicked, this, [run = std::move(run)] { run(); });
        return button;
    };
    add(tr("Min–max"), tr("All values, from the smallest to the largest"), [this] { apply_rule(QStringLiteral("minmax")); });
    add(tr("99.9 %"), tr("99.9 % of the values, 0.05 % cut off at either end"), [this] { apply_rule(QStringLiteral("percentile:99.9")); })->setObjectName(QStringLiteral("percentile"));
    add(tr("99.99 %"), tr("99.99 % of the values, 0.005 % cut off at either end"), [this] { apply_rule(QStringLiteral("percentile:99.99")); })->setObjectName(QStringLiteral("percentile"));
    add(tr("Least squares"), tr("Least squares: the range with the least expected squared error"), [this] { apply_rule(QStringLiteral("mse")); });
    learned_ = add(tr("Learned"), tr("What the newest method before learned for this site"), [this] { apply_learned(); });
    return presets_;
}

QWidget* InspectorPanel::build_footer()
{
    footer_ = new QWidget(this);
    auto* row = new QHBoxLayout(footer_);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(8);
    auto* label = new QLabel(tr("A&pply to"), footer_);
    apply_to_ = new QComboBox(footer_);
    apply_to_->setAccessibleName(tr("Apply to"));
    apply_to_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    label->setBuddy(apply_to_);
    all_tokens_ = new QPushButton(tr("All &tokens"), footer_);
    all_tokens_->setToolTip(tr("Measure this range over every token of the calibration, with the model"));
    connect(all_tokens_, &QPushButton::clicked, this, &InspectorPanel::measure_windows);
    row->addWidget(label);
    row->addWidget(apply_to_, 1);
    row->addWidget(all_tokens_);
    return footer_;
}

void InspectorPanel::add_actions()
{
    auto& actions = desk_.actions();
    const QString group = tr("Inspector");
    actions.add(QStringLiteral("inspector.minmax"), group, tr("Range: min–max"), {}, [this] { apply_rule(QStringLiteral("minmax")); }, this);
    actions.add(QStringLiteral("inspector.percentile"), group, tr("Range: 99.9 %"), {}, [this] { apply_rule(QStringLiteral("percentile:99.9")); }, this);
    actions.add(QStringLiteral("inspector.percentile4"), group, tr("Range: 99.99 %"), {}, [this] { apply_rule(QStringLiteral("percentile:99.99")); }, this);
    actions.add(QStringLiteral("inspector.mse"), group, tr("Range: least squares"), {}, [this] { apply_rule(QStringLiteral("mse")); }, this);
    actions.add(QStringLiteral("inspector.learned"), group, tr("Range: learned"), {}, [this] { apply_learned(); }, this);
    actions.add(QStringLiteral("inspector.windows"), group, tr("Measure the range over all tokens"), {}, [this] { measure_windows(); }, this);
}

void InspectorPanel::show_subject()
{
    const bool any = subject_ != nullptr, decided = any && subject_->decision() != nullptr;
    missing_->setVisible(!any || !subject_->missing.isEmpty());
    missing_->setText(any ? subject_->missing : desk_.model() ? tr("Select a site: in the map, in the model tree or in a table.") : tr("No model is open."));
    title_->setVisible(any);
    subtitle_->setVisible(any);
    whole_site_->setVisible(any && subject_->channel >= 0);
    const bool drawn = any && !subject_->histogram.counts.empty();
    histogram_->setVisible(drawn);
    histogram_from_->setVisible(drawn);
    scheme_row_->setVisible(decided);
    footer_->setVisible(decided);
    start_->setVisible(any && !subject_->recipe);
    start_->setText(desk_.calibration() ? tr("Start a recipe (W8A8, min–max)") : tr("Calibrate…"));
    if (!any) {
        presets_->hide();
        table_->hide();
        return;
    }
    const Site& site = subject_->site;
    title_->setText(subject_->channel < 0 ? site_title(site) : tr("%1, channel %2").arg(site_title(site)).arg(subject_->channel));
    QStringList levels;
    if (site.levels.simulated) levels.append(tr("simulated"));
    if (site.levels.full && !site.levels.simulated) levels.append(tr("full"));
    if (site.levels.integer) levels.append(tr("integer"));
    const QString size = site.kind == SiteKind::weight ? tr("%1 × %2").arg(count(std::max<std::int64_t>(site.rows, 1)), count(site.channels)) : tr("%1 channels").arg(count(site.channels));
    QString facts = size;
    if (!levels.isEmpty()) facts += QStringLiteral(" · ") + tr("quantized: %1").arg(levels.join(QStringLiteral(", ")));
    if (subject_->values && subject_->channel >= 0 && static_cast<std::size_t>(subject_->channel) < subject_->values->channel_abs_max.size())
        facts = tr("largest magnitude seen: %1 (all tokens)").arg(number(static_cast<double>(subject_->values->channel_abs_max[static_cast<std::size_t>(subject_->channel)])));
    subtitle_->setText(QString::fromStdString(site.name) + QLatin1Char('\n') + facts);
    subtitle_->setToolTip(subtitle_->text());
    if (drawn) {
        plots::RangeHistogram shown;
        shown.low = subject_->histogram.low;
        shown.high = subject_->histogram.high;
        shown.counts.assign(subject_->histogram.counts.begin(), subject_->histogram.counts.end());
        shown.value_axis = role_title(site.role);
        histogram_->setData(std::move(shown));
        histogram_from_->setText(tr("Histogram: %1").arg(subject_->histogram_from));
    }
    show_scheme();
    show_targets();
    show_grid();
    show_range();
    table_->setVisible(decided && scheme_.kind != SchemeKind::floating);
    all_tokens_->setVisible(desk_.calibration().has_value() && (site.kind == SiteKind::activation || subject_->estimate));
}

void InspectorPanel::show_scheme()
{
    if (!subject_ || !subject_->decision()) return presets_->hide();
    const Site& site = subject_->site;
    bits_->clear();
    QStringList reasons;
    for (int bits = 0; bits <= 16; ++bits) {
        if (bits == 1) continue;
        Scheme wanted = scheme_;
        wanted.kind = bits == 0 ? SchemeKind::floating : SchemeKind::uniform;
        if (bits > 0) wanted.bits = bits;
        const auto fault = scheme_fault(subject_->model, site, wanted);
        if (fault.empty())
            bits_->addItem(bits == 0 ? tr("float") : tr("%1 bit").arg(bits), bits);
        else if (const auto reason = QString::fromStdString(fault); !reasons.contains(reason))
            reasons.append(reason);
    }
    const bool uniform = scheme_.kind != SchemeKind::floating;
    bits_->setCurrentIndex(bits_->findData(uniform ? scheme_.bits : 0));
    bits_->setToolTip(reasons.isEmpty() ? tr("%1; 2 to 16 bits, or float").arg(QString::fromStdString(in_words(scheme_))) : reasons.join(QLatin1Char('\n')));
    symmetry_->setVisible(uniform);
    symmetry_->setCurrentIndex(scheme_.symmetric ? 1 : 0);
    symmetry_->setToolTip(QString::fromStdString(in_words(scheme_)));
    const auto ends = ends_of(scheme_, range_);
    link_->setVisible(ends && !scheme_.symmetric);
    histogram_->setSymmetric(scheme_.symmetric || link_->isChecked());
    QString why;
    if (!uniform)
        why = tr("The site is float; choose bits first.");
    else if (scheme_.dynamic)
        why = tr("The range is taken from each tensor when it is there (dynamic).");
    else if (!ends)
        why = tr("This scheme has a range for each %1; the buttons below set them all.").arg(QString::fromUtf8(name_of(scheme_.granularity).data(), static_cast<qsizetype>(name_of(scheme_.granularity).size())));
    histogram_->setReadOnly(!ends, why);
    range_row_->setVisible(ends.has_value());
    presets_->setVisible(uniform && !scheme_.dynamic && subject_->values);
    const bool tensor = scheme_.granularity == Granularity::tensor && site.kind == SiteKind::activation;
    for (auto* button : presets_->findChildren<QToolButton*>(QStringLiteral("percentile"))) button->setVisible(tensor);
    learned_->setVisible(learned_range().has_value());
}

void InspectorPanel::show_range()
{
    const auto ends = ends_of(scheme_, range_);
    if (!ends) {
        histogram_->setRange(0, 0);
        return;
    }
    if (!moving_) histogram_->setRange(ends->first, ends->second);
    minimum_->setText(number(ends->first, 4));
    maximum_->setText(number(ends->second, 4));
    minimum_->setModified(false);
    maximum_->setModified(false);
}

void InspectorPanel::show_targets()
{
    if (!subject_ || !subject_->decision()) return;
    const QString before = apply_to_->currentText();
    const bool same = apply_to_->property("site").toString() == QString::fromStdString(subject_->site.name);
    apply_to_->clear();
    apply_to_->addItem(tr("this site"), QString());
    for (const auto& group : site_groups(*subject_->model.sites))
        if (group.role == subject_->site.role && group.sites.size() > 1)
            apply_to_->addItem(tr("all %1 (%2)").arg(role_title(group.role), count(std::ssize(group.sites))), group_pattern(*subject_->model.sites, group));
    const auto& sites = desk_.selection().current().sites;
    if (sites.size() > 1) apply_to_->addItem(tr("the selection (%1)").arg(count(sites.size())), QString(QLatin1Char('{') + sites.join(QLatin1Char(',')) + QLatin1Char('}')));
    if (same) apply_to_->setCurrentIndex(std::max(0, apply_to_->findText(before)));
    apply_to_->setProperty("site", QString::fromStdString(subject_->site.name));
}

void InspectorPanel::changeEvent(QEvent* event)
{
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::ApplicationPaletteChange) restyle();
}

void InspectorPanel::restyle()
{
    if (histogram_) histogram_->setStyle(plot_style(desk_.settings().sequence));
}

}  // namespace bitwright::views
