// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/npu_profile.h"

#include "core/checkpoint/parse_json.h"
#include "core/recipe/legality.h"
#include "core/recipe/linear_inputs.h"
#include "core/recipe/npu_profile_data.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

namespace bitwright {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 5> op_names{"linear", "embedding", "norm", "activation", "kv"};
constexpr std::uint64_t longest_file = 1 << 20;

class Parser {
public:
    Parser(std::string_view text, std::string_view where) : where_(where), document_(parse_json(text, where)) {}

    NpuProfile profile() const
    {
        if (!document_.is_object()) fault("", "must be an object");
        only(document_, {"format", "name", "title", "dynamic", "float", "takes"}, "");
        if (whole(document_, "format", "", 1, 1) != 1) fault("format", "is not 1");
        NpuProfile out{words(document_, "name", ""), words(document_, "title", ""), truth(document_, "dynamic", ""), truth(document_, "float", ""), {}};
        const auto takes = document_.find("takes");
        if (takes == document_.end() || !takes->is_array() || takes->empty()) fault("takes", "is no list of combinations");
        for (std::size_t i = 0; i < takes->size(); ++i) out.takes.push_back(combination((*takes)[i], "takes[" + std::to_string(i) + "]"));
        return out;
    }

private:
    [[noreturn]] void fault(const std::string& field, const std::string& what) const { throw bad_input(where_, field, what); }
    static std::string at(const std::string& where, const char* key) { return where.empty() ? std::string(key) : where + "." + key; }

    void only(const json& object, std::initializer_list<std::string_view> known, const std::string& where) const
    {
        for (const auto& [key, value] : object.items())
            if (std::ranges::find(known, key) == known.end()) fault(at(where, key.c_str()), "is no field of an NPU profile; remove it or correct its name");
    }
    std::string words(const json& object, const char* key, const std::string& where) const
    {
        const auto found = object.find(key);
        if (found == object.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) fault(at(where, key), "is no text");
        return found->get<std::string>();
    }
    bool truth(const json& object, const char* key, const std::string& where) const
    {
        const auto found = object.find(key);
        if (found == object.end() || !found->is_boolean()) fault(at(where, key), "is neither true nor false");
        return found->get<bool>();
    }
    std::int64_t whole(const json& object, const char* key, const std::string& where, std::int64_t low, std::int64_t high) const
    {
        const auto found = object.find(key);
        if (found == object.end() || !found->is_number_integer() || found->get<double>() < static_cast<double>(low) || found->get<double>() > static_cast<double>(high))
            fault(at(where, key), "is no whole number from " + std::to_string(low) + " to " + std::to_string(high));
        return found->get<std::int64_t>();
    }
    template <typename Each>
    void each(const json& object, const char* key, const std::string& where, Each use) const
    {
        const auto found = object.find(key);
        if (found == object.end() || !found->is_array() || found->empty()) fault(at(where, key), "is no list");
        for (const auto& value : *found) use(value);
    }

    NpuCombination combination(const json& entry, const std::string& where) const
    {
        if (!entry.is_object()) fault(where, "is no combination");
        only(entry, {"op", "weights", "activations", "granularity", "group", "symmetric", "source"}, where);
        NpuCombination out;
        const auto op = std::ranges::find(op_names, words(entry, "op", where));
        if (op == op_names.end()) fault(where + ".op", "is none of linear, embedding, norm, activation, kv");
        out.op = static_cast<NpuOp>(op - op_names.begin());
        const bool of_weights = out.op != NpuOp::activation && out.op != NpuOp::kv;
        if (of_weights) out.weights = static_cast<int>(whole(entry, "weights", where, 2, 16));
        else if (entry.contains("weights")) fault(where + ".weights", "belongs to linear, embedding and norm");
        if (!of_weights || entry.contains("activations")) {
            each(entry, "activations", where, [&](const json& bits) {
                if (!bits.is_number_integer() || bits.get<double>() < 2 || bits.get<double>() > 16) fault(where + ".activations", "holds something that is no number of bits from 2 to 16");
                out.activations.push_back(bits.get<int>());
            });
        }
        each(entry, "granularity", where, [&](const json& name) {
            const auto known = name.is_string() ? granularity_named(name.get<std::string>()) : std::nullopt;
            if (!known) fault(where + ".granularity", "holds none of tensor, row, channel, head, group, token");
            out.granularity.push_back(*known);
        });
        if (entry.contains("group")) out.group = whole(entry, "group", where, 1, 1 << 20);
        if (entry.contains("symmetric")) out.symmetric = truth(entry, "symmetric", where);
        out.source = words(entry, "source", where);
        return out;
    }

