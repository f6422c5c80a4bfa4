// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/comparison.h"

#include "core/exchange/comparison_parts.h"

#include "core/workspace/calibrations.h"
#include "core/workspace/models.h"
#include "core/workspace/recipes.h"
#include "core/workspace/results.h"
#include "core/workspace/runs.h"
#include "core/workspace/stored_json.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <set>

namespace bitwright {
namespace {

constexpr std::size_t shown_conversions = 12;  ///< per package

bool ends_with_any(const std::string& name, std::initializer_list<const char*> ends)
{
    return std::any_of(ends.begin(), ends.end(), [&](const char* end) { return name.ends_with(end); });
}

/// "W4A8": the bits most layers' linears and norm outputs have.
std::string bits_in_words(const Recipe& recipe)
{
    std::map<int, int> weights, activations;
    for (const auto& [name, decision] : recipe.sites) {
        if (decision.scheme.kind == SchemeKind::floating || !name.starts_with("layers.")) continue;
        if (name.ends_with("_proj.weight")) ++weights[decision.scheme.bits];
        if (ends_with_any(name, {"q_proj.output", "k_proj.output", "v_proj.output", "up_proj.output"})) ++activations[decision.scheme.bits];
    }
    const auto usual = [](const std::map<int, int>& counts) {
        const auto most = std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
        return most == counts.end() ? std::string("–") : std::to_string(most->first);
    };
    return "W" + usual(weights) + "A" + usual(activations);
}

/// Three digits are more than a measured speed is worth.
std::string rounded(double value)
{
    char text[32];
    std::snprintf(text, sizeof text, value < 100 ? "%.3g" : "%.0f", value);
    return text;
}

class Gathering {
public:
    Gathering(Workspace& workspace, const ComparisonRequest& request) : workspace_(workspace), request_(request) {}

    Report report()
    {
        collect_rows();
        if (report_.rows.empty()) throw bad_input(workspace_.path().string(), "", "holds no evaluation or run to compare; evaluate or measure something first");
        report_.title = request_.title + model_name();
        report_.subtitle = timestamp().substr(0, 10) + ", Bitwright " BITWRIGHT_VERSION;
        choose_baseline();
        add_differences();
        add_task_differences(workspace_, report_);
        add_curves();
        add_heatmaps();
        add_definitions();
        return std::move(report_);
    }

private:
    /// " of FOLDER" where all rows are of one model.
    [[nodiscard]] std::string model_name() const
    {
        const auto& hash = report_.rows.front().model_hash;
        const bool one = std::all_of(report_.rows.begin(), report_.rows.end(), [&](const ComparisonRow& row) { return row.model_hash == hash; });
        const auto model = one && !hash.empty() ? find_model(workspace_, hash) : std::nullopt;
        if (!model) return {};
        const std::filesystem::path folder(model->path);
        return " of " + (folder.filename().empty() ? folder.parent_path() : folder).filename().string();
    }

    [[nodiscard]] bool wanted(const std::optional<std::int64_t>& recipe) const
    {
        if (request_.recipes.empty() && request_.runs.empty()) return true;
        return recipe && std::find(request_.recipes.begin(), request_.recipes.end(), *recipe) != request_.recipes.end();
    }

    /// Whether what was scored at a level belongs to the comparison.
    [[nodiscard]] bool wanted_at(const std::string& level, const std::optional<std::int64_t>& model, const std::optional<std::int64_t>& recipe) const
    {
        if (level != "float") return wanted(recipe);
        return !model || models_wanted_.empty() || models_wanted_.contains(*model);
    }

    /// The float rows of models that the recipes and runs named belong to; empty: of all.
    void allow_models()
    {
        const auto allow = [&](const std::optional<std::int64_t>& recipe) {
            if (!recipe) return;
            if (const auto model = get_recipe_row(workspace_, *recipe).model) models_wanted_.insert(*model);
        };
        for (const auto id : request_.recipes) allow(id);
        for (const auto id : request_.runs) allow(get_package(workspace_, get_run(workspace_, id).package).recipe);
    }

