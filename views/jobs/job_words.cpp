// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/jobs/job_words.h"

#include "views/desk/formats.h"
#include "views/desk/theme.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>

#include <algorithm>

namespace bitwright::views {
namespace {

QString text(const char* words) { return QCoreApplication::translate("Jobs", words); }

/// A stage as the code that reports it calls it, and as people read it.
struct StageWords {
    const char* stage;
    const char* words;
    enum { counted, share, bare } progress;  ///< "step 3/20", "reading the model 12 %", "connecting"
    const char* value;                       ///< with %1, of the stage's quantity
};
constexpr StageWords stages[] = {
    {"optimizing", QT_TRANSLATE_NOOP("Jobs", "step"), StageWords::counted, QT_TRANSLATE_NOOP("Jobs", "loss %1")},
    {"held-out loss", QT_TRANSLATE_NOOP("Jobs", "loss on the held-out text, window"), StageWords::counted, nullptr},
    {"held-out check", QT_TRANSLATE_NOOP("Jobs", "loss on the held-out windows, after step"), StageWords::counted, nullptr},
    {"inputs of a layer", QT_TRANSLATE_NOOP("Jobs", "what the next layer reads, window"), StageWords::counted, nullptr},
    {"AWQ scales", QT_TRANSLATE_NOOP("Jobs", "AWQ scales, layer"), StageWords::counted, nullptr},
    {"ranges by output error", QT_TRANSLATE_NOOP("Jobs", "ranges by output error, layer"), StageWords::counted, nullptr},
    {"GPTQ", QT_TRANSLATE_NOOP("Jobs", "GPTQ, layer"), StageWords::counted, nullptr},
    {"calibrate", QT_TRANSLATE_NOOP("Jobs", "calibrating"), StageWords::share, nullptr},
    {"windows", QT_TRANSLATE_NOOP("Jobs", "window"), StageWords::counted, QT_TRANSLATE_NOOP("Jobs", "perplexity %1")},
    {"sensitivity", QT_TRANSLATE_NOOP("Jobs", "group of sites"), StageWords::counted, QT_TRANSLATE_NOOP("Jobs", "KL %1")},
    {"choices", QT_TRANSLATE_NOOP("Jobs", "what fewer bits cost, choice"), StageWords::counted, QT_TRANSLATE_NOOP("Jobs", "KL %1 more")},
    {"combinations", QT_TRANSLATE_NOOP("Jobs", "combination"), StageWords::counted, QT_TRANSLATE_NOOP("Jobs", "KL %1")},
    {"float", QT_TRANSLATE_NOOP("Jobs", "the float model"), StageWords::bare, nullptr},
    {"content hash", QT_TRANSLATE_NOOP("Jobs", "reading the model"), StageWords::share, nullptr},
    {"verify", QT_TRANSLATE_NOOP("Jobs", "checking the model"), StageWords::share, nullptr},
    {"writing weights", QT_TRANSLATE_NOOP("Jobs", "writing weights"), StageWords::share, nullptr},
    {"weight statistics", QT_TRANSLATE_NOOP("Jobs", "reading weights"), StageWords::share, nullptr},
    {"output error", QT_TRANSLATE_NOOP("Jobs", "error of the outputs"), StageWords::share, nullptr},
    {"site errors", QT_TRANSLATE_NOOP("Jobs", "error of every layer"), StageWords::share, nullptr},
    {"tokens", QT_TRANSLATE_NOOP("Jobs", "looking for the tokens"), StageWords::share, nullptr},
    {"export", QT_TRANSLATE_NOOP("Jobs", "exporting the package"), StageWords::share, nullptr},
    {"products", QT_TRANSLATE_NOOP("Jobs", "timing matrix products"), StageWords::bare, nullptr},
    {"prefill", QT_TRANSLATE_NOOP("Jobs", "timing a prompt, round"), StageWords::counted, nullptr},
    {"write package", QT_TRANSLATE_NOOP("Jobs", "writing the package"), StageWords::share, nullptr},
    {"compute the answer here", QT_TRANSLATE_NOOP("Jobs", "computing here what the phone has to answer"), StageWords::bare, nullptr},
    {"connect", QT_TRANSLATE_NOOP("Jobs", "connecting"), StageWords::bare, nullptr},
    {"push runner", QT_TRANSLATE_NOOP("Jobs", "bringing the runner to the phone"), StageWords::share, nullptr},
    {"push package", QT_TRANSLATE_NOOP("Jobs", "bringing the package to the phone"), StageWords::share, nullptr},
    {"start", QT_TRANSLATE_NOOP("Jobs", "warming up"), StageWords::bare, nullptr},
    {"run", QT_TRANSLATE_NOOP("Jobs", "warming up"), StageWords::bare, nullptr},
    {"warm-up", QT_TRANSLATE_NOOP("Jobs", "warming up"), StageWords::bare, nullptr},
    {"repeat", QT_TRANSLATE_NOOP("Jobs", "repeat"), StageWords::counted, QT_TRANSLATE_NOOP("Jobs", "%1 tokens/s")},
    {"waiting for the phone", QT_TRANSLATE_NOOP("Jobs", "the phone is not connected; what runs there is collected when it is back"), StageWords::bare, nullptr},
};

const StageWords* words_of(const QString& stage)
{
    const auto found = std::ranges::find_if(stages, [&](const StageWords& known) { return stage == QLatin1String(known.stage); });
    return found == std::end(stages) ? nullptr : &*found;
}

void collect(const nlohmann::ordered_json& value, std::vector<Reference>& found)
{
    if (value.is_string()) {
        Reference reference;
        const bool is_one = parse_reference(value.get<std::string>(), reference) && reference.kind != "job";
        if (is_one && std::ranges::none_of(found, [&](const Reference& known) { return known.kind == reference.kind && known.id == reference.id; })) found.push_back(reference);
    } else if (value.is_structured()) {
        for (const auto& part : value) collect(part, found);
    }
}

}  // namespace

QString phase_words(JobPhase phase)
{
    switch (phase) {
    case JobPhase::queued: return text("waiting");
    case JobPhase::running: return text("running");
    case JobPhase::pausing: return text("pausing");
    case JobPhase::paused: return text("paused");
    case JobPhase::cancelling: return text("cancelling");
    case JobPhase::cancelled: return text("cancelled");
    case JobPhase::failed: return text("failed");
    case JobPhase::done: return text("done");
    }
    return {};
}

QString stage_words(const Job& job)
{
    // what a phone is waited for, and what is tried on it, come in words
    for (const auto& [begin, words] : {std::pair{QLatin1String("waiting: "), text("waiting: %1")}, {QLatin1String("testing: "), text("trying: %1")}})
        if (job.stage.startsWith(begin)) return words.arg(job.stage.mid(begin.size()));
    const auto* known = words_of(job.stage);
    const QString words = known ? text(known->words) : job.stage;  // of the whole loop: what it is at, in its own words
    if (known && known->progress == StageWords::bare) return words;
    if (known && known->progress == StageWords::share)
        return job.total > 0 ? QStringLiteral("%1 %2").arg(words, percent(static_cast<double>(job.done) / static_cast<double>(job.total), job.done < job.total / 10 ? 1 : 2)) : words;
    if (job.total > 0) return QStringLiteral("%1 %2/%3").arg(words, count(job.done), count(job.total));
    return job.done > 0 ? QStringLiteral("%1 %2").arg(words, count(job.done)) : words;
}

QString progress_words(const Job& job)
{
    QStringList parts;
    if (job.phase != JobPhase::running) parts << phase_words(job.phase);
    if (!is_over(job.phase) && !job.stage.isEmpty()) parts << stage_words(job);
    if (!is_over(job.phase) && job.value) {
        const auto* known = words_of(job.stage);
        parts << (known && known->value ? text(known->value).arg(number(*job.value)) : number(*job.value));
    }
    if (job.phase == JobPhase::running && job.remaining_seconds) parts << text("%1 left").arg(duration(*job.remaining_seconds));
    if (is_over(job.phase) && job.elapsed_seconds > 0) parts << text("after %1").arg(duration(job.elapsed_seconds));
    return parts.join(QStringLiteral(" · "));
}

std::vector<Reference> references_in(const nlohmann::ordered_json& result)
{
    std::vector<Reference> found;
    collect(result, found);
    return found;
}

Job stored_job(const JobRow& row)
{
    Job job;
    job.number = -row.id;
    job.row = row.id;
    job.arguments = stored_arguments(row);
    job.title = title_of(job.arguments);
    job.phase = JobPhase::paused;
    job.stage = QString::fromStdString(row.stage.value_or(""));
    job.done = row.progress_done.value_or(0);
    job.total = row.progress_total.value_or(0);
    job.message = row.state == JobState::interrupted ? text("Its program ended before it was done; resuming goes on from its last checkpoint.") : QString();
    return job;
}

QStringList stored_arguments(const JobRow& row)
{
    const auto command = nlohmann::json::parse(row.args, nullptr, false);
    if (!command.is_object() || !command.contains("argv") || !command["argv"].is_array()) return {};
    const QDir folder(QString::fromStdString(command.value("folder", ".")));
    QStringList arguments;
    for (const auto& value : command["argv"]) {
        if (!value.is_string()) return {};
        QString argument = QString::fromStdString(value.get<std::string>());
        if (argument == QLatin1String("--fresh") || argument == QLatin1String("--json")) continue;
        const bool path_follows = !arguments.isEmpty() && (arguments.back() == QLatin1String("--out") || arguments.back() == QLatin1String("-w"));
        const QString file = QFileInfo::exists(folder.filePath(argument)) ? argument : argument.section(QLatin1Char(':'), 0, -2);  // FILE.safetensors:TENSOR
        const bool is_path = !arguments.isEmpty() && !argument.startsWith(QLatin1Char('-')) && !file.isEmpty() && QFileInfo::exists(folder.filePath(file));
        if ((path_follows || is_path) && QDir::isRelativePath(argument)) argument = QDir::cleanPath(folder.absoluteFilePath(argument));
        arguments << argument;
    }
    return arguments;
}

QString workspace_of(const QStringList& arguments)
{
    const auto at = arguments.indexOf(QStringLiteral("-w"));
    return at < 0 || at + 1 >= arguments.size() ? QString() : QFileInfo(arguments[at + 1]).absoluteFilePath();
}

bool made_in(const Job& job, const QString& open)
{
    const auto its = workspace_of(job.arguments);
    return its.isEmpty() || (!open.isEmpty() && its == QFileInfo(open).absoluteFilePath());
}

QString title_of(const QStringList& arguments)
{
    if (arguments.isEmpty()) return text("A job whose command is not known");
    const QString& command = arguments.front();
    const auto after = [&](const char* option) {
        const auto at = arguments.indexOf(QLatin1String(option));
        return at >= 0 && at + 1 < arguments.size() ? arguments[at + 1] : QString();
    };
    if (command == QLatin1String("quantize")) return method_title(after("--method"));
    if (command == QLatin1String("calibrate")) return text("Calibration");
    if (command == QLatin1String("evaluate")) return text("Evaluation");
    if (command == QLatin1String("measure")) return text("Measurement");
    if (command == QLatin1String("loop")) return text("The whole loop");
    if (command == QLatin1String("ablate")) return text("MobileQuant taken apart");
    if (command == QLatin1String("export")) return text("Export");
    if (command == QLatin1String("sensitivity")) return text("Sensitivity");
    if (command == QLatin1String("allocate")) return text("Bits under a budget");
    if (command == QLatin1String("convergence")) return text("Range convergence");
    return command;
}

}  // namespace bitwright::views
