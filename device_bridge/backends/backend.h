// SPDX-License-Identifier: GPL-3.0-or-later
// What can run a model on a phone, as pure functions over text: which files it needs there, which command line, and what its output says. Bitwright ships and
// links no vendor's software; it knows file names, command lines and what the tools print. Source: device specification §3.
// Invariants: a quantity the tool did not print is absent. A run counts as complete only with an exit code of 0 and the tool's own numbers. A number measured
// "on the accelerator" carries the line that proves it, or is marked unverified. Output from a phone is untrusted: any bytes may come, in any pieces; memory
// stays bounded.
// Threading: plain values; a Backend belongs to one thread and one execution.
#pragma once

#include "core/workspace/runs.h"
#include "device_bridge/backends/lines.h"
#include "device_bridge/phone/soc_profile.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitwright::backends {

enum class Accelerator : std::uint8_t { cpu, gpu, npu };
[[nodiscard]] std::string_view to_string(Accelerator accelerator) noexcept;

/// What a back end must know of the phone.
struct Target {
    std::string soc;                            ///< ro.soc.model, e.g. "SM8650"; "" unknown
    std::string hexagon;                        ///< Hexagon architecture, e.g. "v75"; "" unknown or none
    std::optional<std::int64_t> qnn_soc_model;  ///< QNN's number of the SoC, e.g. 57 (not the kernel's soc_id)
    std::optional<std::int64_t> vtcm_mb;        ///< the DSP's fast memory
    bool arm64 = true;                          ///< runs arm64-v8a programs
    std::optional<bool> hexagon_rpc;            ///< libcdsprpc.so is there: the way to the Hexagon DSP; absent: not looked
};
/// @param profile null: an unknown SoC
[[nodiscard]] Target target_of(const PhoneFacts& facts, const SocProfile* profile);

/// A folder of the user's with a runtime in it: the names of its files below `path`, with '/', sorted.
struct RuntimeFolder {
    std::filesystem::path path;
    std::set<std::string, std::less<>> files;

    [[nodiscard]] bool has(std::string_view file) const { return files.contains(file); }
    /// The file whose path ends in `/name` or is `name`; the first in order. "" when there is none.
    [[nodiscard]] std::string find(std::string_view name) const;
};
/// At most 20 000 files and 8 levels. Throws Error (bad_input) when it is no folder.
[[nodiscard]] RuntimeFolder list_runtime_folder(const std::filesystem::path& path);

struct Licence {
    std::string name;  ///< e.g. "MIT"
    std::string note;  ///< a sentence for the user: who brings it, what may be done with it
};

struct Support {
    bool ok = false;
    std::string reason;                ///< a sentence when not ok
    std::vector<std::string> missing;  ///< files looked for and not found, as paths below the runtime folder
    std::vector<std::string> notes;    ///< sentences: what will be missing from the result
};

/// A file of the model, on this computer.
enum class Role : std::uint8_t { model, tokenizer, input, config, other };
struct ArtifactFile {
    Role role = Role::model;
    std::filesystem::path local;
    std::string sha256;  ///< "" when not known
};
struct Artifact {
    std::vector<ArtifactFile> files;
    [[nodiscard]] const ArtifactFile* find(Role role) const noexcept;
};

/// What is to be measured.
struct RunSpec {
    Accelerator accelerator = Accelerator::cpu;
    std::int64_t prompt_tokens = 128, generate = 64, repeats = 5, warmup = 1;
    int threads = 4;
    std::uint64_t affinity = 0;                          ///< bit i: CPU i; 0: leave it to the kernel
    std::string prompt = "Once upon a time";             ///< for runtimes that take text only
    std::string graph = "model";                         ///< QNN: the graph's name in the context binary
    std::string performance_profile = "burst";           ///< Qualcomm: burst, sustained_high_performance, high_performance, balanced …
    bool detailed_profile = false;                       ///< cycles per operation; slows the run
    std::vector<std::string> runner_options = {};        ///< more for bitwright-runner: --battery, --idle …
    std::string remote_programs = {}, remote_models = {}, remote_run = {};  ///< absolute folders on the phone: programs and libraries; the model; this run's own
};

/// One file to be on the phone before the run.
struct Push {
    std::filesystem::path local;      ///< on this computer; empty when `text` is given
    std::optional<std::string> text;  ///< a file written by us
    std::string remote;               ///< absolute path on the phone
    std::string sha256;               ///< "" when not known
    bool executable = false;
};
/// One file to fetch after each execution, and to remove on the phone then: what an earlier execution left must not be taken for the next one's.
struct Pull {
    std::string remote;                    ///< absolute path on the phone
    std::string name;                      ///< its name in the run's folder on this computer
    bool parse = false;                    ///< its bytes, or what `reader` prints, go to feed(Stream::file, …)
    std::vector<std::string> reader = {};  ///< a program of the user's runtime to run on this computer, with its arguments; empty: none
    bool optional = false;                 ///< may be absent: names differ between versions
};
struct Plan {
    std::vector<std::string> folders;  ///< to be made on the phone
    std::vector<Push> pushes;
    std::vector<std::pair<std::string, std::string>> environment;
    std::vector<std::string> argv;
    std::string cwd;
    std::vector<Pull> pulls;
    std::int64_t executions = 1;       ///< how often the command is started (tools that cannot repeat themselves); one Backend object each
    std::int64_t discard = 0;          ///< of these, the first ones are warm-up
    std::int64_t prompt_tokens = 0, generated_tokens = 0;  ///< expected per repeat; 0: the tool decides
    std::vector<std::string> notes;    ///< sentences: what this tool cannot do of what was asked
};

