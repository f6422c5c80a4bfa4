// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/phone/soc_profile.h"

#include "core/runtime/file.h"
#include "device_bridge/phone/checked_json.h"
#include "device_bridge/phone/lines.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>

namespace bitwright {
namespace {

using nlohmann::json;

constexpr std::uint64_t longest_file = 1 << 20;

void only(const CheckedObject& in, std::initializer_list<std::string_view> known)
{
    for (const auto& [name, value] : in.json().items())
        if (std::ranges::find(known, name) == known.end()) throw in.fault(name, "is no field of a SoC profile; remove it or correct its name");
}

std::string text_in(const CheckedObject& in, std::string_view name)
{
    auto text = in.required<std::string>(name);
    if (trimmed(text).empty()) throw in.fault(name, "is empty");
    return text;
}

std::vector<std::int64_t> numbers_in(const CheckedObject& in, std::string_view name)
{
    std::vector<std::int64_t> numbers;
    const auto* list = in.find(name);
    if (!list) return numbers;
    if (!list->is_array()) throw in.fault(name, "is no list");
    for (const auto& one : *list) {
        if (!one.is_number_integer() || one.get<double>() < 0 || one.get<double>() > 1e9) throw in.fault(name, "is no list of whole numbers from 0");
        numbers.push_back(one.get<std::int64_t>());
    }
    return numbers;
}

std::int64_t bits_in(const CheckedObject& in, std::string_view name)
{
    const auto bits = in.required<std::int64_t>(name);
    if (bits != 4 && bits != 8 && bits != 16) throw in.fault(name, "is " + std::to_string(bits) + ", not 4, 8 or 16 bits");
    return bits;
}

BitCombination combination_of(const CheckedObject& in)
{
    only(in, {"weights", "activations", "weight_scales", "block"});
    BitCombination found{bits_in(in, "weights"), bits_in(in, "activations"), in.optional<std::string>("weight_scales"), in.optional<std::int64_t>("block")};
    if (const auto& scales = found.weight_scales; scales && *scales != "per_tensor" && *scales != "per_channel" && *scales != "per_block")
        throw in.fault("weight_scales", "is \"" + *scales + "\", none of per_tensor, per_channel, per_block");
    if (found.block.has_value() != (found.weight_scales == "per_block")) throw in.fault("block", "belongs to weight_scales \"per_block\" and to nothing else");
    if (found.block && *found.block < 1) throw in.fault("block", "is no number of weights");
    return found;
}

BackendProfile backend_of(const CheckedObject& in)
{
    only(in, {"combinations", "kv_bits", "weight_types"});
    BackendProfile backend;
    if (in.find("combinations")) {
        auto& list = backend.combinations.emplace();
        for (const auto& entry : in.objects("combinations")) list.push_back(combination_of(entry));
        if (list.empty()) throw in.fault("combinations", "is empty; leave it out where nothing is known");
    }
    if (in.find("kv_bits")) backend.kv_bits = numbers_in(in, "kv_bits");
    backend.weight_types = in.optional<std::vector<std::string>>("weight_types");
    return backend;
}

Hexagon hexagon_of(const CheckedObject& in)
{
    only(in, {"architecture", "qnn_soc_model", "vtcm_mb"});
    Hexagon hexagon{text_in(in, "architecture"), in.optional<std::int64_t>("qnn_soc_model"), in.optional<std::int64_t>("vtcm_mb")};
    const auto& name = hexagon.architecture;
    if (name[0] != 'v' || name.size() < 3 || name.size() > 4 || !whole_number(std::string_view(name).substr(1)))
        throw in.fault("architecture", "is no Hexagon architecture like \"v75\"");
    return hexagon;
}

bool same_word(std::string_view a, std::string_view b) noexcept
{
    const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::ranges::equal(a, b, [&](char x, char y) { return low(x) == low(y); });
}

std::string bits_name(std::int64_t weights, std::int64_t activations) { return "W" + std::to_string(weights) + "A" + std::to_string(activations); }

}  // namespace

SocProfile parse_soc_profile(std::string_view text, std::string_view where)
{
    json whole;
    try {
        whole = json::parse(text);
    } catch (const json::exception& error) {
        throw bad_input(where, "", std::string("is not JSON (") + error.what() + ")");
    }
    const CheckedObject in(whole, where);
    static constexpr std::array backends{"qnn", "llama_hexagon", "executorch_mediatek", "executorch_samsung"};
    only(in, {"format", "name", "vendor", "soc_models", "soc_ids", "hexagon", "backends", "notes"});
    if (in.required<std::int64_t>("format") != 1) throw in.fault("format", "is not 1; this program is too old for it");
    SocProfile profile;
    profile.name = text_in(in, "name");
    profile.vendor = text_in(in, "vendor");
    profile.soc_models = in.required<std::vector<std::string>>("soc_models");
    if (profile.soc_models.empty()) throw in.fault("soc_models", "is empty; name what ro.soc.model says");
    for (const auto& model : profile.soc_models)
        if (trimmed(model).empty()) throw in.fault("soc_models", "holds an empty name");
    profile.soc_ids = numbers_in(in, "soc_ids");
    if (in.find("hexagon")) profile.hexagon = hexagon_of(in.object("hexagon"));
    if (in.find("backends")) {
        const auto list = in.object("backends");
        for (const auto& [name, entry] : list.json().items()) {
            if (std::ranges::find(backends, name) == backends.end()) throw list.fault(name, "is no back end of this program");
            profile.backends[name] = backend_of(list.object(name));
        }
    }
    for (const auto& entry : in.objects("notes")) {
        only(entry, {"text", "source"});
        profile.notes.push_back({text_in(entry, "text"), text_in(entry, "source")});
    }
    if (profile.notes.empty()) throw in.fault("notes", "is missing; say where the facts were read");
    return profile;
}

std::vector<SocProfile> load_soc_profiles(const std::filesystem::path& folder)
{
    std::error_code error;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error))
        if (entry.path().extension() == ".json") files.push_back(entry.path());
    if (error) throw bad_input(folder.string(), "", "cannot be read (" + error.message() + "); the installation is incomplete");
    std::ranges::sort(files);
    std::vector<SocProfile> profiles;
    std::map<std::string, std::string> owner;
    const auto claim = [&](const std::filesystem::path& file, std::string_view field, const std::string& key) {
        const auto [at, mine] = owner.try_emplace(key, file.filename().string());
        if (!mine) throw bad_input(file.string(), field, key + " belongs to " + at->second + " already");
    };
    for (const auto& file : files) {
        auto profile = parse_soc_profile(read_text(file, longest_file), file.string());
        for (auto model : profile.soc_models) {
            std::ranges::transform(model, model.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
            claim(file, "soc_models", model);
        }
        for (const auto id : profile.soc_ids) claim(file, "soc_ids", std::to_string(id));
        profiles.push_back(std::move(profile));
    }
    return profiles;
}

