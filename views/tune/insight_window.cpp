// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/insight_window.h"

#include "core/workspace/probes.h"
#include "core/workspace/window_ranges.h"
#include "views/desk/formats.h"
#include "views/desk/message_line.h"
#include "views/desk/theme.h"

#include <QComboBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QTabWidget>
#include <QTableWidget>
#include <QVBoxLayout>

#include <array>
#include <cmath>
#include <map>

namespace bitwright::views {
namespace {

constexpr std::array groupings{"site", "kind", "layer", "linear"};

QTableWidgetItem* cell(const QString& text, const QString& why = {})
{
    auto* item = new QTableWidgetItem(text);
    item->setFlags(Qt::ItemIsEnabled | Qt::ItemIsSelectable);
    item->setToolTip(why);
    return item;
}
QTableWidgetItem* figure(const std::optional<double>& value, const QString& why = {})
{
    auto* item = cell(number(value), value ? QString() : why);
    item->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
    return item;
}

QTableWidget* table(QWidget* parent, const QStringList& titles, const QString& name)
{
    auto* made = new QTableWidget(0, static_cast<int>(titles.size()), parent);
    made->setHorizontalHeaderLabels(titles);
    made->verticalHeader()->hide();
    made->setSelectionBehavior(QAbstractItemView::SelectRows);
    made->setSelectionMode(QAbstractItemView::SingleSelection);
    made->setAlternatingRowColors(true);
    made->setFrameShape(QFrame::NoFrame);
    made->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    made->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Stretch);
    made->setAccessibleName(name);
    return made;
}

}  // namespace

struct InsightWindow::Known {
    std::map<std::string, Sensitivity> by_grouping;
    std::optional<AllocationRow> allocation;
    std::vector<SiteConvergence> convergence;
};

InsightWindow::InsightWindow(Desk& desk, std::function<QStringList()> tokens, QWidget* parent) : QDialog(parent), desk_(desk), tokens_(std::move(tokens)), message_(new MessageLine(this)), tabs_(new QTabWidget(this))
{
    setWindowTitle(tr("Insight"));
    setModal(false);
    resize(760, 480);
    tabs_->setDocumentMode(true);
    tabs_->addTab(sensitivity_tab(), tr("Sensitivity"));
    tabs_->addTab(bits_tab(), tr("Bits under a budget"));
    tabs_->addTab(convergence_tab(), tr("Range convergence"));
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(8, 8, 8, 8);
    column->addWidget(message_);
    column->addWidget(tabs_, 1);
    connect(&desk_.jobs(), &JobQueue::finished, this, &InsightWindow::follow);
    for (const auto signal : {&Desk::results_changed, &Desk::recipe_changed, &Desk::calibrations_changed}) {
        connect(&desk_, signal, this, [this] {
            if (isVisible()) refresh();
        });
    }
    restyle();
}

QWidget* InsightWindow::sensitivity_tab()
{
    auto* page = new QWidget(this);
    auto* column = new QVBoxLayout(page);
    auto* bar = new QHBoxLayout;
    auto* label = new QLabel(tr("&Group by"), page);
    grouping_ = new QComboBox(page);
    grouping_->addItems({tr("site"), tr("kind of site"), tr("layer"), tr("linear")});
    grouping_->setAccessibleName(tr("Groups of sites"));
    label->setBuddy(grouping_);
    whole_ = new QLabel(page);
    auto* measure = new QPushButton(tr("Measure"), page);
    measure->setObjectName(QStringLiteral("insight.sensitivity"));
    bar->addWidget(label);
    bar->addWidget(grouping_);
    bar->addWidget(whole_, 1);
    bar->addWidget(measure);
    groups_ = table(page, {tr("Group"), tr("Alone"), tr("Relief"), tr("Introduced dB"), tr("Kurtosis")}, tr("Sensitivity of groups of sites, the largest first"));
    groups_->horizontalHeaderItem(1)->setToolTip(tr("KL to the float model per token with only this group quantized"));
    groups_->horizontalHeaderItem(2)->setToolTip(tr("How much KL goes when this group alone stays float"));
    groups_->horizontalHeaderItem(3)->setToolTip(tr("SQNR of the site at its own float input"));
    groups_->horizontalHeaderItem(4)->setToolTip(tr("Largest kurtosis of its tensors: heavy tails, known without any data for weights"));
    column->addLayout(bar);
    column->addWidget(groups_, 1);
    connect(grouping_, &QComboBox::currentIndexChanged, this, &InsightWindow::show_groups);
    connect(measure, &QPushButton::clicked, this, [this] { measure_sensitivity(QLatin1String(groupings.at(static_cast<std::size_t>(grouping_->currentIndex())))); });
    connect(groups_, &QTableWidget::itemSelectionChanged, this, [this] {
        const auto* item = groups_->item(groups_->currentRow(), 0);
        if (item && desk_.model() && desk_.model()->sites->find(item->text().toStdString()) != no_site) {
            const auto& site = (*desk_.model()->sites)[desk_.model()->sites->find(item->text().toStdString())];
            desk_.selection().set_site(item->text(), static_cast<int>(site.layer));
        }
    });
    return page;
}

