// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/runtime/tiny_package.h"

#include "core/runtime/fixed_point.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace bitwright::test {
namespace {

using Json = nlohmann::json;
constexpr std::int64_t hidden = 12, heads = 4, kv_heads = 2, head_dim = 6, ffn = 22, vocab = 30, context = 40;

class Builder {
public:
    explicit Builder(unsigned seed) : random_(seed) {}
    TinyPackage package;

    template <typename T>
    void tensor(const std::string& name, Dtype dtype, Shape shape, double low, double high)
    {
        std::vector<T> values(static_cast<std::size_t>(element_count(shape)));
        std::uniform_real_distribution<double> draw(low, high + 1);
        for (T& value : values) value = static_cast<T>(std::floor(draw(random_)));
        package.tensors[name] = Tensor::from<T>(dtype, std::move(shape), values);
    }
    static Json grid(int bits, int zero_point, double scale) { return {{"bits", bits}, {"zero_point", zero_point}, {"scale", scale}}; }
    static Json factor(double value)
    {
        const Requantizer made = requantizer_of(value, "test");
        return {{"multiplier", made.multiplier}, {"shift", made.shift}};
    }
    void norm(const std::string& name, bool layer, std::int64_t width, const Json& output)
    {
        tensor<std::int16_t>(name + ".gamma", Dtype::i16, {width}, 8000, 32767);
        if (layer) tensor<std::int32_t>(name + ".beta", Dtype::i32, {width}, -2000, 2000);
        const double gain = (output["bits"] == 8 ? 60.0 : 12000.0) / 32767 * (layer ? 1 : std::sqrt(static_cast<double>(width)));
        package.operations[name] = {{"kind", layer ? "layer" : "rms"}, {"epsilon", 123456}, {"factor", factor(gain)}, {"output", output}};
    }
    /// `gain`: about what one output code is worth of the accumulator.
    void linear(const std::string& name, std::int64_t rows, std::int64_t cols, int weight_bits, std::int64_t group, bool shifted, bool permuted, double gain, const Json& output)
    {
        const std::int64_t groups = group == 0 ? 1 : (cols + group - 1) / group;
        if (weight_bits == 4) tensor<std::uint8_t>(name + ".weight", Dtype::u8, {rows, (cols + 1) / 2}, 0, 255);
        else tensor<std::int8_t>(name + ".weight", Dtype::i8, {rows, cols}, -128, 127);
        if (shifted) tensor<std::int8_t>(name + ".zero_point", Dtype::i8, {rows * groups}, -5, 5);
        if (group != 0) tensor<std::uint8_t>(name + ".group_scale", Dtype::u8, {rows, groups}, 1, 15);
        tensor<std::int32_t>(name + ".bias", Dtype::i32, {rows}, -3000, 3000);
        if (permuted) {
            std::vector<std::int32_t> order(static_cast<std::size_t>(cols));
            std::iota(order.begin(), order.end(), 0);
            std::shuffle(order.begin(), order.end(), random_);
            package.tensors[name + ".permutation"] = Tensor::from<std::int32_t>(Dtype::i32, {cols}, order);
        }
        std::vector<std::int32_t> multipliers;
        std::vector<std::uint8_t> shifts;
        for (std::int64_t r = 0; r < rows; ++r) {
            const Requantizer made = requantizer_of(gain * (1 + 0.1 * static_cast<double>(r % 5)), "test");
            multipliers.push_back(made.multiplier);
            shifts.push_back(static_cast<std::uint8_t>(made.shift));
        }
        package.tensors[name + ".multiplier"] = Tensor::from<std::int32_t>(Dtype::i32, {rows}, multipliers);
        package.tensors[name + ".shift"] = Tensor::from<std::uint8_t>(Dtype::u8, {rows}, shifts);
        package.operations[name] = {{"group", group}};
        if (!output.is_null()) package.operations[name]["output"] = output;
    }
    void add(const std::string& name, const std::vector<double>& factors)
    {
        const CommonRequantizer common = common_requantizer(factors, "test");
        package.operations[name] = {{"multipliers", common.multipliers}, {"shift", common.shift}, {"output", grid(16, 0, 0.001)}};
    }

private:
    std::mt19937 random_;
};

void sequential_layer(Builder& b)
{
    const std::string at = "layers.0.";
    const Json byte = Builder::grid(8, -7, 0.05), wide = Builder::grid(16, 0, 0.001);
    b.norm(at + "attention_norm", false, hidden, Builder::grid(8, 5, 0.02));
    for (const char* name : {"q_proj", "k_proj", "v_proj"}) b.linear(at + name, std::string(name) == "q_proj" ? heads * head_dim : kv_heads * head_dim, hidden, 8, 0, true, false, 0.004, byte);
    for (const char* name : {"q_rope", "k_rope"})
        b.package.operations[at + name] = {{"dims", 4}, {"interleaved", false}, {"table", 0}, {"factor", Builder::factor(0.9 / 16384)}, {"output", Builder::grid(8, 3, 0.05)}};
    b.package.operations[at + "attention"] = {{"window", 0}, {"score", Builder::factor(40)}, {"value", Builder::factor(1.0 / 65536)}, {"output", byte}};
    b.linear(at + "o_proj", hidden, heads * head_dim, 8, 0, true, false, 0.1, wide);
    b.add(at + "attention_add", {0.9, 0.7});
    b.norm(at + "mlp_norm", false, hidden, Builder::grid(8, -9, 0.02));
    b.linear(at + "gate_proj", ffn, hidden, 8, 0, false, false, 0.004, byte);
    b.linear(at + "up_proj", ffn, hidden, 4, 0, true, false, 0.05, byte);
    b.package.operations[at + "activation"] = {{"output", wide}};
    b.tensor<std::int16_t>(at + "activation.table", Dtype::i16, {256}, -3000, 32767);
    b.package.operations[at + "product"] = {{"factor", Builder::factor(3e-5)}, {"output", byte}};
    b.linear(at + "down_proj", hidden, ffn, 8, 0, true, false, 0.1, wide);
    b.add(at + "mlp_add", {0.8, 0.6});
}

void parallel_layer(Builder& b)
{
    const std::string at = "layers.1.";
    const Json byte = Builder::grid(8, 11, 0.05), wide = Builder::grid(16, 0, 0.001);
    b.norm(at + "attention_norm", true, hidden, wide);
    for (const char* name : {"q_proj", "k_proj"}) b.linear(at + name, std::string(name) == "q_proj" ? heads * head_dim : kv_heads * head_dim, hidden, 4, 5, true, true, 0.01, wide);
    b.linear(at + "v_proj", kv_heads * head_dim, hidden, 4, 5, false, false, 0.0001, byte);
    b.norm(at + "q_norm", false, head_dim, byte);
    b.norm(at + "k_norm", false, kv_heads * head_dim, byte);
    for (const char* name : {"q_rope", "k_rope"}) b.package.operations[at + name] = {{"dims", 0}, {"interleaved", false}, {"factor", Builder::factor(0.8 / 16384)}, {"output", Builder::grid(8, -2, 0.05)}};
    b.package.operations[at + "attention"] = {{"window", 7}, {"score", Builder::factor(3)}, {"value", Builder::factor(100.0 / 65536)}, {"output", wide}};
    b.tensor<std::int32_t>(at + "attention.softcap", Dtype::i32, {1025}, -200000, 200000);
    b.tensor<std::int32_t>(at + "attention.slopes", Dtype::i32, {heads}, -9000, -100);
    b.linear(at + "o_proj", hidden, heads * head_dim, 8, 0, false, false, 0.0005, wide);
    b.linear(at + "up_proj", ffn, hidden, 8, 0, false, false, 0.0005, wide);
    b.package.operations[at + "activation"] = {{"output", byte}};
    b.tensor<std::int32_t>(at + "activation.table", Dtype::i32, {1025}, -30000, 30000);
    b.linear(at + "down_proj", hidden, ffn, 4, 8, true, true, 0.1, wide);
    b.norm(at + "mlp_branch_norm", true, hidden, wide);
    b.add(at + "mlp_add", {0.7, 0.5, 0.4});
}

}  // namespace