    /// Of each row's perplexity to the baseline's, where both scored the same windows.
    void add_differences()
    {
        std::map<std::int64_t, EvaluationRow> references;
        for (auto& row : report_.rows) {
            const auto& baseline = reference_of(report_, row);
            if (&row == &baseline || row.evaluation == 0 || baseline.evaluation == 0 || !perplexity_obstacles(row, baseline).empty()) continue;
            if (!references.contains(baseline.evaluation)) references.emplace(baseline.evaluation, get_evaluation(workspace_, baseline.evaluation));
            const auto& reference = references.at(baseline.evaluation);
            const auto evaluation = get_evaluation(workspace_, row.evaluation);
            if (evaluation.tokens != reference.tokens) continue;
            row.perplexity_difference = paired_difference(evaluation.window_nll, reference.window_nll, evaluation.tokens);
            if (evaluation.agreement && reference.agreement) row.kl_difference = bootstrap_difference(kl_per_window(evaluation), kl_per_window(reference));
        }
    }

    /// KL per token of each window.
    static std::vector<double> kl_per_window(const EvaluationRow& row)
    {
        std::vector<double> values;
        for (const auto& window : row.agreement->windows) values.push_back(window.kl_sum * static_cast<double>(row.windows) / static_cast<double>(row.tokens));
        return values;
    }

    void collect_rows()
    {
        const auto runs = list_runs(workspace_, !request_.runs.empty());  // newest first: the first of a package stays
        for (const auto& run : runs)
            if (!run.aborted && std::find(request_.runs.begin(), request_.runs.end(), run.id) != request_.runs.end()) runs_.emplace(run.package, run);
        for (const bool simulated : {false, true})  // an emulated phone's run stands in only where there is no other
            for (const auto& run : runs)
                if (!run.aborted && !run.archived && wanted(get_package(workspace_, run.package).recipe) &&
                    (get_conditions(workspace_, run.conditions).device_kind == "simulated") == simulated)
                    runs_.emplace(run.package, run);
        allow_models();
        std::set<std::string> seen;
        std::vector<std::pair<std::string, ComparisonRow>> rows;
        std::set<std::int64_t> evaluated_packages;
        for (const auto& evaluation : list_evaluations(workspace_)) {
            if (!wanted_at(evaluation.level, evaluation.model, evaluation.recipe)) continue;
            const auto id = [](const auto& value) { return value ? std::to_string(*value) : std::string("-"); };
            const auto key = evaluation.level + " " + evaluation.placement.value_or("") + " " + id(evaluation.model) + " " + id(evaluation.recipe) + " " +
                             id(evaluation.package) + " " + evaluation.definition + " " + evaluation.token_hash;
            if (!seen.insert(key).second) {
                add_missing_agreement(rows, evaluation);
                continue;
            }
            if (evaluation.package) evaluated_packages.insert(*evaluation.package);
            rows.emplace_back(order_of(evaluation.recipe, evaluation.level), row_of(evaluation));
        }
        for (const auto& score : newest_scores(list_task_scores(workspace_))) {
            if (!wanted_at(score.level, score.model, score.recipe)) continue;
            const auto place = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return is_of(row.second, score); });
            if (place != rows.end()) {
                place->second.tasks.push_back(task_figure(workspace_, score));
                continue;
            }
            if (score.package) evaluated_packages.insert(*score.package);
            rows.emplace_back(order_of(score.recipe, score.level), row_of(score));
        }
        for (const auto& [package, run] : runs_)
            if (!evaluated_packages.contains(package)) rows.emplace_back(order_of(get_package(workspace_, package).recipe, "integer"), row_of_run(package));
        std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        for (auto& [order, row] : rows) report_.rows.push_back(std::move(row));
    }

    /// An older evaluation of the same may know how far it is from the float model where the newest was not asked.
    void add_missing_agreement(std::vector<std::pair<std::string, ComparisonRow>>& rows, const EvaluationRow& older)
    {
        if (!older.agreement) return;
        for (auto& [order, row] : rows) {
            if (row.kl_token.value || row.level != older.level || row.placement != older.placement.value_or("") || row.evaluation_hash != older.token_hash || row.definition != older.definition) continue;
            const auto newest = get_evaluation(workspace_, row.evaluation);
            if (newest.recipe != older.recipe || newest.package != older.package || newest.model != older.model) continue;
            row.kl_token.value = kl_per_token(older);
            row.top1_agreement.value = top1_agreement(older);
        }
    }

