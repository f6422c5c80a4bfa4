// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/run/run_plan.h"

#include "core/runtime/error.h"
#include "device_bridge/energy/perfetto.h"
#include "device_bridge/energy/rails.h"
#include "device_bridge/energy/sources.h"
#include "device_bridge/phone/facts.h"
#include "device_bridge/phone/lines.h"
#include "device_bridge/phone/shell_quote.h"

namespace bitwright {
namespace {

constexpr const char* thermal_period_s = "10";
constexpr int perfetto_poll_ms = 250;

/// What runs beside the runner sees rc, takes its last sample and ends; one that hangs is ended.
constexpr const char* await_beside = "i=0\nwhile [ $i -lt 150 ] && kill -0 $beside 2>/dev/null; do sleep 0.2; i=$((i + 1)); done\nkill $beside 2>/dev/null\n";

/// Starts the loop that asks for energy beside the runner, and remembers it in $beside.
std::string beside(const PhonePlan& plan, const RemoteRun& run)
{
    std::string script;
    switch (plan.beside) {
        case PhonePlan::Beside::nothing: return "beside=\n";
        case PhonePlan::Beside::rails: script = rails_script("rails.txt", "rc", 1); break;
        case PhonePlan::Beside::service: script = service_sampler_script("service.csv", "rc"); break;
        case PhonePlan::Beside::perfetto:
            script = perfetto_script("/data/misc/perfetto-traces/bitwright-" + run.folder.substr(run.folder.rfind('/') + 1), "power.perfetto", "rc", perfetto_poll_ms, plan.beside_voltage);
            break;
    }
    return "(\n" + script + ") > /dev/null 2>&1 &\nbeside=$!\n";
}

const char* beside_name(PhonePlan::Beside beside)
{
    switch (beside) {
        case PhonePlan::Beside::nothing: return "";
        case PhonePlan::Beside::rails: return "rails";
        case PhonePlan::Beside::service: return "service";
        case PhonePlan::Beside::perfetto: return "perfetto";
    }
    return "";
}

}  // namespace

nlohmann::json to_json(const PhonePlan& plan)
{
    nlohmann::json json{{"prompt_tokens", plan.prompt_tokens}, {"generate", plan.generate}, {"repeats", plan.repeats},   {"warmup", plan.warmup}, {"threads", plan.threads},
                        {"affinity", plan.affinity == 0 ? "" : hexadecimal_word(plan.affinity)}, {"seconds", plan.seconds}, {"batches", plan.batches}, {"idle_s", plan.idle_s}, {"rest_s", plan.rest_s},
                        {"sample", plan.sample}, {"samples_per_second", plan.samples_per_second}, {"marker", plan.marker},
                        {"beside", beside_name(plan.beside)}};
    if (plan.cool_to_c) {
        json["cool_to_c"] = *plan.cool_to_c;
        json["cool_limit_s"] = plan.cool_limit_s;
    }
    if (plan.require.any()) json["preconditions"] = to_json(plan.require);
    return json;
}

void check(const PhonePlan& plan)
{
    check(plan.require);
    if (plan.cool_to_c && !plan.sample) throw usage_error("--cool-to needs the battery's temperature; leave --no-samples out");
    if (plan.cool_to_c && !(*plan.cool_to_c >= 1 && *plan.cool_to_c <= 60)) throw usage_error("--cool-to: a battery is between 1 and 60 °C");
    if (plan.cool_to_c && plan.batches == 1 && plan.repeats == 1 && plan.seconds == 0) throw usage_error("--cool-to waits between runs; ask for --repeats");
}

std::string run_script(const PhonePlan& plan, const RemoteRun& run)
{
    std::string runner;
    for (const auto& word : runner_words(plan, run)) {
        const auto written = word == run.runner ? std::string("\"$1\"") : word == run.package && !word.empty() ? "\"$2\"" : word == phone_sysfs ? "\"$3\"" : shell_quoted(word);
        runner += (runner.empty() ? "" : " ") + written;
    }
    return "# started in the run's folder with: the runner, the package, where sysfs is\n"
           "(\n" + state_script() + ") > before.txt 2>/dev/null\n" +
           "(while [ -e run.sh ] && [ ! -e rc ]; do read -r up rest < /proc/uptime; echo \"$up $(dumpsys thermalservice 2>/dev/null | grep -m1 'Thermal Status')\"; sleep " + thermal_period_s +
           "; done) > thermal.txt 2>/dev/null &\n"
           "watch=$!\n" + beside(plan, run) + runner + " > /dev/null 2> errors.txt < /dev/null\n" +
           "echo $? > rc\n" +
           "kill $watch 2>/dev/null\n" + (plan.beside == PhonePlan::Beside::nothing ? "" : std::string(await_beside)) +
           "(\n" + state_script() + ") > after.txt 2>/dev/null\n" +
           "exit $(cat rc)\n";
}

std::string run_command(const RemoteRun& run) { return shell_command({"sh", "run.sh", run.runner, run.package.empty() ? "-" : run.package, phone_sysfs}); }

std::string dry_run_script(const PhonePlan& plan, const RemoteRun& run, const std::string& serial, const std::filesystem::path& runner, const std::filesystem::path& package)
{
    const auto adb = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"adb", "-s", serial});
        return shell_command(words) + "\n";
    };
    const auto folder = [](const std::string& path) { return path.substr(0, path.rfind('/')); };
    std::string text = "#!/bin/sh\n# What Bitwright does on the phone, one step after the other. It skips what already lies there with the same SHA-256.\nset -e\n";
    std::vector<std::string> folders{"mkdir", "-p", folder(run.runner), run.folder};
    if (!run.package.empty()) folders.push_back(folder(run.package));
    text += adb({"shell", shell_command(folders)});
    text += adb({"push", runner.string(), run.runner});
    text += adb({"shell", shell_command({"chmod", "755", run.runner})});
    if (!run.package.empty()) text += adb({"push", package.string(), run.package});
    text += "cat > run.sh <<'BITWRIGHT'\n" + run_script(plan, run) + "BITWRIGHT\n";
    text += adb({"push", "run.sh", run.file("run.sh")});
    text += adb({"shell", "cd " + shell_quoted(run.folder) + " && (setsid " + run_command(run) + " < /dev/null > /dev/null 2>&1; echo > done) &"});
    text += "# the phone may be unplugged now; when " + run.file("done") + " is there:\n";
    for (const char* name : {"run.jsonl", "errors.txt", "before.txt", "after.txt", "thermal.txt"}) text += adb({"pull", run.file(name), name});
    text += adb({"shell", shell_command({"rm", "-rf", run.folder})});
    return text;
}

}  // namespace bitwright