QWidget* InsightWindow::bits_tab()
{
    auto* page = new QWidget(this);
    auto* column = new QVBoxLayout(page);
    auto* bar = new QHBoxLayout;
    auto* label = new QLabel(tr("&Budget"), page);
    budget_ = new QComboBox(page);
    budget_->addItem(tr("as small as uniform 4 bits"), QStringList{QStringLiteral("--like-uniform"), QStringLiteral("4")});
    for (const int bits : {5, 6, 7}) budget_->addItem(tr("%1 bits per weight").arg(bits), QStringList{QStringLiteral("--bits-per-weight"), QString::number(bits)});
    budget_->setAccessibleName(tr("Budget of the search"));
    label->setBuddy(budget_);
    chosen_ = new QLabel(page);
    chosen_->setWordWrap(true);
    auto* search = new QPushButton(tr("Search"), page);
    search->setObjectName(QStringLiteral("insight.bits"));
    bar->addWidget(label);
    bar->addWidget(budget_);
    bar->addStretch();
    bar->addWidget(search);
    trials_ = new plots::ScatterView(page);
    trials_->setTitle(tr("Every recipe tried"));
    trials_->setAccessibleName(tr("Distance to the float model against size of every recipe tried"));
    trials_->setEmptyText(tr("Nothing searched yet from this recipe"));
    trials_->setAxes({tr("size of the weights"), tr("KL to float per token"), tr("MB"), {}, false, true});
    trials_->setFrontShown(true);
    column->addLayout(bar);
    column->addWidget(trials_, 1);
    column->addWidget(chosen_);
    connect(search, &QPushButton::clicked, this, &InsightWindow::search_bits);
    connect(trials_, &plots::Plot::exportFailed, this, &InsightWindow::refuse);
    connect(trials_, &plots::ScatterView::pointActivated, this, [this](int point) {
        if (known_ && known_->allocation && point >= 0 && point < static_cast<int>(known_->allocation->trials.size())) desk_.revisions().adopt(known_->allocation->trials[static_cast<std::size_t>(point)].recipe);
    });
    return page;
}

QWidget* InsightWindow::convergence_tab()
{
    auto* page = new QWidget(this);
    auto* column = new QVBoxLayout(page);
    auto* bar = new QHBoxLayout;
    verdict_ = new QLabel(page);
    verdict_->setWordWrap(true);
    auto* measure = new QPushButton(tr("Measure"), page);
    measure->setObjectName(QStringLiteral("insight.convergence"));
    bar->addWidget(verdict_, 1);
    bar->addWidget(measure);
    sites_ = table(page, {tr("Site"), tr("Enough?"), tr("Growth %")}, tr("Sites by how far their range has converged"));
    sites_->horizontalHeaderItem(2)->setToolTip(tr("Share of the range that the second half of the windows added"));
    growth_ = new plots::CurvesView(page);
    growth_->setTitle(tr("Range against windows"));
    growth_->setAccessibleName(tr("Expected range of the chosen site against the number of calibration windows"));
    growth_->setEmptyText(tr("Choose a site"));
    growth_->setAxes({.x = tr("windows"), .y = tr("range"), .counts = true});
    column->addLayout(bar);
    column->addWidget(sites_, 1);
    column->addWidget(growth_, 1);
    connect(measure, &QPushButton::clicked, this, &InsightWindow::measure_convergence);
    connect(sites_, &QTableWidget::itemSelectionChanged, this, &InsightWindow::show_growth);
    connect(growth_, &plots::Plot::exportFailed, this, &InsightWindow::refuse);
    return page;
}

