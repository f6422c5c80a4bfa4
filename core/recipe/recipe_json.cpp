// SPDX-License-Identifier: GPL-3.0-or-later
// Recipe ⇄ JSON. Keys are sorted (nlohmann::json's default), so that the text is canonical.
#include "core/recipe/rotations.h"
#include "core/recipe/recipe.h"

#include "core/runtime/error.h"

#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>
#include <limits>

namespace bitwright {
namespace {

using nlohmann::json;

constexpr std::size_t inline_limit = 8;
constexpr int format_version = 1;

/// The shortest decimal that reads back as this float: "18.4", not "18.399999618530273".
json number(float value)
{
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    double shortest = value;
    std::from_chars(text, end, shortest);
    return static_cast<float>(shortest) == value ? shortest : static_cast<double>(value);
}

json vector(const Numbers& values, const TensorStore& store)
{
    if (values->size() == 1) return number(values->front());
    if (values->size() <= inline_limit) {
        json array = json::array();
        for (const float value : *values) array.push_back(number(value));
        return array;
    }
    const Shape shape{static_cast<std::int64_t>(values->size())};
    return {{"tensor", store.put(Tensor::from<float>(Dtype::f32, shape, *values))}, {"shape", shape}, {"dtype", "F32"}};
}

json scheme_json(const Scheme& scheme)
{
    if (scheme.kind == SchemeKind::floating) return {{"kind", name_of(scheme.kind)}};
    json out{{"kind", name_of(scheme.kind)}, {"bits", scheme.bits}, {"symmetric", scheme.symmetric}, {"granularity", name_of(scheme.granularity)}};
    if (scheme.granularity == Granularity::group) out["group_size"] = scheme.group_size;
    if (scheme.dynamic) out["dynamic"] = true;
    if (scheme.integer_group_scales) out["integer_group_scales"] = true;
    return out;
}

json range_json(const Range& range, const TensorStore& store)
{
    json out = json::object();
    if (range.min) out["min"] = vector(range.min, store);
    if (range.max) out["max"] = vector(range.max, store);
    if (range.scale) out["scale"] = vector(range.scale, store);
    if (range.offset) out["offset"] = vector(range.offset, store);
    if (!range.source.empty()) out["source"] = range.source;
    return out;
}

/// A place in the JSON with its name, so that every error says where it is.
class Place {
public:
    Place(const json& value, std::string name, std::string_view where, const TensorStore& store)
        : value_(value), name_(std::move(name)), where_(where), store_(store)
    {
    }

