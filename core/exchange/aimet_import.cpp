// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/parse_json.h"
#include "core/exchange/aimet_names.h"
#include "core/recipe/legality.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace bitwright {
namespace {

using nlohmann::json;

/// One tensor's encoding, whatever version it was written in.
struct Encoding {
    std::string name, where;  ///< where: field for messages
    bool floating = false, symmetric = false;
    int bits = 0;
    std::int64_t block = 0;  ///< 0: none
    bool per_channel = false;
    std::vector<double> scales, offsets;
    double worst_ends = 0;  ///< codes by which min and max miss scale and offset
};

class Reader {
public:
    Reader(const Model& model, const std::filesystem::path& path, const NameMap& names) : model_(model), path_(path.string()), names_(model, names), document_(parse_json(read_text(path), path_)) {}

    AimetImport read()
    {
        if (!document_.is_object()) fault("", "must be an object with version, activation_encodings and param_encodings");
        // missing before 0.5
        out_.version = document_.contains("version") ? text(document_, "version", "") : "0.4.0";
        const bool one = out_.version.starts_with("1.0"), old = std::ranges::any_of(std::array{"0.4", "0.5", "0.6"}, [&](const char* known) { return out_.version.starts_with(known); });
        if (!one && !old) fault("version", "\"" + out_.version + "\" is not known; export encodings in version 0.6.1 or 1.0.0");
        out_.recipe.architecture = architecture_fingerprint(model_.architecture());
        out_.recipe.made_by.method = "imported";
        out_.recipe.made_by.options = "{\"format\":\"aimet " + std::string(one ? "1.0" : "0.6") + "\"}";
        for (const char* part : {"activation_encodings", "param_encodings"}) {
            if (!document_.contains(part)) fault(part, "is missing; encodings have both activation_encodings and param_encodings");
            const auto& encodings = document_.at(part);
            if (one) read_list(encodings, part);
            else read_tensors(encodings, part);
        }
        if (document_.contains("quantizer_args") && !document_.at("quantizer_args").is_object()) fault("quantizer_args", "must be an object");
        if (out_.recipe.sites.empty())
            fault("", "names no tensor of this model" + (out_.unknown.empty() ? std::string() : " (it names " + out_.unknown.front() + " and others)") +
                          "; take the encodings of this model, or give --names FILE.json with this model's sites and the file's names");
        return std::move(out_);
    }

private:
    [[noreturn]] void fault(const std::string& field, const std::string& what) const { throw bad_input(path_, field, what); }

    std::string text(const json& object, const char* key, const std::string& where) const
    {
        const auto found = object.find(key);
        if (found == object.end() || !found->is_string()) fault(where + (where.empty() ? "" : ".") + key, "is no text; write it in quotes");
        return found->get<std::string>();
    }
    double number(const json& object, const char* key, const std::string& where) const
    {
        const auto found = object.find(key);
        if (found == object.end() || !found->is_number()) fault(where + "." + key, "is no number");
        const double value = found->get<double>();
        if (!std::isfinite(value)) fault(where + "." + key, "is not finite");
        return value;
    }
    std::int64_t integer(const json& object, const char* key, const std::string& where, std::int64_t low, std::int64_t high) const
    {
        const double value = number(object, key, where);
        if (value != std::floor(value) || value < static_cast<double>(low) || value > static_cast<double>(high))
            fault(where + "." + key, "is no integer from " + std::to_string(low) + " to " + std::to_string(high));
        return static_cast<std::int64_t>(value);
    }
    /// "True", "False", true or false.
    bool truth(const json& object, const char* key, const std::string& where) const
    {
        const auto found = object.find(key);
        if (found != object.end() && found->is_boolean()) return found->get<bool>();
        const auto words = found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
        if (words != "True" && words != "true" && words != "False" && words != "false") fault(where + "." + key, "is neither \"True\" nor \"False\"");
        return words == "True" || words == "true";
    }
    std::vector<double> numbers_of(const json& object, const char* key, const std::string& where) const
    {
        const auto found = object.find(key);
        if (found == object.end() || !found->is_array() || found->empty()) fault(where + "." + key, "is no list of numbers");
        std::vector<double> values;
        for (const auto& value : *found) {
            if (!value.is_number() || !std::isfinite(value.get<double>())) fault(where + "." + key, "holds something that is no finite number");
            values.push_back(value.get<double>());
        }
        return values;
    }

