// SPDX-License-Identifier: GPL-3.0-or-later
// tokenize: text to ids and back, JSON lines in and out.
#include "app/cli/command_line.h"

#include "core/checkpoint/tokenizer.h"

#include <iostream>
#include <memory>

namespace bitwright::cli {
namespace {

struct Arguments {
    std::string tokenizer;
    bool decode = false;
};

/// One input line as an object with `key`. Throws Error naming the line.
nlohmann::json read_line(const std::string& text, std::size_t number, const char* key)
{
    const auto where = "line " + std::to_string(number) + " of stdin";
    try {
        auto object = nlohmann::json::parse(text);
        if (!object.is_object() || !object.contains(key)) throw bad_input(where, key, "is missing; each line is an object {\"" + std::string(key) + "\": …}");
        return object;
    } catch (const nlohmann::json::exception& error) {
        throw bad_input(where, "", std::string("is not JSON: ") + error.what());
    }
}

void tokenize(const CommandLine& line, const Arguments& arguments)
{
    const auto tokenizer = Tokenizer::open(arguments.tokenizer);
    std::size_t number = 0;
    for (std::string text; std::getline(std::cin, text);) {
        line.control.check();
        ++number;
        if (text.empty()) continue;
        const auto object = read_line(text, number, arguments.decode ? "ids" : "text");
        Json result;
        try {
            if (arguments.decode)
                result = {{"text", tokenizer->decode(object["ids"].get<std::vector<std::int32_t>>(), object.value("skip_special_tokens", false))}};
            else
                result = {{"ids", tokenizer->encode(object["text"].get<std::string>(), object.value("add_special_tokens", false))}};
        } catch (const nlohmann::json::exception& error) {
            throw bad_input("line " + std::to_string(number) + " of stdin", arguments.decode ? "ids" : "text", error.what());
        }
        line.host.text(result.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    }
}

}  // namespace

void add_tokenize(CLI::App& app, CommandLine& line)
{
    auto* command = add_command(
        app, "tokenize", "stdin JSON lines {\"text\", \"add_special_tokens\"} to {\"ids\"}; with --decode {\"ids\", \"skip_special_tokens\"} to {\"text\"}",
        "ids; with --decode text (one line per line read)");
    auto arguments = std::make_shared<Arguments>();
    command->add_option("tokenizer", arguments->tokenizer, "model folder or tokenizer.json")->required();
    command->add_flag("--decode", arguments->decode, "ids to text");
    command->callback([&line, arguments] { line.action = [&line, arguments] { tokenize(line, *arguments); }; });
}

}  // namespace bitwright::cli
