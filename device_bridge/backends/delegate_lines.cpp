// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/backends/delegate_lines.h"

#include "device_bridge/backends/fields.h"

#include <array>

namespace bitwright::backends {
namespace {

constexpr std::int64_t most_nodes = 1'000'000'000;

/// Delegates by what they run on. A name that is none of these counts as neither.
std::optional<Accelerator> runs_on(std::string_view delegate)
{
    static constexpr std::array<std::pair<std::string_view, Accelerator>, 9> names{{{"XNNPack", Accelerator::cpu},
                                                                                  {"XNNPACK", Accelerator::cpu},
                                                                                  {"Gpu", Accelerator::gpu},
                                                                                  {"GPU", Accelerator::gpu},
                                                                                  {"LITERT_CL", Accelerator::gpu},
                                                                                  {"Qnn", Accelerator::npu},
                                                                                  {"QNN", Accelerator::npu},
                                                                                  {"Dispatch", Accelerator::npu},
                                                                                  {"Nnapi", Accelerator::npu}}};
    for (const auto& [part, accelerator] : names)
        if (delegate.find(part) != std::string_view::npos) return accelerator;
    return std::nullopt;
}

}  // namespace

/// "Replacing 58 out of 60 node(s) with delegate (TfLiteQnnDelegate) node, yielding 1 partitions"; older: "Replacing 1 node(s) with delegate (…)".
void DelegateLines::line(std::string_view text)
{
    if (text.find("will not be executed by the delegate") != std::string_view::npos || text.find("is not delegated") != std::string_view::npos) refusal_ = shown(text);
    const auto rest = after(text, "Replacing ");
    const auto name = after(text, "node(s) with delegate (");
    if (!rest || !name) return;
    const auto done = leading_integer(*rest), total = integer_after(*rest, " out of ");
    const auto delegate = name->substr(0, name->find(')'));
    const auto where = runs_on(delegate);
    if (!done || *done < 0 || *done > most_nodes || !where) return;
    if (*where == Accelerator::cpu) {
        processor_ = shown(text);
    } else if (done_ < most_nodes) {
        done_ += *done;
        if (total && *total >= *done && *total <= most_nodes) total_ = total_.value_or(0) + *total;
        device_ = shown(delegate, 60), evidence_ = shown(text);
    }
}

void DelegateLines::judge(Result& result, Accelerator asked) const
{
    auto& proof = result.offload;
    if (asked == Accelerator::cpu && done_ == 0) {
        proof.device = "CPU", proof.evidence = processor_;
    } else if (done_ > 0) {
        proof = {Offload::verified, device_, evidence_, done_, total_};
        if (!refusal_.empty()) proof.state = Offload::unverified, result.warnings.push_back("LiteRT says: \"" + refusal_ + "\".");
    } else if (!refusal_.empty() || !processor_.empty()) {
        proof = {Offload::cpu, "CPU", refusal_.empty() ? processor_ : refusal_, {}, {}};
    }
}

}  // namespace bitwright::backends
