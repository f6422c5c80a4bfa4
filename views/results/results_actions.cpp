// SPDX-License-Identifier: GPL-3.0-or-later
// What can be done with results: marks, copies, another level.
#include "views/results/results_page.h"

#include "core/workspace/marks.h"
#include "core/workspace/runs.h"
#include "core/workspace/task_scores.h"
#include "views/desk/formats.h"
#include "views/results/same_windows.h"

#include <QApplication>
#include <QClipboard>
#include <QLineEdit>
#include <QMenu>
#include <QTableView>

#include <algorithm>

namespace bitwright::views {
namespace {

void copy(const QString& text) { QApplication::clipboard()->setText(text); }

}  // namespace

void ResultsPage::add_actions()
{
    auto& actions = desk_.actions();
    const auto group = tr("Results");
    actions.add(QStringLiteral("results.filter"), group, tr("Filter results"), QKeySequence(Qt::Key_Slash), [this] { filter_->setFocus(Qt::ShortcutFocusReason), filter_->selectAll(); }, this);
    actions.add(QStringLiteral("results.star"), group, tr("Star or unstar"), QKeySequence(Qt::Key_S), [this] { star(); }, table_);
    const auto edit = [this](int column) {
        const auto index = table_->currentIndex().siblingAtColumn(column);
        if (!index.isValid()) return;
        table_->scrollTo(index);
        table_->setCurrentIndex(index);
        table_->edit(index);
    };
    actions.add(QStringLiteral("results.tag"), group, tr("Edit tags"), QKeySequence(Qt::Key_T), [edit] { edit(ResultsModel::tags); }, table_);
    actions.add(QStringLiteral("results.note"), group, tr("Edit note"), QKeySequence(Qt::Key_N), [edit] { edit(ResultsModel::note); }, table_);
    actions.add(QStringLiteral("results.archive"), group, tr("Archive results"), QKeySequence(Qt::Key_Delete), [this] {
        std::vector<Reference> references;
        for (const auto& row : selected()) references.push_back(row.reference);
        const auto rows = selected();
        const bool back = std::ranges::all_of(rows, &ResultRow::archived);  // all archived already: Delete brings them back
        if (!references.empty()) archive(references, !back);
    }, table_);
    const auto copied = [this](std::size_t rows, const QString& kind) { message_->show_note(tr("Copied as %1, rows: %2").arg(kind, count(static_cast<std::int64_t>(rows)))); };
    actions.add(QStringLiteral("results.copy_csv"), group, tr("Copy as CSV"), QKeySequence::Copy, [this, copied] {
        const auto rows = to_copy();
        copy(results_csv(rows));
        copied(rows.size(), QStringLiteral("CSV"));
        desk_.actions().set_command_line({QStringLiteral("runs"), QStringLiteral("list"), QStringLiteral("-w"), desk_.workspace_path()});
    }, table_);
    actions.add(QStringLiteral("results.copy_markdown"), group, tr("Copy as Markdown"), {}, [this, copied] {
        const auto rows = to_copy();
        copy(results_markdown(rows));
        copied(rows.size(), QStringLiteral("Markdown"));
    }, table_);
    actions.add(QStringLiteral("results.copy_sql"), group, tr("Copy as SQL"), {}, [this, copied] {
        const auto rows = to_copy();
        std::vector<Reference> references;
        for (const auto& row : rows) references.push_back(row.reference);
        copy(QString::fromStdString(results_query(references)));
        copied(rows.size(), tr("a SELECT over the workspace file"));
    }, table_);
    actions.add(QStringLiteral("results.evaluate_integer"), group, tr("Evaluate at the integer level"), {}, [this] { evaluate(QStringLiteral("integer")); }, table_);
    actions.add(QStringLiteral("results.evaluate_simulated"), group, tr("Evaluate at the simulated level"), {}, [this] { evaluate(QStringLiteral("simulated")); }, table_);
}

void ResultsPage::show_menu(const QPoint& place)
{
    if (!table_->indexAt(place).isValid()) return;
    QMenu menu(this);
    for (const char* id : {"results.star", "results.tag", "results.note", "results.archive", "", "results.copy_csv", "results.copy_markdown", "results.copy_sql", "",
                           "results.evaluate_integer", "results.evaluate_simulated"}) {
        if (*id == '\0')
            menu.addSeparator();
        else if (auto* action = desk_.actions().find(QLatin1String(id)))
            menu.addAction(action);
    }
    menu.exec(table_->viewport()->mapToGlobal(place));
}

void ResultsPage::star()
{
    const auto rows = selected();
    const bool on = !std::ranges::all_of(rows, &ResultRow::starred);
    for (const auto& row : rows) {
        QStringList tags = row.tags;
        tags.removeAll(QStringLiteral("star"));
        if (on) tags.prepend(QStringLiteral("star"));
        if (const int index = model_.find(row.reference); index >= 0) model_.set_tags(index, tags);
    }
}

void ResultsPage::archive(const std::vector<Reference>& references, bool archived)
{
    model_.set_archived(references, archived);
    refilter();
    QStringList command{QStringLiteral("runs"), QStringLiteral("archive")};
    for (const auto& reference : references) command << QString::fromStdString(to_string(reference));
    if (!archived) command << QStringLiteral("--undo");
    store([references, archived](Workspace& workspace) { archive_results(workspace, references, archived); }, command);
    const auto n = references.size() == 1 ? QString::fromStdString(to_string(references.front())) : count(static_cast<std::int64_t>(references.size()));
    message_->show_note(archived ? tr("Archived, left out of lists and comparisons: %1").arg(n) : tr("Taken back: %1").arg(n), tr("Undo"),
                        [this, references, archived] { archive(references, !archived); });
}

/// The recipe of each selected row on the windows of its own or the usual evaluation.
void ResultsPage::evaluate(const QString& level)
{
    const auto workspace = desk_.workspace();
    const auto folder = desk_.model_folder();
    if (!workspace) return;
    if (folder.isEmpty()) return message_->show_error(tr("The model's folder is not known; locate the model first"));
    for (const auto& row : selected()) {
        desk_.lanes().interactive.post(this, {}, [this, workspace, row, level, folder](const Control&) -> Lane::Continuation {
            std::optional<std::int64_t> recipe;
            std::optional<QStringList> windows;
            if (row.is_run()) {
                recipe = get_package(*workspace, get_run(*workspace, row.reference.id).package).recipe;
            } else if (row.reference.kind == "task") {
                recipe = get_task_score(*workspace, row.reference.id).recipe;
            } else {
                const auto evaluation = get_evaluation(*workspace, row.reference.id);
                recipe = evaluation.recipe;
                windows = same_windows(*workspace, evaluation);
            }
            if (!recipe) throw bad_input(to_string(row.reference), "", "has no recipe in this workspace; only recipes are evaluated at this level");
            const auto command = evaluate_command(*workspace, folder, *recipe, level, std::move(windows));
            return [this, command, row, level] {
                desk_.actions().set_command_line(command);
                desk_.jobs().submit(level == QLatin1String("integer") ? tr("Evaluate %1 at the integer level").arg(row.name) : tr("Evaluate %1 at the simulated level").arg(row.name), command);
            };
        }, [this](const QString& sentence) { message_->show_error(sentence); });
    }
}

}  // namespace bitwright::views
