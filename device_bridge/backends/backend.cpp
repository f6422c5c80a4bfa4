// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/backends/backend.h"

#include "core/runtime/error.h"
#include "device_bridge/backends/fields.h"
#include "device_bridge/backends/known_errors.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fs = std::filesystem;

namespace bitwright::backends {
namespace {

constexpr std::size_t most_errors = 8;

void add_once(std::vector<std::string>& all, const std::string& text)
{
    if (std::ranges::find(all, text) == all.end()) all.push_back(text);
}

std::size_t index_of(Stream stream) noexcept { return static_cast<std::size_t>(stream); }

/// A tool may print 1e308 of a unit: what does not fit is absent, and a quantity without any number too.
void drop_what_is_no_number(Result& result)
{
    for (auto& quantity : result.quantities) {
        std::erase_if(quantity.samples, [](double sample) { return !std::isfinite(sample); });
        if (!quantity.summary) continue;
        auto& summary = *quantity.summary;
        for (auto* value : {&summary.mean, &summary.deviation, &summary.minimum, &summary.maximum, &summary.median, &summary.p90, &summary.p95, &summary.p99})
            if (*value && !std::isfinite(**value)) value->reset();
        if (!summary.mean && !summary.median) quantity.summary.reset();
    }
    std::erase_if(result.quantities, [](const Quantity& quantity) { return quantity.samples.empty() && !quantity.summary; });
}

/// Sentences about where it ran, once the parser has said what it saw.
void judge_offload(Result& result, Accelerator asked, bool accelerator_error)
{
    auto& proof = result.offload;
    if (asked == Accelerator::cpu && proof.state != Offload::verified) proof.state = Offload::cpu;
    if (proof.state == Offload::verified && accelerator_error) {
        proof.state = Offload::unverified;
        result.warnings.push_back("The accelerator reported an error during the run, so it is not certain that the work ran there.");
    }
    if (asked == Accelerator::cpu && proof.state == Offload::verified)
        result.warnings.push_back("The CPU was asked for, but work ran on " + proof.device + ": \"" + proof.evidence + "\".");
    if (asked == Accelerator::cpu) return;
    const std::string wanted(to_string(asked));
    if (proof.state == Offload::cpu)
        result.warnings.push_back("The " + wanted + " was asked for, but the work ran on the CPU" + (proof.evidence.empty() ? "." : ": \"" + proof.evidence + "\"."));
    if (proof.state == Offload::unverified) result.warnings.push_back("Nothing in the output proves that the work ran on the " + wanted + ": unverified accelerator.");
    if (proof.state == Offload::verified && proof.done && proof.total && *proof.done < *proof.total)
        result.warnings.push_back("Only " + std::to_string(*proof.done) + " of " + std::to_string(*proof.total) + " parts of the model ran on the " + wanted + ".");
}

}  // namespace

std::string_view to_string(Accelerator accelerator) noexcept
{
    return accelerator == Accelerator::cpu ? "CPU" : accelerator == Accelerator::gpu ? "GPU" : "NPU";
}

std::string_view to_string(Offload offload) noexcept
{
    return offload == Offload::cpu ? "CPU" : offload == Offload::unverified ? "unverified accelerator" : "verified accelerator";
}

Target target_of(const PhoneFacts& facts, const SocProfile* profile)
{
    Target target;
    target.soc = facts.soc_model.value_or("");
    if (profile && profile->hexagon) {
        target.hexagon = profile->hexagon->architecture;
        target.qnn_soc_model = profile->hexagon->qnn_soc_model, target.vtcm_mb = profile->hexagon->vtcm_mb;
    }
    if (facts.abis) target.arm64 = std::ranges::find(*facts.abis, "arm64-v8a") != facts.abis->end();
    target.hexagon_rpc = facts.hexagon_rpc;
    return target;
}

std::string RuntimeFolder::find(std::string_view name) const
{
    for (const auto& file : files)
        if (file == name || (file.ends_with(name) && file[file.size() - name.size() - 1] == '/')) return file;
    return {};
}

RuntimeFolder list_runtime_folder(const fs::path& path)
{
    std::error_code error;
    if (!fs::is_directory(path, error)) throw bad_input(path.string(), "", "is no folder; choose the folder that holds the runtime");
    RuntimeFolder folder{path, {}};
    for (auto entry = fs::recursive_directory_iterator(path, fs::directory_options::skip_permission_denied, error); entry != fs::recursive_directory_iterator();
         entry.increment(error)) {
        if (error || folder.files.size() >= 20'000) break;
        if (entry.depth() >= 7) entry.disable_recursion_pending();
        std::error_code unreadable;
        if (entry->is_regular_file(unreadable)) folder.files.insert(entry->path().lexically_relative(path).generic_string());
    }
    return folder;
}

const ArtifactFile* Artifact::find(Role role) const noexcept
{
    const auto found = std::ranges::find(files, role, &ArtifactFile::role);
    return found == files.end() ? nullptr : &*found;
}

const Quantity* Result::find(std::string_view name) const noexcept
{
    const auto found = std::ranges::find(quantities, name, &Quantity::name);
    return found == quantities.end() ? nullptr : &*found;
}

std::vector<Measurement> measurements(const Result& result)
{
    std::vector<Measurement> all;
    for (const auto& quantity : result.quantities) {
        auto samples = quantity.samples;
        if (samples.empty() && quantity.summary) {
            const auto& value = quantity.summary->median ? quantity.summary->median : quantity.summary->mean;
            if (value) samples.push_back(*value);
        }
        if (!samples.empty()) all.push_back({quantity.name, quantity.unit, median(samples), samples});
    }
    return all;
}

Result combined(const std::vector<Result>& results)
{
    Result all = results.front();
    std::array<RawText, 3> raw;
    for (const auto& result : results) raw[0].append(result.raw_output), raw[1].append(result.raw_error), raw[2].append(result.raw_file);
    all.raw_output = raw[0].text(), all.raw_error = raw[1].text(), all.raw_file = raw[2].text();
    for (std::size_t i = 1; i < results.size(); ++i) {
        const auto& next = results[i];
        if (all.complete && !next.complete) all.error = next.error, all.exit_code = next.exit_code;
        all.complete = all.complete && next.complete;
        if (all.output_hash != next.output_hash) {
            all.output_hash.clear();
            add_once(all.warnings, "Executions of the same run gave different output tokens.");
        }
        for (const auto& quantity : next.quantities) {
            const auto found = std::ranges::find(all.quantities, quantity.name, &Quantity::name);
            if (found == all.quantities.end()) all.quantities.push_back(quantity);
            else found->samples.insert(found->samples.end(), quantity.samples.begin(), quantity.samples.end());
        }
        if (next.offload.state == Offload::unverified || (next.offload.state == Offload::cpu && all.offload.state == Offload::verified)) all.offload = next.offload;
        for (const auto& warning : next.warnings) add_once(all.warnings, warning);
    }
    return all;
}

void add_sample(Result& result, std::string_view name, std::string_view unit, double value)
{
    const auto found = std::ranges::find(result.quantities, name, &Quantity::name);
    auto& quantity = found == result.quantities.end() ? result.quantities.emplace_back(Quantity{std::string(name), std::string(unit), {}}) : *found;
    if (quantity.samples.size() < most_samples) quantity.samples.push_back(value);
}

std::string remote_path(const std::string& folder, std::string_view name) { return folder + "/" + std::string(name); }

const ArtifactFile& needed(const Artifact& artifact, Role role, std::string_view what)
{
    const auto* file = artifact.find(role);
    if (!file) throw bad_input("artifact", what, "is missing; choose it beside the model");
    return *file;
}

Push push_of(const ArtifactFile& file, const std::string& folder) { return {file.local, {}, remote_path(folder, file.local.filename().string()), file.sha256, false}; }

Push push_of(const RuntimeFolder& runtime, const std::string& file, const std::string& remote, bool executable)
{
    return {runtime.path / file, {}, remote, "", executable};
}

void Backend::feed(Stream stream, std::string_view bytes)
{
    raw_[index_of(stream)].append(bytes);
    lines_[index_of(stream)].feed(bytes, [&](std::string_view text) { take(stream, text); });
}

void Backend::take(Stream stream, std::string_view text)
{
    if (const auto error = known_error(text); error && errors_.size() < most_errors) {
        add_once(errors_, error->sentence);
        accelerator_error_ = accelerator_error_ || error->accelerator;
    }
    line(stream, text);
}

Result Backend::finish(std::optional<int> exit)
{
    if (exit)  // a line cut off by a lost connection may hold half a number
        for (const auto stream : {Stream::output, Stream::error, Stream::file})
            if (const auto rest = lines_[index_of(stream)].rest(); !rest.empty()) take(stream, std::string(rest));
    Result result;
    result.exit_code = exit;
    result.offload.state = asked_ == Accelerator::cpu ? Offload::cpu : Offload::unverified;
    conclude(result);
    drop_what_is_no_number(result);
    judge_offload(result, asked_, accelerator_error_);
    for (const auto& sentence : errors_) add_once(result.warnings, sentence);
    if (!exit) {
        result.error = "The connection to the phone was lost before the program ended; nothing of this run counts.";
    } else if (*exit != 0) {
        if (!errors_.empty()) result.error = errors_.front();
        if (result.error.empty()) result.error = exit_sentence(*exit);
    } else if (result.error.empty() && result.quantities.empty()) {
        result.error = "The program ended well, but its output holds no numbers this version knows; the raw output is kept.";
    }
    result.complete = result.error.empty();
    result.raw_output = raw_[0].text(), result.raw_error = raw_[1].text(), result.raw_file = raw_[2].text();
    return result;
}

}  // namespace bitwright::backends
