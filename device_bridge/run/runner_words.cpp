// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/phone/lines.h"
#include "device_bridge/run/run_plan.h"

#include <cmath>

namespace bitwright {

std::vector<std::string> runner_words(const PhonePlan& plan, const RemoteRun& run)
{
    std::vector<std::string> words{run.runner};
    const auto add = [&](const char* option, const std::string& value) { words.insert(words.end(), {option, value}); };
    if (!run.package.empty()) add("--package", run.package);
    add("--mode", plan.generate > 0 ? "mixed" : "prefill");
    add("--prompt-tokens", std::to_string(plan.prompt_tokens));
    if (plan.generate > 0) add("--tokens", std::to_string(plan.generate));
    add("--runs", std::to_string(plan.repeats));
    add("--warmup", std::to_string(plan.warmup));
    if (plan.batches > 1) add("--batches", std::to_string(plan.batches));
    if (plan.idle_s > 0) add("--idle", std::to_string(plan.idle_s));
    if (plan.rest_s > 0) add("--rest", std::to_string(plan.rest_s));
    if (plan.cool_to_c) {
        add("--cool-to", std::to_string(std::lround(*plan.cool_to_c * 10)));
        add("--cool-limit", std::to_string(plan.cool_limit_s));
    }
    add("--threads", std::to_string(plan.threads));
    if (plan.affinity != 0) add("--affinity", hexadecimal_word(plan.affinity));
    if (plan.seconds > 0) add("--seconds", std::to_string(plan.seconds));
    if (plan.marker) words.emplace_back("--marker");
    if (plan.sample) {
        add("--battery", "auto");
        add("--sysfs", phone_sysfs);
        add("--samples-per-second", std::to_string(plan.samples_per_second));
    }
    add("--jsonl", run.lines);
    return words;
}

}  // namespace bitwright
