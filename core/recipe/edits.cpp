// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/edits.h"

#include "core/recipe/grid.h"
#include "core/recipe/legality.h"
#include "core/recipe/range_rules.h"
#include "core/recipe/slices.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "core/runtime/json.h"

#include <charconv>
#include <map>
#include <set>

namespace bitwright {
namespace {

Error wrong_value(const std::string& key, const std::string& value, const std::string& allowed) { return usage_error(key + "=" + value + ": use " + allowed); }

template <typename T>
T number(const std::string& key, std::string_view text)
{
    T value{};
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || end != text.data() + text.size() || text.empty()) throw wrong_value(key, std::string(text), "a number");
    return value;
}

bool boolean(const std::string& key, const std::string& text)
{
    if (text == "true" || text == "yes") return true;
    if (text == "false" || text == "no") return false;
    throw wrong_value(key, text, "true or false");
}

std::vector<float> number_list(const std::string& key, std::string_view text)
{
    std::vector<float> values;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        values.push_back(number<float>(key, text.substr(at, comma - at)));
        at = comma + 1;
    }
    return values;
}

/// What the assignments say, before any site is looked at.
struct Change {
    std::optional<SchemeKind> kind;
    std::optional<int> bits;
    std::optional<bool> symmetric, dynamic, integer_group_scales;
    std::optional<Granularity> granularity;
    std::int64_t group_size = 0;
    std::optional<std::vector<float>> min, max, scale, offset;
    std::optional<RangeRule> rule;

    explicit Change(const Assignments& assignments)
    {
        if (assignments.empty()) throw usage_error("nothing to set; give KEY=VALUE, for example bits=8");
        for (const auto& [key, value] : assignments) set(key, value);
    }

private:
    void set(const std::string& key, const std::string& value)
    {
        if (key == "kind") {
            kind = scheme_kind_named(value);
            if (kind != SchemeKind::uniform && kind != SchemeKind::floating) throw wrong_value(key, value, "uniform or float");
        } else if (key == "bits") {
            bits = number<int>(key, value);
        } else if (key == "symmetric") {
            symmetric = boolean(key, value);
        } else if (key == "dynamic") {
            dynamic = boolean(key, value);
        } else if (key == "integer_group_scales") {
            integer_group_scales = boolean(key, value);
        } else if (key == "granularity") {
            const std::size_t colon = value.find(':');
            granularity = granularity_named(value.substr(0, colon));
            const bool group = granularity == Granularity::group;
            if (!granularity || group != (colon != std::string::npos)) throw wrong_value(key, value, "tensor, row, channel, head, token or group:N");
            if (group) group_size = number<std::int64_t>(key, std::string_view(value).substr(colon + 1));
        } else if (key == "min") {
            min = number_list(key, value);
        } else if (key == "max") {
            max = number_list(key, value);
        } else if (key == "scale") {
            scale = number_list(key, value);
        } else if (key == "offset") {
            offset = number_list(key, value);
        } else if (key == "range") {
            rule = parse_range_rule(value);
        } else {
            throw usage_error("\"" + key +
                              "\" is no key; known are kind, bits, symmetric, granularity, dynamic, integer_group_scales, min, max, scale, offset, range");
        }
    }
};

/// min and max in place of a learned scale and offset, on the codes they were learned for.
Range as_min_max(const Range& range, const Scheme& scheme, Semantics semantics)
{
    if (!range.scale) return range;
    std::vector<float> low(range.scale->size()), high(range.scale->size());
    for (std::size_t i = 0; i < low.size(); ++i) range_of(grid_of(range, i, scheme, semantics), scheme.symmetric, low[i], high[i]);
    return {numbers(std::move(low)), numbers(std::move(high)), {}, {}, range.source};
}

class Editor {
public:
    Editor(const Recipe& recipe, const Model& model, const Change& change, const Observed& observed) : recipe_(recipe), model_(model), change_(change), observed_(observed) {}

