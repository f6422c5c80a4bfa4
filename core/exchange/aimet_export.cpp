// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/aimet_names.h"
#include "core/recipe/grid.h"
#include "core/recipe/legality.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "core/runtime/file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

using Json = nlohmann::ordered_json;

/// A grid as they write it.
struct Encoding {
    double scale = 1;
    std::int64_t offset = 0;
};


class Exporter {
public:
    Exporter(const Model& model, const Recipe& recipe, AimetVersion version, const NameMap& names) : model_(model), recipe_(recipe), version_(version), names_(model, names) {}

    Json document(const Control& control)
    {
        const bool old = version_ == AimetVersion::v0_6_1;
        Json activations = old ? Json::object() : Json::array(), parameters = activations;
        for (const Site& site : model_.sites->sites()) {
            control.check();
            const auto found = recipe_.sites.find(site.name);
            if (found == recipe_.sites.end() || found->second.scheme.kind == SchemeKind::floating) continue;
            const bool weight = site.kind == SiteKind::weight;
            check(site, found->second.scheme);
            const auto encodings = encodings_of(site, found->second);
            auto& list = weight ? parameters : activations;
            if (old)
                list[names_.name(site.id)] = old_entries(found->second.scheme, encodings);
            else
                list.push_back(new_entry(site, found->second.scheme, encodings));
            ++(weight ? report_.parameters : report_.activations);
            count(found->second.scheme, weight);
        }
        if (report_.parameters + report_.activations == 0) throw bad_input("recipe", "", "quantizes nothing, so there are no encodings to write");
        Json out;
        out["version"] = old ? "0.6.1" : "1.0.0";
        out["activation_encodings"] = std::move(activations);
        out["param_encodings"] = std::move(parameters);
        out["quantizer_args"] = arguments(old);
        if (!old) out["excluded_layers"] = Json::array();
        return out;
    }
    AimetExport report() { return std::move(report_); }

private:
    static Error refuse(const Site& site, const std::string& what) { return bad_input("recipe", site.name, what); }

    void check(const Site& site, const Scheme& scheme) const
    {
        const bool weight = site.kind == SiteKind::weight;
        if (scheme.kind != SchemeKind::uniform) throw refuse(site, "is " + in_words(scheme) + ", which encodings cannot say; make it uniform");
        if (scheme.dynamic) throw refuse(site, "has a dynamic range, which encodings cannot say; give it a static one");
        if (scheme.bits < 4) throw refuse(site, "has " + std::to_string(scheme.bits) + " bits; encodings know 4 to 32");
        if (scheme.integer_group_scales) throw refuse(site, "has integer group scales, whose encoding (LPBQ) is read but not written; use plain group scales");
        const Granularity g = scheme.granularity;
        if (g == Granularity::tensor || (weight && g == Granularity::row)) return;
        if (weight && g == Granularity::group) {
            if (version_ == AimetVersion::v0_6_1) throw refuse(site, "is quantized per group, which version 0.6.1 cannot say; export version 1.0");
            return;
        }
        throw refuse(site, "is quantized per " + std::string(name_of(g)) + ", which encodings cannot say; use granularity=tensor" + (weight ? ", row or group" : ""));
    }

    std::vector<Encoding> encodings_of(const Site& site, const SiteDecision& decision)
    {
        std::vector<Grid> grids;
        if (site.kind == SiteKind::weight) {
            const auto weight = materialize(model_, &recipe_, site.id);
            grids = weight_grids(decision, weight.shape, weight.weight, recipe_.semantics);
        } else {
            grids.push_back(grid_of(decision.range, 0, decision.scheme, recipe_.semantics));
        }
        std::vector<Encoding> out;
        std::int64_t rounded = 0, widened = 0;
        for (const Grid& grid : grids) out.push_back(encoding_of(grid, decision.scheme, rounded, widened));
        if (rounded > 0) note(site, std::to_string(rounded) + " learned offset(s) rounded to integers");
        if (widened > 0) note(site, std::to_string(widened) + " range(s) widened to contain 0");
        return out;
    }