/// Where the work ran, as far as the output proves it.
enum class Offload : std::uint8_t { cpu, unverified, verified };
[[nodiscard]] std::string_view to_string(Offload offload) noexcept;  ///< "CPU", "unverified accelerator", "verified accelerator"
struct OffloadProof {
    Offload state = Offload::cpu;
    std::string device;                       ///< as the tool calls it, e.g. "HTP0"
    std::string evidence;                     ///< the line that says so; "" when there is none
    std::optional<std::int64_t> done, total;  ///< layers or nodes on the accelerator, of how many
};

/// One quantity. Either every repeat, or what the tool summed up itself.
struct Quantity {
    std::string name, unit;  ///< prefill_tokens_per_s, decode_tokens_per_s, ttft_s, load_s, inference_s, peak_rss_bytes …
    std::vector<double> samples;
    struct Summary {
        std::int64_t count = 0;  ///< repeats behind it; 0: not said
        std::optional<double> mean, deviation, minimum, maximum, median, p90, p95, p99;
    };
    std::optional<Summary> summary = {};
};

struct Result {
    bool complete = false;                ///< may be stored as a measurement
    std::optional<int> exit_code;
    std::string error;                    ///< a sentence when not complete
    std::string version;                  ///< the runtime's, as it says
    std::string output_hash;              ///< SHA-256 of the output tokens, where the tool gives it
    std::string text;                     ///< what the model wrote, where the tool prints it; at most 64 KiB
    std::optional<std::int64_t> prompt_tokens, generated_tokens;  ///< per repeat, as the tool counted them
    std::vector<Quantity> quantities;
    OffloadProof offload;
    std::vector<std::string> warnings;    ///< sentences
    std::string raw_output, raw_error, raw_file;  ///< as they came; the middle of a very long one is cut out and marked

    [[nodiscard]] const Quantity* find(std::string_view name) const noexcept;
};
/// For storing: a summary becomes one sample, its median or else its mean.
[[nodiscard]] std::vector<Measurement> measurements(const Result& result);
/// Executions of one plan as one result: samples in order, complete when all are, the weakest proof, each warning once. Precondition: not empty.
[[nodiscard]] Result combined(const std::vector<Result>& results);

/// One runtime. probe() and plan() may be called at any time; feed() and finish() read one execution.
class Backend {
public:
    virtual ~Backend() = default;
    [[nodiscard]] virtual std::string_view id() const noexcept = 0;
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;  ///< for people
    [[nodiscard]] virtual Licence licence() const = 0;
    [[nodiscard]] virtual Support probe(const Target& target, const RuntimeFolder& runtime, Accelerator accelerator) const = 0;
    /// Throws Error (bad_input) when the artifact lacks a file this runtime needs, Error (usage) when the run cannot be asked of it.
    [[nodiscard]] virtual Plan plan(const Target& target, const RuntimeFolder& runtime, const Artifact& artifact, const RunSpec& run) const = 0;

    /// Before feed(): what was asked for, so that a fall back to the CPU is noticed.
    void expect(Accelerator accelerator) noexcept { asked_ = accelerator; }
    void feed(Stream stream, std::string_view bytes);
    /// @param exit the program's exit code; absent when the connection was lost before it came. Call once.
    [[nodiscard]] Result finish(std::optional<int> exit);

protected:
    /// One line without its end. A last line that was cut off comes only if the program itself ended.
    virtual void line(Stream stream, std::string_view text) = 0;
    /// Quantities, proof and warnings from what was read. The caller adds the exit code, known errors and the raw output.
    virtual void conclude(Result& result) = 0;
    [[nodiscard]] Accelerator asked() const noexcept { return asked_; }

private:
    void take(Stream stream, std::string_view text);

    Accelerator asked_ = Accelerator::cpu;
    LineSplitter lines_[3];
    RawText raw_[3];
    std::vector<std::string> errors_;  ///< sentences for known error texts, each once
    bool accelerator_error_ = false;
};

/// For the back ends: one more repeat of a quantity (at most most_samples are kept).
inline constexpr std::size_t most_samples = 100'000;
void add_sample(Result& result, std::string_view name, std::string_view unit, double value);
[[nodiscard]] std::string remote_path(const std::string& folder, std::string_view name);
/// The artifact's file for a role. Throws Error (bad_input): "artifact: WHAT: is missing".
[[nodiscard]] const ArtifactFile& needed(const Artifact& artifact, Role role, std::string_view what);
[[nodiscard]] Push push_of(const ArtifactFile& file, const std::string& folder);
[[nodiscard]] Push push_of(const RuntimeFolder& runtime, const std::string& file, const std::string& remote, bool executable);

/// Ids in the order they are offered.
[[nodiscard]] const std::vector<std::string_view>& backend_ids();
/// Throws Error (usage) for an unknown id.
[[nodiscard]] std::unique_ptr<Backend> make_backend(std::string_view id);

}  // namespace bitwright::backends
