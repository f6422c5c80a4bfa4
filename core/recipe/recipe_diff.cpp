// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/recipe.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <set>

namespace bitwright {
namespace {

std::string in_words(float value)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", static_cast<double>(value));
    return text;
}

std::string short_hash(const std::string& hash) { return hash.empty() ? "none" : hash.substr(0, 12); }

float mean(const std::vector<float>& values)
{
    double sum = 0;
    for (const float value : values) sum += value;
    return static_cast<float>(sum / static_cast<double>(values.size()));
}

/// "" when equal.
std::string change(const std::string& name, const Numbers& before, const Numbers& after)
{
    if (before == after || (before && after && *before == *after)) return "";
    const auto size = [](const Numbers& values) { return values ? values->size() : 0; };
    if (size(before) == 1 && size(after) == 1) return name + " " + in_words(before->front()) + " → " + in_words(after->front());
    if (size(before) == 0 || size(after) == 0) {
        const Numbers& there = size(before) ? before : after;
        const std::string what = there->size() == 1 ? in_words(there->front()) : std::to_string(there->size()) + " numbers, mean " + in_words(mean(*there));
        return name + (size(before) ? " removed (was " + what + ")" : " set to " + what);
    }
    if (size(before) != size(after)) return name + " " + std::to_string(size(before)) + " → " + std::to_string(size(after)) + " numbers";
    std::size_t moved = 0;
    float largest = 0;
    for (std::size_t i = 0; i < before->size(); ++i) {
        moved += (*before)[i] != (*after)[i];
        largest = std::max(largest, std::fabs((*after)[i] - (*before)[i]));
    }
    return name + " mean " + in_words(mean(*before)) + " → " + in_words(mean(*after)) + " (" + std::to_string(moved) + " of " + std::to_string(before->size()) +
           " numbers moved, by at most " + in_words(largest) + ")";
}

void join(std::string& line, const std::string& part)
{
    if (part.empty()) return;
    if (!line.empty()) line += ", ";
    line += part;
}

std::string change(const SiteDecision& before, const SiteDecision& after)
{
    std::string line;
    if (before.scheme != after.scheme) line = in_words(before.scheme) + " → " + in_words(after.scheme);
    join(line, change("min", before.range.min, after.range.min));
    join(line, change("max", before.range.max, after.range.max));
    join(line, change("scale", before.range.scale, after.range.scale));
    join(line, change("offset", before.range.offset, after.range.offset));
    return line;
}

struct Named {
    std::string name;
    const Transform* transform = nullptr;
};

/// "layers.3.norm_qkv", "layers.3.mlp.down_proj.weight clip"; a second one of the same name gets " (2)".
std::vector<Named> named(const std::vector<Transform>& transforms)
{
    std::vector<Named> list;
    std::map<std::string, int> seen;
    for (const Transform& transform : transforms) {
        std::string name;
        if (const auto* pair = std::get_if<ScalePair>(&transform))
            name = pair->layer < 0 ? pair->pair : "layers." + std::to_string(pair->layer) + "." + pair->pair;
        else if (const auto* clip = std::get_if<Clip>(&transform))
            name = clip->site + " clip";
        else
            name = std::get<Codes>(transform).site + " codes";
        if (const int again = ++seen[name]; again > 1) name += " (" + std::to_string(again) + ")";
        list.push_back({std::move(name), &transform});
    }
    return list;
}

std::string extent(const Numbers& values)
{
    if (!values || values->empty()) return "nothing";
    const auto [low, high] = std::minmax_element(values->begin(), values->end());
    return std::to_string(values->size()) + " numbers, " + in_words(*low) + " … " + in_words(*high);
}

std::string content(const Transform& transform)
{
    if (const auto* pair = std::get_if<ScalePair>(&transform)) return "scales of " + extent(pair->scale);
    if (const auto* clip = std::get_if<Clip>(&transform)) return "clip to min " + extent(clip->min) + "; max " + extent(clip->max);
    const auto& codes = std::get<Codes>(transform).codes;
    return std::to_string(codes ? codes->size() : 0) + " fixed codes";
}

std::string change(const Transform& before, const Transform& after)
{
    std::string line;
    if (const auto* pair = std::get_if<ScalePair>(&before)) return change("scales", pair->scale, std::get<ScalePair>(after).scale);
    if (const auto* clip = std::get_if<Clip>(&before)) {
        join(line, change("clip min", clip->min, std::get<Clip>(after).min));
        join(line, change("clip max", clip->max, std::get<Clip>(after).max));
        return line;
    }
    const auto &a = std::get<Codes>(before).codes, &b = std::get<Codes>(after).codes;
    if (a == b || (a && b && *a == *b)) return "";
    if (!a || !b || a->size() != b->size()) return "codes replaced";
    std::size_t moved = 0;
    for (std::size_t i = 0; i < a->size(); ++i) moved += (*a)[i] != (*b)[i];
    return std::to_string(moved) + " of " + std::to_string(a->size()) + " codes changed";
}

struct Line {
    std::string name, text;
};

/// "layers.12.rest" → 12, "rest".
bool split(const std::string& name, std::int64_t& layer, std::string& rest)
{
    constexpr std::string_view prefix = "layers.";
    if (name.compare(0, prefix.size(), prefix) != 0) return false;
    const auto [end, fault] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), layer);
    if (fault != std::errc{} || end == name.data() + name.size() || *end != '.') return false;
    rest.assign(end + 1, name.data() + name.size());
    return true;
}