    SiteDecision operator()(const Site& site, SiteDecision decision) const
    {
        const Scheme before = decision.scheme;
        apply(decision.scheme);
        const Scheme& scheme = decision.scheme;
        refuse(site, scheme_fault(model_, site, scheme));
        if (scheme.kind == SchemeKind::floating || scheme.dynamic) {
            decision.range = {};
            return decision;
        }
        if (scheme.bits != before.bits || scheme.symmetric != before.symmetric) decision.range = as_min_max(decision.range, before, recipe_.semantics);
        const std::size_t count = range_size(model_, site, scheme);
        const Numbers& present = decision.range.scale ? decision.range.scale : decision.range.min;
        if (present && present->size() != count) decision.range = {};
        const bool absent = !decision.range.scale && !decision.range.min;
        if (change_.rule || (absent && !(change_.min && change_.max))) set_range(site, scheme, decision.range);
        set_numbers(site, decision.range, count);
        refuse(site, range_fault(model_, site, scheme, decision.range));
        return decision;
    }

private:
    void apply(Scheme& scheme) const
    {
        if (change_.kind) scheme.kind = *change_.kind;
        if (change_.bits) scheme.bits = *change_.bits;
        if (change_.symmetric) scheme.symmetric = *change_.symmetric;
        if (change_.dynamic) scheme.dynamic = *change_.dynamic;
        if (change_.integer_group_scales) scheme.integer_group_scales = *change_.integer_group_scales;
        if (change_.granularity) {
            scheme.granularity = *change_.granularity;
            scheme.group_size = change_.group_size;
            if (*change_.granularity != Granularity::group && !change_.integer_group_scales) scheme.integer_group_scales = false;
        }
    }
    void set_range(const Site& site, const Scheme& scheme, Range& range) const
    {
        const RangeRule rule = change_.rule.value_or(RangeRule{});
        if (site.kind == SiteKind::weight) {
            const MaterializedWeight weight = materialize(model_, &recipe_, site.id);
            range = weight_range(weight.weight, weight.shape, scheme, recipe_.semantics, rule);
        } else if (auto seen = observed_range(observed_ ? observed_(site) : nullptr, site, scheme, recipe_.semantics, rule)) {
            range = *std::move(seen);
        } else if (change_.rule) {
            refuse(site, "was not observed; calibrate, or give min and max");
        }
    }
    void set_numbers(const Site& site, Range& range, std::size_t count) const
    {
        const auto spread = [&](const char* key, const std::vector<float>& values) {
            if (values.size() == count) return numbers(values);
            if (values.size() != 1)
                refuse(site, std::string(key) + " has " + std::to_string(values.size()) + " numbers where the scheme needs " + std::to_string(count));
            return numbers(std::vector<float>(count, values.front()));
        };
        if (change_.min || change_.max) {
            range.scale = range.offset = nullptr;
            if (change_.min) range.min = spread("min", *change_.min);
            if (change_.max) range.max = spread("max", *change_.max);
        }
        if (change_.scale) range.scale = spread("scale", *change_.scale);
        if (change_.offset) range.offset = spread("offset", *change_.offset);
        if (change_.min || change_.max || change_.scale || change_.offset) range.source = "by hand";
    }
    static void refuse(const Site& site, const std::string& fault)
    {
        if (!fault.empty()) throw bad_input("recipe", site.name, fault);
    }

    const Recipe& recipe_;
    const Model& model_;
    const Change& change_;
    const Observed& observed_;
};

/// Changes the sites; `pattern` says in the recipe which they were.
Recipe edited(const Recipe& recipe, const Model& model, std::span<const SiteId> sites, std::string_view pattern, const Assignments& assignments, const Observed& observed)
{
    const Change change(assignments);
    const Editor edit(recipe, model, change, observed);
    Recipe edited = recipe;
    std::set<std::string> another_grid;
    for (const SiteId id : sites) {
        const Site& site = (*model.sites)[id];
        Scheme off;
        off.kind = SchemeKind::floating;
        const auto [entry, added] = edited.sites.try_emplace(site.name, SiteDecision{off, {}});
        const SiteDecision before = entry->second;
        entry->second = edit(site, before);
        if (!same_grids(entry->second, before)) another_grid.insert(site.name);
    }
    forget_codes(edited, [&](const std::string& site) { return another_grid.contains(site); });  // they were codes of the grid before
    edited.parent = recipe_hash(recipe);
    std::string options;
    for (const auto& [key, value] : assignments) options += "," + json::quoted(key) + ":" + json::quoted(value);
    edited.made_by.method = "by hand";
    edited.made_by.options = "{\"site\":" + json::quoted(pattern) + options + "}";
    return edited;
}

/// "{a,b}", or the one there is.
std::string one_of(const std::set<std::string>& words)
{
    if (words.size() == 1) return *words.begin();
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "{" : ",") + word;
    return text + "}";
}

}  // namespace

std::pair<std::string, std::string> parse_assignment(std::string_view text)
{
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) throw usage_error("\"" + std::string(text) + "\" is no KEY=VALUE");
    return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

Recipe edit_sites(const Recipe& recipe, const Model& model, std::string_view pattern, const Assignments& assignments, const Observed& observed)
{
    return edited(recipe, model, model.sites->match(pattern), pattern, assignments, observed);
}

Recipe edit_sites(const Recipe& recipe, const Model& model, std::span<const SiteId> sites, const Assignments& assignments, const Observed& observed)
{
    return edited(recipe, model, sites, site_pattern(*model.sites, sites), assignments, observed);
}

std::string site_pattern(const SiteCatalogue& catalogue, std::span<const SiteId> sites)
{
    std::set<std::string> names;
    std::map<std::string, std::set<std::string>> layers_of;  // part of the name → its layers
    for (const SiteId id : sites) {
        const Site& site = catalogue[id];
        names.insert(site.name);
        if (site.layer < 0) continue;
        const std::string layer = std::to_string(site.layer), head = "layers." + layer + ".";
        layers_of[site.name.substr(head.size())].insert(layer);
    }
    std::set<std::string> parts;
    std::size_t covered = 0;
    bool same = true;
    for (const auto& [part, layers] : layers_of) {
        parts.insert(part);
        covered += layers.size();
        same = same && layers == layers_of.begin()->second;
    }
    if (names.size() == 1 || !same || covered != names.size()) return one_of(names);
    return "layers." + one_of(layers_of.begin()->second) + "." + one_of(parts);
}

}  // namespace bitwright
