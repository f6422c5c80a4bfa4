// SPDX-License-Identifier: GPL-3.0-or-later
// Every multiplier of the integer level comes from here: each formula stands beside the operation it is for (integer semantics §4).
#include "core/exchange/package_plan.h"

#include "core/exchange/integer_tables.h"
#include "core/exchange/package_linear.h"
#include "core/runtime/error.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bitwright {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const IntegerGrid& grid) { return {{"bits", grid.bits}, {"zero_point", grid.zero_point}, {"scale", grid.scale}}; }
Json json_of(Requantizer factor) { return {{"multiplier", factor.multiplier}, {"shift", factor.shift}}; }

template <typename T>
Tensor vector_of(Dtype dtype, const std::vector<T>& values, Shape shape = {})
{
    if (shape.empty()) shape = {std::ssize(values)};
    return Tensor::from<T>(dtype, std::move(shape), values);
}

/// round(K·ε/s²·2^f), K² for LayerNorm.
std::int64_t epsilon_of(const std::string& name, const Norm& shape, double epsilon, double input_scale)
{
    const auto width = static_cast<double>(shape.gamma.size());
    const double value = std::ldexp((shape.layer ? width * width : width) * epsilon / (input_scale * input_scale), shape.fraction_bits());
    if (!(value <= 0x1p62)) throw bad_input("recipe", name, "its input's range is too narrow for the model's epsilon; widen the range of the residual stream");
    return std::llround(value);
}

}  // namespace

PackagePlan::PackagePlan(const Model& model, const Recipe& recipe, std::int64_t context)
    : model_(model), recipe_(recipe), architecture_(model.architecture()), context_(context), grids_(model, recipe), rope_written_(architecture_.ropes.size())
{
}

void PackagePlan::refuse_unsupported() const
{
    const Architecture& a = architecture_;
    const auto refuse_if = [&](bool unsupported, const char* feature) {
        if (unsupported) throw bad_input(model_.checkpoint->folder().string(), a.model_type, std::string("the integer level does not support ") + feature + " yet; use the simulated level");
    };
    refuse_if(a.embedding_width != a.hidden, "embeddings narrower than the model (project_in, project_out)");
    refuse_if(a.block.norm_after_residual, "norms after the residual add");
    refuse_if(a.block.residual_from_norm, "a residual taken from the norm");
    refuse_if(a.block.pre_attention_norm != a.block.pre_mlp_norm && !a.block.parallel, "blocks with a norm before one of their branches alone");
    refuse_if(!a.final_norm, "models without a final norm");
}

void PackagePlan::lay_out(const Control& control)
{
    refuse_unsupported();
    IntegerGrid residual = grids_.activation(SiteRole::residual_embedding, -1);
    if (architecture_.embedding_norm) {
        const IntegerGrid looked_up = grids_.activation(SiteRole::embedding_norm_input, -1);
        embedding(looked_up);
        norm("embedding_norm", SiteRole::embedding_norm_weight, -1, looked_up, residual);
    } else {
        embedding(residual);
    }
    for (std::int64_t i = 0; i < architecture_.layers; ++i) {
        control.check();
        layer(i, residual);
    }
    const IntegerGrid final = norm("final_norm", SiteRole::final_norm_weight, -1, residual, grids_.activation(SiteRole::final_norm_output, -1));
    lm_head(final);
}

