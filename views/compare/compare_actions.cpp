// SPDX-License-Identifier: GPL-3.0-or-later
// What leaves Compare: the report, copies of the table, jobs for what is missing.
#include "views/compare/compare_page.h"

#include "core/workspace/recipes.h"
#include "views/results/same_windows.h"

#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QDir>
#include <QFileDialog>
#include <QTableView>

namespace bitwright::views {

void ComparePage::add_actions()
{
    auto& actions = desk_.actions();
    const auto group = tr("Compare");
    const auto copy = [this](std::string (*written)(const Report&), const QString& kind) {
        if (model_.report().rows.empty()) return;
        QApplication::clipboard()->setText(QString::fromStdString(written(model_.report())));
        message_->show_note(tr("The comparison is copied as %1").arg(kind));
        desk_.actions().set_command_line(command_line(kind == QLatin1String("CSV") ? QStringLiteral("comparison.csv") : QStringLiteral("comparison.md")));
    };
    auto* save = actions.add(QStringLiteral("compare.save_report"), group, tr("Save report…"), QKeySequence::Save, [this] { ask_where_to_save(); }, this);
    auto* markdown = actions.add(QStringLiteral("compare.copy_markdown"), group, tr("Copy comparison as Markdown"), {}, [copy] { copy(report_markdown, QStringLiteral("Markdown")); }, this);
    auto* csv = actions.add(QStringLiteral("compare.copy_csv"), group, tr("Copy comparison as CSV"), QKeySequence::Copy, [copy] { copy(report_csv, QStringLiteral("CSV")); }, this);
    auto* base = actions.add(QStringLiteral("compare.baseline"), group, tr("Make this row the baseline"), QKeySequence(Qt::Key_B), [this] {
        const auto index = table_->currentIndex();
        if (!index.isValid()) return;
        request_.baseline = model_.report().rows[static_cast<std::size_t>(index.row())].name;
        gather();
    }, table_);
    actions.add(QStringLiteral("compare.layers"), group, tr("Compute the missing errors per layer"), {}, [this] { compute_layers(); }, this);
    actions.add(QStringLiteral("compare.choose_baseline"), group, tr("Choose the baseline"), {}, [this] { baseline_->setFocus(), baseline_->showPopup(); }, this);
    table_->addActions({base, markdown, csv, save});
}

QStringList ComparePage::command_line(const QString& report) const
{
    QStringList command{QStringLiteral("compare")};
    for (const auto id : request_.recipes) command << QStringLiteral("recipe:%1").arg(id);
    for (const auto id : request_.runs) command << QStringLiteral("run:%1").arg(id);
    if (!request_.baseline.empty()) command << QStringLiteral("--baseline") << QString::fromStdString(request_.baseline);
    if (!report.isEmpty()) command << QStringLiteral("--report") << report;
    return command << QStringLiteral("-w") << desk_.workspace_path();
}

void ComparePage::ask_where_to_save()
{
    if (model_.report().rows.empty()) return message_->show_error(tr("There is nothing to save yet; choose at least one recipe"));
    auto* dialog = new QFileDialog(this, tr("Save the report"), QDir::homePath(), tr("HTML, everything inside (*.html);;Markdown table (*.md);;CSV (*.csv)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(QStringLiteral("html"));
    dialog->selectFile(QStringLiteral("comparison.html"));
    connect(dialog, &QFileDialog::filterSelected, dialog, [dialog](const QString& filter) {
        dialog->setDefaultSuffix(filter.contains(QLatin1String("*.md")) ? QStringLiteral("md") : filter.contains(QLatin1String("*.csv")) ? QStringLiteral("csv") : QStringLiteral("html"));
    });
    connect(dialog, &QFileDialog::fileSelected, this, &ComparePage::save_report);
    dialog->open();
}

void ComparePage::save_report(const QString& path)
{
    if (model_.report().rows.empty()) return message_->show_error(tr("There is nothing to report yet; choose at least one recipe that was evaluated"));
    desk_.actions().set_command_line(command_line(path));
    desk_.lanes().interactive.post(this, {}, [this, report = model_.report(), path](const Control&) -> Lane::Continuation {
        write_report(report, path.toStdString());
        return [this, path] { message_->show_note(tr("The report is saved: %1").arg(QDir::toNativeSeparators(path))); };
    }, [this](const QString& sentence) { message_->show_error(tr("The report is not saved: %1").arg(sentence)); });
}

/// One job for each recipe without them, on the windows the model is usually evaluated on.
void ComparePage::compute_layers()
{
    const auto workspace = desk_.workspace();
    const auto folder = desk_.model_folder();
    if (!workspace || without_layers_.empty()) return;
    if (folder.isEmpty()) return message_->show_error(tr("The model's folder is not known; locate the model first"));
    desk_.lanes().interactive.post(this, QStringLiteral("compare.layers"), [this, workspace, folder, recipes = without_layers_](const Control&) -> Lane::Continuation {
        std::vector<std::pair<QString, QStringList>> jobs;
        for (const auto id : recipes) {
            const auto row = get_recipe_row(*workspace, id);
            const auto name = QString::fromStdString(row.name.value_or(to_string(Reference{"recipe", id})));
            jobs.emplace_back(tr("Error per layer of %1").arg(name),
                              evaluate_command(*workspace, folder, id, QStringLiteral("simulated")) + QStringList{QStringLiteral("--per-layer"), QStringLiteral("2")});
        }
        return [this, jobs] {
            for (const auto& [title, command] : jobs) {
                desk_.actions().set_command_line(command);
                desk_.jobs().submit(title, command);
            }
        };
    }, [this](const QString& sentence) { message_->show_error(sentence); });
}

}  // namespace bitwright::views
