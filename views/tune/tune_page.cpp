// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/tune/tune_page.h"

#include "core/exchange/budget.h"
#include "core/exchange/prediction.h"
#include "core/workspace/notes.h"
#include "views/desk/empty_state.h"
#include "views/desk/formats.h"
#include "views/desk/message_line.h"
#include "views/desk/theme.h"
#include "views/tune/budget_bar.h"
#include "views/tune/history_panel.h"
#include "views/tune/lint_panel.h"
#include "views/tune/site_edits.h"
#include "views/tune/site_measurements.h"
#include "views/tune/site_table_view.h"

#include <QComboBox>
#include <QHeaderView>
#include <QJsonObject>
#include <QLabel>
#include <QLineEdit>
#include <QResizeEvent>
#include <QSplitter>
#include <QStackedLayout>
#include <QToolButton>
#include <QVBoxLayout>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace bitwright::views {
namespace {

constexpr int wide_enough = 900;  ///< for the history beside the table

/// What the recipe would reach on this computer by the newest benchmark of the workspace, or why that is not known.
void predict_here(BudgetBar::Cost& cost, const Model& model, const Recipe& recipe, const Workspace& workspace)
{
    const auto here = rates_of_this_computer(workspace);
    if (!here) {
        cost.speed_basis = TunePage::tr("Not measured: this workspace keeps no benchmark of this computer. “bitwright-cli bench -w %1” makes one").arg(QString::fromStdString(workspace.path().string()));
        return;
    }
    const std::int64_t longest = model.architecture().max_positions, length = longest > 0 ? std::min<std::int64_t>(512, longest) : 512;
    const PredictedWork work{length, length - 1};
    const auto prediction = predict_latency(model, recipe, here->rates, work);
    if (!prediction) {
        cost.speed_basis = TunePage::tr("Not known: a package cannot hold this recipe");
        return;
    }
    cost.prefill_tokens_per_s = prediction->prefill_tokens_per_s(work);
    cost.decode_tokens_per_s = prediction->decode_tokens_per_s();
    cost.speed_basis = TunePage::tr("Prompt · decode on this computer, at best, for a prompt of %1 tokens and the token after it: by the rates of products and memory that bench measured here (%2, threads: %3, %4).\nNorms, tables and start-up are not counted")
                           .arg(count(length), QString::fromStdString(here->isa), here->threads ? count(*here->threads) : not_measured, QString::fromStdString(here->created));
}

}  // namespace

TunePage::TunePage(Desk& desk, QWidget* parent)
    : Page(parent), desk_(desk), sites_(new SiteTableModel(this)), edits_(new SiteEdits(desk, this)), measurements_(new SiteMeasurements(desk, *sites_, this))
{
    stack_ = new QStackedLayout(this);
    content_ = new QWidget(this);
    stack_->addWidget(content_);
    build();
    add_actions();
    add_insight();

    const auto changed = [this] {
        dirty_ = true;
        if (isVisible()) update_all();
    };
    for (const auto signal : {&Desk::model_changed, &Desk::statistics_changed, &Desk::calibrations_changed, &Desk::results_changed}) connect(&desk_, signal, this, changed);
    connect(&desk_, &Desk::recipe_changed, this, [this] {
        update_undo();
        if (!isVisible() || stack_->currentWidget() != content_ || !desk_.recipe()) {
            dirty_ = true;
            if (isVisible()) update_all();
            return;
        }
        take_recipe();
    });
    connect(&desk_.revisions(), &Revisions::list_changed, this, [this] { update_undo(); });
    connect(&desk_.selection(), &SelectionModel::changed, this, &TunePage::take_selection);
    connect(&desk_.selection(), &SelectionModel::filter_changed, this, &TunePage::set_filter);
    connect(sites_, &SiteTableModel::edit_wanted, this, &TunePage::edit);
    connect(measurements_, &SiteMeasurements::progressed, this, [this] {
        table_->order().measured();
        show_count();
    });
    connect(edits_, &SiteEdits::refused, this, [this](const QString& sentence) { message_->show_error(sentence); });
    connect(edits_, &SiteEdits::applied, this, [this] { message_->dismiss(); });
    connect(lints_, &LintPanel::apply_wanted, edits_, &SiteEdits::apply_pattern);
    connect(table_->selectionModel(), &QItemSelectionModel::selectionChanged, this, &TunePage::publish_selection);
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &TunePage::publish_selection);
    connect(filter_, &QLineEdit::textChanged, this, [this](const QString& words) { desk_.selection().set_filter(words); });
    connect(filter_, &QLineEdit::returnPressed, table_, qOverload<>(&QWidget::setFocus));
    connect(&desk_.jobs(), &JobQueue::changed, this, &TunePage::follow_job);
    connect(&desk_.jobs(), &JobQueue::finished, this, &TunePage::follow_job);
    update_undo();
}