    /// offset = qmin − o, an integer in [−(2^b − 1), 0].
    static Encoding encoding_of(const Grid& grid, const Scheme& scheme, std::int64_t& rounded, std::int64_t& widened)
    {
        const double exact = static_cast<double>(grid.qmin) - grid.offset, offset = std::nearbyint(exact), lowest = static_cast<double>(grid.qmin) - grid.qmax;
        if (offset != exact) ++rounded;
        if (offset >= lowest && offset <= 0) return {grid.scale, static_cast<std::int64_t>(offset)};
        ++widened;
        const double low = std::min(0.0, offset * grid.scale), high = std::max(0.0, (offset - lowest) * grid.scale);
        const Grid wide = grid_of(static_cast<float>(low), static_cast<float>(high), scheme, Semantics::bitwright);
        return {wide.scale, static_cast<std::int64_t>(static_cast<float>(wide.qmin) - wide.offset)};
    }

    static Json old_entries(const Scheme& scheme, const std::vector<Encoding>& encodings)
    {
        Json list = Json::array();
        const double codes = std::exp2(scheme.bits) - 1;
        for (const auto& [scale, offset] : encodings) {
            list.push_back({{"bitwidth", scheme.bits},
                            {"dtype", "int"},
                            {"is_symmetric", scheme.symmetric ? "True" : "False"},
                            {"max", (static_cast<double>(offset) + codes) * scale},
                            {"min", static_cast<double>(offset) * scale},
                            {"offset", offset},
                            {"scale", scale}});
        }
        return list;
    }

    Json new_entry(const Site& site, const Scheme& scheme, const std::vector<Encoding>& encodings) const
    {
        Json scales = Json::array(), offsets = Json::array();
        for (const auto& [scale, offset] : encodings) {
            scales.push_back(scale);
            offsets.push_back(offset);
        }
        const bool block = scheme.granularity == Granularity::group;
        Json entry{{"name", names_.name(site.id)},
                   {"enc_type", block ? "PER_BLOCK" : scheme.granularity == Granularity::row ? "PER_CHANNEL" : "PER_TENSOR"},
                   {"dtype", "INT"},
                   {"bw", scheme.bits},
                   {"is_sym", scheme.symmetric},
                   {"scale", std::move(scales)},
                   {"offset", std::move(offsets)}};
        if (block) entry["block_size"] = scheme.group_size;
        return entry;
    }

    void count(const Scheme& scheme, bool weight)
    {
        ++bits_[weight][scheme.bits];
        if (!weight) return;
        symmetric_ += scheme.symmetric ? 1 : -1;
        per_channel_ = per_channel_ || scheme.granularity == Granularity::row;
    }

    /// What most tensors have, for readers of the file.
    Json arguments(bool old) const
    {
        const auto usual = [&](bool weight) {
            const auto most = std::ranges::max_element(bits_[weight], {}, [](const auto& entry) { return entry.second; });
            return most == bits_[weight].end() ? 8 : most->first;
        };
        const auto truth = [&](bool value) { return old ? Json(value ? "True" : "False") : Json(value); };
        return {{"activation_bitwidth", usual(false)}, {"dtype", "int"},      {"is_symmetric", truth(symmetric_ > 0)},
                {"param_bitwidth", usual(true)},       {"per_channel_quantization", truth(per_channel_)}, {"quant_scheme", "post_training_tf"}};
    }

    void note(const Site& site, std::string what) { report_.conversions.push_back({site.name, std::move(what)}); }

    const Model& model_;
    const Recipe& recipe_;
    AimetVersion version_;
    AimetNames names_;
    AimetExport report_;
    std::map<int, int> bits_[2];
    int symmetric_ = 0;
    bool per_channel_ = false;
};

/// What was written is read again and must give the same grids.
void check_written(const Model& model, const Json& document, const std::filesystem::path& path, const NameMap& names)
{
    const auto back = import_aimet(model, path, names);
    const auto fault = [&](const std::string& what) { return failure(path.string() + ": what was written does not read back (" + what + "); report this"); };
    const std::size_t written = document["activation_encodings"].size() + document["param_encodings"].size();
    if (back.recipe.sites.size() != written || !back.unknown.empty() || !back.conversions.empty()) throw fault(std::to_string(written) + " encodings written, " + std::to_string(back.recipe.sites.size()) + " read");
}

}  // namespace

AimetExport export_aimet(const Model& model, const Recipe& recipe, const std::filesystem::path& path, AimetVersion version, const NameMap& names, const Control& control)
{
    validate(recipe, model);
    Exporter exporter(model, recipe, version, names);
    const auto document = exporter.document(control);
    write_text(path, document.dump(1) + "\n");
    check_written(model, document, path, names);
    return exporter.report();
}

}  // namespace bitwright
