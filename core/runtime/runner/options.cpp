// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/runner/options.h"

#include "core/runtime/error.h"

#include <charconv>
#include <string_view>

namespace bitwright::runner {
namespace {

std::int64_t whole_number(std::string_view option, std::string_view text, std::int64_t low, std::int64_t high, int base = 10)
{
    if (base == 16 && (text.starts_with("0x") || text.starts_with("0X"))) text.remove_prefix(2);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size() || value < low || value > high)
        throw usage_error(std::string(option) + ": \"" + std::string(text) + "\" is no whole number from " + std::to_string(low) + " to " + std::to_string(high));
    return value;
}

std::vector<std::int32_t> id_list(std::string_view option, std::string_view text)
{
    std::vector<std::int32_t> ids;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        ids.push_back(static_cast<std::int32_t>(whole_number(option, text.substr(0, comma), 0, INT32_MAX)));
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    if (ids.empty()) throw usage_error(std::string(option) + ": needs ids like 1,15043,29892");
    return ids;
}

}  // namespace

const char* usage() noexcept
{
    return "usage: bitwright-runner --package FILE [--mode prefill|decode|mixed] [--prompt-ids 1,2,3 | --prompt-tokens N] [--tokens N]\n"
           "                        [--runs R] [--seconds S] [--batches B] [--warmup W] [--idle S] [--rest S] [--cool-to DECIDEGREES [--cool-limit S]] [--marker]\n"
           "                        [--threads T] [--affinity HEXMASK] [--stop-at-eos] [--battery auto|none|FOLDER [--samples-per-second N]]\n"
           "                        [--jsonl FILE] [--pid-file FILE]\n"
           "       bitwright-runner --mode idle --seconds S [--package FILE] [--battery …]\n"
           "       bitwright-runner --selftest\n"
           "Runs a Bitwright package with integer arithmetic and writes JSON lines: hello, phase, token, power, thermal, freq, end. A file without end was aborted.\n"
           "--batches: R runs and S seconds, B times; --rest and --cool-to then lie before batches.\n"
           "--tokens: ids to generate (prefill: length of the made-up prompt). --seconds: at least R runs, and until so long has passed. --affinity: CPUs as a bit mask.\n"
           "--idle: baseline before and after. --cool-to: between runs, until the battery is so cool (350: 35 °C). --battery: sample it, temperatures and clocks.\n"
           "--marker: 3 s of load and rest in turns at both ends, to align an external meter. --pid-file: own session, deaf to hang-ups.\n"
           "Exit code: 0 done, 1 failed, 2 usage, 3 bad input.\n";
}

Options parse_options(int argc, const char* const* argv)
{
    Options options;
    bool tokens_given = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        const auto value = [&]() -> std::string_view {
            if (i + 1 >= argc) throw usage_error(std::string(option) + ": needs a value");
            return argv[++i];
        };
        if (option == "--package") options.package = value();
        else if (option == "--mode") {
            const std::string_view mode = value();
            if (mode == "prefill") options.mode = Mode::prefill;
            else if (mode == "decode") options.mode = Mode::decode;
            else if (mode == "mixed") options.mode = Mode::mixed;
            else if (mode == "idle") options.mode = Mode::idle;
            else throw usage_error("--mode: \"" + std::string(mode) + "\" is none of prefill, decode, mixed, idle");
        } else if (option == "--prompt-ids") options.prompt_ids = id_list(option, value());
        else if (option == "--prompt-tokens") options.prompt_tokens = whole_number(option, value(), 1, std::int64_t{1} << 20);
        else if (option == "--tokens") {
            options.tokens = whole_number(option, value(), 1, std::int64_t{1} << 20);
            tokens_given = true;
        } else if (option == "--runs") options.runs = whole_number(option, value(), 1, 1'000'000);
        else if (option == "--warmup") options.warmup = whole_number(option, value(), 0, 1'000'000);
        else if (option == "--threads") options.threads = static_cast<int>(whole_number(option, value(), 1, 1024));
        else if (option == "--affinity") options.affinity = static_cast<std::uint64_t>(whole_number(option, value(), 1, INT64_MAX, 16));
        else if (option == "--seconds") options.seconds = whole_number(option, value(), 1, 86'400);
        else if (option == "--batches") options.batches = whole_number(option, value(), 1, 10'000);
        else if (option == "--idle") options.idle = whole_number(option, value(), 1, 3'600);
        else if (option == "--rest") options.rest = whole_number(option, value(), 1, 3'600);
        else if (option == "--cool-to") options.cool_to_dC = whole_number(option, value(), 1, 1'000);
        else if (option == "--cool-limit") options.cool_limit = whole_number(option, value(), 1, 86'400);
        else if (option == "--marker") options.marker = true;
        else if (option == "--battery") options.battery = value();
        else if (option == "--sysfs") options.sysfs = value();  // another root than /sys, for tests
        else if (option == "--samples-per-second") options.samples_per_second = static_cast<int>(whole_number(option, value(), 1, 50));
        else if (option == "--pid-file") options.pid_file = value();
        else if (option == "--stop-at-eos") options.stop_at_eos = true;
        else if (option == "--jsonl") options.jsonl = value();
        else if (option == "--selftest") options.selftest = true;
        else if (option == "--help" || option == "-h") options.help = true;
        else throw usage_error(std::string(option) + ": is no option; see --help");
    }
    if (!options.prompt_ids.empty() && options.prompt_tokens > 0) throw usage_error("--prompt-ids and --prompt-tokens exclude each other");
    if (options.prompt_ids.empty() && options.prompt_tokens == 0) options.prompt_tokens = options.mode == Mode::prefill && tokens_given ? options.tokens : options.mode == Mode::prefill ? 128 : 1;
    if (options.mode == Mode::idle && options.seconds == 0) throw usage_error("--mode idle needs --seconds");
    if (options.cool_to_dC > 0 && options.battery == "none") throw usage_error("--cool-to needs --battery");
    if (options.package.empty() && !options.selftest && !options.help && options.mode != Mode::idle) throw usage_error("--package: is missing; see --help");
    return options;
}

}  // namespace bitwright::runner
