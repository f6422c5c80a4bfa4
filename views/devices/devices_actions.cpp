// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring: the job, its repeats as they arrive, samples of earlier runs.
#include "views/devices/devices_page.h"

#include "core/workspace/results.h"
#include "views/desk/formats.h"
#include "views/desk/theme.h"
#include "views/results/same_windows.h"

#include <QComboBox>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QSpinBox>
#include <QTableView>

#include <algorithm>

namespace bitwright::views {

void DevicesPage::add_actions()
{
    auto& actions = desk_.actions();
    actions.add(QStringLiteral("devices.measure"), tr("Devices"), tr("Measure this recipe on this computer"), QKeySequence(Qt::CTRL | Qt::Key_Return), [this] { start(); }, this);
    actions.add(QStringLiteral("devices.evaluate"), tr("Devices"), tr("Evaluate the planned recipe at the integer level"), {}, [this] { evaluate_integer(); }, this);
}

QStringList DevicesPage::command() const
{
    if (recipe_->currentIndex() < 0 || !desk_.workspace()) return {};
    QStringList command{QStringLiteral("measure"), QStringLiteral("--recipe"), QStringLiteral("recipe:%1").arg(recipe_->currentData().toLongLong())};
    if (!desk_.model_folder().isEmpty()) command << QStringLiteral("--model") << desk_.model_folder();
    const auto add = [&](const char* option, const QSpinBox* box) { command << QLatin1String(option) << QString::number(box->value()); };
    command << QStringLiteral("--device") << QStringLiteral("local");
    add("--prompt-tokens", prompt_);
    add("--generate", generate_);
    add("--repeats", repeats_);
    add("--warmup", warmup_);
    add("--threads", threads_);
    return command << QStringLiteral("-w") << desk_.workspace_path();
}

void DevicesPage::start()
{
    const auto arguments = command();
    if (arguments.isEmpty()) return message_->show_error(tr("There is no recipe to measure yet; make one in Optimize"));
    desk_.actions().set_command_line(arguments);
    arrived_ = 0;
    show_live(recipe_->currentText());
    job_ = desk_.jobs().submit(tr("Measure %1").arg(recipe_->currentText()), arguments);
    follow(*job_);
}

void DevicesPage::show_live(const QString& title)
{
    samples_->setTitle(tr("Speed of each repeat, %1").arg(title));
    plots::Curve curve;
    curve.name = generate_->value() > 0 ? tr("decode") : tr("prefill");
    curve.category = 2;
    samples_->setCurves({curve});
}

void DevicesPage::evaluate_integer()
{
    const auto workspace = desk_.workspace();
    const auto folder = desk_.model_folder();
    if (!workspace || recipe_->currentIndex() < 0) return;
    if (folder.isEmpty()) return message_->show_error(tr("The model's folder is not known; locate the model first"));
    desk_.lanes().interactive.post(this, QStringLiteral("devices.evaluate"), [this, workspace, folder, id = recipe_->currentData().toLongLong(), name = recipe_->currentText()](const Control&) -> Lane::Continuation {
        const auto arguments = evaluate_command(*workspace, folder, id, QStringLiteral("integer"));
        return [this, arguments, name] {
            desk_.actions().set_command_line(arguments);
            desk_.jobs().submit(tr("Evaluate %1 at the integer level").arg(name), arguments);
        };
    }, [this](const QString& sentence) { message_->show_error(sentence); });
}

void DevicesPage::follow(std::int64_t number_of_job)
{
    if (job_ != number_of_job) return;
    const auto job = desk_.jobs().job(number_of_job);
    if (!job) return;
    const bool over = is_over(job->phase);
    cancel_->setVisible(!over);
    progress_->setVisible(!over);
    progress_->setRange(0, job->stage == QLatin1String("repeat") ? static_cast<int>(job->total) : 0);
    progress_->setValue(static_cast<int>(job->done));
    if (job->stage == QLatin1String("repeat") && job->value && job->done > arrived_) {
        arrived_ = job->done;
        samples_->append(0, static_cast<double>(job->done), *job->value);
    }
    switch (job->phase) {
    case JobPhase::queued: state_->setText(tr("Waiting for the jobs before it.")); break;
    case JobPhase::done: state_->setText(tr("Measured: stored with every repeat and its conditions.")); break;
    case JobPhase::cancelled: state_->setText(tr("Cancelled: nothing is stored.")); break;
    case JobPhase::failed:
        state_->setText(tr("Not measured."));
        message_->show_error(job->message);
        break;
    default:
        if (job->stage == QLatin1String("repeat")) state_->setText(tr("Repeat %1 of %2: %3 tokens/s").arg(count(job->done), count(job->total), number(job->value)));
        else if (job->stage == QLatin1String("export")) state_->setText(tr("Exporting the recipe as a package"));
        else state_->setText(tr("Warming up"));
    }
}

/// Of the run that is current in the table, unless a measurement is under way.
void DevicesPage::show_samples()
{
    const auto index = proxy_.mapToSource(table_->currentIndex());
    if (!index.isValid() || !desk_.workspace() || cancel_->isVisible()) return;
    const auto row = model_.row(index.row());
    desk_.lanes().interactive.post(this, QStringLiteral("devices.samples"), [this, workspace = desk_.workspace(), row](const Control&) -> Lane::Continuation {
        auto details = std::make_shared<const ResultDetails>(read_details(*workspace, row.reference));
        return [this, details, row] {
            if (cancel_->isVisible()) return;
            std::vector<plots::Curve> curves;
            for (const auto& sample : details->samples) {
                plots::Curve curve;
                curve.name = sample.name;
                curve.category = curves.empty() ? 1 : 2;
                for (std::size_t i = 0; i < sample.values.size(); ++i) {
                    curve.x.push_back(static_cast<double>(i + 1));
                    curve.y.push_back(sample.values[i]);
                }
                curves.push_back(std::move(curve));
            }
            samples_->setTitle(tr("Speed of each repeat, %1, %2").arg(row.name, row.id()));
            samples_->setCurves(std::move(curves));
        };
    }, [this](const QString& sentence) { message_->show_error(sentence); });
}

QJsonObject DevicesPage::state() const
{
    return {{QStringLiteral("prompt"), prompt_->value()},   {QStringLiteral("generate"), generate_->value()}, {QStringLiteral("repeats"), repeats_->value()},
            {QStringLiteral("warmup"), warmup_->value()}, {QStringLiteral("threads"), threads_->value()}};
}

void DevicesPage::restore(const QJsonObject& state)
{
    prompt_->setValue(state[QStringLiteral("prompt")].toInt(prompt_->value()));
    generate_->setValue(state[QStringLiteral("generate")].toInt(generate_->value()));
    repeats_->setValue(state[QStringLiteral("repeats")].toInt(repeats_->value()));
    warmup_->setValue(state[QStringLiteral("warmup")].toInt(warmup_->value()));
    threads_->setValue(state[QStringLiteral("threads")].toInt(threads_->value()));
}

}  // namespace bitwright::views
