// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/bench/synthetic_package.h"

#include "core/runtime/fixed_point.h"
#include "core/runtime/random.h"
#include "core/runtime/safetensors.h"

#include <cmath>
#include <functional>
#include <string>

namespace bitwright {
namespace {

/// Tensors declared first, made when their turn comes.
class Plan {
public:
    explicit Plan(const SyntheticShape& shape) : shape_(shape) {}

    void norm(const std::string& name, int bits)
    {
        values<std::int16_t>(name + ".gamma", Dtype::i16, {shape_.hidden}, [](std::int64_t) { return 16384; });
        const double gain = (bits == 8 ? 30.0 : 6000.0) / 16384 * std::sqrt(static_cast<double>(shape_.hidden));
        operation(name, "\"kind\":\"rms\",\"epsilon\":1000," + factor("factor", gain) + "," + grid(bits));
    }
    /// `spread`: of the output codes, for inputs that spread over 30 codes.
    void linear(const std::string& name, std::int64_t rows, std::int64_t cols, bool may_be_narrow, double inputs, double spread, const std::string& output)
    {
        const bool narrow = may_be_narrow && shape_.weight_bits == 4;
        const std::int64_t group = narrow ? shape_.group : 0;
        random_bytes(name + ".weight", narrow ? Dtype::u8 : Dtype::i8, {rows, narrow ? (cols + 1) / 2 : cols});
        if (group != 0) values<std::uint8_t>(name + ".group_scale", Dtype::u8, {rows, (cols + group - 1) / group}, [](std::int64_t i) { return 1 + i % 15; });
        const double sum = std::sqrt(static_cast<double>(cols)) * inputs * (narrow ? 4.6 : 74) * (group == 0 ? 1 : 9);
        const Requantizer made = requantizer_of(spread / sum, name.c_str());
        values<std::int32_t>(name + ".multiplier", Dtype::i32, {rows}, [made](std::int64_t) { return made.multiplier; });
        values<std::uint8_t>(name + ".shift", Dtype::u8, {rows}, [made](std::int64_t) { return made.shift; });
        operation(name, "\"group\":" + std::to_string(group) + (output.empty() ? "" : "," + output));
    }
    template <typename T>
    void values(const std::string& name, Dtype dtype, Shape dims, const std::function<std::int64_t(std::int64_t)>& value)
    {
        const std::int64_t count = element_count(dims);
        declared_.push_back({name, dtype, std::move(dims)});
        makers_.emplace_back([count, value](SafetensorsWriter& writer) {
            std::vector<T> made(static_cast<std::size_t>(count));
            for (std::int64_t i = 0; i < count; ++i) made[static_cast<std::size_t>(i)] = static_cast<T>(value(i));
            writer.append(std::as_bytes(std::span(made)));
        });
    }
    void random_bytes(const std::string& name, Dtype dtype, Shape dims)
    {
        const std::int64_t count = element_count(dims);
        declared_.push_back({name, dtype, std::move(dims)});
        makers_.emplace_back([count, seed = makers_.size() + 1](SafetensorsWriter& writer) {
            std::vector<std::uint64_t> block(1 << 16);
            Random random(seed);
            for (std::int64_t done = 0; done < count;) {
                for (auto& word : block) word = random.next();
                const std::int64_t bytes = std::min(count - done, static_cast<std::int64_t>(block.size() * sizeof block[0]));
                writer.append(std::as_bytes(std::span(block)).first(static_cast<std::size_t>(bytes)));
                done += bytes;
            }
        });
    }
    void operation(const std::string& name, const std::string& fields) { operations_ += (operations_.empty() ? "" : ",") + ("\"" + name + "\":{" + fields + "}"); }
    static std::string grid(int bits) { return "\"output\":{\"bits\":" + std::to_string(bits) + ",\"zero_point\":0,\"scale\":" + (bits == 8 ? "0.05" : "0.001") + "}"; }
    static std::string factor(const char* key, double value)
    {
        const Requantizer made = requantizer_of(value, key);
        return "\"" + std::string(key) + "\":{\"multiplier\":" + std::to_string(made.multiplier) + ",\"shift\":" + std::to_string(made.shift) + "}";
    }
    static std::string add(double residual, double branch)
    {
        const double factors[] = {residual, branch};
        const CommonRequantizer made = common_requantizer(factors, "add");
        return "\"multipliers\":[" + std::to_string(made.multipliers[0]) + "," + std::to_string(made.multipliers[1]) + "],\"shift\":" + std::to_string(made.shift) + "," + grid(16);
    }
    void write(const std::filesystem::path& path)
    {
        const auto field = [](const char* key, std::int64_t value) { return ",\"" + std::string(key) + "\":" + std::to_string(value); };
        const std::string architecture = "{\"model_type\":\"synthetic\"" + field("layers", shape_.layers) + field("hidden", shape_.hidden) + field("heads", shape_.heads) +
                                         field("kv_heads", shape_.kv_heads) + field("head_dim", shape_.head_dim) + field("ffn", shape_.ffn) + field("vocab", shape_.vocab) +
                                         field("context", shape_.context) + ",\"gated_mlp\":true,\"bos\":1,\"eos\":2,\"logit_scale\":0.0009765625,\"final_softcap\":0}";
        SafetensorsWriter writer(path, declared_, {{"format", "1"}, {"layout", "rows"}, {"architecture", architecture}, {"operations", "{" + operations_ + "}"}, {"made_by", "synthetic"}});
        for (const auto& make : makers_) make(writer);
        writer.finish();
    }

private:
    const SyntheticShape& shape_;
    std::vector<SafetensorsWriter::Declared> declared_;
    std::vector<std::function<void(SafetensorsWriter&)>> makers_;
    std::string operations_;
};

}  // namespace

void write_synthetic_package(const SyntheticShape& shape, const std::filesystem::path& path)
{
    Plan plan(shape);
    const std::int64_t query_width = shape.heads * shape.head_dim, key_width = shape.kv_heads * shape.head_dim;
    const std::string byte = Plan::grid(8), wide = Plan::grid(16);
    plan.random_bytes("embedding.weight", Dtype::i8, {shape.vocab, shape.hidden});
    plan.values<std::int32_t>("embedding.multiplier", Dtype::i32, {shape.vocab}, [](std::int64_t) { return 1'300'000'000; });
    plan.values<std::uint8_t>("embedding.shift", Dtype::u8, {shape.vocab}, [](std::int64_t) { return 25; });
    plan.operation("embedding", wide);
    const std::int64_t half = shape.head_dim / 2;
    const auto angle = [half](std::int64_t i) { return static_cast<double>(i / half) * std::pow(10000.0, -static_cast<double>(i % half) / static_cast<double>(half)); };
    plan.values<std::int16_t>("rope.0.cosine", Dtype::i16, {shape.context, half}, [angle](std::int64_t i) { return std::lround(16384 * std::cos(angle(i))); });
    plan.values<std::int16_t>("rope.0.sine", Dtype::i16, {shape.context, half}, [angle](std::int64_t i) { return std::lround(16384 * std::sin(angle(i))); });
    for (std::int64_t layer = 0; layer < shape.layers; ++layer) {
        const std::string at = "layers." + std::to_string(layer) + ".";
        plan.norm(at + "attention_norm", 8);
        plan.linear(at + "q_proj", query_width, shape.hidden, true, 30, 30, byte);
        plan.linear(at + "k_proj", key_width, shape.hidden, true, 30, 30, byte);
        plan.linear(at + "v_proj", key_width, shape.hidden, true, 30, 30, byte);
        for (const char* rope : {"q_rope", "k_rope"})
            plan.operation(at + rope, "\"dims\":" + std::to_string(shape.head_dim) + ",\"interleaved\":false,\"table\":0," + Plan::factor("factor", 1.0 / 16384) + "," + byte);
        plan.operation(at + "attention", "\"window\":0," + Plan::factor("score", 18) + "," + Plan::factor("value", 4.0 / 65536) + "," + byte);
        plan.linear(at + "o_proj", shape.hidden, query_width, true, 20, 2000, wide);
        plan.operation(at + "attention_add", Plan::add(0.9, 0.5));
        plan.norm(at + "mlp_norm", 8);
        plan.linear(at + "gate_proj", shape.ffn, shape.hidden, true, 30, 30, byte);
        plan.linear(at + "up_proj", shape.ffn, shape.hidden, true, 30, 30, byte);
        plan.values<std::int16_t>(at + "activation.table", Dtype::i16, {256}, [](std::int64_t i) {
            const double x = 0.1 * static_cast<double>(i - 128);
            return std::lround(2000 * x / (1 + std::exp(-x)));
        });
        plan.operation(at + "activation", wide);
        plan.operation(at + "product", Plan::factor("factor", 1.0 / 4000) + "," + byte);
        plan.linear(at + "down_proj", shape.hidden, shape.ffn, true, 20, 2000, wide);
        plan.operation(at + "mlp_add", Plan::add(0.9, 0.5));
    }
    plan.norm("final_norm", 16);
    plan.linear("lm_head", shape.vocab, shape.hidden, false, 6000, 16'000'000, "");
    plan.write(path);
}

}  // namespace bitwright