void PackagePlan::embedding(const IntegerGrid& residual)
{
    operations_["embedding"] = {{"output", json_of(residual)}};
    const Site& site = grids_.site(SiteRole::embedding_weight, -1);
    const Scheme& scheme = grids_.weight_scheme(SiteRole::embedding_weight, -1);
    if (scheme.granularity == Granularity::group) throw bad_input("recipe", site.name, "the integer level does not support groups in the embedding yet; set granularity=row");
    const std::int64_t vocab = architecture_.vocab, hidden = architecture_.hidden;
    std::vector<SafetensorsWriter::Declared> declared{weight_declared("embedding.weight", scheme, vocab, hidden)};
    if (!scheme.symmetric) declared.push_back({"embedding.zero_point", Dtype::i8, {vocab}});
    declared.push_back({"embedding.multiplier", Dtype::i32, {vocab}});
    declared.push_back({"embedding.shift", Dtype::u8, {vocab}});
    add(std::move(declared), [this, residual, scheme, name = site.name] {
        const IntegerWeight weight = grids_.weight(SiteRole::embedding_weight, -1);
        std::vector<std::int8_t> zero_points;
        std::vector<std::int32_t> multipliers;
        std::vector<std::uint8_t> shifts;
        for (std::int64_t row = 0; row < weight.rows; ++row) {
            const Requantizer factor = requantizer_of(weight.row_scale(row) * architecture_.embedding_scale / residual.scale, name.c_str());
            multipliers.push_back(factor.multiplier);
            shifts.push_back(static_cast<std::uint8_t>(factor.shift));
            zero_points.push_back(static_cast<std::int8_t>(weight.zero_point(row, 0)));
        }
        std::vector<Tensor> tensors{packed_weight(weight, scheme)};
        if (!scheme.symmetric) tensors.push_back(vector_of(Dtype::i8, zero_points));
        tensors.push_back(vector_of(Dtype::i32, multipliers));
        tensors.push_back(vector_of(Dtype::u8, shifts));
        return tensors;
    });
    if (architecture_.position != PositionKind::learned) return;
    add({{"embedding.positions", Dtype::i16, {context_, hidden}}}, [this, residual] {
        const MaterializedWeight plain = materialize(model_, &recipe_, grids_.site(SiteRole::position_weight, -1).id);
        const auto first = static_cast<std::size_t>(architecture_.position_offset * architecture_.hidden), count = static_cast<std::size_t>(context_ * architecture_.hidden);
        if (plain.weight.size() < first + count) throw bad_input(model_.checkpoint->folder().string(), "position embedding", "has fewer rows than the context asked for; export with a shorter context");
        std::vector<std::int16_t> codes(count);
        for (std::size_t i = 0; i < count; ++i) codes[i] = static_cast<std::int16_t>(saturate(std::llround(plain.weight[first + i] / residual.scale), -32768, 32767));
        return std::vector{vector_of(Dtype::i16, codes, {context_, architecture_.hidden})};
    });
}

void PackagePlan::layer(std::int64_t index, IntegerGrid& residual)
{
    using R = SiteRole;
    const Architecture& a = architecture_;
    const std::string at = "layers." + std::to_string(index) + ".";
    const auto grid = [&](R role, int most_bits = 16) { return grids_.activation(role, index, most_bits); };

    const bool norms_first = grids_.has(R::attention_norm_weight, index);  // else the branches read the stream itself
    const IntegerGrid normed = norms_first ? norm(at + "attention_norm", R::attention_norm_weight, index, residual, grid(R::attention_norm_output)) : residual;
    IntegerGrid query = grid(a.qk_norm == QkNorm::none ? R::q_output : R::q_norm_input), key = grid(a.qk_norm == QkNorm::none ? R::k_output : R::k_norm_input);
    const IntegerGrid value = grid(R::pv_input2, 8);
    linear(at + "q_proj", R::q_weight, index, normed, query);
    linear(at + "k_proj", R::k_weight, index, normed, key);
    linear(at + "v_proj", R::v_weight, index, normed, value);
    if (a.qk_norm != QkNorm::none) {
        query = norm(at + "q_norm", R::q_norm_weight, index, query, grid(R::q_norm_output));
        key = norm(at + "k_norm", R::k_norm_weight, index, key, grid(R::k_norm_output));
    }
    const IntegerGrid rotated_query = grid(R::qk_input, 8), rotated_key = grid(R::qk_input2, 8), mixed = grid(R::pv_output);
    rope(at + "q_rope", index, query, rotated_query);
    rope(at + "k_rope", index, key, rotated_key);
    attention(at + "attention", index, rotated_query, rotated_key, value, mixed);

    // A branch ends in its projection, or in a post-norm whose 16-bit input the projection then writes.
    const auto branch = [&](const char* projection, R weight, R output, const IntegerGrid& input, const char* post, R norm_input, R norm_weight, R norm_output) {
        if (!grids_.has(norm_weight, index)) {
            const IntegerGrid written = grid(output);
            linear(at + projection, weight, index, input, written);
            return written;
        }
        const IntegerGrid written = grid(norm_input);
        linear(at + projection, weight, index, input, written);
        return norm(at + post, norm_weight, index, written, grid(norm_output));
    };
    const IntegerGrid attended = branch("o_proj", R::o_weight, R::o_output, mixed, "attention_branch_norm", R::attention_branch_norm_input, R::attention_branch_norm_weight, R::attention_branch_norm_output);
    const IntegerGrid before = residual;
    if (!a.block.parallel) {
        residual = grid(R::residual_attention);
        residual_add(at + "attention_add", {before.scale, a.residual_multiplier * attended.scale}, residual);
    }
    const bool own_norm = grids_.has(R::mlp_norm_weight, index);
    const IntegerGrid mlp_input = own_norm ? norm(at + "mlp_norm", R::mlp_norm_weight, index, residual, grid(R::mlp_norm_output)) : a.block.parallel ? normed : residual;
    const IntegerGrid up = grid(R::up_output), down_input = grid(R::down_input);
    linear(at + "up_proj", R::up_weight, index, mlp_input, up);
    if (a.gated_mlp) {
        const IntegerGrid gate = grid(R::gate_output), active = activation_output_grid(a.activation, gate);
        linear(at + "gate_proj", R::gate_weight, index, mlp_input, gate);
        activation(at + "activation", gate, active);
        operations_[at + "product"] = {{"factor", json_of(requantizer_of(active.scale * up.scale / down_input.scale, (at + "product").c_str()))}, {"output", json_of(down_input)}};
    } else {
        activation(at + "activation", up, down_input);
    }
    const IntegerGrid projected = branch("down_proj", R::down_weight, R::down_output, down_input, "mlp_branch_norm", R::mlp_branch_norm_input, R::mlp_branch_norm_weight, R::mlp_branch_norm_output);
    const IntegerGrid stream = residual;
    residual = grid(R::residual_mlp);
    if (a.block.parallel) residual_add(at + "mlp_add", {before.scale, a.residual_multiplier * attended.scale, a.residual_multiplier * projected.scale}, residual);
    else residual_add(at + "mlp_add", {stream.scale, a.residual_multiplier * projected.scale}, residual);
}

