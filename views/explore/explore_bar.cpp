// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/explore/explore_bar.h"

#include "views/desk/formats.h"
#include "views/explore/choice.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QSignalBlocker>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace bitwright::views {
namespace {

/// What a threshold of each kind starts with, its smallest, largest, decimals and unit.
struct ThresholdLook {
    double start, least, most;
    int decimals;
    const char* suffix;
};
constexpr ThresholdLook looks[] = {{default_offender_threshold, 1.1, 1e6, 1, " × median"}, {6, 0.5, 1000, 1, " σ"}, {99.9, 50, 100, 3, " %"}, {20, 0, 1e9, 2, ""}};

}  // namespace

ExploreBar::ExploreBar(QWidget* parent) : QWidget(parent)
{
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(4);
    build_first_row();
    build_second_row();
    adapt();
}

void ExploreBar::build_first_row()
{
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    kind_ = new QComboBox(this);
    kind_->setAccessibleName(tr("Kind of site"));
    kind_->setToolTip(tr("Kind of site"));
    kind_->setMinimumContentsLength(14);
    kind_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    kind_->setMaxVisibleItems(24);
    statistic_ = new QComboBox(this);
    statistic_->setAccessibleName(tr("Statistic"));
    statistic_->setToolTip(tr("Statistic of each channel or position"));
    axis_ = new Choice(tr("Columns"), {tr("Channel"), tr("Token")}, this);
    order_ = new Choice(tr("Order of columns"), {tr("Index"), tr("Magnitude")}, this);
    scale_ = new Choice(tr("Scale of colours"), {tr("Log"), tr("Linear")}, this);
    row->addWidget(kind_, 3);
    row->addWidget(statistic_, 2);
    for (auto* choice : {axis_, order_, scale_}) row->addWidget(choice);
    static_cast<QVBoxLayout*>(layout())->addLayout(row);
    connect(kind_, &QComboBox::activated, this, [this] { wanted_kind_.clear(); adapt(); Q_EMIT request_changed(); });
    connect(statistic_, &QComboBox::activated, this, &ExploreBar::request_changed);
    connect(axis_, &Choice::chosen, this, [this] { adapt(); Q_EMIT request_changed(); });
    connect(order_, &Choice::chosen, this, &ExploreBar::look_changed);
    connect(scale_, &Choice::chosen, this, &ExploreBar::look_changed);
}

void ExploreBar::build_second_row()
{
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    auto* label = new QLabel(tr("Offends &above"), this);
    threshold_kind_ = new QComboBox(this);
    threshold_kind_->addItems({tr("Ratio"), tr("Sigma"), tr("Percentile"), tr("Value")});
    threshold_kind_->setAccessibleName(tr("Kind of threshold"));
    threshold_kind_->setToolTip(tr("A channel offends when its extremes lie beyond: a multiple of the median channel's, a multiple of the site's σ, a percentile of the site's values, or a value"));
    threshold_ = new QDoubleSpinBox(this);
    threshold_->setAccessibleName(tr("Threshold"));
    threshold_->setKeyboardTracking(false);
    threshold_->setMinimumWidth(96);
    label->setBuddy(threshold_);
    without_first_ = new QCheckBox(tr("Without &first token"), this);
    without_first_->setToolTip(tr("The first token of a window often takes the largest values; leave position 0 out"));
    transforms_ = new Choice(tr("Transforms of the recipe"), {tr("Before"), tr("After"), tr("Both")}, this);
    caption_ = new QLabel(this);
    QFont caption = font();
    caption.setPointSizeF(caption.pointSizeF() - 1);
    caption_->setFont(caption);
    caption_->setForegroundRole(QPalette::PlaceholderText);
    caption_->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    caption_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    caption_->installEventFilter(this);
    progress_ = new QProgressBar(this);
    progress_->setAccessibleName(tr("Weights read"));
    progress_->setMaximumWidth(96);
    progress_->setTextVisible(false);
    progress_->setFixedHeight(12);
    cancel_ = new QToolButton(this);
    cancel_->setText(tr("Cancel"));
    cancel_->setAccessibleName(tr("Stop reading weights"));
    cancel_->setFocusPolicy(Qt::StrongFocus);
    row->addWidget(label);
    row->addWidget(threshold_kind_);
    row->addWidget(threshold_);
    row->addWidget(without_first_);
    row->addWidget(transforms_);
    row->addWidget(caption_, 1);
    row->addWidget(progress_);
    row->addWidget(cancel_);
    static_cast<QVBoxLayout*>(layout())->addLayout(row);
    progress_->hide();
    cancel_->hide();
    transforms_->hide();
    const auto look = [this] {
        const auto& l = looks[threshold_kind_->currentIndex()];
        const QSignalBlocker quiet(threshold_);
        threshold_->setDecimals(l.decimals);
        threshold_->setRange(l.least, l.most);
        threshold_->setSuffix(tr(l.suffix));
        threshold_->setValue(l.start);
    };
    look();
    connect(threshold_kind_, &QComboBox::currentIndexChanged, this, look);
    connect(threshold_kind_, &QComboBox::activated, this, &ExploreBar::request_changed);
    connect(threshold_, &QDoubleSpinBox::valueChanged, this, &ExploreBar::request_changed);
    connect(without_first_, &QCheckBox::clicked, this, &ExploreBar::request_changed);
    connect(transforms_, &Choice::chosen, this, &ExploreBar::request_changed);
    connect(cancel_, &QToolButton::clicked, this, &ExploreBar::cancel_wanted);
}

