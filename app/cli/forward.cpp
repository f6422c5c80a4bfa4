// SPDX-License-Identifier: GPL-3.0-or-later
// forward: logits and hidden states of one sequence. generate: a continuation, greedy or drawn, by the float model, by a package's integer engine, or by the float
// model and a recipe side by side.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"

#include "core/numerics/text_generator.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <thread>

namespace fs = std::filesystem;

namespace bitwright::cli {
namespace {

struct ForwardArguments {
    std::string model, ids, out;
};

void forward(const CommandLine& line, const ForwardArguments& arguments)
{
    const auto model = open_model(arguments.model);
    const auto ids = read_ids(arguments.ids);
    auto result = load_numerics().forward(model, nullptr, Level::floating, Placement::paper, ids, line.control);
    std::map<std::string, Tensor> tensors;
    const auto vocab = result.logits.shape.back();
    tensors["logits"] = std::move(result.logits);
    for (std::size_t i = 0; i < result.hidden.size(); ++i) tensors["hidden." + std::to_string(i)] = std::move(result.hidden[i]);
    write_safetensors(arguments.out, tensors);
    line.print({{"tokens", ids.size()}, {"layers", model.architecture().layers}, {"vocab", vocab}, {"out", arguments.out}});
}

struct GenerateArguments {
    std::string source, prompt, ids, recipe, workspace;
    GenerateOptions options;
    bool ignore_eos = false;
    int threads = 0;
};

/// What generates, and how its ids read.
struct Generator {
    std::shared_ptr<const Tokenizer> tokenizer;  ///< null: ids only
    std::function<Generation(const std::vector<std::int32_t>&)> continue_from;
};

Generator open_generator(const CommandLine& line, const GenerateArguments& arguments)
{
    const bool with_text = arguments.ids.empty();
    if (fs::is_directory(arguments.source)) {
        const auto model = open_model(arguments.source);
        return {with_text || model.checkpoint->has_tokenizer() ? open_tokenizer(model) : nullptr, [&line, &arguments, model](const auto& prompt) {
                    return load_text_generator().continue_text(model, nullptr, Level::floating, prompt, arguments.options, line.control);
                }};
    }
    const auto package = Package::open(arguments.source);
    const auto json = package->tokenizer_json();
    if (json.empty() && with_text) throw bad_input(arguments.source, "tokenizer.json", "is not in the package; give token ids with --ids instead of --prompt");
    return {json.empty() ? nullptr : Tokenizer::parse(json, arguments.source + ": tokenizer.json"), [&line, &arguments, package](const auto& prompt) {
                Engine engine(package, {arguments.threads > 0 ? arguments.threads : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))});
                return generate(engine, prompt, arguments.options, line.control);
            }};
}

Json described(const Generation& made, std::size_t prompt, const Tokenizer* tokenizer)
{
    return {{"ids", made.ids}, {"text", tokenizer ? Json(tokenizer->decode(made.ids, true)) : Json()}, {"prompt_tokens_per_s", or_null(made.prompt_tokens_per_s(prompt))}, {"generated_tokens_per_s", or_null(made.generated_tokens_per_s())}};
}

/// The float model and a recipe at the simulated level from the same prompt, each with a sampler of its own from the same seed.
void generate_side_by_side(const CommandLine& line, const GenerateArguments& arguments)
{
    if (arguments.workspace.empty()) throw usage_error("--recipe needs the workspace it is in: -w W");
    if (!fs::is_directory(arguments.source)) throw usage_error("a package holds its recipe; side by side needs the model folder");
    const auto workspace = line.open_workspace(arguments.workspace);
    const auto model = open_model(arguments.source);
    const auto recipe = find_recipe(*workspace, arguments.recipe);
    validate(recipe.recipe, model);
    const auto tokenizer = arguments.ids.empty() || model.checkpoint->has_tokenizer() ? open_tokenizer(model) : nullptr;
    const auto prompt = arguments.ids.empty() ? tokenizer->encode(arguments.prompt, true) : read_ids(arguments.ids);
    if (prompt.empty()) throw bad_input("--prompt", "", "has no tokens; give some text");
    auto& generator = load_text_generator();
    const auto plain = generator.continue_text(model, nullptr, Level::floating, prompt, arguments.options, line.control);
    const auto quantized = generator.continue_text(model, &recipe.recipe, Level::simulated, prompt, arguments.options, line.control);
    const auto apart = first_difference(plain.ids, quantized.ids);
    Json object{{"prompt_ids", prompt}, {"float", described(plain, prompt.size(), tokenizer.get())}, {"recipe", described(quantized, prompt.size(), tokenizer.get())}};
    object["first_difference"] = apart ? Json(*apart) : Json();
    if (line.json || !tokenizer) return line.print(object);
    line.host.text("float:  " + object["float"]["text"].get<std::string>() + "\nrecipe: " + object["recipe"]["text"].get<std::string>() + "\n" +
                   (apart ? "the first " + std::to_string(*apart) + " tokens are the same\n" : "the same tokens\n"));
}