void InsightWindow::refresh()
{
    const auto head = desk_.revisions().head();
    const auto workspace = desk_.workspace();
    if (!head || !workspace) return show_known(std::make_shared<const Known>());
    const auto calibration = desk_.calibration() ? std::optional(desk_.calibration()->id) : std::nullopt;
    desk_.lanes().interactive.post(this, QStringLiteral("tune.insight"), [this, workspace, row = head->stored.load(), calibration](const Control&) -> Lane::Continuation {
        auto known = std::make_shared<Known>();
        for (const char* grouping : groupings)
            if (auto found = row == 0 ? std::nullopt : get_sensitivity(*workspace, row, grouping)) known->by_grouping.emplace(grouping, std::move(*found));
        for (const auto& allocation : list_allocations(*workspace)) {
            if (allocation.base != row) continue;
            known->allocation = get_allocation(*workspace, allocation.id);
            break;
        }
        if (calibration) known->convergence = site_convergence(*workspace, *calibration);
        return [this, known] { show_known(known); };
    }, [this](const QString& sentence) { refuse(sentence); });
}

void InsightWindow::show_known(std::shared_ptr<const Known> known)
{
    known_ = std::move(known);
    show_groups();
    std::vector<plots::ScatterPoint> points;
    chosen_->setText({});
    if (known_->allocation) {
        for (const auto& trial : known_->allocation->trials) {
            plots::ScatterPoint point;
            point.name = trial.chosen ? tr("chosen") : trial.words.starts_with("uniform") ? QString::fromStdString(trial.words) : QString();
            point.x = static_cast<double>(trial.bytes) / 1e6;
            point.y = trial.kl_token;
            point.category = trial.chosen ? 1 : 0;
            point.sentence = tr("%1: %2, %3 bits per weight, KL %4, perplexity %5; double click opens it")
                                 .arg(QString::fromStdString(trial.words), bytes(trial.bytes), number(trial.bits_per_weight), number(trial.kl_token), number(trial.perplexity, 4));
            points.push_back(std::move(point));
            if (trial.chosen)
                chosen_->setText(tr("Chosen within %1: recipe:%2, %3, KL %4. %5").arg(QString::fromStdString(known_->allocation->budget), QString::number(trial.recipe), bytes(trial.bytes), number(trial.kl_token), QString::fromStdString(trial.words)));
        }
    }
    trials_->setPoints(std::move(points));

    const auto before = sites_->currentRow() >= 0 ? sites_->item(sites_->currentRow(), 0)->text() : QString();
    const QSignalBlocker quiet(sites_);
    sites_->setRowCount(static_cast<int>(known_->convergence.size()));
    int enough = 0, chosen = known_->convergence.empty() ? -1 : 0;
    for (int row = 0; row < sites_->rowCount(); ++row) {
        const auto& [site, range] = known_->convergence[static_cast<std::size_t>(row)];
        enough += range.enough;
        sites_->setItem(row, 0, cell(QString::fromStdString(site)));
        sites_->setItem(row, 1, cell(range.enough ? tr("enough") : tr("not yet")));
        sites_->setItem(row, 2, figure(100 * range.growth));
        if (sites_->item(row, 0)->text() == before) chosen = row;
    }
    verdict_->setText(known_->convergence.empty() ? tr("Not measured for this calibration.")
                                                  : tr("%1 of %2 ranges grow by at most %3 % in the second half of the windows.").arg(count(enough), count(sites_->rowCount()), number(100 * converged_growth)));
    sites_->setCurrentCell(chosen, 0);
    show_growth();
}

void InsightWindow::show_groups()
{
    if (!known_) return;
    const auto found = known_->by_grouping.find(groupings.at(static_cast<std::size_t>(grouping_->currentIndex())));
    const QSignalBlocker quiet(groups_);
    groups_->setRowCount(found == known_->by_grouping.end() ? 0 : static_cast<int>(found->second.rows.size()));
    if (found == known_->by_grouping.end()) return whole_->setText(tr("Not measured for the open recipe."));
    whole_->setText(tr("The whole recipe: KL %1 per token").arg(number(found->second.whole)));
    for (int row = 0; row < groups_->rowCount(); ++row) {
        const auto& group = found->second.rows[static_cast<std::size_t>(row)];
        const auto unprobed = tr("Left out by the pre-screen");
        groups_->setItem(row, 0, cell(QString::fromStdString(group.group)));
        groups_->setItem(row, 1, figure(group.alone, unprobed));
        groups_->setItem(row, 2, figure(group.without ? std::optional(found->second.whole - *group.without) : std::nullopt, unprobed));
        groups_->setItem(row, 3, figure(group.introduced_sqnr_db, tr("Of single sites only; none where nothing changes")));
        groups_->setItem(row, 4, figure(group.kurtosis, tr("Not observed by the recipe's calibration")));
    }
}