    std::string where_;
    json document_;
};

NpuOp op_of(const Site& site)
{
    if (site.kind == SiteKind::activation) return site.role == SiteRole::qk_input2 || site.role == SiteRole::pv_input2 ? NpuOp::kv : NpuOp::activation;
    if (is_norm(site.weight_role)) return NpuOp::norm;
    return site.role == SiteRole::embedding_weight || site.role == SiteRole::position_weight ? NpuOp::embedding : NpuOp::linear;
}

/// Bits of a linear's input in the recipe; absent: float or not known.
std::optional<int> input_bits(const Model& model, const Recipe& recipe, const Site& site)
{
    const SiteId input = input_of_linear(model, site.id);
    const auto decision = input == no_site ? recipe.sites.end() : recipe.sites.find((*model.sites)[input].name);
    return decision == recipe.sites.end() || decision->second.scheme.kind != SchemeKind::uniform ? std::nullopt : std::optional(decision->second.scheme.bits);
}

bool takes(const NpuCombination& one, const Scheme& scheme, std::optional<int> activations)
{
    const bool of_weights = one.weights > 0;
    if (of_weights && one.weights != scheme.bits) return false;
    const auto bits = of_weights ? activations : std::optional(scheme.bits);
    if (bits && !one.activations.empty() && std::ranges::find(one.activations, *bits) == one.activations.end()) return false;
    if (std::ranges::find(one.granularity, scheme.granularity) == one.granularity.end()) return false;
    if (scheme.granularity == Granularity::group && one.group > 0 && one.group != scheme.group_size) return false;
    return !one.symmetric || *one.symmetric == scheme.symmetric;
}

std::string joined(const std::set<std::string>& parts)
{
    std::string out;
    for (const auto& part : parts) out += (out.empty() ? "" : "; ") + part;
    return out;
}

std::string in_words(const NpuCombination& one)
{
    std::string out;
    for (const int bits : one.activations) out += (out.empty() ? "" : " or ") + std::to_string(bits);
    const std::string activations = out.empty() ? "" : "activations of " + out + " bits";
    out = one.weights > 0 ? std::to_string(one.weights) + " bits" + (activations.empty() ? "" : " with " + activations) : activations;
    if (one.symmetric) out += *one.symmetric ? ", symmetric" : ", asymmetric";
    std::string per;
    for (const auto granularity : one.granularity) per += (per.empty() ? ", per " : " or ") + std::string(name_of(granularity)) + (granularity == Granularity::group && one.group > 0 ? " of " + std::to_string(one.group) : "");
    return out + per + " (" + one.source + ")";
}

}  // namespace

NpuProfile parse_npu_profile(std::string_view text, std::string_view where) { return Parser(text, where).profile(); }

const std::vector<NpuProfile>& npu_profiles()
{
    static const std::vector<NpuProfile> all = [] {
        std::vector<NpuProfile> profiles;
        for (const auto& [name, text] : npu_profile_texts()) profiles.push_back(parse_npu_profile(text, name));
        return profiles;
    }();
    return all;
}

NpuProfile find_npu_profile(const std::string& name_or_file)
{
    std::string names;
    for (const auto& profile : npu_profiles()) {
        if (profile.name == name_or_file) return profile;
        names += (names.empty() ? "" : ", ") + profile.name;
    }
    std::error_code error;
    if (!std::filesystem::is_regular_file(name_or_file, error)) throw bad_input(name_or_file, "", "is neither a file nor a known NPU; known are " + names);
    return parse_npu_profile(read_text(name_or_file, longest_file), name_or_file);
}

std::string npu_fault(const NpuProfile& profile, const Model& model, const Recipe& recipe, const Site& site, const Scheme& scheme)
{
    if (scheme.kind == SchemeKind::floating) return profile.floating ? "" : profile.name + " runs nothing in float";
    if (scheme.kind != SchemeKind::uniform) return profile.name + " knows uniform grids only";
    if (scheme.dynamic && !profile.dynamic) return profile.name + " takes no range from a tensor at run time";
    const auto op = op_of(site);
    const auto activations = op == NpuOp::linear ? input_bits(model, recipe, site) : std::nullopt;
    std::set<std::string> known;
    for (const auto& one : profile.takes) {
        if (one.op != op) continue;
        if (takes(one, scheme, activations)) return "";
        known.insert(in_words(one));
    }
    if (known.empty()) return profile.name + " is not known to take this operation";
    std::string what = bitwright::in_words(scheme);
    if (activations) what += " behind a " + std::to_string(*activations) + "-bit input";
    return what + " is not known to run on " + profile.name + ", which takes " + joined(known);
}

std::optional<Scheme> nearest_scheme(const NpuProfile& profile, const Model& model, const Recipe& recipe, const Site& site, const Scheme& scheme)
{
    std::optional<std::pair<std::tuple<int, int, int>, Scheme>> best;
    for (const auto& one : profile.takes) {
        if (one.op != op_of(site)) continue;
        const auto bits = one.weights > 0 ? std::vector<int>{one.weights} : one.activations;
        for (const int b : bits) {
            for (const auto granularity : one.granularity) {
                Scheme candidate = scheme;
                candidate.kind = SchemeKind::uniform;
                candidate.dynamic = profile.dynamic && scheme.dynamic;
                candidate.bits = b;
                candidate.granularity = granularity;
                candidate.group_size = granularity == Granularity::group ? (one.group > 0 ? one.group : 32) : 0;
                if (granularity != Granularity::group) candidate.integer_group_scales = false;
                candidate.symmetric = one.symmetric.value_or(scheme.symmetric);
                if (!scheme_fault(model, site, candidate).empty() || !npu_fault(profile, model, recipe, site, candidate).empty()) continue;
                const int distance = b >= scheme.bits ? b - scheme.bits : 100 + scheme.bits - b;
                const std::tuple rank{distance, static_cast<int>(candidate.symmetric != scheme.symmetric), static_cast<int>(candidate.granularity != scheme.granularity)};
                if (!best || rank < best->first) best = std::pair(rank, candidate);
            }
        }
    }
    return best ? std::optional(best->second) : std::nullopt;
}

}  // namespace bitwright