/// Lines that differ in nothing but a run of layers become one; model-level lines first, then by first layer, in the order given.
std::vector<std::string> joined(const std::vector<Line>& lines)
{
    std::vector<std::string> out;
    std::map<std::pair<std::string, std::string>, std::set<std::int64_t>> layers;
    std::vector<std::pair<std::string, std::string>> order;
    for (const auto& [name, text] : lines) {
        std::int64_t layer = 0;
        std::string rest;
        if (!split(name, layer, rest)) {
            out.push_back(name + ": " + text);
            continue;
        }
        auto& group = layers[{rest, text}];
        if (group.empty()) order.emplace_back(rest, text);
        group.insert(layer);
    }
    std::vector<std::pair<std::int64_t, std::string>> runs;
    for (const auto& key : order) {
        const auto& group = layers.at(key);
        for (auto first = group.begin(); first != group.end();) {
            auto next = std::next(first);
            std::int64_t last = *first;
            while (next != group.end() && *next == last + 1) last = *next++;
            const std::string where = last == *first ? std::to_string(last) : std::to_string(*first) + "-" + std::to_string(last);
            runs.emplace_back(*first, "layers." + where + "." + key.first + ": " + key.second);
            first = next;
        }
    }
    std::stable_sort(runs.begin(), runs.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& run : runs) out.push_back(std::move(run.second));
    return out;
}

}  // namespace

std::vector<std::string> diff_in_words(const Recipe& before, const Recipe& after)
{
    std::vector<Line> lines;
    const auto field = [&](const char* name, const std::string& a, const std::string& b) {
        if (a != b) lines.push_back({name, (a.empty() ? "none" : a) + " → " + (b.empty() ? "none" : b)});
    };
    field("model", short_hash(before.model_hash), short_hash(after.model_hash));
    field("architecture", before.architecture, after.architecture);
    field("semantics", std::string(name_of(before.semantics)), std::string(name_of(after.semantics)));
    field("method", before.made_by.method, after.made_by.method);
    field("options", before.made_by.options, after.made_by.options);
    field("calibration", short_hash(before.made_by.calibration), short_hash(after.made_by.calibration));
    field("seed", std::to_string(before.made_by.seed), std::to_string(after.made_by.seed));
    field("steps", std::to_string(before.made_by.steps), std::to_string(after.made_by.steps));

    for (const auto& [name, decision] : before.sites) {
        const auto other = after.sites.find(name);
        if (other == after.sites.end())
            lines.push_back({name, in_words(decision.scheme) + " → float (no decision)"});
        else if (auto text = change(decision, other->second); !text.empty())
            lines.push_back({name, std::move(text)});
    }
    for (const auto& [name, decision] : after.sites) {
        if (before.sites.find(name) == before.sites.end()) lines.push_back({name, "float (no decision) → " + in_words(decision.scheme)});
    }

    const auto old_list = named(before.transforms), new_list = named(after.transforms);
    const auto find = [](const std::vector<Named>& list, const std::string& name) {
        return std::find_if(list.begin(), list.end(), [&](const Named& entry) { return entry.name == name; });
    };
    for (const auto& [name, transform] : old_list) {
        const auto other = find(new_list, name);
        if (other == new_list.end())
            lines.push_back({name, "removed (was " + content(*transform) + ")"});
        else if (auto text = change(*transform, *other->transform); !text.empty())
            lines.push_back({name, std::move(text)});
    }
    for (const auto& [name, transform] : new_list) {
        if (find(old_list, name) == old_list.end()) lines.push_back({name, content(*transform)});
    }
    return joined(lines);
}

}  // namespace bitwright
