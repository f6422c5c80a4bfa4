// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/architecture/architecture.h"

#include "core/architecture/families.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

using Role = WeightRole;
constexpr auto role_count = static_cast<std::size_t>(Role::lm_head) + 1;

std::string replaced(std::string text, std::string_view what, std::int64_t number)
{
    if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), std::to_string(number));
    return text;
}

const Family& family_of(const ConfigReader& config)
{
    if (config.has("quantization_config")) throw config.fault("quantization_config", "says that the checkpoint is quantized already; open the original one");
    const auto name = config.text("model_type");
    for (const auto& family : families())
        if (family.model_type == name) return family;
    std::string known;
    for (const auto& family : supported_families()) known += (known.empty() ? "" : ", ") + family;
    throw config.fault("model_type", "“" + name + "” is not supported; supported are " + known);
}

/// What every family needs to hold, whatever it read.
void finish(const ConfigReader& config, Architecture& a)
{
    if (a.heads % a.kv_heads)
        throw config.fault(config.spelling({"num_key_value_heads", "num_kv_heads", "n_head_kv"}),
                           std::to_string(a.kv_heads) + " does not divide num_attention_heads " + std::to_string(a.heads));
    if (a.head_dim > std::int64_t{1} << 20 || a.heads > std::int64_t{1} << 20) throw config.fault("head_dim", "or the number of heads is above 1048576");
    if (a.embedding_width == 0) a.embedding_width = a.hidden;
    if (a.attention_scale == 0) a.attention_scale = 1 / std::sqrt(static_cast<double>(a.head_dim));
}

/// Shape in linear convention.
Shape shape_of(const Architecture& a, Role role, Packing packing)
{
    const auto head_norm = [&](std::int64_t heads) {
        if (a.qk_norm == QkNorm::all_heads) return Shape{heads * a.head_dim};
        return packing == Packing::per_head ? Shape{heads, a.head_dim} : Shape{a.head_dim};
    };
    switch (role) {
        case Role::embedding:
        case Role::lm_head:
            return {a.vocab, a.embedding_width};
        case Role::position_embedding:
            return {a.max_positions + a.position_offset, a.hidden};
        case Role::project_in:
            return {a.hidden, a.embedding_width};
        case Role::project_out:
            return {a.embedding_width, a.hidden};
        case Role::q_proj:
            return {a.query_width(), a.hidden};
        case Role::k_proj:
        case Role::v_proj:
            return {a.key_width(), a.hidden};
        case Role::o_proj:
            return {a.hidden, a.query_width()};
        case Role::gate_proj:
        case Role::up_proj:
            return {a.ffn, a.hidden};
        case Role::down_proj:
            return {a.hidden, a.ffn};
        case Role::q_norm:
            return head_norm(a.heads);
        case Role::k_norm:
            return head_norm(a.kv_heads);
        case Role::embedding_norm:
        case Role::attention_norm:
        case Role::post_attention_norm:
        case Role::mlp_norm:
        case Role::post_mlp_norm:
        case Role::final_norm:
            return {a.hidden};
    }
    return {};
}

/// The rows of the stored tensor that are `role`'s, and how many it has altogether.
std::int64_t select_rows(const Architecture& a, const Stored& stored, std::int64_t own_rows, WeightSource& source)
{
    switch (stored.packing) {
        case Packing::alone:
            return own_rows;
        case Packing::per_head:
            source.stacked = own_rows;
            return own_rows;
        case Packing::joined: {
            const auto q = a.query_width(), k = a.key_width();
            source.run = source.stride = own_rows;
            source.count = 1;
            source.start = stored.role == Role::k_proj ? q : stored.role == Role::v_proj ? q + k : stored.role == Role::up_proj ? a.ffn : 0;
            return stored.role == Role::gate_proj || stored.role == Role::up_proj ? 2 * a.ffn : q + 2 * k;
        }
        case Packing::per_group: {
            const auto queries = a.heads / a.kv_heads * a.head_dim;
            source.stride = queries + 2 * a.head_dim;
            source.run = stored.role == Role::q_proj ? queries : a.head_dim;
            source.start = stored.role == Role::q_proj ? 0 : stored.role == Role::k_proj ? queries : queries + a.head_dim;
            source.count = a.kv_heads;
            return a.kv_heads * source.stride;
        }
    }
    return own_rows;
}

