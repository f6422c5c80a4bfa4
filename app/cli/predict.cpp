// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/predict.h"

#include "app/cli/arguments.h"

#include "core/exchange/prediction.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "core/workspace/recipes.h"

#include <memory>

namespace bitwright::cli {
namespace {

struct PredictArguments {
    std::string model, recipe, workspace, rates;
    PredictedWork work;
};

/// The figures of a file that `bench --json` printed.
DeviceRates read_rates(const std::string& path)
{
    const auto figures = Json::parse(read_text(path), nullptr, false);
    if (!figures.is_object()) throw bad_input(path, "", "is no JSON object; give what bench --json printed");
    std::vector<std::pair<std::string, double>> numbers;
    for (const auto& [key, value] : figures.items())
        if (value.is_number()) numbers.emplace_back(key, value.get<double>());
    const auto rates = rates_of(numbers);
    if (!rates) throw bad_input(path, "", "lacks one of gemm_w8a8_gop_s, gemm_w4a8_of_w8a8, gemm_w4a8_g32_of_w8a8, sweep_gb_s_w8; give what bench --json printed");
    return *rates;
}

void predict(const CommandLine& line, const PredictArguments& arguments)
{
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto model = open_model(arguments.model);
    const auto recipe = find_recipe(*workspace, arguments.recipe);
    validate(recipe.recipe, model);
    const auto prediction = predict_latency(model, recipe.recipe, read_rates(arguments.rates), arguments.work);
    if (!prediction) throw bad_input(arguments.recipe, "", "keeps a linear that a package cannot hold (float, more than 8 bits, per channel); quantize it first");
    Json layers = Json::array();
    for (const auto& layer : prediction->layers)
        layers.push_back({{"layer", layer.layer < 0 ? Json("lm_head") : Json(layer.layer)}, {"prefill_ms", 1e3 * layer.prefill_s}, {"decode_ms", 1e3 * layer.decode_s}, {"decode_limited_by", layer.decode_reads ? "memory" : "products"}});
    line.print({{"prefill_tokens_per_s", prediction->prefill_tokens_per_s(arguments.work)}, {"decode_tokens_per_s", prediction->decode_tokens_per_s()}, {"layers", layers}});
}

}  // namespace

void add_predict(CLI::App& app, CommandLine& line)
{
    auto* command = add_command(app, "predict", "how fast a recipe's integer model would be on a device: a roofline, so at best",
                                "prefill_tokens_per_s, decode_tokens_per_s, layers[] (layer or lm_head, prefill_ms, decode_ms, decode_limited_by memory or products)");
    auto arguments = std::make_shared<PredictArguments>();
    command->add_option("model", arguments->model, "model folder")->required();
    command->add_option("--recipe", arguments->recipe, "REF")->required();
    command->add_option("--rates", arguments->rates, "file with what bench --json printed on that device")->required();
    command->add_option("--prompt-tokens", arguments->work.prompt, "tokens read at once")->capture_default_str()->check(CLI::PositiveNumber);
    command->add_option("--position", arguments->work.position, "tokens before the one that is generated")->capture_default_str()->check(CLI::NonNegativeNumber);
    add_workspace(*command, arguments->workspace);
    command->callback([&line, arguments] { line.action = [&line, arguments] { predict(line, *arguments); }; });
}

}  // namespace bitwright::cli
