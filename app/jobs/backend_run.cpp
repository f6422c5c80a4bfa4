// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/backend_run.h"

#include "app/jobs/phone_session.h"
#include "core/runtime/file.h"
#include "core/runtime/hash.h"
#include "core/workspace/device_runs.h"
#include "core/workspace/tensors.h"
#include "device_bridge/run/phone_run.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

/// What the phone says of itself, where it is there.
Conditions conditions_of(const BackendRun& run, const AdbSettings& adb, const Control& control)
{
    try {
        return open_phone(adb, run.serial, control).conditions({});
    } catch (const Error&) {  // not connected now: it was when the script ran
        Conditions conditions;
        conditions.device_kind = is_simulated(run.serial, {}, nullptr) ? "simulated" : "phone";
        conditions.device_identity = device_identity(run.serial);
        conditions.device_name = conditions.device_kind == "simulated" ? "a phone (simulated)" : "a phone that was not connected";
        conditions.program = "Bitwright " BITWRIGHT_VERSION;
        return conditions;
    }
}

std::int64_t put_model(Workspace& workspace, const fs::path& model)
{
    const MappedFile file(model);
    return put_package(workspace, {0, sha256_hex(file.bytes()), fs::absolute(model).string(), "", static_cast<std::int64_t>(file.bytes().size()), {}, {}});
}

std::string put_output(Workspace& workspace, const backends::Result& result)
{
    std::string text;
    for (const auto& [title, part] : {std::pair{"output", &result.raw_output}, {"errors", &result.raw_error}, {"file", &result.raw_file}})
        if (!part->empty()) text += std::string("== ") + title + " ==\n" + *part + (part->ends_with('\n') ? "" : "\n");
    if (text.empty()) text = "== nothing was printed ==\n";
    return put_bytes(workspace, std::as_bytes(std::span(text)));
}

std::string time_of(const fs::path& folder)
{
    std::error_code error;
    const auto written = fs::last_write_time(fs::exists(folder / "run-1", error) ? folder / "run-1" : folder, error);
    if (error) return timestamp();
    return timestamp(std::chrono::system_clock::time_point(std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::file_clock::to_sys(written).time_since_epoch())));
}

}  // namespace

RunRow store_backend_run(Workspace& workspace, const BackendRun& asked, const backends::Result& result, const AdbSettings& adb, const Control& control)
{
    const auto backend = backends::make_backend(asked.backend);
    RunRow run;
    const auto prompt = result.prompt_tokens ? result.prompt_tokens : asked.prompt_tokens, generated = result.generated_tokens ? result.generated_tokens : asked.generated;
    if (!prompt || *prompt < 1) throw bad_input(asked.folder.string(), "", "does not say how many tokens the prompt had; give --prompt-tokens");
    run.prompt_tokens = *prompt, run.generated = generated.value_or(0);
    run.measurements = backends::measurements(result);
    run.aborted = !result.complete;
    if (run.aborted) run.measurements.clear();
    for (const auto& measurement : run.measurements) run.repeats = std::max(run.repeats, static_cast<std::int64_t>(measurement.samples.size()));
    run.repeats = std::max<std::int64_t>(run.repeats, 1);
    auto conditions = conditions_of(asked, adb, control);
    conditions.backend = std::string(backend->name()) + (result.version.empty() ? "" : " " + result.version);
    conditions.threads = asked.threads;
    run.conditions = put_conditions(workspace, conditions);
    run.package = put_model(workspace, asked.model);
    run.log = put_output(workspace, result);
    run.start = run.finish = time_of(asked.folder);
    run.runtime = asked.backend == "bitwright" ? "bitwright-runner by hand" : asked.backend;
    const auto& proof = result.offload;
    const bool proved = proof.state != backends::Offload::verified || !proof.evidence.empty();
    run.offload = std::string(to_string(proved ? proof.state : backends::Offload::unverified));
    if (!proof.evidence.empty()) run.evidence = proof.evidence;
    if (!result.output_hash.empty() && result.output_hash.size() == 64) run.output_hash = result.output_hash;
    std::string note = run.aborted ? result.error : "";
    if (proof.state == backends::Offload::unverified) note += (note.empty() ? "" : " ") + std::string("Unverified accelerator: nothing it printed proves where it ran.");
    for (const auto& warning : result.warnings) note += (note.empty() ? "" : " ") + warning;
    if (!note.empty()) run.note = note;
    DeviceRun device;
    nlohmann::json plan{{"backend", asked.backend}, {"folder", fs::absolute(asked.folder).string()}, {"offload", {{"state", *run.offload}, {"device", proof.device}, {"evidence", proof.evidence}}}};
    if (proof.done && proof.total) plan["offload"]["done"] = *proof.done, plan["offload"]["total"] = *proof.total;
    device.plan = plan.dump();
    return get_run(workspace, put_device_run(workspace, run, device, {}, {}));
}

}  // namespace bitwright