    [[nodiscard]] Error error(const std::string& what) const { return bad_input(where_, name_, what); }
    [[nodiscard]] Place at(const char* key) const
    {
        const auto found = object().find(key);
        if (found == value_.end()) throw bad_input(where_, child(key), "is missing");
        return {*found, child(key), where_, store_};
    }
    [[nodiscard]] bool has(const char* key) const { return object().contains(key); }
    [[nodiscard]] std::string text() const
    {
        if (!value_.is_string()) throw error("must be a string");
        return value_.get<std::string>();
    }
    [[nodiscard]] std::int64_t integer() const
    {
        if (!value_.is_number_integer()) throw error("must be an integer");
        return value_.get<std::int64_t>();
    }
    [[nodiscard]] std::uint64_t unsigned_integer() const
    {
        if (!value_.is_number_unsigned()) throw error("must be an integer ≥ 0");
        return value_.get<std::uint64_t>();
    }
    [[nodiscard]] bool boolean() const
    {
        if (!value_.is_boolean()) throw error("must be true or false");
        return value_.get<bool>();
    }
    [[nodiscard]] float number_value() const
    {
        if (!value_.is_number()) throw error("must be a number");
        const auto number = static_cast<float>(value_.get<double>());
        if (!std::isfinite(number)) throw error("is not finite as a float");
        return number;
    }
    [[nodiscard]] Numbers numbers_value() const
    {
        if (value_.is_number()) return numbers({number_value()});
        std::vector<float> values;
        if (value_.is_array()) {
            for (const auto& item : elements()) values.push_back(item.number_value());
        } else {
            const Tensor tensor = reference("F32");
            const auto floats = tensor.as<float>();
            values.assign(floats.begin(), floats.end());
            for (const float value : values) {
                if (!std::isfinite(value)) throw error("holds a number that is not finite");
            }
        }
        if (values.empty()) throw error("is an empty vector");
        return numbers(std::move(values));
    }
    /// {tensor: sha256, shape, dtype} → the stored tensor, checked against what the reference says.
    [[nodiscard]] Tensor reference(std::string_view dtype) const
    {
        const std::string hash = at("tensor").text();
        if (at("dtype").text() != dtype) throw error("must be a tensor of " + std::string(dtype));
        Shape shape;
        for (const auto& dimension : at("shape").elements()) shape.push_back(dimension.integer());
        Tensor tensor = store_.get(hash);
        if (name_of(tensor.dtype) != dtype || tensor.shape != shape) {
            throw error("refers to a tensor of " + std::string(name_of(tensor.dtype)) + " " + to_string(tensor.shape) + " but says " + std::string(dtype) +
                        " " + to_string(shape));
        }
        return tensor;
    }
    [[nodiscard]] std::vector<Place> elements() const
    {
        if (!value_.is_array()) throw error("must be a list");
        std::vector<Place> places;
        for (std::size_t i = 0; i < value_.size(); ++i) places.push_back({value_[i], name_ + "[" + std::to_string(i) + "]", where_, store_});
        return places;
    }
    [[nodiscard]] std::vector<std::pair<std::string, Place>> members() const
    {
        std::vector<std::pair<std::string, Place>> places;
        for (const auto& [key, value] : object().items()) places.emplace_back(key, Place(value, child(key), where_, store_));
        return places;
    }

private:
    const json& object() const
    {
        if (!value_.is_object()) throw error("must be an object");
        return value_;
    }
    std::string child(std::string_view key) const { return name_.empty() ? std::string(key) : name_ + "." + std::string(key); }