const SocProfile* find_soc_profile(const std::vector<SocProfile>& profiles, const PhoneFacts& facts) noexcept
{
    if (facts.soc_model)
        for (const auto& profile : profiles)
            for (const auto& model : profile.soc_models)
                if (same_word(model, *facts.soc_model)) return &profile;
    if (facts.soc_id)
        for (const auto& profile : profiles)
            if (std::ranges::find(profile.soc_ids, *facts.soc_id) != profile.soc_ids.end()) return &profile;
    return nullptr;
}

AllowedBits allowed_bits(const SocProfile* profile, std::string_view backend, std::int64_t weights, std::int64_t activations)
{
    if (!profile) return {Allowed::unknown, "Nothing is known about this phone's SoC; a run will tell."};
    const auto found = profile->backends.find(std::string(backend));
    if (found == profile->backends.end() || !found->second.combinations)
        return {Allowed::unknown, "Which bits this back end takes on " + profile->name + " is not known; a run will tell."};
    std::set<std::string> all;
    for (const auto& one : *found->second.combinations) {
        if (one.weights == weights && one.activations == activations) return {Allowed::yes, profile->name + " runs " + bits_name(weights, activations) + "."};
        all.insert(bits_name(one.weights, one.activations));
    }
    std::string list;
    for (const auto& one : all) list += (list.empty() ? "" : ", ") + one;
    return {Allowed::no, profile->name + " is known to run " + list + " there, not " + bits_name(weights, activations) + "."};
}

}  // namespace bitwright
