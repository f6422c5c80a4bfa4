// SPDX-License-Identifier: GPL-3.0-or-later
// How each operation of a package is read and what is checked about it: the bounds that operations.cpp relies on.
#include "core/runtime/error.h"
#include "core/runtime/package_reader.h"

#include <algorithm>
#include <cstring>

namespace bitwright {

template <typename T>
std::span<const T> PackageReader::tensor(const std::string& name, Dtype dtype, const Shape& shape)
{
    const TensorEntry* entry = package_.file_.find(name);
    if (!entry) fail(name, "the tensor is missing; expected " + std::string(name_of(dtype)) + " " + to_string(shape));
    if (!entry->supported || entry->dtype != dtype || entry->shape != shape)
        fail(name, "is " + entry->dtype_name + " " + to_string(entry->shape) + ", must be " + std::string(name_of(dtype)) + " " + to_string(shape));
    read_tensors_.insert(name);
    const TensorView view = package_.file_.tensor(name);
    if constexpr (sizeof(T) == 1) {
        return view.as<T>();
    } else {
        const auto& copy = package_.owned_.try_emplace(name, view.data.begin(), view.data.end()).first->second;
        return {reinterpret_cast<const T*>(copy.data()), copy.size() / sizeof(T)};
    }
}

template <typename T>
std::span<const T> PackageReader::optional_tensor(const std::string& name, Dtype dtype, const Shape& shape)
{
    if (!package_.file_.find(name)) return {};
    return tensor<T>(name, dtype, shape);
}

template std::span<const std::uint8_t> PackageReader::tensor(const std::string&, Dtype, const Shape&);

std::int64_t PackageReader::count_of(const std::string& name, std::initializer_list<std::int64_t> allowed) const
{
    const TensorEntry* entry = package_.file_.find(name);
    if (!entry) return 0;
    const std::int64_t count = entry->shape.size() == 1 ? entry->shape[0] : -1;
    if (std::find(allowed.begin(), allowed.end(), count) != allowed.end()) return count;
    std::string sizes;
    for (const std::int64_t size : allowed) sizes += (sizes.empty() ? "[" : " or [") + std::to_string(size) + "]";
    fail(name, "has shape " + to_string(entry->shape) + ", must be " + sizes);
}

WeightCodes PackageReader::weight_codes(const std::string& name, std::int64_t rows, std::int64_t cols)
{
    const TensorEntry* entry = package_.file_.find(name);
    const bool packed = entry && entry->supported && entry->dtype == Dtype::u8;
    if (entry && layout_.rows > 1 && entry->shape.size() == 4) {
        WeightCodes codes{rows, cols, packed ? 4 : 8, {}, layout_};
        const Shape shape{codes.panels(), codes.padded_cols() / layout_.depth / (packed ? 2 : 1), layout_.rows, layout_.depth};
        codes.bytes = tensor<std::uint8_t>(name, packed ? Dtype::u8 : Dtype::i8, shape);
        return codes;
    }
    const auto bytes = packed ? tensor<std::uint8_t>(name, Dtype::u8, {rows, (cols + 1) / 2}) : tensor<std::uint8_t>(name, Dtype::i8, {rows, cols});
    return {rows, cols, packed ? 4 : 8, bytes};
}

void PackageReader::check_requantizers(const std::string& name, std::span<const std::int32_t> multipliers, std::span<const std::uint8_t> shifts) const
{
    for (std::size_t i = 0; i < multipliers.size(); ++i) {
        if (multipliers[i] < std::int32_t{1} << 30) fail(name + ".multiplier", "entry " + std::to_string(i) + " is " + std::to_string(multipliers[i]) + ", must be 2^30 … 2^31 − 1");
        if (shifts[i] < 1 || shifts[i] > 62) fail(name + ".shift", "entry " + std::to_string(i) + " is " + std::to_string(shifts[i]) + ", must be 1 … 62");
    }
}

Embedding PackageReader::embedding()
{
    const ModelGraph& graph = package_.graph_;
    const std::string name = "embedding";
    const Scalars from = scalars(name);
    Embedding op;
    op.weight = weight_codes(name + ".weight", graph.vocab, graph.hidden);
    if (op.weight.layout.rows > 1) fail(name + ".weight", "lies in panels, must lie in rows: its rows are read one at a time");
    op.zero_points = optional_tensor<std::int8_t>(name + ".zero_point", Dtype::i8, {graph.vocab});
    op.multipliers = tensor<std::int32_t>(name + ".multiplier", Dtype::i32, {graph.vocab});
    op.shifts = tensor<std::uint8_t>(name + ".shift", Dtype::u8, {graph.vocab});
    check_requantizers(name, op.multipliers, op.shifts);
    op.positions = optional_tensor<std::int16_t>(name + ".positions", Dtype::i16, {graph.context, graph.hidden});
    op.output = symmetric_grid(from);
    return op;
}

Norm PackageReader::norm(const std::string& name, std::int64_t width, std::int64_t other_width)
{
    const Scalars from = scalars(name);
    const json::Value& kind = field(from, "kind");
    if (kind.kind != json::Kind::string || (kind.string != "rms" && kind.string != "layer")) fail(name + ".kind", "is neither \"rms\" nor \"layer\"");
    Norm op;
    op.layer = kind.string == "layer";
    if (other_width > 0 && count_of(name + ".gamma", {width, other_width}) == other_width) width = other_width;
    if (width > (op.layer ? 32768 : 65536)) fail(name, "is wider than " + std::string(op.layer ? "32,768" : "65,536") + ": its sums would not fit 64 bits");
    op.gamma = tensor<std::int16_t>(name + ".gamma", Dtype::i16, {width});
    op.beta = op.layer ? optional_tensor<std::int32_t>(name + ".beta", Dtype::i32, {width}) : std::span<const std::int32_t>();
    op.epsilon = integer(from, "epsilon", 0, std::int64_t{1} << 62);
    op.factor = requantizer(from, "factor");
    if (op.factor.shift < 10) fail(name + ".factor.shift", "is " + std::to_string(op.factor.shift) + ", must be 10 … 62");
    op.output = grid(from);
    return op;
}

std::vector<Norm> PackageReader::head_norms(const std::string& name, const Linear& projection, std::int64_t heads)
{
    if (!has(name)) return {};
    if (projection.output.zero_point != 0) fail(name, "reads a projection whose zero point is not 0");
    const std::int64_t dim = package_.graph_.head_dim;
    const Scalars from = scalars(name);
    if (!from.object->find("heads")) return {norm(name, heads * dim, dim)};
    (void)integer(from, "heads", heads, heads);
    const Norm all = norm(name, heads * dim);
    std::vector<Norm> own(static_cast<std::size_t>(heads), all);
    for (std::size_t h = 0; h < own.size(); ++h) {
        const auto width = static_cast<std::size_t>(dim);
        own[h].gamma = all.gamma.subspan(h * width, width);
        if (!all.beta.empty()) own[h].beta = all.beta.subspan(h * width, width);
    }
    return own;
}

Linear PackageReader::linear(const std::string& name, std::int64_t rows, std::int64_t cols, const IntegerGrid& input, bool writes_logits, int most_bits)
{
    const Scalars from = scalars(name);
    Linear op;
    op.weight = weight_codes(name + ".weight", rows, cols);
    op.input_bits = input.bits;
    op.group = integer(from, "group", 0, cols);
    const std::int64_t groups = op.group == 0 ? 1 : (cols + op.group - 1) / op.group;
    if (op.group != 0) {
        const std::int64_t height = op.weight.layout.rows, step = op.weight.layout.depth * (op.weight.stored_bits == 4 ? 2 : 1);
        if (height > 1 && (cols % op.group != 0 || op.group % step != 0)) fail(name + ".group", "is " + std::to_string(op.group) + ", which does not fit its panels");
        op.group_scales = tensor<std::uint8_t>(name + ".group_scale", Dtype::u8, height > 1 ? Shape{op.weight.panels(), groups, height} : Shape{rows, groups});
        if (std::find(op.group_scales.begin(), op.group_scales.end(), 0) != op.group_scales.end()) fail(name + ".group_scale", "holds a 0, must be 1 … 255");
    }
    if (op.weight.layout.rows > 1) op.row_sums = tensor<std::int32_t>(name + ".row_sum", Dtype::i32, {rows});
    if (const std::int64_t count = count_of(name + ".zero_point", {1, rows, op.group == 0 ? rows : op.weight.panels() * op.weight.layout.rows * groups})) op.zero_points = tensor<std::int8_t>(name + ".zero_point", Dtype::i8, {count});
    if (op.weight.stored_bits == 4)
        for (const std::int8_t zero_point : op.zero_points)
            if (zero_point < -8 || zero_point > 7) fail(name + ".zero_point", "is " + std::to_string(zero_point) + ", must be a 4-bit code −8 … 7");
    op.bias = optional_tensor<std::int32_t>(name + ".bias", Dtype::i32, {rows});
    const std::int64_t scales = count_of(name + ".multiplier", {1, rows});
    op.multipliers = tensor<std::int32_t>(name + ".multiplier", Dtype::i32, {scales == 0 ? rows : scales});
    op.shifts = tensor<std::uint8_t>(name + ".shift", Dtype::u8, {scales});
    check_requantizers(name, op.multipliers, op.shifts);
    op.permutation = optional_tensor<std::int32_t>(name + ".permutation", Dtype::i32, {cols});
    for (const std::int32_t k : op.permutation)
        if (k < 0 || k >= cols) fail(name + ".permutation", "holds " + std::to_string(k) + ", must be 0 … " + std::to_string(cols - 1));
    // Σ (a − z_a)(w − z_w) within int32 (integer semantics §3); the low byte plane of a 16-bit input counts as a side with a zero point.
    const int shifted_sides = (input.bits > 8 || input.zero_point != 0 ? 1 : 0) + (op.zero_points.empty() ? 0 : 1);
    const std::int64_t most = shifted_sides == 0 ? 131071 : shifted_sides == 1 ? 65792 : 33025;
    if (cols > most) fail(name, "sums " + std::to_string(cols) + " products, at most " + std::to_string(most) + " fit its accumulator");
    if (!writes_logits) op.output = grid(from, most_bits);
    return op;
}

Rotation PackageReader::rope(const std::string& name, const IntegerGrid& input)
{
    const ModelGraph& graph = package_.graph_;
    const Scalars from = scalars(name);
    Rotation op;
    op.head_dim = graph.head_dim;
    op.dims = integer(from, "dims", 0, graph.head_dim);
    if (op.dims % 2 != 0) fail(name + ".dims", "is odd");
    const json::Value& interleaved = field(from, "interleaved");
    if (interleaved.kind != json::Kind::boolean) fail(name + ".interleaved", "is neither true nor false");
    op.interleaved = interleaved.boolean;
    if (op.dims > 0) {
        const std::string table = "rope." + std::to_string(integer(from, "table", 0, 64));
        op.cosine = tensor<std::int16_t>(table + ".cosine", Dtype::i16, {graph.context, op.dims / 2});
        op.sine = tensor<std::int16_t>(table + ".sine", Dtype::i16, {graph.context, op.dims / 2});
    }
    op.input_zero_point = input.zero_point;
    op.factor = requantizer(from, "factor");
    op.output = grid(from, 8);
    return op;
}

Attention PackageReader::attention(const std::string& name, const LayerGraph& layer)
{
    const ModelGraph& graph = package_.graph_;
    const Scalars from = scalars(name);
    Attention op;
    op.heads = graph.heads;
    op.kv_heads = graph.kv_heads;
    op.head_dim = graph.head_dim;
    op.window = integer(from, "window", 0, std::int64_t{1} << 40);
    op.query_zero_point = layer.q_rope.output.zero_point;
    op.key_zero_point = layer.k_rope.output.zero_point;
    op.value_zero_point = layer.v_proj.output.zero_point;
    op.score = requantizer(from, "score");
    op.softcap = optional_tensor<std::int32_t>(name + ".softcap", Dtype::i32, {1025});
    op.slopes = optional_tensor<std::int32_t>(name + ".slopes", Dtype::i32, {graph.heads});
    op.value = requantizer(from, "value");
    op.output = grid(from);
    return op;
}

ResidualAdd PackageReader::residual_add(const std::string& name, std::vector<std::int32_t> zero_points)
{
    const Scalars from = scalars(name);
    const json::Value& multipliers = field(from, "multipliers");
    if (multipliers.kind != json::Kind::array || multipliers.array.size() != zero_points.size()) fail(name + ".multipliers", "must list " + std::to_string(zero_points.size()) + " multipliers");
    ResidualAdd op;
    for (const json::Value& value : multipliers.array) {
        if (value.kind != json::Kind::integer || value.integer < 0 || value.integer > INT32_MAX) fail(name + ".multipliers", "holds a value that is not 0 … 2^31 − 1");
        op.multipliers.push_back(static_cast<std::int32_t>(value.integer));
    }
    op.zero_points = std::move(zero_points);
    op.shift = static_cast<std::int32_t>(integer(from, "shift", 1, 62));
    op.output = symmetric_grid(from);
    return op;
}

ActivationTable PackageReader::activation(const std::string& name, const IntegerGrid& input)
{
    const Scalars from = scalars(name);
    ActivationTable op;
    op.output = grid(from);
    if (input.bits > 8) {
        op.fine = tensor<std::int32_t>(name + ".table", Dtype::i32, {1025});
        return op;
    }
    op.exact = tensor<std::int16_t>(name + ".table", Dtype::i16, {256});
    for (const std::int16_t code : op.exact)
        if (code < op.output.low() || code > op.output.high()) fail(name + ".table", "holds " + std::to_string(code) + ", which is no code of its " + std::to_string(op.output.bits) + "-bit output");
    return op;
}

}  // namespace bitwright
