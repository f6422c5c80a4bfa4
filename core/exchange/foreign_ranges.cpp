// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/foreign_ranges.h"

#include "core/checkpoint/parse_json.h"
#include "core/exchange/aimet_names.h"
#include "core/exchange/npz.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"
#include "core/runtime/hash.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

namespace bitwright {
namespace {

using nlohmann::json;

struct Ends {
    std::optional<double> min, max;
};

class Reader {
public:
    Reader(const Model& model, const std::filesystem::path& path, const NameMap& names) : model_(model), path_(path), names_(model, names)
    {
        out_.file = path.filename().string();
        const MappedFile file(path);
        out_.sha256 = sha256_hex(file.bytes());
    }

    ForeignRanges read()
    {
        if (path_.extension() == ".npz") read_arrays();
        else read_json();
        for (const auto& [name, ends] : ends_) put(name, ends);
        if (out_.sites.empty())
            fault("", "names no activation of this model" + (out_.unknown.empty() ? std::string() : " (it names " + out_.unknown.front() + " and others)") + "; names are like layers.0.mlp.down_proj.input, or given by --names");
        return std::move(out_);
    }

private:
    [[noreturn]] void fault(const std::string& field, const std::string& what) const { throw bad_input(path_.string(), field, what); }

    void read_arrays()
    {
        for (const auto& [key, array] : read_npz(path_)) {
            const auto dot = key.rfind('.');
            const auto what = dot == std::string::npos ? std::string() : key.substr(dot + 1);
            if (what != "min" && what != "max" && what != "abs_max") fault(key, "does not end in .min, .max or .abs_max");
            if (array.values.empty()) fault(key, "is empty");
            const auto [low, high] = std::ranges::minmax_element(array.values);
            auto& ends = ends_[key.substr(0, dot)];
            if (what == "min") ends.min = *low;
            if (what == "max") ends.max = *high;
            if (what == "abs_max") ends = {-*high, *high};
        }
    }

    void read_json()
    {
        const auto document = parse_json(read_text(path_), path_.string());
        const json* sites = &document;
        if (document.is_object() && document.contains("sites")) sites = &document.at("sites");
        if (!sites->is_object()) fault("", "must be an object of sites: {\"layers.0.mlp.down_proj.input\": {\"min\": -3.1, \"max\": 61.2}}");
        for (const auto& [name, value] : sites->items()) {
            if (!value.is_object()) {
                if (sites != &document) fault(name, "is no object with min and max");
                continue;  // the file says other things beside its sites
            }
            if (value.contains("min") || value.contains("max")) {
                ends_[name] = {smallest(value, "min", name), largest(value, "max", name)};
                continue;
            }
            for (const auto& [field, pair] : value.items()) {
                if (!pair.is_array() || pair.size() != 2) fault(name + "." + field, "is neither {\"min\", \"max\"} nor [min, max]");
                ends_[name + "." + field] = {number(pair[0], name + "." + field), number(pair[1], name + "." + field)};
            }
        }
    }
    double number(const json& value, const std::string& field) const
    {
        if (!value.is_number()) fault(field, "holds something that is no number");
        return value.get<double>();
    }
    template <typename Choose>
    std::optional<double> over(const json& object, const char* key, const std::string& name, Choose choose) const
    {
        const auto found = object.find(key);
        const auto field = name + "." + key;
        if (found == object.end()) return std::nullopt;
        if (!found->is_array()) return number(*found, field);
        if (found->empty()) fault(field, "is empty");
        double best = number(found->front(), field);
        for (const auto& value : *found) best = choose(best, number(value, field));
        return best;
    }
    std::optional<double> smallest(const json& object, const char* key, const std::string& name) const
    {
        return over(object, key, name, [](double a, double b) { return !(b >= a) ? b : a; });  // a NaN stays
    }
    std::optional<double> largest(const json& object, const char* key, const std::string& name) const
    {
        return over(object, key, name, [](double a, double b) { return !(b <= a) ? b : a; });
    }

    void put(const std::string& name, const Ends& ends)
    {
        const SiteId site = names_.find(name);
        if (site == no_site || (*model_.sites)[site].kind != SiteKind::activation) {
            out_.unknown.push_back(name);
            return;
        }
        if (!ends.min || !ends.max) fault(name, "has no " + std::string(ends.min ? "max" : "min"));
        const auto low = static_cast<float>(*ends.min), high = static_cast<float>(*ends.max);
        if (!std::isfinite(low) || !std::isfinite(high)) fault(name, "is not finite; a value overflowed where it was observed");
        if (low > high) fault(name, "has its min above its max");
        out_.sites[site] = {low, high};
    }

    const Model& model_;
    std::filesystem::path path_;
    AimetNames names_;
    std::map<std::string, Ends> ends_;
    ForeignRanges out_;
};

}  // namespace

ForeignRanges read_foreign_ranges(const Model& model, const std::filesystem::path& path, const NameMap& names) { return Reader(model, path, names).read(); }

Recipe with_foreign_ranges(const Recipe& recipe, const Model& model, const ForeignRanges& ranges, std::size_t& used)
{
    Recipe out = recipe;
    used = 0;
    const auto source = "imported, " + ranges.file + " (" + ranges.sha256.substr(0, 8) + ")";
    for (const auto& [id, range] : ranges.sites) {
        const auto found = out.sites.find((*model.sites)[id].name);
        if (found == out.sites.end()) continue;
        const Scheme& scheme = found->second.scheme;
        if (scheme.kind != SchemeKind::uniform || scheme.dynamic || scheme.granularity != Granularity::tensor) continue;
        found->second.range = {numbers({range.min}), numbers({range.max}), {}, {}, source};
        ++used;
    }
    out.parent = recipe_hash(recipe);
    out.made_by.method = "imported ranges";
    out.made_by.options = json{{"file", ranges.file}, {"sha256", ranges.sha256}}.dump();
    return out;
}

}  // namespace bitwright