    /// Whether a row is of what a task was scored on.
    [[nodiscard]] bool is_of(const ComparisonRow& row, const TaskScoreRow& score) const
    {
        if (row.level != score.level || row.placement != score.placement.value_or("") || row.recipe != score.recipe.value_or(0)) return false;
        if (score.package) return row.package_hash == get_package(workspace_, *score.package).sha256;
        return !score.model || row.model_hash == get_model(workspace_, *score.model).content_hash;
    }

    /// Float first, then recipes by age, the simulated before the integer level.
    static std::string order_of(const std::optional<std::int64_t>& recipe, const std::string& level)
    {
        char text[32];
        std::snprintf(text, sizeof text, "%012lld", static_cast<long long>(recipe.value_or(level == "float" ? 0 : 999'999'999'999)));
        return text + std::string(level == "integer" ? "2" : "1");
    }

    /// Name, method, bits, semantics of a recipe.
    void describe(ComparisonRow& row, std::int64_t id)
    {
        const auto stored = get_recipe_row(workspace_, id);
        const auto recipe = load_recipe(workspace_, id);
        row.name = stored.name.value_or(to_string(Reference{"recipe", id}));
        row.method = stored.method;
        row.bits = bits_in_words(recipe);
        row.semantics = name_of(recipe.semantics);
        row.recipe_hash = stored.hash;
        row.recipe = id;
        if (row.model_hash.empty() && stored.model) row.model_hash = get_model(workspace_, *stored.model).content_hash;
        recipes_.insert(id);
    }

    ComparisonRow row_of(const EvaluationRow& evaluation)
    {
        ComparisonRow row;
        row.level = evaluation.level;
        row.evaluation = evaluation.id;
        row.placement = evaluation.placement.value_or("");
        row.definition = evaluation.definition;
        row.evaluation_hash = evaluation.token_hash;
        row.perplexity_token.value = perplexity_token(evaluation);
        row.perplexity_word.value = perplexity_word(evaluation);
        if (!row.perplexity_word.value) row.perplexity_word.reason = "the whole text was not scored (--rolling does)";
        row.kl_token.value = kl_per_token(evaluation);
        row.top1_agreement.value = top1_agreement(evaluation);
        row.kl_token.reason = row.top1_agreement.reason = evaluation.level == "float" ? "this is the float model" : "was not asked for (evaluate --metrics kl,top1)";
        const std::string no_speed = evaluation.level == "integer" ? "not measured on a device" : "speed is measured at the integer level";
        row.prefill_tokens_per_s.reason = row.decode_tokens_per_s.reason = row.peak_rss_bytes.reason = no_speed;
        if (evaluation.model) {
            const auto model = get_model(workspace_, *evaluation.model);
            row.model_hash = model.content_hash;
            models_.insert(model.id);
            if (evaluation.level == "float" && model.weight_bytes) row.bytes.value = static_cast<double>(*model.weight_bytes);
        }
        describe_source(row, evaluation.recipe, evaluation.package);
        return row;
    }

    /// A row of what only tasks were scored on.
    ComparisonRow row_of(const TaskScoreRow& score)
    {
        ComparisonRow row;
        row.level = score.level;
        row.placement = score.placement.value_or("");
        row.perplexity_token.reason = row.perplexity_word.reason = row.kl_token.reason = row.top1_agreement.reason = "no text was evaluated";
        row.prefill_tokens_per_s.reason = row.decode_tokens_per_s.reason = row.peak_rss_bytes.reason = score.level == "integer" ? "not measured on a device" : "speed is measured at the integer level";
        if (score.model) {
            row.model_hash = get_model(workspace_, *score.model).content_hash;
            models_.insert(*score.model);
        }
        describe_source(row, score.recipe, score.package);
        row.tasks.push_back(task_figure(workspace_, score));
        return row;
    }

    void describe_source(ComparisonRow& row, const std::optional<std::int64_t>& recipe, const std::optional<std::int64_t>& package)
    {
        if (row.level == "float") row.name = row.method = "float";
        if (row.level == "simulated") row.bytes.reason = "the simulated level stores no weights";
        if (recipe) describe(row, *recipe);
        if (package) describe_package(row, *package);
    }

    ComparisonRow row_of_run(std::int64_t package)
    {
        ComparisonRow row;
        row.level = "integer";
        row.perplexity_token.reason = row.perplexity_word.reason = "the integer level was not evaluated";
        if (const auto recipe = get_package(workspace_, package).recipe) describe(row, *recipe);
        describe_package(row, package);
        return row;
    }

    void describe_package(ComparisonRow& row, std::int64_t id)
    {
        const auto package = get_package(workspace_, id);
        row.package_hash = package.sha256;
        row.bytes.value = static_cast<double>(package.bytes);
        if (row.name.empty() && package.recipe_hash.empty()) row.name = std::filesystem::path(package.path).filename().string();  // another runtime's model
        if (row.name.empty()) row.name = to_string(Reference{"package", id});
        if (package.conversions && converted_.insert(id).second) {
            const auto list = stored_json<std::vector<std::string>>(workspace_, to_string(Reference{"package", id}) + ", conversions", *package.conversions);
            for (std::size_t i = 0; i < list.size() && i < shown_conversions; ++i) report_.conversions.push_back(row.name + ": " + list[i]);
            if (list.size() > shown_conversions)
                report_.conversions.push_back(row.name + ": and " + std::to_string(list.size() - shown_conversions) + " more of these");
        }
        const auto run = runs_.find(id);
        if (run == runs_.end()) return;
        for (const auto& measurement : run->second.measurements) {
            if (measurement.quantity == "prefill_tokens_per_s") row.prefill_tokens_per_s = {measurement.value, "", measurement.samples};
            if (measurement.quantity == "decode_tokens_per_s") row.decode_tokens_per_s = {measurement.value, "", measurement.samples};
            if (measurement.quantity == "peak_rss_bytes") row.peak_rss_bytes = {measurement.value, "", {}};
        }
        const auto conditions = get_conditions(workspace_, run->second.conditions);
        row.device = conditions.device_name;
        row.device_kind = conditions.device_kind;
        row.device_identity = conditions.device_identity;
        row.offload = run->second.offload.value_or("");
        row.threads = conditions.threads.value_or(0);
        row.prompt_tokens = run->second.prompt_tokens;
        row.generated_tokens = run->second.generated;
        row.conditions = to_string(Reference{"run", run->second.id});
        row.run = run->second.id;
        add_conditions(row.conditions, conditions, run->second);
    }

    void add_conditions(const std::string& name, const Conditions& conditions, const RunRow& run)
    {
        ReportConditions shown{name, {{"device", conditions.device_name}}};
        if (conditions.device_kind == "simulated") shown.facts.emplace_back("simulated", "an emulated phone; its times say nothing about a real one");
        const auto facts = stored_json<nlohmann::json>(workspace_, "devices, facts", conditions.device_facts);
        for (const auto& [key, value] : facts.items()) shown.facts.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
        const auto add = [&](const char* key, const auto& value) {
            if (!value) return;
            if constexpr (std::is_same_v<std::decay_t<decltype(*value)>, std::string>)
                shown.facts.emplace_back(key, *value);
            else
                shown.facts.emplace_back(key, nlohmann::json(*value).dump());
        };
        shown.facts.emplace_back("program", conditions.program);
        shown.facts.emplace_back("backend", conditions.backend);
        add("computed on", run.offload);
        add("proof of it", run.evidence);
        add("threads", conditions.threads);
        add("load average before", conditions.load_average);
        add("governor", conditions.governor);
        add("temperature °C", conditions.temperature_c);
        add("power source", conditions.power_source);
        shown.facts.emplace_back("started", run.start);
        shown.facts.emplace_back("repeats", std::to_string(run.repeats));
        for (const auto& measurement : run.measurements) {
            if (!measurement.quantity.ends_with("_tokens_per_s")) continue;
            std::string each;
            for (const double sample : measurement.samples) each += (each.empty() ? "" : ", ") + rounded(sample);
            shown.facts.emplace_back(measurement.quantity.substr(0, measurement.quantity.find('_')) + " tokens/s, each repeat", each);
        }
        report_.conditions.push_back(std::move(shown));
    }

    void choose_baseline()
    {
        for (std::size_t i = 0; i < report_.rows.size(); ++i) {
            const auto& row = report_.rows[i];
            if (request_.baseline.empty() ? row.level == "float" : row.name == request_.baseline) {
                report_.baseline = i;
                return;
            }
        }
        if (!request_.baseline.empty())
            throw bad_input(workspace_.path().string(), "baseline " + request_.baseline, "is not among the rows; evaluate it, or name another");
    }

    void add_curves()
    {
        ReportCurves accumulated{"Error per layer, accumulated: the quantized model against the float model", "SQNR, dB", {}};
        ReportCurves introduced{"Error per layer, introduced: one layer quantized, fed with the float input", "SQNR, dB", {}};
        for (const auto id : recipes_) {
            const auto layers = get_layer_errors(workspace_, id, "paper", "");
            if (layers.empty()) continue;
            const auto row = get_recipe_row(workspace_, id);
            const auto name = row.name.value_or(to_string(Reference{"recipe", id}));
            ReportCurve sum{name, {}, row.method}, own{name, {}, row.method};
            for (const auto& layer : layers) {
                sum.values.push_back(layer.sqnr_db.value_or(std::numeric_limits<double>::quiet_NaN()));
                own.values.push_back(layer.introduced_sqnr_db.value_or(std::numeric_limits<double>::quiet_NaN()));
            }
            accumulated.curves.push_back(std::move(sum));
            introduced.curves.push_back(std::move(own));
        }
        if (accumulated.curves.empty()) return;
        report_.curves = {std::move(accumulated), std::move(introduced)};
    }

    /// Of the newest plain calibration of the first model shown.
    void add_heatmaps()
    {
        const auto calibrations = list_calibrations(workspace_);
        const auto newest =
            std::find_if(calibrations.rbegin(), calibrations.rend(), [&](const auto& row) { return row.transforms.empty() && models_.contains(row.model); });
        if (newest == calibrations.rend()) return;
        const auto statistics = load_calibration_statistics(workspace_, *newest);
        for (const auto& [suffix, title] : {std::pair{".input_layernorm.output", "Outliers: largest magnitude per channel, input of q, k and v"},
                                            std::pair{".mlp.down_proj.input", "Outliers: largest magnitude per channel, input of down_proj"}}) {
            ReportHeatmap heatmap{title, "largest magnitude seen", {}, 0, {}};
            for (std::int64_t layer = 0;; ++layer) {
                const auto* site = statistics.find("layers." + std::to_string(layer) + suffix);
                if (!site) break;
                heatmap.rows.push_back(std::to_string(layer));
                heatmap.columns = site->channel_abs_max.size();
                heatmap.values.insert(heatmap.values.end(), site->channel_abs_max.begin(), site->channel_abs_max.end());
            }
            if (heatmap.columns > 0 && heatmap.values.size() == heatmap.rows.size() * heatmap.columns) report_.heatmaps.push_back(std::move(heatmap));
        }
    }

    void add_definitions()
    {
        report_.definitions = comparison_definitions();
        std::set<std::string> definitions;
        for (const auto& row : report_.rows)
            if (!row.definition.empty() && definitions.insert(row.definition).second) report_.definitions.emplace_back("evaluated on", row.definition);
    }

    Workspace& workspace_;
    const ComparisonRequest& request_;
    Report report_;
    std::map<std::int64_t, RunRow> runs_;  ///< by package
    std::set<std::int64_t> recipes_, models_, models_wanted_, converted_;
};

}  // namespace

Report gather_comparison(Workspace& workspace, const ComparisonRequest& request) { return Gathering(workspace, request).report(); }

}  // namespace bitwright