TinyPackage TinyPackage::make(unsigned seed)
{
    Builder b(seed);
    TinyPackage& package = b.package;
    package.architecture = {{"model_type", "test"}, {"layers", 2}, {"hidden", hidden}, {"heads", heads}, {"kv_heads", kv_heads}, {"head_dim", head_dim}, {"ffn", ffn},
                            {"vocab", vocab}, {"context", context}, {"gated_mlp", true}, {"bos", 1}, {"eos", 2}, {"logit_scale", 0.0078125}, {"final_softcap", 0}};
    package.operations["embedding"] = {{"output", Builder::grid(16, 0, 0.001)}};
    b.tensor<std::int8_t>("embedding.weight", Dtype::i8, {vocab, hidden}, -128, 127);
    b.tensor<std::int8_t>("embedding.zero_point", Dtype::i8, {vocab}, -20, 20);
    b.tensor<std::int32_t>("embedding.multiplier", Dtype::i32, {vocab}, 1 << 30, INT32_MAX - 1);
    b.tensor<std::uint8_t>("embedding.shift", Dtype::u8, {vocab}, 23, 24);
    b.tensor<std::int16_t>("embedding.positions", Dtype::i16, {context, hidden}, -4000, 4000);
    b.tensor<std::int16_t>("rope.0.cosine", Dtype::i16, {context, 2}, -16384, 16384);
    b.tensor<std::int16_t>("rope.0.sine", Dtype::i16, {context, 2}, -16384, 16384);
    sequential_layer(b);
    parallel_layer(b);
    b.norm("final_norm", false, hidden, Builder::grid(16, 0, 0.001));
    b.linear("lm_head", vocab, hidden, 8, 0, false, false, 0.0005, nullptr);
    const std::string tokenizer = "{\"model\":{}}";
    package.tensors["tokenizer.json"] = Tensor::from<char>(Dtype::u8, {std::ssize(tokenizer)}, tokenizer);
    package.metadata = {{"format", "1"}, {"layout", "rows"}, {"made_by", "test"}, {"recipe", "{\"hash\":\"" + std::string(64, 'a') + "\"}"}};
    return package;
}

void TinyPackage::write(const std::filesystem::path& path) const
{
    auto all = metadata;
    if (!architecture.is_null()) all["architecture"] = architecture.dump();
    if (!operations.is_null()) all["operations"] = operations.dump();
    write_safetensors(path, tensors, all);
}

}  // namespace bitwright::test