void TunePage::build()
{
    auto* column = new QVBoxLayout(content_);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    budget_ = new BudgetBar(content_);
    column->addWidget(budget_);

    auto* bar = new QHBoxLayout;
    bar->setContentsMargins(8, 0, 8, 4);
    bar->setSpacing(8);
    filter_ = new QLineEdit(content_);
    filter_->setPlaceholderText(tr("Filter: kind:down_proj layer:4-12 bits:8 sqnr<20   ( / )"));
    filter_->setClearButtonEnabled(true);
    filter_->setAccessibleName(tr("Filter of sites in words"));
    count_ = new QLabel(content_);
    count_->setForegroundRole(QPalette::PlaceholderText);
    bar->addWidget(filter_, 1);
    npu_ = new QComboBox(content_);
    npu_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    npu_->setMinimumContentsLength(10);
    bar->addWidget(count_);
    bar->addWidget(npu_);
    auto* playground = new QToolButton(content_);
    playground->setText(tr("Playground…"));
    playground->setToolTip(tr("The float model and this recipe continue a text beside each other"));
    connect(playground, &QToolButton::clicked, this, [this] {
        if (auto* action = desk_.actions().find(QStringLiteral("desk.playground"))) action->trigger();
    });
    bar->addWidget(playground);
    column->addLayout(bar);
    filter_error_ = new QLabel(content_);
    filter_error_->setWordWrap(true);
    filter_error_->setContentsMargins(8, 0, 8, 4);
    filter_error_->hide();
    column->addWidget(filter_error_);
    message_ = new MessageLine(content_);
    message_->float_over(*content_);

    down_ = new QSplitter(Qt::Vertical, content_);
    across_ = new QSplitter(Qt::Horizontal, down_);
    table_ = new SiteTableView(*sites_, across_);
    history_ = new HistoryPanel(desk_, across_);
    across_->setStretchFactor(0, 1);
    across_->setStretchFactor(1, 0);
    below_ = new QSplitter(Qt::Horizontal, down_);
    lints_ = new LintPanel(desk_, below_);
    below_->setStretchFactor(0, 1);
    down_->setStretchFactor(0, 3);
    down_->setStretchFactor(1, 1);
    across_->setSizes({620, 280});
    down_->setSizes({420, 140});
    for (auto* splitter : {across_, down_, below_}) splitter->setChildrenCollapsible(false);
    table_->setMinimumHeight(120);
    column->addWidget(down_, 1);
}

void TunePage::resizeEvent(QResizeEvent* event)
{
    Page::resizeEvent(event);
    auto* home = width() >= wide_enough ? across_ : below_;
    if (history_->parentWidget() == home) return;
    home->addWidget(history_);
    history_->show();
    home->setSizes({home->width() - 280, 280});
}

void TunePage::activated()
{
    if (dirty_) update_all();
    take_selection(desk_.selection().current());
}

