// SPDX-License-Identifier: GPL-3.0-or-later
// Qualcomm's qnn-net-run: one graph (a context binary or a model library) on the NPU, times from its profile. Source: device specification §3.1.
#include "core/runtime/error.h"
#include "device_bridge/backends/backends.h"
#include "device_bridge/backends/fields.h"
#include "device_bridge/backends/qnn_files.h"
#include "device_bridge/backends/qnn_profile.h"

namespace bitwright::backends {
namespace {

constexpr std::string_view program = "bin/aarch64-android/qnn-net-run", viewer = "bin/x86_64-linux-clang/qnn-profile-viewer";

std::vector<std::string> files_for(const Target& target)
{
    auto files = htp_libraries(target.hexagon, true);
    files.insert(files.begin(), std::string(program));
    return files;
}

class QnnNetRun final : public Backend {
public:
    std::string_view id() const noexcept override { return "qnn-net-run"; }
    std::string_view name() const noexcept override { return "Qualcomm QNN (qnn-net-run)"; }
    Licence licence() const override { return qualcomm_licence(); }
    Support probe(const Target& target, const RuntimeFolder& runtime, Accelerator accelerator) const override;
    Plan plan(const Target& target, const RuntimeFolder& runtime, const Artifact& artifact, const RunSpec& run) const override;

protected:
    void line(Stream stream, std::string_view text) override
    {
        if (profile_.line(text) || stream == Stream::file) return;
        if (const auto version = after(text, "build version:")) version_ = shown(*version, 60);
        if (error_.empty() && (text.find("[ ERROR ]") != std::string_view::npos || text.find("[ERROR]") != std::string_view::npos)) error_ = shown(text);
        finished_ = finished_ || text.find("Finished Executing Graphs") != std::string_view::npos;
    }
    void conclude(Result& result) override
    {
        profile_.conclude(result);
        result.version = version_;
        if (!result.quantities.empty()) return;
        if (!error_.empty()) result.error = "qnn-net-run says: " + error_;
        else if (finished_) result.error = "The graph was executed, but there is no profile to read times from: the folder of the SDK must have " + std::string(viewer) + ".";
    }

private:
    QnnProfile profile_;
    std::string version_, error_;
    bool finished_ = false;
};

Support QnnNetRun::probe(const Target& target, const RuntimeFolder& runtime, Accelerator accelerator) const
{
    auto support = probe_htp(target, runtime, files_for(target));
    if (accelerator != Accelerator::npu) support.ok = false, support.reason = "Bitwright uses qnn-net-run for the NPU only.";
    if (locate(runtime, std::string(viewer)).empty())
        support.notes.push_back(std::string(viewer) + " is not in the folder: without it the times of a run cannot be read.");
    return support;
}

Plan QnnNetRun::plan(const Target& target, const RuntimeFolder& runtime, const Artifact& artifact, const RunSpec& run) const
{
    const auto& model = needed(artifact, Role::model, "context binary (.bin) or model library (.so)");
    (void)needed(artifact, Role::input, "input");
    check_performance_profile(run.performance_profile);
    Plan plan;
    plan.folders = {run.remote_programs, run.remote_models, run.remote_run};
    plan.pushes = pushes_of(runtime, files_for(target), run.remote_programs);
    plan.pushes.push_back(push_of(model, run.remote_models));
    const auto remote_model = plan.pushes.back().remote;
    std::string list;
    for (const auto& file : artifact.files) {
        if (file.role != Role::input) continue;
        plan.pushes.push_back(push_of(file, run.remote_run));
        const auto name = file.local.filename().string();
        if (name.find_first_of(" \t\n:") != std::string::npos) throw bad_input(file.local.string(), "name", "holds a blank or a colon, which qnn-net-run's list of inputs cannot carry; rename the file");
        list += (list.empty() ? "" : " ") + name;
    }
    plan.pushes.push_back({{}, list + "\n", remote_path(run.remote_run, "inputs.txt"), "", false});
    const auto extensions = remote_path(run.remote_run, "htp_extensions.json"), config = remote_path(run.remote_run, "htp_config.json");
    plan.pushes.push_back({{}, htp_extensions_config(target, run.graph, run.performance_profile), extensions, "", false});
    plan.pushes.push_back({{}, htp_basic_config(remote_path(run.remote_programs, "libQnnHtpNetRunExtensions.so"), extensions), config, "", false});
    plan.environment = {{"LD_LIBRARY_PATH", run.remote_programs}, {"ADSP_LIBRARY_PATH", run.remote_programs}};
    const bool library = model.local.extension() == ".so";
    plan.argv = {remote_path(run.remote_programs, "qnn-net-run"), (library ? "--model=" : "--retrieve_context=") + remote_model,
                 "--backend=" + remote_path(run.remote_programs, "libQnnHtp.so"), "--num_inferences=" + std::to_string(run.repeats), "--keep_num_outputs=1",
                 "--perf_profile=" + run.performance_profile, "--input_list=inputs.txt", "--output_dir=out", "--shared_buffer",
                 run.detailed_profile ? "--profiling_level=detailed" : "--profiling_level=basic", "--config_file=" + config};
    plan.cwd = run.remote_run;
    const auto reader = locate(runtime, std::string(viewer));
    for (const auto* name : {"qnn-profiling-data_0.log", "qnn-profiling-data.log"}) {  // newer, older
        Pull pull{remote_path(run.remote_run, std::string("out/") + name), name, !reader.empty(), {}, true};
        if (!reader.empty()) pull.reader = {(runtime.path / reader).string(), "--input_log", name};
        plan.pulls.push_back(std::move(pull));
    }
    plan.notes = {"qnn-net-run times whole graphs: a graph that reads N tokens at once is a prefill of N, one of a single token is a decode step."};
    if (run.warmup > 0) plan.notes.emplace_back("It has no warm-up of its own; the average holds the first inferences too.");
    if (run.detailed_profile) plan.notes.emplace_back("The detailed profile slows the run: its times are not the model's speed.");
    return plan;
}

}  // namespace

std::unique_ptr<Backend> make_qnn_net_run() { return std::make_unique<QnnNetRun>(); }

}  // namespace bitwright::backends