void check_tensor(const Checkpoint& checkpoint, const std::string& name, const Shape& expected)
{
    const auto& entry = checkpoint.entry(name);
    const auto where = checkpoint.file_of(name).string();
    if (!entry.supported || (entry.dtype != Dtype::f64 && entry.dtype != Dtype::f32 && entry.dtype != Dtype::f16 && entry.dtype != Dtype::bf16))
        throw bad_input(where, name, "is stored as " + entry.dtype_name + ", which is not supported for weights; convert it to F32, F16 or BF16");
    if (entry.shape != expected)
        throw bad_input(
            where, name,
            "has shape " + to_string(entry.shape) + "; config.json asks for " + to_string(expected) + "; weights and config do not belong together");
}

/// Source of one stored weight or bias, checked against the headers.
WeightSource source_of(const Checkpoint& checkpoint, const Architecture& a, const Stored& stored, std::string name, bool is_bias, std::int64_t layer,
                       const Shape& shape)
{
    WeightSource source;
    source.tensor = replaced(std::move(name), "{layer}", layer) + (is_bias ? ".bias" : ".weight");
    source.transposed = stored.transposed && !is_bias;
    source.add = is_bias ? 0 : stored.add;
    const auto rows = select_rows(a, stored, shape.front(), source);
    if (source.stacked) {
        for (std::int64_t i = 0; i < source.stacked; ++i) check_tensor(checkpoint, replaced(source.tensor, "{head}", i), {shape.back()});
        return source;
    }
    Shape expected{rows};
    if (!is_bias && shape.size() == 2) expected.insert(source.transposed ? expected.begin() : expected.end(), shape.back());
    check_tensor(checkpoint, source.tensor, expected);
    return source;
}

/// `value` as a normal number of `dtype`, rounded to nearest even.
double rounded_to(Dtype dtype, double value)
{
    const int bits = dtype == Dtype::bf16 ? 8 : dtype == Dtype::f16 ? 11 : dtype == Dtype::f32 ? 24 : 53;
    int exponent = 0;
    const double mantissa = std::frexp(value, &exponent);
    return std::ldexp(std::nearbyint(std::ldexp(mantissa, bits)), exponent - bits);
}

/// `out`: the selected output rows of a tensor stored [in, out].
void read_transposed(const Checkpoint& checkpoint, const WeightSource& source, std::span<float> out)
{
    constexpr std::size_t block = 16;  // input rows at a time, so that both sides stay in the cache
    const auto& shape = checkpoint.entry(source.tensor).shape;
    const auto cols = static_cast<std::size_t>(shape[0]), rows = static_cast<std::size_t>(shape[1]);
    const auto run = source.count ? static_cast<std::size_t>(source.run) : rows;
    const auto own_rows = out.size() / cols;
    std::vector<float> lines(block * rows);
    for (std::size_t c = 0; c < cols; c += block) {
        const auto width = std::min(block, cols - c);
        checkpoint.read_float(source.tensor, c * rows, std::span(lines).first(width * rows));
        for (std::size_t r = 0; r < own_rows; ++r) {
            const auto stored = static_cast<std::size_t>(source.start) + r / run * static_cast<std::size_t>(source.stride) + r % run;
            for (std::size_t k = 0; k < width; ++k) out[r * cols + c + k] = lines[k * rows + stored];
        }
    }
}

/// Published files of the bare model have its names without the prefix.
void adapt_prefix(const Checkpoint& checkpoint, FamilyModel& model)
{
    const auto embedding = std::find_if(model.stored.begin(), model.stored.end(), [](const Stored& s) { return s.role == Role::embedding; })->name + ".weight";
    if (checkpoint.contains(embedding) || !checkpoint.contains(embedding.substr(model.prefix.size()))) return;
    for (auto& stored : model.stored)
        if (stored.name.starts_with(model.prefix)) stored.name.erase(0, model.prefix.size());
}

}  // namespace