    /// 0.4 to 0.6: {tensor: [encoding, …]}, or {module: {"input": {"0": encoding}, "output": {"0": encoding}}}.
    void read_tensors(const json& encodings, const char* part)
    {
        if (!encodings.is_object()) fault(part, "must be an object of tensors in version " + out_.version);
        for (const auto& [name, value] : encodings.items()) {
            const auto where = std::string(part) + "." + name;
            if (value.is_array()) {
                take(old_encoding(name, where, value));
                continue;
            }
            if (!value.is_object()) fault(where, "is no list of encodings");
            for (const auto& [side, slots] : value.items()) {
                if ((side != "input" && side != "output") || !slots.is_object()) fault(where + "." + side, "is neither \"input\" nor \"output\" with numbered encodings");
                for (const auto& [slot, encoding] : slots.items()) {
                    const auto field = where + "." + side + "." + slot;
                    if (slot != "0" && slot != "1") fault(field, "is neither \"0\" nor \"1\"");
                    take(old_encoding(name + "." + side + (slot == "1" ? "2" : ""), field, json::array({encoding})));
                }
            }
        }
    }

    Encoding old_encoding(const std::string& name, const std::string& where, const json& list) const
    {
        if (list.empty()) fault(where, "is an empty list; one encoding is per tensor, several are per channel");
        Encoding out{name, where};
        out.per_channel = list.size() > 1;
        for (std::size_t i = 0; i < list.size(); ++i) {
            const auto field = where + "[" + std::to_string(i) + "]";
            const auto& entry = list[i];
            if (!entry.is_object()) fault(field, "is no encoding object");
            const int bits = static_cast<int>(integer(entry, "bitwidth", field, 4, 32));
            const auto dtype = entry.contains("dtype") ? text(entry, "dtype", field) : "int";
            if (dtype != "int" && dtype != "float") fault(field + ".dtype", "\"" + dtype + "\" is neither int nor float");
            const bool symmetric = dtype == "int" && truth(entry, "is_symmetric", field);
            if (i > 0 && (bits != out.bits || symmetric != out.symmetric || (dtype == "float") != out.floating)) fault(field, "differs from the first channel in bitwidth, dtype or symmetry");
            out.bits = bits;
            out.symmetric = symmetric;
            out.floating = dtype == "float";
            if (out.floating) continue;
            const double scale = number(entry, "scale", field), offset = number(entry, "offset", field);
            if (entry.contains("min") && entry.contains("max") && scale > 0) {
                const double codes = std::exp2(bits) - 1, low = number(entry, "min", field), high = number(entry, "max", field);
                out.worst_ends = std::min(1e9, std::max({out.worst_ends, std::fabs(low / scale - offset), std::fabs(high / scale - offset - codes)}));
            }
            out.scales.push_back(scale);
            out.offsets.push_back(offset);
        }
        return out;
    }

    /// 1.0: [{"name", "enc_type", "dtype", "bw", "is_sym", "scale", "offset", …}].
    void read_list(const json& encodings, const char* part)
    {
        if (!encodings.is_array()) fault(part, "must be a list of encodings in version " + out_.version);
        for (std::size_t i = 0; i < encodings.size(); ++i) {
            const auto where = std::string(part) + "[" + std::to_string(i) + "]";
            if (!encodings[i].is_object()) fault(where, "is no encoding object");
            take(new_encoding(encodings[i], where));
        }
    }

    Encoding new_encoding(const json& entry, const std::string& where) const
    {
        Encoding out{text(entry, "name", where), where};
        const auto type = text(entry, "enc_type", where), dtype = text(entry, "dtype", where);
        if (dtype != "INT" && dtype != "FP" && dtype != "FLOAT") fault(where + ".dtype", "\"" + dtype + "\" is neither INT nor FP");
        out.bits = static_cast<int>(integer(entry, "bw", where, 4, 32));
        out.floating = dtype != "INT";
        if (out.floating) return out;
        out.symmetric = truth(entry, "is_sym", where);
        out.scales = numbers_of(entry, "scale", where);
        out.offsets = numbers_of(entry, "offset", where);
        if (type == "PER_CHANNEL") out.per_channel = true;
        else if (type == "PER_BLOCK") out.block = integer(entry, "block_size", where, 1, std::numeric_limits<std::int32_t>::max());
        else if (type == "LPBQ") expand_lpbq(out, entry, where);
        else if (type != "PER_TENSOR") fault(where + ".enc_type", "\"" + type + "\" is none of PER_TENSOR, PER_CHANNEL, PER_BLOCK and LPBQ");
        if (out.scales.size() != out.offsets.size()) fault(where, "has " + std::to_string(out.scales.size()) + " scales and " + std::to_string(out.offsets.size()) + " offsets");
        return out;
    }