QWidget* TunePage::empty_state()
{
    if (desk_.model_row() && !desk_.model())
        return new EmptyState(tr("The model is not where it was last seen. Say where it is now to tune its recipes."), tr("Open the start page"), [this] { Q_EMIT desk_.page_wanted(QStringLiteral("start")); });
    if (!desk_.model()) return new EmptyState(tr("Tune shows what a recipe decides at every site of a model, and changes it."), tr("Open a model"), [this] { Q_EMIT desk_.page_wanted(QStringLiteral("start")); });
    if (!desk_.calibration())
        return new EmptyState(tr("Nothing calibrated yet. Static ranges need a calibration; then a first recipe is a matter of seconds."), tr("Calibrate…"), [this] { Q_EMIT desk_.calibration_wanted(); });
    const QStringList arguments{QStringLiteral("quantize"), desk_.model_folder(), QStringLiteral("--calibration"), QStringLiteral("calibration:%1").arg(desk_.calibration()->id),
                                QStringLiteral("--method"), QStringLiteral("rtn"), QStringLiteral("--weights"), QStringLiteral("8"), QStringLiteral("--activations"), QStringLiteral("8"),
                                QStringLiteral("--seed"), QStringLiteral("0"), QStringLiteral("-w"), desk_.workspace_path()};
    return new EmptyState(tr("No recipe yet. Start with round to nearest at 8 bits and tune from there, or let a method make one."), tr("Make a round-to-nearest recipe"),
                          [this, arguments] {
                              desk_.jobs().submit(tr("Round to nearest W8A8"), arguments);
                              desk_.actions().set_command_line(arguments);
                          },
                          tr("Optimize…"), [this] { Q_EMIT desk_.page_wanted(QStringLiteral("optimize")); });
}

void TunePage::update_all()
{
    dirty_ = false;
    // while another workspace is being opened the recipe may still be the last one's
    const bool fits = desk_.model() && desk_.recipe() && desk_.recipe()->architecture == architecture_fingerprint(desk_.model()->architecture());
    if (!fits) {
        if (empty_) empty_->deleteLater();  // its button may be what brought us here
        empty_ = empty_state();
        stack_->addWidget(empty_);
        stack_->setCurrentWidget(empty_);
        return;
    }
    stack_->setCurrentWidget(content_);
    if (catalogue_ != desk_.model()->sites) {
        catalogue_ = desk_.model()->sites;
        sites_->set_model(desk_.model());
        const auto* header = table_->horizontalHeader();
        table_->order().sort(header->sortIndicatorSection(), header->sortIndicatorOrder());
        read_notes();
    }
    take_recipe();
    set_filter(desk_.selection().filter());
}

void TunePage::take_recipe()
{
    sites_->set_recipe(desk_.recipe());
    measurements_->restart();
    lints_->restart();
    read_costs();
    read_evaluations();
    show_count();
}

void TunePage::read_costs()
{
    desk_.lanes().interactive.post(this, QStringLiteral("tune.budget"), [this, model = *desk_.model(), recipe = desk_.recipe(), workspace = desk_.workspace()](const Control&) -> Lane::Continuation {
        const auto cost = budget_of(model, *recipe);
        QStringList kept;
        for (const auto& site : cost.sites)
            if (!site.packaged) kept << QString::fromStdString((*model.sites)[site.site].name);
        BudgetBar::Cost shown{cost.weight_bytes, cost.float_bytes, cost.bits_per_weight, cost.bits_per_activation, {}, {}, {}, {}};
        predict_here(shown, model, *recipe, *workspace);
        if (!kept.isEmpty()) shown.remark = tr("A package cannot hold %n weight(s) as decided; they count as the checkpoint stores them: ", nullptr, static_cast<int>(kept.size())) + kept.mid(0, 5).join(QStringLiteral(", "));
        return [this, shown] { budget_->set_cost(shown); };
    }, [this](const QString&) { budget_->set_cost({}); });
}

void TunePage::read_evaluations(const QString& tag, std::function<void()> then)
{
    const auto head = desk_.revisions().head();
    if (!head || !head->row.model) return;
    desk_.lanes().interactive.post(this, tag,
                                   [this, then, workspace = desk_.workspace(), model = *head->row.model, lineage = Lineage::of(desk_.revisions())](const Control&) -> Lane::Continuation {
        auto state = std::make_shared<EvaluationState>(EvaluationState::read(*workspace, model, lineage));
        return [this, then, state] {
            evaluations_ = std::move(*state);
            budget_->set_perplexities(evaluations_.perplexities);
            sites_->set_layer_errors(evaluations_.errors);
            sites_->set_sensitivities(evaluations_.sensitivities);
            if (then) then();
        };
    }, [this](const QString& sentence) { message_->show_error(sentence); });
}

