// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring: the job, its repeats as they arrive, samples of earlier runs.
#include "views/devices/devices_page.h"

#include "core/exchange/stored_log.h"
#include "core/workspace/results.h"
#include "views/desk/formats.h"
#include "views/desk/theme.h"
#include "views/devices/device_cards.h"
#include "views/devices/plan_form.h"
#include "views/devices/timeline_view.h"
#include "views/jobs/job_words.h"
#include "views/results/same_windows.h"

#include <QClipboard>
#include <QComboBox>
#include <QGuiApplication>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QTableView>

#include <algorithm>
#include <cmath>
#include <utility>

namespace bitwright::views {

void DevicesPage::add_actions()
{
    auto& actions = desk_.actions();
    actions.add(QStringLiteral("devices.measure"), tr("Devices"), tr("Measure the planned recipe on the chosen device"), QKeySequence(Qt::CTRL | Qt::Key_Return), [this] { start(); }, this);
    actions.add(QStringLiteral("devices.evaluate"), tr("Devices"), tr("Evaluate the planned recipe at the integer level"), {}, [this] { evaluate_integer(); }, this);
    actions.add(QStringLiteral("devices.script"), tr("Devices"), tr("Copy the script of the planned measurement"), {}, [this] { copy_script(); }, this);
    actions.add(QStringLiteral("devices.runtimes"), tr("Devices"), tr("Runtimes of others on the chosen phone…"), {}, [this] { show_runtimes(); });
    actions.add(QStringLiteral("devices.connect"), tr("Devices"), tr("Connect a phone over Wi-Fi…"), {}, [this] { show_connect(); });
    actions.add(QStringLiteral("devices.self_test"), tr("Devices"), tr("Self-test of the chosen phone…"), {}, [this] { show_self_test(); });
}

QStringList DevicesPage::command() const
{
    if (recipe_->currentIndex() < 0 || !desk_.workspace()) return {};
    QStringList command{QStringLiteral("measure"), QStringLiteral("--recipe"), QStringLiteral("recipe:%1").arg(recipe_->currentData().toLongLong())};
    if (!desk_.model_folder().isEmpty()) command << QStringLiteral("--model") << desk_.model_folder();
    const auto& device = cards_->chosen();
    if (!device.ready) return {};
    command << QStringLiteral("--device") << device.serial << plan_->options();
    if (const auto against = against_->currentData().toLongLong(); against != 0 && device.id != QLatin1String("local")) command << QStringLiteral("--against-recipe") << QStringLiteral("recipe:%1").arg(against);
    return command << QStringLiteral("-w") << desk_.workspace_path();
}

void DevicesPage::start()
{
    const auto device = cards_->chosen();
    if (recipe_->currentIndex() < 0) return message_->show_error(tr("There is no recipe to measure yet; make one in Optimize"));
    if (!device.ready) return message_->show_error(tr("%1 is not ready: %2").arg(device.name, device.advice.isEmpty() ? tr("press Start on its card") : device.advice));
    if (measuring(device.serial)) return message_->show_error(tr("%1 is being measured already; wait for it or cancel it").arg(device.name));
    const auto arguments = command();
    desk_.actions().set_command_line(arguments);
    auto& one = measurements_[device.serial];
    one = {};
    one.title = recipe_->currentText();
    one.decodes = plan_->decodes();
    one.job = desk_.jobs().submit(device.id == QLatin1String("local") ? tr("Measure %1").arg(one.title) : tr("Measure %1 on %2").arg(one.title, device.name), arguments);
    show_live();
    follow(one.job);
    refresh_cards();
}

void DevicesPage::copy_script()
{
    auto arguments = command();
    if (arguments.isEmpty() || cards_->chosen().id == QLatin1String("local")) return message_->show_error(tr("Choose a recipe and a phone that is ready; the script is written for them"));
    arguments << QStringLiteral("--dry-run") << QStringLiteral("--json");
    desk_.actions().set_command_line(arguments);
    script_job_ = desk_.jobs().submit(tr("Script of the measurement"), arguments);
    follow_script();
}

void DevicesPage::follow_script()
{
    const auto job = script_job_ != 0 ? desk_.jobs().job(script_job_) : std::nullopt;
    if (!job || !is_over(job->phase)) return;
    script_job_ = 0;
    if (job->phase == JobPhase::failed) return message_->show_error(job->message);
    if (job->phase != JobPhase::done || !job->result.is_object()) return;
    QGuiApplication::clipboard()->setText(QString::fromStdString(job->result.value("script", "")));
    desk_.say(tr("The script is copied"));
}

const DevicesPage::Measurement* DevicesPage::measurement() const
{
    const auto found = measurements_.find(cards_->chosen().serial);
    return found == measurements_.end() ? nullptr : &found->second;
}

bool DevicesPage::measuring(const QString& serial) const
{
    const auto found = measurements_.find(serial);
    return found != measurements_.end() && !found->second.over;
}

/// The repeats of the measurement on the chosen device.
void DevicesPage::show_live()
{
    const auto* one = measurement();
    if (!one || one->over) return show_samples();
    samples_->setTitle(tr("Speed of each repeat, %1").arg(one->title));
    plots::Curve curve;
    curve.name = one->decodes ? tr("decode") : tr("prefill");
    curve.category = 2;
    curve.x = one->repeats;
    curve.y = one->values;
    samples_->setCurves({curve});
    timeline_->show_timeline(one->timeline ? *one->timeline : Timeline());
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
    if (number_of_job == script_job_) return follow_script();
    const auto found = std::ranges::find_if(measurements_, [&](const auto& one) { return one.second.job == number_of_job; });
    const auto job = desk_.jobs().job(number_of_job);
    if (found == measurements_.end() || !job) return;
    auto& one = found->second;
    const bool chosen = cards_->chosen().serial == found->first;
    const bool was_over = std::exchange(one.over, is_over(job->phase) || job->phase == JobPhase::paused);
    if (job->stage == QLatin1String("repeat") && job->value && job->done != one.counted) {
        if (job->done < one.counted) one.before += one.counted;
        one.counted = job->done;
        one.repeats.push_back(static_cast<double>(one.before + one.counted));
        one.values.push_back(*job->value);
        if (chosen && samples_->curves().size() == 1) samples_->append(0, one.repeats.back(), one.values.back());
    } else if (job->stage == QLatin1String("start")) {
        one.before += std::exchange(one.counted, 0);
    }
    if (const auto timeline = desk_.jobs().timeline(number_of_job); timeline && timeline != one.timeline) {
        one.timeline = timeline;
        if (chosen && !one.over) timeline_->show_timeline(*timeline);
    }
    if (chosen) show_state();
    if (was_over == one.over) return;
    if (job->phase == JobPhase::failed) message_->show_error(job->message);
    refresh_cards();
    enable_buttons();
    if (one.over && found->first != QLatin1String("local") && readings_.contains(found->first)) read_phone(found->first);
}

/// Where a measurement is, as a sentence.
static QString state_in_words(const Job& job)
{
    QString words = job.stage.isEmpty() ? DevicesPage::tr("starting") : progress_words(job);
    words[0] = words[0].toUpper();
    return words;
}

/// The first sentence of a reason, to stand behind a colon: "plugged in: …."
static QString sentence_in(const QString& reason)
{
    QString sentence = reason.section(QStringLiteral(". "), 0, 0);
    if (sentence.size() > 1 && sentence[1].isLower()) sentence[0] = sentence[0].toLower();
    return sentence.endsWith(QLatin1Char('.')) ? sentence : sentence + QLatin1Char('.');
}

/// What two recipes in turns gave.
static QString differences_in_words(const nlohmann::ordered_json& differences)
{
    for (const auto& [quantity, name] : {std::pair{"decode_tokens_per_s", DevicesPage::tr("decode")}, {"prefill_tokens_per_s", DevicesPage::tr("prefill")}}) {
        const auto found = differences.find(quantity);
        if (found == differences.end()) continue;
        const auto& relative = (*found)["relative"];
        const double percent = 100 * relative.value("value", 0.0);
        if (found->value("within_chance", true)) return DevicesPage::tr("Measured in turns: %1 differs by no more than chance (%2 %).").arg(name, number(percent));
        const auto end = [&](const char* key) { return relative[key].is_number() ? number(100 * relative[key].get<double>()) : not_measured; };
        return DevicesPage::tr("Measured in turns: %1 is %2 % %3 than the one it was measured against (95 %: %4 to %5 %).")
            .arg(name, number(std::abs(percent)), percent >= 0 ? DevicesPage::tr("faster") : DevicesPage::tr("slower"), end("low"), end("high"));
    }
    return DevicesPage::tr("Measured in turns: both are stored.");
}

/// What a measurement found, from the command's own answer.
static QString outcome_in_words(const Job& job)
{
    QString text = DevicesPage::tr("Measured: stored with every repeat and its conditions.");
    if (!job.result.is_object()) return text;
    if (job.result.contains("differences")) return differences_in_words(job.result["differences"]);
    if (job.result.value("answer", "") == "same") text = DevicesPage::tr("Measured: the phone answers as this computer does. Stored with every repeat and its conditions.");
    const auto energies = job.result.find("energy");
    if (energies == job.result.end() || !energies->is_array()) return text;
    for (const auto& energy : *energies) {
        const auto tier = QString::fromStdString(energy.value("tier", ""));
        if (energy["mj_per_token"].is_number()) return text + QLatin1Char(' ') + DevicesPage::tr("Energy of tier %1: %2 mJ per token.").arg(tier, number(energy["mj_per_token"].get<double>()));
        if (energy["reason"].is_string()) return text + QLatin1Char(' ') + DevicesPage::tr("No energy: %1").arg(sentence_in(QString::fromStdString(energy["reason"].get<std::string>())));
    }
    return text;
}

void DevicesPage::show_state()
{
    const auto* one = measurement();
    const auto job = one ? desk_.jobs().job(one->job) : std::nullopt;
    cancel_->setVisible(job && !is_over(job->phase));
    progress_->setVisible(job && !one->over);
    if (!job) return state_->setText(tr("Nothing is being measured here."));
    progress_->setRange(0, static_cast<int>(job->stage.startsWith(QLatin1String("push")) ? 100 : job->total));
    progress_->setValue(static_cast<int>(job->stage.startsWith(QLatin1String("push")) && job->total > 0 ? 100 * job->done / job->total : job->done));
    switch (job->phase) {
    case JobPhase::queued: return state_->setText(tr("Waiting for the jobs before it."));
    case JobPhase::done: return state_->setText(outcome_in_words(*job));
    case JobPhase::cancelled: return state_->setText(tr("Cancelled: nothing is stored."));
    case JobPhase::paused: return state_->setText(tr("Paused: what runs on the phone is collected when it is resumed."));
    case JobPhase::failed: return state_->setText(tr("Not measured."));
    default: return state_->setText(state_in_words(*job));
    }
}

/// Of the run that is current in the table, unless a measurement is under way.
void DevicesPage::show_samples()
{
    const auto index = proxy_.mapToSource(table_->currentIndex());
    const auto* running = measurement();
    if (running && !running->over) return;
    if (!index.isValid() || !desk_.workspace()) {
        timeline_->show_timeline({});
        return samples_->clear();
    }
    const auto row = model_.row(index.row());
    desk_.lanes().interactive.post(this, QStringLiteral("devices.samples"), [this, workspace = desk_.workspace(), row](const Control&) -> Lane::Continuation {
        auto details = std::make_shared<const ResultDetails>(read_details(*workspace, row.reference));
        auto timeline = std::make_shared<Timeline>();
        try {
            *timeline = timeline_of(stored_log(*workspace, get_run(*workspace, row.reference.id)));
        } catch (const Error&) {  // another runtime's output: it has no samples
        }
        return [this, details, timeline, row] {
            if (const auto* one = measurement(); one && !one->over) return;
            timeline_->show_timeline(*timeline);
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
    auto state = plan_->state();
    state[QStringLiteral("device")] = wanted_.isEmpty() ? cards_->chosen().id : wanted_;
    return state;
}

void DevicesPage::restore(const QJsonObject& state)
{
    plan_->restore(state);
    wanted_ = state[QStringLiteral("device")].toString();
    if (cards_->find(wanted_)) cards_->choose(std::exchange(wanted_, QString()));
}

}  // namespace bitwright::views