void ExploreBar::adapt()
{
    const bool token = axis_->current() == 1;
    const bool weights = group() && group()->kind == SiteKind::weight;
    without_first_->setVisible(token && !weights);
    const int offered = token ? 2 : 5;  // of a position only the absolute maximum is known
    if (statistic_->count() != offered) {
        const int chosen = statistic_->currentIndex();
        statistic_->clear();
        for (const char* name : {QT_TR_NOOP("Absolute max"), QT_TR_NOOP("Max ÷ median"), QT_TR_NOOP("σ, sampled"), QT_TR_NOOP("Kurtosis, sampled"), QT_TR_NOOP("Max ÷ 99.9 %")})
            if (statistic_->count() < offered) statistic_->addItem(tr(name));
        if (!token) {
            statistic_->setItemData(2, tr("Standard deviation of each channel over the rows that the calibration kept"), Qt::ToolTipRole);
            statistic_->setItemData(3, tr("Kurtosis of each channel over the rows that the calibration kept (3 for a normal distribution)"), Qt::ToolTipRole);
            statistic_->setItemData(4, tr("How far a channel's largest value lies beyond what 99.9 % of its values stay below (of up to 16,384 tokens exactly, of more from a sample of that size): "
                                          "large where a few values alone set the range"),
                                    Qt::ToolTipRole);
        }
        statistic_->setCurrentIndex(chosen >= 0 && chosen < offered ? chosen : 0);
    }
    const auto buttons = axis_->findChildren<QToolButton*>();
    buttons[0]->setText(weights ? tr("Input") : tr("Channel"));
    buttons[1]->setText(weights ? tr("Output") : tr("Token"));
}

void ExploreBar::set_model(const std::optional<Model>& model, bool calibrated)
{
    const auto* before = group();
    const bool chosen = before != nullptr;
    const SiteRole role = chosen ? before->role : SiteRole::down_input;
    groups_.clear();
    kind_->clear();
    catalogue_ = model ? model->sites : nullptr;
    if (!model) return;
    for (auto& group : site_groups(*model->sites))
        if (calibrated || group.kind == SiteKind::weight) groups_.push_back(std::move(group));
    bool weights = false;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        const auto& group = groups_[i];
        if (group.kind == SiteKind::weight && !weights && kind_->count() > 0) kind_->insertSeparator(kind_->count());
        weights = group.kind == SiteKind::weight;
        kind_->addItem(role_title(group.role), static_cast<int>(i));
        if (!wanted_kind_.isEmpty() && group_pattern(*catalogue_, group) == wanted_kind_) kind_->setCurrentIndex(kind_->count() - 1);
    }
    if (group() && !wanted_kind_.isEmpty() && group_pattern(*catalogue_, *group()) == wanted_kind_)
        wanted_kind_.clear();
    else if (calibrated && !(chosen && calibrated_) && set_role(SiteRole::down_input))
        ;  // what a newcomer should see first: the input of down_proj is where outliers are largest
    else if (chosen)
        set_role(role);
    calibrated_ = calibrated;
    adapt();
}

