// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/optimize/run_list.h"

#include "core/workspace/jobs.h"
#include "core/workspace/results.h"
#include "views/desk/formats.h"
#include "views/desk/theme.h"
#include "views/jobs/job_words.h"

#include <QFileInfo>
#include <QGridLayout>
#include <QLabel>
#include <QListWidget>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <map>

namespace bitwright::views {
namespace {

QString state_of(const Job& job)
{
    if (job.phase == JobPhase::running && job.total > 0) return stage_words(job);
    return phase_words(job.phase);
}

std::optional<std::int64_t> recipe_of(const Job& job)
{
    Reference reference;
    if (!job.result.is_object() || !job.result.contains("recipe") || !job.result["recipe"].is_string()) return std::nullopt;
    if (!parse_reference(job.result["recipe"].get<std::string>(), reference)) return std::nullopt;
    return reference.id;
}

std::optional<double> figure(const Job& job, const char* key)
{
    if (!job.result.is_object() || !job.result.contains(key) || !job.result[key].is_number()) return std::nullopt;
    return job.result[key].get<double>();
}

}  // namespace

RunList::RunList(Desk& desk, QWidget* parent) : QWidget(parent), desk_(desk)
{
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(new QLabel(tr("Runs of this session")));
    column->setSpacing(4);
    buttons_ = new QWidget;
    auto* buttons = new QGridLayout(buttons_);
    buttons->setContentsMargins(0, 0, 0, 0);
    buttons->setSpacing(4);
    int cell = 0;
    const auto add = [&](const QString& text, const char* name, const QString& why, auto action) {
        auto* button = new QPushButton(text);
        button->setObjectName(QLatin1String(name));
        button->setToolTip(why);
        connect(button, &QPushButton::clicked, this, action);
        buttons->addWidget(button, cell / 2, cell % 2);
        ++cell;
        return button;
    };
    pause_ = add(tr("Pause"), "pause", tr("At the next step; what it learned so far can be looked at"), [this] { desk_.jobs().pause(current()); });
    resume_ = add(tr("Resume"), "resume", tr("Goes on where it stopped"), [this] { desk_.jobs().resume(current()); });
    cancel_ = add(tr("Cancel"), "cancel", tr("Stops and leaves nothing behind"), [this] { desk_.jobs().cancel(current()); });
    keep_ = add(tr("Look at it"), "keep", tr("What the method would hand over if it ended here becomes a revision: this step, or the best one so far where the method keeps its best"), [this] { keep_step(false); });
    fork_ = add(tr("Fork"), "fork", tr("A new run starts from this step with other options"), [this] { keep_step(true); });
    adopt_ = add(tr("Adopt"), "adopt", tr("Its recipe becomes the open one; undo goes back"), [this] {
        if (const auto job = desk_.jobs().job(current()); job && recipe_of(*job)) desk_.revisions().adopt(*recipe_of(*job));
    });
    evaluate_ = add(tr("Evaluate"), "evaluate", tr("Adopts it and measures its perplexity"), [this] {
        const auto job = desk_.jobs().job(current());
        if (!job || !recipe_of(*job)) return;
        evaluate_next_ = *recipe_of(*job);
        desk_.revisions().adopt(evaluate_next_);
        evaluate_adopted();
    });
    compare_ = add(tr("Compare"), "compare", tr("Beside the other recipes"), [this] { Q_EMIT desk_.page_wanted(QStringLiteral("compare")); });
    column->addWidget(buttons_);  // above what grows, so that a button stays where it is
    list_ = new QListWidget;
    list_->setAccessibleName(tr("Runs"));
    list_->setMinimumHeight(2 * list_->fontMetrics().height() + 8);  // one run
    column->addWidget(list_, 1);
    card_ = new QLabel;
    card_->setAlignment(Qt::AlignLeft | Qt::AlignTop);
    card_->setMinimumHeight(5 * card_->fontMetrics().height());  // its lines' place is there before them: nothing moves when a run ends
    card_->setObjectName(QStringLiteral("card"));
    card_->setWordWrap(true);
    card_->setTextFormat(Qt::PlainText);
    card_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    column->addWidget(card_);
    column->addStretch();
    connect(list_, &QListWidget::currentItemChanged, this, [this] {
        show_card();
        Q_EMIT chosen(current());
    });
    connect(&desk_.jobs(), &JobQueue::changed, this, &RunList::refresh);
    connect(&desk_, &Desk::recipe_changed, this, &RunList::evaluate_adopted);
    connect(&desk_, &Desk::results_changed, this, &RunList::show_card);
    connect(&desk_, &Desk::workspace_changed, this, &RunList::show_card);
    connect(&desk_.revisions(), &Revisions::list_changed, this, [this] {
        for (auto entry = keeping_.begin(); entry != keeping_.end();) {
            const auto job = desk_.jobs().job(entry->first);
            const auto recipe = job ? recipe_of(*job) : std::nullopt;
            const bool known = recipe && std::ranges::any_of(desk_.revisions().all(), [&](const auto& revision) { return revision->row.id == *recipe; });
            if (!known) {
                entry = job && is_over(job->phase) && !recipe ? keeping_.erase(entry) : entry + 1;
                continue;
            }
            const bool fork = entry->second;
            entry = keeping_.erase(entry);
            if (fork) {
                Q_EMIT fork_wanted(*recipe);
            } else {
                desk_.revisions().adopt(*recipe);
                desk_.say(tr("What the method would hand over if it ended here is open: every page shows it, and undo goes back."));
            }
        }
    });
    refresh();
}

std::int64_t RunList::current() const
{
    const auto* item = list_->currentItem();
    return item ? item->data(Qt::UserRole).toLongLong() : 0;
}

void RunList::select(std::int64_t number)
{
    for (int row = 0; row < list_->count(); ++row)
        if (list_->item(row)->data(Qt::UserRole).toLongLong() == number) list_->setCurrentRow(row);
}

void RunList::refresh()
{
    std::vector<Job> runs;
    for (auto& job : desk_.jobs().jobs())
        if (!job.arguments.isEmpty() && job.arguments.front() == QLatin1String("quantize")) runs.push_back(std::move(job));
    while (list_->count() < static_cast<int>(runs.size())) list_->insertItem(0, new QListWidgetItem);
    for (std::size_t i = 0; i < runs.size(); ++i) {
        auto* item = list_->item(static_cast<int>(i));
        item->setData(Qt::UserRole, static_cast<qlonglong>(runs[i].number));
        item->setText(tr("%1\n%2").arg(runs[i].title, state_of(runs[i])));
    }
    if (!list_->currentItem() && list_->count() > 0) list_->setCurrentRow(0);
    show_card();
}

void RunList::show_card()
{
    const auto job = desk_.jobs().job(current());
    const auto phase = job ? job->phase : JobPhase::done;
    const bool here = job && desk_.workspace() && made_in(*job, desk_.workspace_path());
    const bool made = here && phase == JobPhase::done && recipe_of(*job);
    const auto keep_keys = [this](const QPushButton* button, bool enabled) {  // a button that is switched off hands the keys to the list, not to the next button
        if (!enabled && button->hasFocus()) list_->setFocus();
        return enabled;
    };
    // every button has its place, so that none comes to lie under the pointer
    pause_->setEnabled(keep_keys(pause_, job && (phase == JobPhase::running || phase == JobPhase::queued)));
    resume_->setEnabled(keep_keys(resume_, job && (phase == JobPhase::paused || phase == JobPhase::failed || phase == JobPhase::cancelled)));
    cancel_->setEnabled(job && !is_over(phase) && phase != JobPhase::cancelling);
    keep_->setEnabled(here && phase == JobPhase::paused && job->row);
    fork_->setEnabled(keep_->isEnabled());
    adopt_->setEnabled(made);
    compare_->setEnabled(made);
    evaluate_->setEnabled(made && desk_.actions().find(QStringLiteral("tune.evaluate")));
    list_->setVisible(list_->count() > 0);
    buttons_->setVisible(list_->count() > 0);
    if (!job) return card_->setText(list_->count() > 0 ? tr("Choose a run.") : tr("Nothing ran yet in this session."));
    QStringList lines;
    if (made) {
        lines << tr("recipe:%1").arg(*recipe_of(*job));
        if (const auto steps = figure(*job, "steps"); steps && *steps > 0) lines << tr("%1 steps, %2 CPU s a step").arg(count(std::llround(*steps)), number(figure(*job, "seconds_per_step")));
        const auto memory = figure(*job, "peak_rss_bytes");
        lines << perplexities_of(*recipe_of(*job));
        lines << tr("peak memory in this run, the desk itself included, %1").arg(memory ? bytes(static_cast<std::uint64_t>(*memory)) : not_measured);
    }
    if (!here) lines << tr("It belongs to the workspace %1, which is not open.").arg(QFileInfo(workspace_of(job->arguments)).completeBaseName());
    if (!job->message.isEmpty()) lines << job->message;
    card_->setText(lines.join(QLatin1Char('\n')));
}

/// "perplexity 66.8 simulated, 66.8 integer (float 65.9)": of its newest evaluation at each level.
QString RunList::perplexities_of(std::int64_t recipe) const
{
    std::map<std::string, QString> known;  // by level; the list is newest first
    try {
        for (const auto& row : list_evaluations(*desk_.workspace()))
            if (row.tokens > 0 && (row.recipe == recipe || (!row.recipe && row.level == "float" && desk_.model_row() && row.model == desk_.model_row()->id))) known.emplace(row.level, number(perplexity_token(row), 4));
    } catch (const Error& error) {
        return QString::fromUtf8(error.what());
    }
    QStringList parts;
    for (const char* level : {"simulated", "integer"})
        if (known.contains(level)) parts << tr("%1 %2").arg(known[level], QLatin1String(level));
    if (parts.isEmpty()) return tr("perplexity not measured");
    return tr("perplexity %1").arg(parts.join(QStringLiteral(", "))) + (known.contains("float") ? tr(" (float %1)").arg(known["float"]) : QString());
}

/// Adopting takes a moment; what is evaluated is the open recipe.
void RunList::evaluate_adopted()
{
    const auto head = desk_.revisions().head();
    if (evaluate_next_ == 0 || !head || head->row.id != evaluate_next_) return;
    evaluate_next_ = 0;
    // once every page knows the recipe: what opens a menu in the middle of it would be closed by them
    if (auto* action = desk_.actions().find(QStringLiteral("tune.evaluate"))) QMetaObject::invokeMethod(action, &QAction::trigger, Qt::QueuedConnection);
}

void RunList::keep_step(bool fork)
{
    const auto job = desk_.jobs().job(current());
    if (!job || !job->row || !desk_.workspace()) return;
    try {
        const auto row = get_job(*desk_.workspace(), *job->row);
        if (!row.checkpoint) return desk_.fail(tr("%1 has no checkpoint yet").arg(job->title));
        const auto file = QString::fromStdString((desk_.workspace()->data_folder() / *row.checkpoint).string());
        const QStringList arguments{QStringLiteral("import"), file, QStringLiteral("--format"), QStringLiteral("recipe"), QStringLiteral("--model"), desk_.model_folder(),
                                    QStringLiteral("--name"), tr("%1 at step %2").arg(job->title).arg(job->done), QStringLiteral("-w"), desk_.workspace_path()};
        desk_.actions().set_command_line(arguments);
        const auto number = desk_.jobs().submit(tr("Keep step %1 of %2").arg(job->done).arg(job->title), arguments);
        keeping_.emplace_back(number, fork);
    } catch (const Error& error) {
        desk_.fail(QString::fromUtf8(error.what()));
    }
}

}  // namespace bitwright::views