    const json& value_;
    std::string name_;
    std::string_view where_;
    const TensorStore& store_;
};

template <typename T>
T named(const Place& place, std::optional<T> (*find)(std::string_view) noexcept)
{
    const std::string text = place.text();
    if (const auto value = find(text)) return *value;
    throw place.error("\"" + text + "\" is unknown to this version");
}

Scheme scheme_from(const Place& place)
{
    Scheme scheme;
    scheme.kind = named(place.at("kind"), scheme_kind_named);
    if (scheme.kind == SchemeKind::floating) return scheme;
    const std::int64_t bits = place.at("bits").integer();
    if (bits < 2 || bits > 16) throw place.at("bits").error(std::to_string(bits) + " is outside 2 … 16");
    scheme.bits = static_cast<int>(bits);
    scheme.symmetric = place.at("symmetric").boolean();
    scheme.granularity = named(place.at("granularity"), granularity_named);
    if (scheme.granularity == Granularity::group) scheme.group_size = place.at("group_size").integer();
    if (place.has("dynamic")) scheme.dynamic = place.at("dynamic").boolean();
    if (place.has("integer_group_scales")) scheme.integer_group_scales = place.at("integer_group_scales").boolean();
    return scheme;
}

Range range_from(const Place& place)
{
    Range range;
    if (place.has("min")) range.min = place.at("min").numbers_value();
    if (place.has("max")) range.max = place.at("max").numbers_value();
    if (place.has("scale")) range.scale = place.at("scale").numbers_value();
    if (place.has("offset")) range.offset = place.at("offset").numbers_value();
    if (place.has("source")) range.source = place.at("source").text();
    return range;
}

struct TransformJson {
    const TensorStore& store;
    json operator()(const ScalePair& t) const
    {
        if (is_rotation(t)) return {{"kind", "rotation"}, {"place", t.pair}, {"layer", t.layer}, {"matrix", vector(t.scale, store)}};
        return {{"kind", "scale_pair"}, {"pair", t.pair}, {"layer", t.layer}, {"scale", vector(t.scale, store)}};
    }
    json operator()(const Clip& t) const { return {{"kind", "clip"}, {"site", t.site}, {"min", vector(t.min, store)}, {"max", vector(t.max, store)}}; }
    json operator()(const Codes& t) const
    {
        const Shape shape{static_cast<std::int64_t>(t.codes->size())};
        return {{"kind", "codes"},
                {"site", t.site},
                {"codes", {{"tensor", store.put(Tensor::from<std::int16_t>(Dtype::i16, shape, *t.codes))}, {"shape", shape}, {"dtype", "I16"}}}};
    }
};

Transform transform_from(const Place& place)
{
    const std::string kind = place.at("kind").text();
    if (kind == "scale_pair") return ScalePair{place.at("pair").text(), place.at("layer").integer(), place.at("scale").numbers_value()};
    if (kind == "rotation") return ScalePair{place.at("place").text(), place.at("layer").integer(), place.at("matrix").numbers_value()};
    if (kind == "clip") return Clip{place.at("site").text(), place.at("min").numbers_value(), place.at("max").numbers_value()};
    if (kind == "codes") {
        const Tensor tensor = place.at("codes").reference("I16");
        const auto codes = tensor.as<std::int16_t>();
        return Codes{place.at("site").text(), std::make_shared<const std::vector<std::int16_t>>(codes.begin(), codes.end())};
    }
    throw place.at("kind").error("\"" + kind + "\" is unknown to this version");
}

}  // namespace

json to_json(const Recipe& recipe, const TensorStore& store)
{
    json sites = json::object();
    for (const auto& [name, decision] : recipe.sites) {
        sites[name] = {{"scheme", scheme_json(decision.scheme)}};
        if (json range = range_json(decision.range, store); !range.empty()) sites[name]["range"] = std::move(range);
    }
    json transforms = json::array();
    for (const Transform& transform : recipe.transforms) transforms.push_back(std::visit(TransformJson{store}, transform));
    const MadeBy& by = recipe.made_by;
    return {
        {"format", format_version},
        {"model", recipe.model_hash},
        {"architecture", recipe.architecture},
        {"semantics", name_of(recipe.semantics)},
        {"sites", std::move(sites)},
        {"transforms", std::move(transforms)},
        {"parent", recipe.parent},
        {"made_by",
         {{"method", by.method}, {"options", by.options}, {"calibration", by.calibration}, {"program", by.program}, {"seed", by.seed}, {"steps", by.steps}}}};
}

Recipe recipe_from_json(const json& value, const TensorStore& store, std::string_view where)
{
    const Place root(value, "", where, store);
    if (const auto format = root.at("format").integer(); format != format_version) {
        throw bad_input(where, "format", std::to_string(format) + " is unknown; this version reads format " + std::to_string(format_version));
    }
    Recipe recipe;
    recipe.model_hash = root.at("model").text();
    recipe.architecture = root.at("architecture").text();
    recipe.semantics = named(root.at("semantics"), semantics_named);
    recipe.parent = root.at("parent").text();
    for (const auto& [name, place] : root.at("sites").members()) {
        recipe.sites.emplace(name, SiteDecision{scheme_from(place.at("scheme")), place.has("range") ? range_from(place.at("range")) : Range{}});
    }
    for (const auto& place : root.at("transforms").elements()) recipe.transforms.push_back(transform_from(place));
    const Place by = root.at("made_by");
    recipe.made_by = {by.at("method").text(),  by.at("options").text(),          by.at("calibration").text(),
                      by.at("program").text(), by.at("seed").unsigned_integer(), by.at("steps").integer()};
    return recipe;
}

}  // namespace bitwright