void ExploreBar::set_after_possible(bool possible)
{
    transforms_->setVisible(possible);
    if (!possible) transforms_->set_current(0);
}

const SiteGroup* ExploreBar::group() const
{
    const auto index = kind_->currentData();
    return index.isValid() && index.toInt() < static_cast<int>(groups_.size()) ? &groups_[static_cast<std::size_t>(index.toInt())] : nullptr;
}

bool ExploreBar::set_role(SiteRole role)
{
    const auto found = std::ranges::find(groups_, role, &SiteGroup::role);
    if (found == groups_.end()) return false;
    kind_->setCurrentIndex(kind_->findData(static_cast<int>(found - groups_.begin())));
    adapt();
    return true;
}

void ExploreBar::step_kind(int by)
{
    int next = kind_->currentIndex() + by;
    while (next >= 0 && next < kind_->count() && !kind_->itemData(next).isValid()) next += by;
    if (next < 0 || next >= kind_->count()) return;
    kind_->setCurrentIndex(next);
    adapt();
    Q_EMIT request_changed();
}

MapRequest ExploreBar::request() const
{
    MapRequest request;
    if (group()) request.role = group()->role;
    request.statistic = static_cast<MapStatistic>(std::max(statistic_->currentIndex(), 0));
    request.axis = axis_->current() == 1 ? MapAxis::token : MapAxis::channel;
    request.transforms = static_cast<MapTransforms>(transforms_->current());
    request.without_first_token = without_first_->isChecked() && request.axis == MapAxis::token && group() && group()->kind == SiteKind::activation;
    request.threshold = {static_cast<ThresholdKind>(threshold_kind_->currentIndex()), threshold_->value()};
    return request;
}

bool ExploreBar::by_magnitude() const { return order_->current() == 1; }
bool ExploreBar::logarithmic() const { return scale_->current() == 0; }

void ExploreBar::set_progress(int done, int total)
{
    progress_->setRange(0, total);
    progress_->setValue(done);
    progress_->setVisible(done < total);
    cancel_->setVisible(done < total);
}

void ExploreBar::set_caption(const QString& text)
{
    caption_text_ = text;
    caption_->setToolTip(text);
    caption_->setAccessibleName(text);
    fit_caption();
}

void ExploreBar::fit_caption()
{
    caption_->setText(caption_->fontMetrics().horizontalAdvance(caption_text_) <= caption_->width() ? caption_text_ : QString());
}

bool ExploreBar::eventFilter(QObject* watched, QEvent* event)
{
    if (watched == caption_ && event->type() == QEvent::Resize) fit_caption();
    return QWidget::eventFilter(watched, event);
}

QJsonObject ExploreBar::state() const
{
    const MapRequest r = request();
    return {{"kind", group() ? group_pattern(*catalogue_, *group()) : wanted_kind_},
            {"statistic", static_cast<int>(r.statistic)},
            {"axis", axis_->current()},
            {"order", order_->current()},
            {"scale", scale_->current()},
            {"threshold_kind", threshold_kind_->currentIndex()},
            {"threshold", threshold_->value()},
            {"without_first_token", without_first_->isChecked()},
            {"transforms", transforms_->current()}};
}

void ExploreBar::restore(const QJsonObject& state)
{
    wanted_kind_ = state["kind"].toString();
    if (catalogue_)
        for (const auto& group : groups_)
            if (group_pattern(*catalogue_, group) == wanted_kind_) {
                set_role(group.role);
                wanted_kind_.clear();
                break;
            }
    axis_->set_current(state["axis"].toInt());
    adapt();
    statistic_->setCurrentIndex(std::clamp(state["statistic"].toInt(), 0, statistic_->count() - 1));
    order_->set_current(state["order"].toInt());
    scale_->set_current(state["scale"].toInt());
    threshold_kind_->setCurrentIndex(std::clamp(state["threshold_kind"].toInt(), 0, 3));
    const QSignalBlocker quiet(threshold_);
    if (state.contains("threshold")) threshold_->setValue(state["threshold"].toDouble());
    without_first_->setChecked(state["without_first_token"].toBool());
    transforms_->set_current(state["transforms"].toInt());
    adapt();
}

}  // namespace bitwright::views