ModelDescription ModelDescription::read(const Checkpoint& checkpoint)
{
    const ConfigReader config(checkpoint.config(), checkpoint.config_path().string());
    const auto& family = family_of(config);
    FamilyModel model;
    model.architecture.model_type = family.model_type;
    family.read(config, model);
    finish(config, model.architecture);
    adapt_prefix(checkpoint, model);

    ModelDescription description;
    auto& a = description.architecture_ = std::move(model.architecture);
    for (std::int64_t layer = -1; layer < a.layers; ++layer) {
        description.entries_.resize(description.entries_.size() + role_count);
        auto* entries = description.entries_.data() + description.entries_.size() - role_count;
        for (const auto& stored : model.stored) {
            if (is_per_layer(stored.role) != (layer >= 0)) continue;
            auto& entry = entries[static_cast<std::size_t>(stored.role)];
            entry.shape = shape_of(a, stored.role, stored.packing);
            if (stored.role == Role::lm_head && a.tied_embeddings)
                entry.weight = entries[static_cast<std::size_t>(Role::embedding)].weight;
            else
                entry.weight = source_of(checkpoint, a, stored, stored.name, false, layer, entry.shape);
            if (stored.bias) entry.bias = source_of(checkpoint, a, stored, stored.name, true, layer, entry.shape);
        }
    }
    if (model.embedding_scale_in_dtype)
        a.embedding_scale = rounded_to(checkpoint.entry(description.weight(Role::embedding, -1)->tensor).dtype, a.embedding_scale);
    return description;
}

const ModelDescription::Entry& ModelDescription::entry(WeightRole role, std::int64_t layer) const
{
    static const Entry none;
    const auto at = static_cast<std::size_t>(layer + 1) * role_count + static_cast<std::size_t>(role);
    return layer >= -1 && at < entries_.size() ? entries_[at] : none;
}

std::optional<WeightSource> ModelDescription::weight(WeightRole role, std::int64_t layer) const { return entry(role, layer).weight; }
std::optional<WeightSource> ModelDescription::bias(WeightRole role, std::int64_t layer) const { return entry(role, layer).bias; }
Shape ModelDescription::shape(WeightRole role, std::int64_t layer) const { return entry(role, layer).shape; }

std::int64_t ModelDescription::parameter_count() const
{
    std::int64_t count = 0;
    for (const auto& entry : entries_) {
        if (entry.weight) count += element_count(entry.shape);
        if (entry.bias) count += entry.shape.front();
    }
    if (architecture_.tied_embeddings) count -= element_count(shape(Role::lm_head, -1));
    return count;
}

std::size_t weight_size(const Checkpoint& checkpoint, const WeightSource& source)
{
    if (source.stacked) return static_cast<std::size_t>(source.stacked * element_count(checkpoint.entry(replaced(source.tensor, "{head}", 0)).shape));
    const auto& shape = checkpoint.entry(source.tensor).shape;
    if (!source.count) return static_cast<std::size_t>(element_count(shape));
    const auto cols = shape.size() < 2 ? 1 : source.transposed ? shape.front() : shape.back();
    return static_cast<std::size_t>(source.count * source.run * cols);
}

std::vector<float> read_weight(const Checkpoint& checkpoint, const WeightSource& source)
{
    std::vector<float> out(weight_size(checkpoint, source));
    read_weight(checkpoint, source, out);
    return out;
}

void read_weight(const Checkpoint& checkpoint, const WeightSource& source, std::span<float> out)
{
    if (source.stacked) {
        const auto width = out.size() / static_cast<std::size_t>(source.stacked);
        for (std::int64_t i = 0; i < source.stacked; ++i)
            checkpoint.read_float(replaced(source.tensor, "{head}", i), 0, out.subspan(static_cast<std::size_t>(i) * width, width));
    } else if (source.transposed) {
        read_transposed(checkpoint, source, out);
    } else {
        const auto runs = source.count ? static_cast<std::size_t>(source.count) : 1;
        const auto size = out.size() / runs;  // of one run
        const auto cols = source.count ? size / static_cast<std::size_t>(source.run) : 0;
        for (std::size_t i = 0; i < runs; ++i)
            checkpoint.read_float(source.tensor, static_cast<std::size_t>(source.start + static_cast<std::int64_t>(i) * source.stride) * cols,
                                  out.subspan(i * size, size));
    }
    if (source.add != 0)
        for (auto& value : out) value += static_cast<float>(source.add);
}

std::vector<std::string> supported_families()
{
    std::vector<std::string> names;
    for (const auto& family : families()) names.emplace_back(family.model_type);
    return names;
}

std::vector<double> alibi_slopes(std::int64_t heads)
{
    const auto power = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(heads)));
    std::vector<double> slopes;
    for (std::int64_t h = 1; h <= power; ++h) slopes.push_back(std::exp2(-8.0 * static_cast<double>(h) / static_cast<double>(power)));
    for (std::int64_t h = 1; static_cast<std::int64_t>(slopes.size()) < heads; h += 2) slopes.push_back(std::exp2(-4.0 * static_cast<double>(h) / static_cast<double>(power)));
    return slopes;
}

}  // namespace bitwright
