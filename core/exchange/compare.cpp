// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/compare.h"

#include <algorithm>

namespace bitwright {
namespace {

void differ(std::vector<std::string>& out, const char* what, const std::string& a, const std::string& b, std::size_t shown = std::string::npos)
{
    if (a == b) return;
    const auto spelt = [&](const std::string& text) { return text.empty() ? "unknown" : text.substr(0, shown); };
    out.push_back(std::string(what) + " (" + spelt(a) + " against " + spelt(b) + ")");
}

constexpr std::size_t hash_digits = 12;

bool has_speed(const ComparisonRow& row) { return row.prefill_tokens_per_s.value || row.decode_tokens_per_s.value; }

}  // namespace

std::optional<std::pair<double, double>> Figure::spread() const
{
    if (samples.size() < 2) return std::nullopt;
    const auto [low, high] = std::minmax_element(samples.begin(), samples.end());
    return std::pair(*low, *high);
}

bool apart(const Figure& a, const Figure& b)
{
    const auto one = a.spread(), other = b.spread();
    return !one || !other || one->second < other->first || other->second < one->first;
}

std::vector<std::string> perplexity_obstacles(const ComparisonRow& row, const ComparisonRow& baseline)
{
    std::vector<std::string> out;
    differ(out, "other model", row.model_hash, baseline.model_hash, hash_digits);
    differ(out, "other evaluation text", row.evaluation_hash, baseline.evaluation_hash, hash_digits);
    differ(out, "other definition of perplexity", row.definition, baseline.definition);
    if (row.level != "float" && baseline.level != "float") {
        differ(out, "other level", row.level, baseline.level);
        differ(out, "other placement", row.placement, baseline.placement);
        if (row.level == "simulated" && baseline.level == "simulated" && row.semantics != baseline.semantics)
            out.push_back("simulated under other semantics (" + row.semantics + " against " + baseline.semantics + "); the integer level computes both alike");
    }
    return out;
}

std::vector<std::string> speed_obstacles(const ComparisonRow& row, const ComparisonRow& baseline)
{
    std::vector<std::string> out;
    if (!has_speed(row) || !has_speed(baseline)) return out;
    if ((row.device_kind == "simulated") != (baseline.device_kind == "simulated")) out.emplace_back("simulated against hardware: an emulated phone's times say nothing about a real one");
    for (const auto* one : {&row, &baseline})
        if (one->offload == "unverified accelerator") out.push_back("unverified accelerator: nothing proves where " + one->name + " computed");
    differ(out, "other device", row.device, baseline.device);
    if (row.device == baseline.device && row.device_identity != baseline.device_identity) out.push_back("another " + row.device);
    differ(out, "other number of threads", std::to_string(row.threads), std::to_string(baseline.threads));
    differ(out, "other number of prompt tokens", std::to_string(row.prompt_tokens), std::to_string(baseline.prompt_tokens));
    differ(out, "other number of generated tokens", std::to_string(row.generated_tokens), std::to_string(baseline.generated_tokens));
    return out;
}

}  // namespace bitwright