void TunePage::read_notes()
{
    if (!desk_.model_row()) return;
    desk_.lanes().interactive.post(this, QStringLiteral("tune.notes"), [this, workspace = desk_.workspace(), model = desk_.model_row()->id, sites = catalogue_](const Control&) -> Lane::Continuation {
        auto notes = site_notes(*workspace, model);
        return [this, sites, notes = std::move(notes)] {
            if (sites == catalogue_) sites_->set_notes(notes);
        };
    }, [this](const QString& sentence) { message_->show_error(sentence); });
}

void TunePage::set_filter(const QString& words)
{
    if (filter_->text() != words) filter_->setText(words);
    try {
        table_->order().set_filter(SiteFilter::parse(words.toStdString()));
        filter_error_->hide();
    } catch (const Error& error) {  // the rows of the last filter that was understood stay
        QPalette colours = palette();
        colours.setColor(QPalette::WindowText, signal_colours().error);
        filter_error_->setPalette(colours);
        filter_error_->setText(QString::fromUtf8(error.what()));
        filter_error_->show();
    }
    show_count();
}

void TunePage::show_count()
{
    const int shown = table_->order().rowCount(), all = sites_->rowCount();
    count_->setText(shown == all ? tr("%1 sites").arg(count(all)) : tr("%1 of %2 sites").arg(count(shown), count(all)));
}

std::vector<SiteId> TunePage::ids(const std::vector<int>& rows) const
{
    std::vector<SiteId> sites;
    for (const int row : rows) sites.push_back(sites_->site(row).id);
    return sites;
}

void TunePage::publish_selection()
{
    if (selecting_) return;
    const auto rows = table_->selected_rows();
    const auto current = table_->order().mapToSource(table_->currentIndex());
    if (rows.empty() || !current.isValid()) return;
    const int main = std::ranges::find(rows, current.row()) != rows.end() ? current.row() : rows.front();
    const auto before = desk_.selection().current();
    Selection selection;
    selection.site = QString::fromStdString(sites_->site(main).name);
    selection.layer = static_cast<int>(sites_->site(main).layer);
    if (before.site == selection.site) {
        selection.channel = before.channel;
        selection.token = before.token;
    }
    if (rows.size() > 1)
        for (const int row : rows) selection.sites << QString::fromStdString(sites_->site(row).name);
    selecting_ = true;
    desk_.selection().set(selection);
    selecting_ = false;
}

void TunePage::take_selection(const Selection& selection)
{
    if (selecting_ || !isVisible() || stack_->currentWidget() != content_) return;
    std::vector<int> rows;
    const auto add = [&](const QString& site) {
        if (const int row = sites_->row_of(site.toStdString()); row >= 0) rows.push_back(row);
    };
    for (const auto& site : selection.sites) add(site);
    if (selection.sites.isEmpty() && !selection.site.isEmpty()) add(selection.site);
    selecting_ = true;
    table_->select_rows(rows, selection.site.isEmpty() ? -1 : sites_->row_of(selection.site.toStdString()));
    selecting_ = false;
}

QJsonObject TunePage::state() const
{
    QJsonObject state = table_->saved();
    const auto sizes = [](const QSplitter* splitter) { return QString::fromLatin1(splitter->saveState().toBase64()); };
    state[QStringLiteral("across")] = sizes(across_);
    state[QStringLiteral("down")] = sizes(down_);
    return state;
}

void TunePage::restore(const QJsonObject& state)
{
    table_->restore(state);
    const auto set = [&](QSplitter* splitter, const char* key) { splitter->restoreState(QByteArray::fromBase64(state.value(QLatin1String(key)).toString().toLatin1())); };
    set(across_, "across");
    set(down_, "down");
}

}  // namespace bitwright::views
