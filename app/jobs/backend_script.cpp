// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/backend_script.h"

#include "core/runtime/error.h"
#include "core/runtime/file.h"

#include <array>

namespace fs = std::filesystem;

namespace bitwright {
namespace {

constexpr std::string_view root = "/data/local/tmp/bitwright/by_hand/";

backends::Target target_for(const BackendRequest& request)
{
    backends::Target target;
    if (!request.soc_profile.empty()) {
        const auto profile = parse_soc_profile(read_text(request.soc_profile, 1 << 20), request.soc_profile.string());
        PhoneFacts facts;
        if (!profile.soc_models.empty()) facts.soc_model = profile.soc_models.front();
        target = backends::target_of(facts, &profile);
    }
    if (!request.hexagon.empty()) target.hexagon = request.hexagon;
    return target;
}

backends::Artifact artifact_of(const std::vector<std::string>& files)
{
    using backends::Role;
    static constexpr std::array<std::pair<std::string_view, Role>, 5> roles{
        {{"model=", Role::model}, {"tokenizer=", Role::tokenizer}, {"input=", Role::input}, {"config=", Role::config}, {"other=", Role::other}}};
    backends::Artifact artifact;
    for (const auto& file : files) {
        backends::ArtifactFile one{Role::model, file, ""};
        for (const auto& [prefix, role] : roles)
            if (file.starts_with(prefix)) one = {role, file.substr(prefix.size()), ""};
        std::error_code error;
        if (!fs::is_regular_file(one.local, error)) throw bad_input(one.local.string(), "", "is no file");
        one.local = fs::absolute(one.local);
        artifact.files.push_back(std::move(one));
    }
    return artifact;
}

}  // namespace

backends::Accelerator accelerator_named(const std::string& name)
{
    if (name == "cpu") return backends::Accelerator::cpu;
    if (name == "gpu") return backends::Accelerator::gpu;
    if (name == "npu") return backends::Accelerator::npu;
    throw usage_error("accelerator: \"" + name + "\" is none of cpu, gpu, npu");
}

std::vector<std::pair<std::string, backends::Support>> probe_backends(const BackendRequest& request)
{
    const auto accelerator = accelerator_named(request.accelerator);
    const auto target = target_for(request);
    const auto runtime = backends::list_runtime_folder(fs::absolute(request.runtime));
    std::vector<std::pair<std::string, backends::Support>> all;
    for (const auto id : backends::backend_ids()) all.emplace_back(id, backends::make_backend(id)->probe(target, runtime, accelerator));
    return all;
}

std::string backend_script(const BackendRequest& request, const std::string& serial)
{
    const auto backend = backends::make_backend(request.backend);
    auto run = request.run;
    run.accelerator = accelerator_named(request.accelerator);
    const auto folder = std::string(root) + request.backend;
    run.remote_programs = folder + "/programs", run.remote_models = folder + "/models", run.remote_run = folder + "/run";
    const auto target = target_for(request);
    const auto runtime = backends::list_runtime_folder(fs::absolute(request.runtime));
    const auto support = backend->probe(target, runtime, run.accelerator);
    if (!support.ok) {
        std::string missing;
        for (const auto& file : support.missing) missing += (missing.empty() ? " Missing: " : ", ") + file;
        throw bad_input(request.runtime.string(), "", support.reason + missing);
    }
    auto plan = backend->plan(target, runtime, artifact_of(request.files), run);
    plan.notes.insert(plan.notes.begin(), "Licence: " + backend->licence().name + ". " + backend->licence().note);
    return backends::dry_run_script(plan, serial);
}

}  // namespace bitwright
