// SPDX-License-Identifier: GPL-3.0-or-later
// What the page of Tune does: edits of the selected rows, undo and redo, copies, evaluation again.
#include "views/tune/tune_page.h"

#include "core/workspace/notes.h"
#include "views/desk/formats.h"
#include "views/desk/message_line.h"
#include "views/tune/budget_bar.h"
#include "views/tune/history_panel.h"
#include "views/tune/site_edits.h"
#include "views/tune/site_table_view.h"

#include <QClipboard>
#include <QCursor>
#include <QFileDialog>
#include <QFileInfo>
#include <QGuiApplication>
#include <QLineEdit>
#include <QListView>
#include <QLocale>
#include <QMenu>
#include <QToolButton>

#include <algorithm>

namespace bitwright::views {
void TunePage::add_actions()
{
    auto& actions = desk_.actions();
    const QString group = tr("Tune");
    actions.add(QStringLiteral("edit.undo"), tr("Edit"), tr("Undo"), QKeySequence(QStringLiteral("Ctrl+Z")), [this] { desk_.revisions().undo(); });
    actions.add(QStringLiteral("edit.redo"), tr("Edit"), tr("Redo"), QKeySequence(QStringLiteral("Ctrl+Shift+Z")), [this] { desk_.revisions().redo(); })
        ->setShortcuts({QKeySequence(QStringLiteral("Ctrl+Shift+Z")), QKeySequence(QStringLiteral("Ctrl+Y"))});
    actions.add(QStringLiteral("tune.filter"), group, tr("Filter sites"), QKeySequence(QStringLiteral("/")), [this] {
        filter_->setFocus(Qt::ShortcutFocusReason);
        filter_->selectAll();
    }, this);
    auto* again = actions.add(QStringLiteral("tune.evaluate"), group, tr("Evaluate the open recipe again"), QKeySequence(QStringLiteral("F5")), [this] { evaluate(); });  // on every page
    addAction(again);
    budget_->evaluate()->setToolTip(tr("Perplexity of the open recipe, measured as last time (%1)").arg(again->shortcut().toString(QKeySequence::NativeText)));
    connect(budget_->evaluate(), &QToolButton::clicked, again, &QAction::trigger);
    budget_->set_running({});

    auto* menu = new QMenu(table_);
    const auto add = [&](const char* id, const QString& text, const QKeySequence& key, std::function<void()> run) {
        menu->addAction(actions.add(QLatin1String(id), group, text, key, std::move(run), table_));
    };
    add("tune.minmax", tr("Range: min–max"), {}, [this] { apply({{"range", "minmax"}}); });
    add("tune.percentile_99_9", tr("Range: 99.9 %"), {}, [this] { apply({{"range", "percentile:99.9"}}); });
    add("tune.percentile_99_99", tr("Range: 99.99 %"), {}, [this] { apply({{"range", "percentile:99.99"}}); });
    add("tune.least_squares", tr("Range: least squares"), {}, [this] { apply({{"range", "mse"}}); });
    menu->addSeparator();
    for (const int bits : {4, 8, 16}) {
        const auto id = QStringLiteral("tune.bits_%1").arg(bits);
        add(id.toLatin1().constData(), tr("Bits: %1").arg(bits), {}, [this, bits] { apply({{"kind", "uniform"}, {"bits", std::to_string(bits)}}); });
    }
    menu->addSeparator();
    add("tune.float", tr("Keep float"), {}, [this] { apply({{"kind", "float"}}); });
    add("tune.uniform", tr("Quantize uniformly"), {}, [this] { apply({{"kind", "uniform"}}); });
    menu->addSeparator();
    add("tune.copy_csv", tr("Copy as CSV"), QKeySequence(QStringLiteral("Ctrl+C")), [this] { QGuiApplication::clipboard()->setText(table_->as_csv()); });
    add("tune.copy_markdown", tr("Copy as Markdown"), QKeySequence(QStringLiteral("Ctrl+Alt+C")), [this] { QGuiApplication::clipboard()->setText(table_->as_markdown()); });
    table_->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(table_, &QWidget::customContextMenuRequested, this, [this, menu](const QPoint& at) { menu->popup(table_->viewport()->mapToGlobal(at)); });
}

void TunePage::update_undo()
{
    const auto set = [&](const char* id, const QString& verb, bool possible, const QString& words) {
        auto* action = desk_.actions().find(QLatin1String(id));
        const QString one_line = words.section(QLatin1Char('\n'), 0, 0);
        action->setText(possible ? tr("%1: %2").arg(verb, one_line.size() > 80 ? one_line.left(79) + QStringLiteral("…") : one_line) : verb);
        action->setEnabled(possible);
    };
    const auto& revisions = desk_.revisions();
    set("edit.undo", tr("Undo"), revisions.can_undo(), revisions.undo_words());
    set("edit.redo", tr("Redo"), revisions.can_redo(), revisions.redo_words());
}

void TunePage::apply(const Assignments& assignments)
{
    auto rows = table_->selected_rows();
    if (assignments.front().first == "range")  // float sites have none
        std::erase_if(rows, [&](int row) { return !sites_->decision(row) || sites_->decision(row)->scheme.kind == SchemeKind::floating; });
    if (rows.empty()) return message_->show_note(tr("Select the rows to change first."));
    edits_->apply(ids(rows), assignments);
}

void TunePage::edit(int row, int column, const QString& text)
{
    auto rows = table_->selected_rows();
    if (std::ranges::find(rows, row) == rows.end()) rows.assign(1, row);
    if (column == SiteTableModel::note_column) return put_note(rows, text.trimmed());
    const auto any = [&](auto condition) { return std::ranges::any_of(rows, [&](int at) { return condition(sites_->decision(at)); }); };
    const auto value = text.toStdString();
    Assignments assignments;
    switch (column) {
        case SiteTableModel::bits_column:
            if (value == "float") {
                assignments = {{"kind", "float"}};
                break;
            }
            assignments = {{"bits", value}};
            if (any([](const SiteDecision* decision) { return !decision || decision->scheme.kind == SchemeKind::floating; })) assignments.insert(assignments.begin(), {"kind", "uniform"});
            break;
        case SiteTableModel::symmetry_column: assignments = {{"symmetric", value}}; break;
        case SiteTableModel::granularity_column:
            assignments = {{"granularity", value}};
            if (value == "token")
                assignments.emplace_back("dynamic", "true");
            else if (any([](const SiteDecision* decision) { return decision && decision->scheme.granularity == Granularity::token; }))
                assignments.emplace_back("dynamic", "false");
            break;
        case SiteTableModel::min_column:
        case SiteTableModel::max_column: {
            const auto number = typed_number(text);
            if (!number) return message_->show_error(tr("“%1” is no number; type one like %2").arg(text, QLocale().toString(61.2)));
            assignments = {{column == SiteTableModel::min_column ? "min" : "max", QString::number(*number, 'g', 9).toStdString()}};
            break;
        }
        default: return;
    }
    edits_->apply(ids(rows), assignments);
}

void TunePage::put_note(const std::vector<int>& rows, const QString& text)
{
    if (!desk_.model_row()) return;
    std::vector<std::string> sites;
    for (const int row : rows) sites.push_back(sites_->site(row).name);
    desk_.lanes().store.post(this, {}, [this, workspace = desk_.workspace(), model = desk_.model_row()->id, sites, note = text.toStdString()](const Control&) -> Lane::Continuation {
        put_site_notes(*workspace, model, sites, note);
        return [this] { read_notes(); };
    }, [this](const QString& sentence) { message_->show_error(sentence); });
}

void TunePage::evaluate()
{
    if (!desk_.recipe() || evaluating_ != 0) return;
    read_evaluations(QStringLiteral("tune.evaluate"), [this] {  // asked for on another page, this one may know nothing yet
        if (evaluations_.last_command.isEmpty()) return offer_texts();
        submit_evaluation(evaluations_.last_command);
    });
}

void TunePage::submit_evaluation(QStringList arguments)
{
    // behind the store lane: the head may be on its way into the workspace
    desk_.lanes().store.post(this, {}, [this, arguments = std::move(arguments), head = desk_.revisions().head()](const Control&) -> Lane::Continuation {
        const auto row = head->stored.load();
        return [this, arguments, row] {
            evaluations_.last_command = arguments;  // what was read meanwhile does not know of it
            if (row == 0) return message_->show_error(tr("The open revision is not stored; undo, and edit again."));
            const auto command = evaluations_.command_for(row, desk_.model_folder(), desk_.workspace_path());
            desk_.actions().set_command_line(command);
            if (const auto reference = evaluations_.float_command(desk_.model_folder(), desk_.workspace_path()); !reference.isEmpty())
                desk_.jobs().submit(tr("Evaluate the model itself"), reference);  // a perplexity alone says little
            evaluating_ = desk_.jobs().submit(tr("Evaluate recipe:%1").arg(row), command);
            follow_job(evaluating_);
        };
    });
}

void TunePage::offer_texts()
{
    const auto command = [this](const QString& text) {
        const auto longest = desk_.model()->architecture().max_positions;
        return QStringList{QStringLiteral("evaluate"), desk_.model_folder(), QStringLiteral("--recipe"), QStringLiteral("recipe:0"), QStringLiteral("--level"), QStringLiteral("simulated"),
                           QStringLiteral("--text"), text, QStringLiteral("--length"), QString::number(longest > 0 ? std::min<std::int64_t>(longest, 512) : 512)};
    };
    auto* menu = new QMenu(this);
    menu->setObjectName(QStringLiteral("tune.texts"));
    menu->setAttribute(Qt::WA_DeleteOnClose);
    for (const auto& text : evaluations_.texts(desk_.model_folder())) menu->addAction((evaluations_.calibrated_on.contains(text) ? tr("On %1, which it was calibrated on: flatters") : tr("On %1")).arg(QFileInfo(text).fileName()), this, [this, command, text] { submit_evaluation(command(text)); })->setToolTip(text);
    menu->addAction(tr("On another text…"), this, [this, command] {
        const auto text = QFileDialog::getOpenFileName(this, tr("Text to evaluate on"), {}, tr("Texts (*.txt);;All files (*)"));
        if (!text.isEmpty()) submit_evaluation(command(text));
    });
    menu->setToolTipsVisible(true);
    const auto* button = budget_->evaluate();  // the action may be asked for on another page
    menu->popup(button->isVisible() ? button->mapToGlobal(QPoint(0, button->height())) : QCursor::pos());
    menu->setActiveAction(menu->actions().front());
}

void TunePage::follow_job(std::int64_t number)
{
    if (number != evaluating_ || evaluating_ == 0) return;
    const auto job = desk_.jobs().job(number);
    if (!job || is_over(job->phase)) {
        evaluating_ = 0;
        budget_->set_running({});
        if (job && job->phase == JobPhase::failed) message_->show_error(tr("The evaluation failed: %1").arg(job->message));
        return;
    }
    budget_->set_running(job->total > 0 ? tr("Evaluating: %1 of %2").arg(count(job->done), count(job->total)) : tr("Evaluating…"));
}

}  // namespace bitwright::views