    /// A block's scale is its channel's times a small integer; the codes have compressed_bw bits.
    void expand_lpbq(Encoding& out, const json& entry, const std::string& where) const
    {
        out.block = integer(entry, "block_size", where, 1, std::numeric_limits<std::int32_t>::max());
        const auto bits = static_cast<int>(integer(entry, "compressed_bw", where, 2, out.bits));
        const auto factors = numbers_of(entry, "per_block_int_scale", where);
        if (factors.size() % out.scales.size() != 0) fault(where + ".per_block_int_scale", "has " + std::to_string(factors.size()) + " entries for " + std::to_string(out.scales.size()) + " channels");
        const std::size_t blocks = factors.size() / out.scales.size();
        std::vector<double> scales;
        for (std::size_t i = 0; i < factors.size(); ++i) scales.push_back(out.scales[i / blocks] * factors[i]);
        out.scales = std::move(scales);
        out.offsets.assign(out.scales.size(), -std::exp2(bits - 1));
        out.symmetric = true;
        out.bits = bits;
    }

    void take(const Encoding& encoding)
    {
        const SiteId id = names_.find(encoding.name);
        if (id == no_site) {
            out_.unknown.push_back(encoding.name);
            return;
        }
        const Site& site = (*model_.sites)[id];
        if (out_.recipe.sites.contains(site.name)) fault(encoding.where, "names " + site.name + " a second time");
        if (encoding.floating || encoding.bits > 16) {
            if (!encoding.floating) note(site, std::to_string(encoding.bits) + " bits are left float");
            return;
        }
        SiteDecision decision;
        decision.scheme = scheme_of(encoding, site);
        if (const auto wrong = scheme_fault(model_, site, decision.scheme); !wrong.empty()) fault(encoding.where, wrong);
        decision.range = range_of(encoding, decision.scheme);
        if (const auto wrong = range_fault(model_, site, decision.scheme, decision.range); !wrong.empty()) fault(encoding.where, wrong);
        if (encoding.worst_ends > 0.5) note(site, "min and max miss scale and offset by up to " + std::to_string(std::llround(encoding.worst_ends)) + " code(s); scale and offset count");
        out_.recipe.sites.emplace(site.name, std::move(decision));
    }

    Scheme scheme_of(const Encoding& encoding, const Site& site) const
    {
        Scheme scheme;
        scheme.bits = encoding.bits;
        const double half = -std::exp2(encoding.bits - 1);
        scheme.symmetric = encoding.symmetric && std::ranges::all_of(encoding.offsets, [&](double offset) { return offset == half; });  // strict and unsigned symmetric grids are asymmetric ones here
        if (encoding.block > 0) {
            scheme.granularity = Granularity::group;
            scheme.group_size = encoding.block;
        } else if (encoding.per_channel) {
            if (site.kind != SiteKind::weight) fault(encoding.where, "is an activation with an encoding per channel, which is not supported; export it per tensor");
            scheme.granularity = site.rows > 1 || encoding.scales.size() > 1 ? Granularity::row : Granularity::tensor;
        }
        return scheme;
    }

    Range range_of(const Encoding& encoding, const Scheme& scheme) const
    {
        const double codes = std::exp2(encoding.bits) - 1;
        std::vector<float> min, max, scales, offsets;
        for (std::size_t i = 0; i < encoding.scales.size(); ++i) {
            const double scale = encoding.scales[i], offset = encoding.offsets[i];
            if (!(scale > 0)) fault(encoding.where, "has a scale that is not positive; scales are steps of the grid");
            if (offset != std::floor(offset) || offset > 0 || offset < -codes) fault(encoding.where, "has an offset that is no integer from " + std::to_string(static_cast<std::int64_t>(-codes)) + " to 0");
            scales.push_back(static_cast<float>(scale));
            offsets.push_back(scheme.symmetric ? 0.0F : static_cast<float>(-offset));
            min.push_back(static_cast<float>(offset * scale));
            max.push_back(static_cast<float>((offset + codes) * scale));
        }
        return {numbers(std::move(min)), numbers(std::move(max)), numbers(std::move(scales)), numbers(std::move(offsets)), "AIMET " + out_.version};
    }

    void note(const Site& site, std::string what) { out_.conversions.push_back({site.name, std::move(what)}); }

    const Model& model_;
    std::string path_;
    AimetNames names_;
    json document_;
    AimetImport out_;
};

}  // namespace

AimetImport import_aimet(const Model& model, const std::filesystem::path& path, const NameMap& names) { return Reader(model, path, names).read(); }

}  // namespace bitwright
