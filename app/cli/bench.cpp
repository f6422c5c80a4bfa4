// SPDX-License-Identifier: GPL-3.0-or-later
// bench: how fast the integer engine is on this computer, as ratios to what the computer could do.
#include "app/cli/arguments.h"
#include "app/cli/command_line.h"
#include "app/cli/predict.h"

#include "core/runtime/bench/engine_speed.h"

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

void bench(const CommandLine& line, EngineSpeedRequest request)
{
    const WorkFolder folder;
    request.folder = folder.path();
    const EngineSpeed speed = measure_engine(request, line.control);
    Json object{{"isa", speed.kernels}, {"threads", request.threads}};
    for (const auto& [name, value] : speed.figures) object[name] = value;
    line.print(object);
}

}  // namespace

void add_bench(CLI::App& app, CommandLine& line)
{
    auto* command = add_command(app, "bench", "speed of the integer engine on this computer, as ratios to register-only products and to reading the same bytes",
                                "isa, gemm_w8a8_of_peak, gemm_w4a8_of_w8a8, gemm_w4a8_g32_of_w8a8, prefill_of_ceiling, decode_w8_of_sweep, decode_w4_of_sweep, decode_w4_g32_of_sweep, "
                                "busy_core_decode_of_t1, peak_rss_of_weights_and_kv; prefill_tokens_per_s_*, decode_tokens_per_s_*, sweep_gb_s_*, warm_start_ms, first_token_ms, peak_gop_s, gemm_w8a8_gop_s");
    auto request = std::make_shared<EngineSpeedRequest>();
    command->add_option("--package", request->package, "package to run; default: synthetic ones of TinyLlama-1.1B's shape with 8 and 4 bits, 1.2 GB in the temporary folder while it runs");
    command->add_option("--threads", request->threads, "threads")->check(CLI::PositiveNumber);
    command->add_option("--layers", request->layers, "layers of the synthetic packages: fewer take less time and memory")->check(CLI::PositiveNumber);
    command->callback([&line, request] { line.action = [&line, request] { bench(line, *request); }; });
    add_predict(app, line);  // reads what bench printed
}

}  // namespace bitwright::cli