IntegerGrid PackagePlan::norm(const std::string& name, SiteRole weight, std::int64_t index, const IntegerGrid& input, const IntegerGrid& output)
{
    if (input.zero_point != 0) throw bad_input("recipe", name, "its input has a zero point; norms read symmetric 16-bit codes, set bits=16");
    const bool head_norm = weight == SiteRole::q_norm_weight || weight == SiteRole::k_norm_weight;
    const IntegerGamma gamma = grids_.gamma(weight, index);
    Norm shape;
    shape.layer = (head_norm ? architecture_.qk_norm_kind : architecture_.norm) == NormKind::layer;
    const bool each_head = head_norm && architecture_.qk_norm == QkNorm::per_head && std::ssize(gamma.codes) > architecture_.head_dim;
    shape.gamma = std::span(gamma.codes).first(each_head ? static_cast<std::size_t>(architecture_.head_dim) : gamma.codes.size());
    const auto width = static_cast<double>(shape.gamma.size());
    // rms: x·γ·√K/√(Σx² + K·ε/s²); layer: (K·x − Σx)·γ/√(K²·variance + K²·ε/s²): the input's scale cancels.
    const Requantizer factor = requantizer_of((shape.layer ? 1 : std::sqrt(width)) * gamma.scale / output.scale, name.c_str());
    operations_[name] = {{"kind", shape.layer ? "layer" : "rms"}, {"epsilon", epsilon_of(name, shape, architecture_.norm_eps, input.scale)}, {"factor", json_of(factor)}, {"output", json_of(output)}};
    if (each_head) operations_[name]["heads"] = std::ssize(gamma.codes) / architecture_.head_dim;
    std::vector<SafetensorsWriter::Declared> declared{{name + ".gamma", Dtype::i16, {std::ssize(gamma.codes)}}};
    std::vector<Tensor> tensors{vector_of(Dtype::i16, gamma.codes)};
    if (shape.layer && !gamma.beta.empty()) {
        std::vector<std::int32_t> beta;
        for (const float value : gamma.beta) beta.push_back(saturate(std::llround(value / output.scale * 256), INT32_MIN / 2, INT32_MAX / 2));
        declared.push_back({name + ".beta", Dtype::i32, {std::ssize(beta)}});
        tensors.push_back(vector_of(Dtype::i32, beta));
    }
    add(std::move(declared), [tensors = std::move(tensors)] { return tensors; });
    return output;
}

void PackagePlan::linear(const std::string& name, SiteRole weight, std::int64_t index, const IntegerGrid& input, const IntegerGrid& output)
{
    const Scheme& scheme = grids_.weight_scheme(weight, index);
    const Site& site = grids_.site(weight, index);
    operations_[name] = {{"group", scheme.granularity == Granularity::group ? scheme.group_size : 0}, {"output", json_of(output)}};
    const bool has_bias = model_.description->bias(site.weight_role, index).has_value();
    add(linear_declared(name, scheme, site.rows, site.channels, has_bias || input.zero_point != 0), [this, name, weight, index, scheme, input, output, has_bias] {
        return linear_tensors(name, grids_.weight(weight, index), scheme, input, output.scale, has_bias || input.zero_point != 0);
    });
}

