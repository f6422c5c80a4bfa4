// SPDX-License-Identifier: GPL-3.0-or-later
// calibrate: one pass over token windows. statistics: what it saw.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/jobs/calibrate_job.h"

#include <algorithm>
#include <memory>

namespace bitwright::cli {
namespace {

struct CalibrateArguments {
    std::string model, recipe, like, workspace;
    TokenArguments tokens;
    double holdout_percent = 0;
    bool fresh = false;
};

void run_calibrate(CommandLine& line, const CalibrateArguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    auto environment = line.environment(*workspace, arguments.fresh);
    OpenedModel model(arguments.model, *workspace);
    CalibrateRequest request;
    if (!arguments.like.empty()) {
        if (arguments.tokens.given()) throw usage_error("--like takes the windows of a calibration; leave --text and --ids out");
        if (arguments.holdout_percent > 0) throw usage_error("--like takes the windows held out, too; leave --holdout-share out");
        const auto like = find_calibration_reference(*workspace, arguments.like);
        request.windows = load_calibration_windows(*workspace, like);
        request.held_out = load_held_out_windows(*workspace, like);
    } else {
        auto split = read_tokens_apart(arguments.tokens, model.model(), arguments.holdout_percent / 100);
        request.windows = std::move(split.observed);
        request.held_out = std::move(split.held_out);
    }
    if (!arguments.tokens.text.empty()) request.text = arguments.tokens.text;
    if (!arguments.recipe.empty()) {
        request.recipe = find_recipe(*workspace, arguments.recipe).recipe;
        validate(*request.recipe, model.model());
        request.options.semantics = request.recipe->semantics;
    }
    const auto outcome = calibrate(environment, model, request);
    const auto statistics = load_calibration_statistics(*workspace, outcome.row);
    line.print({{"calibration", to_string(Reference{"calibration", outcome.row.id})},
                {"windows", outcome.row.windows},
                {"length", outcome.row.length},
                {"held_out", request.held_out ? request.held_out->count : 0},
                {"sites", statistics.sites.size()},
                {"offenders", find_offenders(statistics).size()},
                {"reused", outcome.reused},
                {"threads", threads_of(*workspace, outcome.row.conditions)}});
}

struct StatisticsArguments {
    std::string reference, site, workspace;
    double threshold = default_offender_threshold;
};

void run_statistics(const CommandLine& line, const StatisticsArguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto row = find_calibration_reference(*workspace, arguments.reference);
    auto statistics = load_calibration_statistics(*workspace, row);
    if (!arguments.site.empty()) {
        std::vector<std::string> names;
        for (const auto& site : statistics.sites) names.push_back(site.site);
        std::vector<SiteStatistics> chosen;
        for (const auto index : match_site_names(arguments.site, names)) chosen.push_back(std::move(statistics.sites[index]));
        statistics.sites = std::move(chosen);
    }
    Json sites = Json::array(), offenders = Json::array();
    for (const auto& site : statistics.sites) {
        sites.push_back({{"site", site.site},
                         {"count", site.count},
                         {"tokens", site.tokens},
                         {"min", site.min},
                         {"max", site.max},
                         {"mean", site.mean},
                         {"sigma", site.sigma},
                         {"kurtosis", site.kurtosis},
                         {"entropy", site.entropy},
                         {"p0.1", site.quantile(0.001)},
                         {"p50", site.quantile(0.5)},
                         {"p99.9", site.quantile(0.999)}});
    }
    for (const auto& offender : find_offenders(statistics, arguments.threshold))
        offenders.push_back({{"site", offender.site}, {"channel", offender.channel}, {"value", offender.value}, {"ratio", offender.ratio}});
    line.print({{"calibration", to_string(Reference{"calibration", row.id})},
                {"windows", row.windows},
                {"length", row.length},
                {"origin", row.origin},
                {"sites", std::move(sites)},
                {"offenders", std::move(offenders)}});
}

}  // namespace

void add_calibrate(CLI::App& app, CommandLine& line)
{
    auto* command = add_command(app, "calibrate", "observe every site over token windows; the same calibration is never done twice",
                                "calibration, windows, length, held_out (windows kept back), sites (how many), offenders (how many channels), reused, threads (of LibTorch)");
    auto arguments = std::make_shared<CalibrateArguments>();
    command->add_option("model", arguments->model, "model folder")->required();
    add_tokens(*command, arguments->tokens);
    command->add_option("--like", arguments->like, "the same windows as calibration:N, instead of --text or --ids");
    command->add_option("--holdout-share", arguments->holdout_percent, "percent of the text (of the windows of --ids) kept back for methods to check themselves on")->check(CLI::Range(0.0, 50.0));
    command->add_option("--recipe", arguments->recipe, "observe after this recipe's transforms");
    command->add_flag("--fresh", arguments->fresh, "do not continue an interrupted job");
    add_workspace(*command, arguments->workspace);
    command->callback([&line, arguments] { line.action = [&line, arguments] { run_calibrate(line, *arguments); }; });

    auto* statistics =
        add_command(app, "statistics", "what a calibration saw, per site, and the offending channels",
                    "calibration, windows, length, origin, sites[{site, count, tokens, min, max, mean, sigma, kurtosis, entropy, p0.1, p50, p99.9}], "
                    "offenders[{site, channel, value, ratio}] (ratio: to the median channel's absolute maximum)");
    auto wanted = std::make_shared<StatisticsArguments>();
    statistics->add_option("reference", wanted->reference, "calibration:N")->required();
    statistics->add_option("--site", wanted->site, "only sites whose name matches: * ? {a,b}");
    statistics->add_option("--threshold", wanted->threshold, "ratio from which a channel is an offender")->capture_default_str()->check(CLI::PositiveNumber);
    add_workspace(*statistics, wanted->workspace);
    statistics->callback([&line, wanted] { line.action = [&line, wanted] { run_statistics(line, *wanted); }; });
}

}  // namespace bitwright::cli