void InsightWindow::show_growth()
{
    const int row = sites_->currentRow();
    if (!known_ || row < 0 || row >= static_cast<int>(known_->convergence.size())) return growth_->clear();
    plots::Curve low, high;
    low.name = tr("min");
    high.name = tr("max");
    high.category = 1;
    for (const auto& point : known_->convergence[static_cast<std::size_t>(row)].range.curve) {
        low.x.push_back(static_cast<double>(point.windows));
        high.x.push_back(static_cast<double>(point.windows));
        low.y.push_back(point.min);
        high.y.push_back(point.max);
    }
    growth_->setCurves({std::move(low), std::move(high)});
}

void InsightWindow::measure_sensitivity(const QString& grouping)
{
    const auto tokens = tokens_();
    if (tokens.isEmpty()) return refuse(tr("Nothing says on which text to measure; calibrate on a text first."));
    submit(tr("Sensitivity by %1").arg(grouping), [this, tokens, grouping](const QString& recipe) {
        return QStringList{QStringLiteral("sensitivity"), recipe, QStringLiteral("--model"), desk_.model_folder(), QStringLiteral("--by"), grouping} + tokens + QStringList{QStringLiteral("-w"), desk_.workspace_path()};
    });
}

void InsightWindow::search_bits()
{
    const auto tokens = tokens_();
    if (tokens.isEmpty()) return refuse(tr("Nothing says on which text to measure; calibrate on a text first."));
    submit(tr("Bits under a budget"), [this, tokens, budget = budget_->currentData().toStringList()](const QString& recipe) {
        return QStringList{QStringLiteral("allocate"), recipe, QStringLiteral("--model"), desk_.model_folder()} + budget + tokens + QStringList{QStringLiteral("-w"), desk_.workspace_path()};
    });
}

void InsightWindow::measure_convergence()
{
    if (!desk_.calibration()) return refuse(tr("Nothing calibrated yet."));
    const QStringList command{QStringLiteral("convergence"), QStringLiteral("calibration:%1").arg(desk_.calibration()->id), QStringLiteral("--model"), desk_.model_folder(), QStringLiteral("-w"), desk_.workspace_path()};
    begin(tr("Range convergence"), command);
}

void InsightWindow::submit(const QString& title, std::function<QStringList(const QString& recipe)> command)
{
    const auto head = desk_.revisions().head();
    if (!head) return refuse(tr("No recipe is open."));
    desk_.lanes().store.post(this, {}, [this, head, title, command](const Control&) -> Lane::Continuation {
        const auto row = head->stored.load();
        return [this, row, title, command] {
            if (row == 0) return refuse(tr("The open revision is not stored; undo, and edit again."));
            const auto arguments = command(QStringLiteral("recipe:%1").arg(row));
            begin(title, arguments);
        };
    });
}

void InsightWindow::begin(const QString& title, const QStringList& arguments)
{
    message_->dismiss();
    desk_.actions().set_command_line(arguments);
    const auto number = desk_.jobs().submit(title, arguments);
    begun_.push_back(number);
    if (const auto job = desk_.jobs().job(number); job && is_over(job->phase)) follow(number);  // a wrong option ends it at once
}

void InsightWindow::refuse(const QString& sentence)
{
    message_->show_error(sentence);
    show();
    raise();
}

void InsightWindow::follow(std::int64_t number)
{
    if (std::erase(begun_, number) == 0) return;
    if (const auto job = desk_.jobs().job(number); job && job->phase == JobPhase::failed) refuse(tr("%1 failed: %2").arg(job->title, job->message));
}

void InsightWindow::restyle()
{
    const auto style = plot_style(desk_.settings().sequence);
    trials_->setStyle(style);
    growth_->setStyle(style);
}

void InsightWindow::changeEvent(QEvent* event)
{
    QDialog::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && trials_) restyle();
}

}  // namespace bitwright::views