void PackagePlan::lm_head(const IntegerGrid& input)
{
    const Site& site = grids_.site(SiteRole::lm_head_weight, -1);
    const Scheme& scheme = grids_.weight_scheme(SiteRole::lm_head_weight, -1);
    const auto weight = std::make_shared<const IntegerWeight>(grids_.weight(SiteRole::lm_head_weight, -1));  // kept: the common scale is in the header
    double bound = 0;  // of |logit| for any input codes
    for (std::int64_t row = 0; row < weight->rows; ++row) {
        const double bias = weight->bias.empty() ? 0 : std::fabs(weight->bias[static_cast<std::size_t>(row)]);
        const double largest_input = std::ldexp(1.0, input.bits - 1) + std::abs(input.zero_point);
        bound = std::max(bound, static_cast<double>(weight->row_sums(row).absolute_sum) * largest_input * weight->row_scale(row) * input.scale + bias);
    }
    bound *= std::fabs(architecture_.logit_multiplier);
    logit_scale_ = std::exp2(std::ceil(std::log2(std::max(bound, 1e-30))) - 31);
    operations_["lm_head"] = {{"group", weight->group}};
    const bool has_bias = !weight->bias.empty() || input.zero_point != 0;
    add(linear_declared("lm_head", scheme, site.rows, site.channels, has_bias), [this, weight, scheme, input, has_bias] {
        return linear_tensors("lm_head", *weight, scheme, input, logit_scale_ / architecture_.logit_multiplier, has_bias);
    });
}

void PackagePlan::rope(const std::string& name, std::int64_t index, const IntegerGrid& input, const IntegerGrid& output)
{
    const int table = architecture_.position == PositionKind::rope ? architecture_.attention[static_cast<std::size_t>(index)].rope : -1;
    const std::int64_t dims = table < 0 ? 0 : architecture_.ropes[static_cast<std::size_t>(table)].dims;
    Json& op = operations_[name] = {{"dims", dims}, {"interleaved", false}};
    if (dims > 0) op["table"] = table;
    op["factor"] = json_of(requantizer_of(input.scale / output.scale / 16384, name.c_str()));
    op["output"] = json_of(output);
    if (dims == 0 || rope_written_[static_cast<std::size_t>(table)]) return;
    rope_written_[static_cast<std::size_t>(table)] = true;
    const std::string prefix = "rope." + std::to_string(table);
    const Shape shape{context_, dims / 2};
    add({{prefix + ".cosine", Dtype::i16, shape}, {prefix + ".sine", Dtype::i16, shape}}, [this, table, shape] {
        const RopeTables tables = rope_tables(architecture_.ropes[static_cast<std::size_t>(table)], context_);
        return std::vector{vector_of(Dtype::i16, tables.cosine, shape), vector_of(Dtype::i16, tables.sine, shape)};
    });
}

void PackagePlan::attention(const std::string& name, std::int64_t index, const IntegerGrid& query, const IntegerGrid& key, const IntegerGrid& value, const IntegerGrid& output)
{
    const Architecture& a = architecture_;
    const double real = query.scale * key.scale * a.attention_scale;  // of one unit of q·k
    const double unit = a.attention_softcap > 0 ? softcap_reach * a.attention_softcap / 32768 : 1 / (std::numbers::log2e * 65536);
    operations_[name] = {{"window", a.attention[static_cast<std::size_t>(index)].window},
                         {"score", json_of(requantizer_of(real / unit, name.c_str()))},
                         {"value", json_of(requantizer_of(value.scale / 65536 / output.scale, name.c_str()))},
                         {"output", json_of(output)}};
    if (a.position == PositionKind::alibi)
        add({{name + ".slopes", Dtype::i32, {a.heads}}}, [heads = a.heads] {  // −slope per token of distance, in units of log2 e / 65536
            std::vector<std::int32_t> slopes;
            for (const double slope : alibi_slopes(heads)) slopes.push_back(static_cast<std::int32_t>(-std::llround(slope * std::numbers::log2e * 65536)));
            return std::vector{vector_of(Dtype::i32, slopes)};
        });
    if (a.attention_softcap > 0) add({{name + ".softcap", Dtype::i32, {1025}}}, [cap = a.attention_softcap] { return std::vector{vector_of(Dtype::i32, softcap_table(cap))}; });
}

void PackagePlan::residual_add(const std::string& name, const std::vector<double>& scales, const IntegerGrid& output)
{
    std::vector<double> factors;
    for (const double scale : scales) factors.push_back(scale / output.scale);
    const CommonRequantizer common = common_requantizer(factors, name.c_str());
    operations_[name] = {{"multipliers", common.multipliers}, {"shift", common.shift}, {"output", json_of(output)}};
}

void PackagePlan::activation(const std::string& name, const IntegerGrid& input, const IntegerGrid& output)
{
    operations_[name] = {{"output", json_of(output)}};
    const Activation kind = architecture_.activation;
    if (input.bits <= 8) add({{name + ".table", Dtype::i16, {256}}}, [=] { return std::vector{vector_of(Dtype::i16, exact_activation_table(kind, input, output))}; });
    else add({{name + ".table", Dtype::i32, {1025}}}, [=] { return std::vector{vector_of(Dtype::i32, fine_activation_table(kind, input, output))}; });
}

}  // namespace bitwright