void generate_text(const CommandLine& line, const GenerateArguments& arguments)
{
    if (arguments.prompt.empty() == arguments.ids.empty()) throw usage_error("either --prompt TEXT or --ids FILE.json is needed");
    if (arguments.options.tokens < 1) throw usage_error("--tokens needs at least 1");
    (void)Sampler(arguments.options.sampling);  // refuses before anything is opened
    if (!arguments.recipe.empty()) return generate_side_by_side(line, arguments);
    const auto generator = open_generator(line, arguments);
    const auto prompt = arguments.ids.empty() ? generator.tokenizer->encode(arguments.prompt, true) : read_ids(arguments.ids);
    if (prompt.empty()) throw bad_input("--prompt", "", "has no tokens; give some text");
    Json object{{"prompt_ids", prompt}};
    object.update(described(generator.continue_from(prompt), prompt.size(), generator.tokenizer.get()));
    if (line.json || !generator.tokenizer) return line.print(object);
    line.host.text((arguments.ids.empty() ? arguments.prompt : "") + object["text"].get<std::string>() + "\n");
}

}  // namespace

void add_forward(CLI::App& app, CommandLine& line)
{
    auto* command =
        add_command(app, "forward", "logits and hidden states of one sequence of ids: tensors logits, hidden.0 … hidden.L", "tokens, layers, vocab, out");
    auto arguments = std::make_shared<ForwardArguments>();
    command->add_option("model", arguments->model, "model folder")->required();
    command->add_option("--ids", arguments->ids, "JSON file with one array of ids")->required();
    command->add_option("--out", arguments->out, "safetensors file to write")->required();
    command->callback([&line, arguments] { line.action = [&line, arguments] { forward(line, *arguments); }; });

    auto* generation = add_command(app, "generate", "continue a text", "prompt_ids, ids (the new ones), text (null without a tokenizer), prompt_tokens_per_s, generated_tokens_per_s (null: too few to tell); with --recipe "
                                                                   "float{…} and recipe{…} of these, first_difference (index of the first new token that differs, null: none)");
    auto wanted = std::make_shared<GenerateArguments>();
    auto& sampling = wanted->options.sampling;
    generation->add_option("source", wanted->source, "model folder (float) or package (integer)")->required();
    generation->add_option("--prompt", wanted->prompt, "text to continue; the tokenizer's special tokens are added");
    generation->add_option("--ids", wanted->ids, "JSON file with one array of ids instead");
    generation->add_option("--tokens", wanted->options.tokens, "how many")->required();
    generation->add_option("--temperature", sampling.temperature, "0: greedy, the most likely token each time")->capture_default_str();
    generation->add_option("--top-k", sampling.top_k, "draw among the K most likely tokens; 0: all")->capture_default_str();
    generation->add_option("--top-p", sampling.top_p, "then among the fewest whose probabilities sum to P")->capture_default_str();
    generation->add_option("--seed", sampling.seed, "of the draws")->capture_default_str();
    generation->add_option("--recipe", wanted->recipe, "REF: the float model and this recipe (simulated) side by side");
    generation->add_option("-w,--workspace", wanted->workspace, "workspace of the recipe");
    generation->add_flag("--ignore-eos", wanted->ignore_eos, "do not stop at the end token");
    generation->add_option("--threads", wanted->threads, "of the integer engine; default: all processors")->check(CLI::PositiveNumber);
    generation->callback([&line, wanted] {
        wanted->options.stop_at_eos = !wanted->ignore_eos;
        line.action = [&line, wanted] { generate_text(line, *wanted); };
    });
}

}  // namespace bitwright::cli
