// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/results/result_row.h"

#include "core/exchange/bootstrap.h"
#include "core/exchange/comparison_parts.h"
#include "core/runtime/file.h"
#include "core/workspace/device_runs.h"
#include "core/workspace/models.h"
#include "core/workspace/recipes.h"
#include "core/workspace/runs.h"
#include "core/workspace/stored_json.h"
#include "core/workspace/task_scores.h"
#include "core/workspace/tensors.h"
#include "device_bridge/phone/thermal.h"
#include "views/desk/formats.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QFileInfo>
#include <QLocale>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>

namespace bitwright::views {
namespace {

QString text(const char* source) { return QCoreApplication::translate("Results", source); }
QString q(const std::string& value) { return QString::fromStdString(value); }

QStringList list(const std::vector<std::string>& values)
{
    QStringList out;
    for (const auto& value : values) out << q(value);
    return out;
}

/// A quantity as its row calls it, in words where it is one of ours.
QString quantity_title(const std::string& quantity)
{
    static const std::pair<const char*, const char*> known[] = {{"prefill_tokens_per_s", QT_TRANSLATE_NOOP("Results", "prefill")},
                                                                {"decode_tokens_per_s", QT_TRANSLATE_NOOP("Results", "decode")},
                                                                {"peak_rss_bytes", QT_TRANSLATE_NOOP("Results", "peak memory")},
                                                                {"cache_bytes", QT_TRANSLATE_NOOP("Results", "cache of keys and values")},
                                                                {"file_bytes", QT_TRANSLATE_NOOP("Results", "package")},
                                                                {"load_s", QT_TRANSLATE_NOOP("Results", "loading")}};
    for (const auto& [name, title] : known)
        if (quantity == name) return text(title);
    return q(quantity).replace(QLatin1Char('_'), QLatin1Char(' '));
}

QString local_time(const std::string& stored)
{
    const auto time = QDateTime::fromString(q(stored), Qt::ISODateWithMs);
    return time.isValid() ? QLocale().toString(time.toLocalTime(), QLocale::ShortFormat) : q(stored);
}

/// Names of recipes and texts, each asked once.
class Names {
public:
    explicit Names(const Workspace& workspace) : workspace_(workspace)
    {
        for (auto& row : list_recipes(workspace)) recipes_.emplace(row.id, std::move(row));
    }
    void describe(ResultRow& row, const std::optional<std::int64_t>& recipe) const
    {
        if (!recipe) return;
        const auto found = recipes_.find(*recipe);
        if (found == recipes_.end()) return;
        row.name = q(found->second.name.value_or(to_string(Reference{"recipe", *recipe})));
        row.method = q(found->second.method);
    }
    QString text_of(std::int64_t id)
    {
        auto [place, fresh] = texts_.try_emplace(id);
        if (fresh) place->second = QFileInfo(q(get_text(workspace_, id).path)).fileName();
        return place->second;
    }
    const Conditions& conditions_of(std::int64_t id)
    {
        auto [place, fresh] = devices_.try_emplace(id);
        if (fresh) place->second = get_conditions(workspace_, id);
        return place->second;
    }

private:
    const Workspace& workspace_;
    std::map<std::int64_t, RecipeRow> recipes_;
    std::map<std::int64_t, QString> texts_;
    std::map<std::int64_t, Conditions> devices_;
};

ResultRow row_of(const EvaluationRow& evaluation, Names& names)
{
    ResultRow row;
    row.reference = {"evaluation", evaluation.id};
    row.level = q(evaluation.level);
    if (evaluation.level == "float") row.name = row.method = QStringLiteral("float");
    names.describe(row, evaluation.recipe);
    if (row.name.isEmpty() && evaluation.package) row.name = q(to_string(Reference{"package", *evaluation.package}));
    row.perplexity = perplexity_token(evaluation);
    row.kl = kl_per_token(evaluation);
    row.windows = evaluation.windows;
    row.measured_on = evaluation.windows == 1 ? text("1 window") : text("%1 windows").arg(count(evaluation.windows));
    if (evaluation.text) row.measured_on = names.text_of(*evaluation.text) + QStringLiteral(", ") + row.measured_on;
    row.device = q(names.conditions_of(evaluation.conditions).device_name);
    row.tags = list(evaluation.tags);
    row.note = q(evaluation.note.value_or(""));
    row.created = q(evaluation.created);
    row.archived = evaluation.archived;
    return row;
}

ResultRow row_of(const TaskScoreRow& score, Names& names)
{
    ResultRow row;
    row.reference = {"task", score.id};
    row.level = q(score.level);
    if (score.level == "float") row.name = row.method = QStringLiteral("float");
    names.describe(row, score.recipe);
    if (row.name.isEmpty() && score.package) row.name = q(to_string(Reference{"package", *score.package}));
    row.accuracy = static_cast<double>(score.correct) / static_cast<double>(score.rows);
    row.measured_on = q(score.task) + QStringLiteral(", ") + text("%1 rows").arg(count(score.rows));
    row.device = q(names.conditions_of(score.conditions).device_name);
    row.tags = list(score.tags);
    row.note = q(score.note.value_or(""));
    row.created = q(score.created);
    row.archived = score.archived;
    return row;
}

ResultRow row_of(const RunRow& run, const Workspace& workspace, Names& names)
{
    ResultRow row;
    row.reference = {"run", run.id};
    row.level = QStringLiteral("integer");
    names.describe(row, get_package(workspace, run.package).recipe);
    if (row.name.isEmpty() && run.offload) row.name = QFileInfo(q(get_package(workspace, run.package).path)).fileName();  // another runtime's model
    if (row.name.isEmpty()) row.name = q(to_string(Reference{"package", run.package}));
    for (const auto& measurement : run.measurements) {
        const auto spread = [&]() -> std::optional<std::pair<double, double>> {
            if (measurement.samples.size() < 2) return std::nullopt;
            const auto [low, high] = std::minmax_element(measurement.samples.begin(), measurement.samples.end());
            return std::pair(*low, *high);
        };
        if (measurement.quantity == "prefill_tokens_per_s") row.prefill = measurement.value, row.prefill_spread = spread();
        if (measurement.quantity == "decode_tokens_per_s") row.decode = measurement.value, row.decode_spread = spread();
        if (measurement.quantity == "peak_rss_bytes") row.memory = measurement.value;
    }
    row.measured_on = text("%1 + %2 tokens × %3").arg(count(run.prompt_tokens), count(run.generated), count(run.repeats));
    const auto& conditions = names.conditions_of(run.conditions);
    if (const auto threads = conditions.threads) row.measured_on += QStringLiteral(", ") + (*threads == 1 ? text("1 thread") : text("%1 threads").arg(count(*threads)));
    row.device = q(conditions.device_name);
    row.device_identity = q(conditions.device_identity);
    row.simulated = conditions.device_kind == "simulated";
    if (conditions.device_kind != "local") row.measured_on.prepend(row.device + QStringLiteral(": "));
    if (run.offload) row.measured_on += QStringLiteral(", ") + q(conditions.backend) + QStringLiteral(", ") + (run.offload == "unverified accelerator" ? text("unverified accelerator") : run.offload == "CPU" ? text("CPU") : text("verified accelerator"));
    row.tags = list(run.tags);
    row.note = q(run.note.value_or(""));
    row.created = q(run.start);
    row.archived = run.archived;
    row.aborted = run.aborted;
    return row;
}

void add_conditions(ResultDetails& details, const Workspace& workspace, const Conditions& conditions)
{
    auto& out = details.conditions;
    out.emplace_back(text("device"), q(conditions.device_name));
    const auto facts = stored_json<nlohmann::json>(workspace, "devices, facts", conditions.device_facts);
    for (const auto& [key, value] : facts.items()) {
        const auto said = value.is_string() ? value.get<std::string>() : value.dump();
        const auto kilobytes = said.ends_with(" kB") ? std::strtoull(said.c_str(), nullptr, 10) : 0;  // as the system writes its memory
        out.emplace_back(q(key), kilobytes > 0 ? bytes(kilobytes * 1024) : q(said));
    }
    out.emplace_back(text("program"), q(conditions.program));
    out.emplace_back(text("computed by"), q(conditions.backend));
    out.emplace_back(text("threads"), conditions.threads ? count(*conditions.threads) : not_measured);
    out.emplace_back(text("load before"), number(conditions.load_average));
    out.emplace_back(text("temperature, °C"), number(conditions.temperature_c));
    out.emplace_back(text("governor"), conditions.governor ? q(*conditions.governor) : not_measured);
    out.emplace_back(text("power source"), conditions.power_source ? q(*conditions.power_source) : not_measured);
    if (conditions.seed) out.emplace_back(text("seed"), QString::number(*conditions.seed));
}

QString range(const std::optional<double>& from, const std::optional<double>& to, const QString& unit) { return from || to ? text("%1 to %2").arg(number(from), number(to)) + unit : not_measured; }

QString status_words(const std::optional<std::int64_t>& status) { return status ? q(thermal_status_name(*status)) : not_measured; }

/// What a phone said of itself around the run, and its energy or why there is none.
void add_circumstances(ResultDetails& details, const Workspace& workspace, const RunRow& run)
{
    const auto device = get_device_run(workspace, run.id);
    if (!device) return;
    auto& out = details.conditions;
    out.emplace_back(text("answer"), device->answer == Answer::same ? text("as this computer's engine") : device->answer == Answer::wrong ? text("wrong") : text("not compared"));
    out.emplace_back(text("thermal status before, highest, after"), QStringList{status_words(device->thermal_before), status_words(device->thermal_highest), status_words(device->thermal_after)}.join(QStringLiteral(", ")));
    out.emplace_back(text("battery"), range(device->level_before, device->level_after, QStringLiteral(" %")));
    out.emplace_back(text("battery before, highest"), range(device->battery_before_c, device->battery_highest_c, QStringLiteral(" °C")));
    out.emplace_back(text("screen"), !device->screen_on ? not_measured : *device->screen_on ? text("on") : text("off"));
    out.emplace_back(text("memory available"), device->memory_available ? bytes(static_cast<std::uint64_t>(*device->memory_available)) : not_measured);
    for (const auto& energy : get_energies(workspace, run.id)) {
        auto words = energy.mj_per_token ? text("tier %1: %2 ± %3 mJ per token").arg(q(energy.tier), number(energy.mj_per_token), number(energy.mj_per_token_u)) : text("tier %1").arg(q(energy.tier));
        if (energy.reason) words += QStringLiteral(": ") + q(*energy.reason);
        out.emplace_back(text("energy, %1 (%2)").arg(q(energy.phase), q(energy.source)), words);
    }
    out.emplace_back(text("plan"), q(device->plan));
}

void add_recipe(ResultDetails& details, const Workspace& workspace, const std::optional<std::int64_t>& recipe)
{
    if (recipe) details.hashes.emplace_back(text("recipe"), q(get_recipe_row(workspace, *recipe).hash));
}

void add_package(ResultDetails& details, const Workspace& workspace, std::int64_t id)
{
    const auto package = get_package(workspace, id);
    details.hashes.emplace_back(text("package"), q(package.sha256));
    details.hashes.emplace_back(text("package file"), q(package.path));
}

/// The earliest of them, and in how many windows there is one.
QString first_divergences(const std::vector<Agreement>& windows)
{
    std::int64_t earliest = -1, diverged = 0;
    for (const auto& window : windows) {
        if (window.first_divergence < 0) continue;
        ++diverged;
        if (earliest < 0 || window.first_divergence < earliest) earliest = window.first_divergence;
    }
    if (diverged == 0) return text("in no window");
    return text("in %1 of %2 windows, at the earliest token %3").arg(count(diverged), count(static_cast<std::int64_t>(windows.size())), count(earliest));
}

ResultDetails details_of(const Workspace& workspace, const EvaluationRow& row)
{
    ResultDetails details;
    add_conditions(details, workspace, get_conditions(workspace, row.conditions));
    auto& out = details.conditions;
    out.emplace_back(text("evaluated on"), q(row.definition));
    if (row.placement) out.emplace_back(text("placement"), q(*row.placement));
    if (row.text) out.emplace_back(text("text"), q(get_text(workspace, *row.text).path));
    out.emplace_back(text("tokens scored"), count(row.tokens));
    out.emplace_back(text("sum of −ln p"), number(row.nll_sum, 6));
    if (row.agreement) {
        out.emplace_back(text("KL to float, per token"), number(kl_per_token(row)));
        out.emplace_back(text("same most likely token as float"), text("%1 of %2").arg(count(row.agreement->same_top), count(row.tokens)));
        const auto& windows = row.agreement->windows;
        out.emplace_back(text("first token chosen differently"), first_divergences(windows));
    }
    const auto word = perplexity_word(row);
    out.emplace_back(text("perplexity per word"), word ? number(*word) : not_measured);
    if (row.model) details.hashes.emplace_back(text("model"), q(get_model(workspace, *row.model).content_hash));
    add_recipe(details, workspace, row.recipe);
    if (row.package) add_package(details, workspace, *row.package);
    details.hashes.emplace_back(text("token ids"), q(row.token_hash));
    const double per_window = static_cast<double>(row.tokens) / static_cast<double>(std::max<std::int64_t>(1, row.windows));
    ResultSamples samples{text("−ln p per token"), {}, {}};
    for (const double nll : row.window_nll) samples.values.push_back(nll / per_window);
    details.samples.push_back(std::move(samples));
    if (row.agreement) {
        ResultSamples kl{text("KL to float per token"), {}, {}};
        for (const auto& window : row.agreement->windows) kl.values.push_back(window.kl_sum / per_window);
        details.samples.push_back(std::move(kl));
    }
    return details;
}

QString share_words(std::int64_t correct, const std::vector<double>& answers)
{
    const auto rows = static_cast<double>(answers.size());
    auto words = text("%1 % (%2 of %3)").arg(number(100 * static_cast<double>(correct) / rows), count(correct), count(static_cast<std::int64_t>(answers.size())));
    if (const auto interval = bootstrap_mean(answers)) words += text(", 95 % interval %1 to %2").arg(number(100 * interval->low), number(100 * interval->high));
    return words;
}

ResultDetails details_of(const Workspace& workspace, const TaskScoreRow& row)
{
    ResultDetails details;
    add_conditions(details, workspace, get_conditions(workspace, row.conditions));
    auto& out = details.conditions;
    out.emplace_back(text("task"), q(row.task));
    out.emplace_back(text("scored"), q(row.definition));
    if (row.placement) out.emplace_back(text("placement"), q(*row.placement));
    out.emplace_back(text("accuracy"), share_words(row.correct, answers_of(row, false)));
    if (row.correct_norm) out.emplace_back(text("accuracy per byte"), share_words(*row.correct_norm, answers_of(row, true)));
    if (row.model) details.hashes.emplace_back(text("model"), q(get_model(workspace, *row.model).content_hash));
    add_recipe(details, workspace, row.recipe);
    if (row.package) add_package(details, workspace, *row.package);
    details.hashes.emplace_back(text("rows"), q(row.row_hash));
    return details;
}

ResultDetails details_of(const Workspace& workspace, const RunRow& run)
{
    ResultDetails details;
    add_conditions(details, workspace, get_conditions(workspace, run.conditions));
    auto& out = details.conditions;
    out.emplace_back(text("state"), run.aborted ? text("aborted") : text("done"));
    out.emplace_back(text("started"), local_time(run.start));
    out.emplace_back(text("finished"), local_time(run.finish));
    if (run.offload) out.emplace_back(text("computed on"), q(*run.offload));
    if (run.offload) out.emplace_back(text("proof of it"), run.evidence ? q(*run.evidence) : not_measured);
    add_circumstances(details, workspace, run);
    for (const auto& measurement : run.measurements) {
        out.emplace_back(quantity_title(measurement.quantity), measurement.unit == "B" ? bytes(static_cast<std::uint64_t>(measurement.value)) : number(measurement.value) + QLatin1Char(' ') + (measurement.quantity.ends_with("_tokens_per_s") ? text("tokens/s") : q(measurement.unit)));
        // the curve of the samples is of speeds; other quantities of a repeat (latency) stand above with their medians
        if (measurement.samples.size() > 1 && measurement.quantity.ends_with("_tokens_per_s"))
            details.samples.push_back({q(measurement.quantity.substr(0, measurement.quantity.find('_'))), text("tokens/s"), measurement.samples});
    }
    add_recipe(details, workspace, get_package(workspace, run.package).recipe);
    add_package(details, workspace, run.package);
    if (run.output_hash) details.hashes.emplace_back(text("generated ids"), q(*run.output_hash));
    const StoredFile log(workspace, run.log);
    details.output = q(read_text(log.path()));
    return details;
}

}  // namespace

std::vector<ResultRow> read_results(const Workspace& workspace)
{
    Names names(workspace);
    std::vector<ResultRow> rows;
    for (const auto& evaluation : list_evaluations(workspace, true)) rows.push_back(row_of(evaluation, names));
    for (const auto& score : list_task_scores(workspace, true)) rows.push_back(row_of(score, names));
    for (const auto& run : list_runs(workspace, true)) rows.push_back(row_of(run, workspace, names));
    std::stable_sort(rows.begin(), rows.end(), [](const ResultRow& a, const ResultRow& b) { return a.created > b.created; });
    return rows;
}

ResultDetails read_details(const Workspace& workspace, const Reference& reference)
{
    auto details = reference.kind == "run"    ? details_of(workspace, get_run(workspace, reference.id))
                   : reference.kind == "task" ? details_of(workspace, get_task_score(workspace, reference.id))
                                              : details_of(workspace, get_evaluation(workspace, reference.id));
    details.reference = reference;
    return details;
}

}  // namespace bitwright::views
