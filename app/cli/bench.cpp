// SPDX-License-Identifier: GPL-3.0-or-later
// bench: how fast the integer engine is on this computer, as ratios to what the computer could do.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/cli/predict.h"

#include "core/runtime/bench/engine_speed.h"
#include "core/runtime/error.h"
#include "core/runtime/hash.h"
#include "core/runtime/package.h"
#include "core/workspace/engine_speeds.h"
#include "core/workspace/local_machine.h"

#include <filesystem>
#include <memory>
#include <unistd.h>

namespace bitwright::cli {
namespace {

/// A folder of its own for the synthetic packages, removed at the end.
class WorkFolder {
public:
    WorkFolder() : path_(std::filesystem::temp_directory_path() / ("bitwright-bench-" + std::to_string(getpid()))) { std::filesystem::create_directories(path_); }
    ~WorkFolder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    WorkFolder(const WorkFolder&) = delete;
    WorkFolder& operator=(const WorkFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

/// What the figures are asked for by; null where a run does not measure it (a package of one's own has one width of weights).
constexpr const char* named[] = {"gemm_w8a8_of_peak", "gemm_w4a8_of_w8a8", "gemm_w4a8_g32_of_w8a8", "prefill_of_ceiling", "decode_w8_of_sweep", "decode_w4_of_sweep", "decode_w4_g32_of_sweep",
                                 "busy_core_decode_of_t1", "peak_rss_of_weights_and_kv", "attention_of_prefill", "attention_of_decode", "warm_start_ms"};

void bench(const CommandLine& line, EngineSpeedRequest request, const std::string& workspace)
{
    const std::unique_ptr<Workspace> opened = workspace.empty() ? nullptr : line.open_workspace(workspace);
    if (opened && opened->read_only()) throw failure(workspace + ": the speed cannot be stored there (" + opened->notice() + "); copy it to a place that can be written");
    const WorkFolder folder;
    request.folder = folder.path();
    const EngineSpeed speed = measure_engine(request, line.control);
    Json object{{"isa", speed.kernels}, {"threads", request.threads}};
    for (const char* name : named) object[name] = nullptr;
    for (const auto& [name, value] : speed.figures) object[name] = value;
    if (opened) {
        EngineSpeedRow row;
        row.isa = speed.kernels;
        if (!request.package.empty()) row.package = sha256_hex(Package::open(request.package)->file().header_json());
        row.figures = speed.figures;
        row.conditions = put_conditions(*opened, local_conditions("engine " + speed.kernels, request.threads, std::nullopt));
        object["stored"] = "engine_speed:" + std::to_string(put_engine_speed(*opened, row));
    }
    line.print(object);
}

}  // namespace

void add_bench(CLI::App& app, CommandLine& line)
{
    auto* command = add_command(app, "bench", "speed of the integer engine on this computer, as ratios to register-only products and to reading the same bytes",
                                "isa, gemm_w8a8_of_peak, gemm_w4a8_of_w8a8, gemm_w4a8_g32_of_w8a8, prefill_of_ceiling, decode_w8_of_sweep, decode_w4_of_sweep, decode_w4_g32_of_sweep, "
                                "busy_core_decode_of_t1, peak_rss_of_weights_and_kv, attention_of_prefill, attention_of_decode (at the context's end), warm_start_ms; first_token_ms, "
                                "prefill_tokens_per_s_*, decode_tokens_per_s_*, sweep_gb_s_*, peak_gop_s, gemm_w8a8_gop_s; stored, with -w");
    auto request = std::make_shared<EngineSpeedRequest>();
    command->add_option("--package", request->package, "package to run; default: synthetic ones of TinyLlama-1.1B's shape with 8 and 4 bits, 1.2 GB in the temporary folder while it runs");
    command->add_option("--threads", request->threads, "threads")->check(CLI::PositiveNumber);
    command->add_option("--layers", request->layers, "layers of the synthetic packages: fewer take less time and memory")->check(CLI::PositiveNumber);
    auto workspace = std::make_shared<std::string>();
    command->add_option("-w,--workspace", *workspace, "workspace that keeps the figures: Tune on the desk reads the newest");
    command->callback([&line, request, workspace] { line.action = [&line, request, workspace] { bench(line, *request, *workspace); }; });
    add_predict(app, line);  // reads what bench printed
}

}  // namespace bitwright::cli
