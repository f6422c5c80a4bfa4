// SPDX-License-Identifier: GPL-3.0-or-later
// A LLaMA of 22 layers with narrow ones: TinyLlama's number of sites in a megabyte, for what depends on their number alone.
#pragma once

#include "core/runtime/safetensors.h"
#include "core/runtime/tensor.h"
#include "tests/support/shared_data.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace bitwright::test {

/// @return the folder, under `name` among the scratch folders.
[[nodiscard]] inline std::filesystem::path deep_model(const std::string& name, std::int64_t layers = 22)
{
    constexpr std::int64_t hidden = 32, ffn = 48, vocabulary = 64;
    const auto folder = scratch(name);
    std::ofstream(folder / "config.json") << R"({"model_type": "llama", "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2,)"
                                          << R"( "num_hidden_layers": )" << layers << R"(, "vocab_size": 64, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,)"
                                          << R"( "hidden_act": "silu", "rope_theta": 10000.0, "tie_word_embeddings": false, "bos_token_id": 1, "eos_token_id": 2})";
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0, 0.1F);
    std::map<std::string, Tensor> tensors;
    const auto add = [&](const std::string& tensor, Shape shape) {
        std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
        for (auto& value : values) value = normal(random) + (shape.size() == 1 ? 1.0F : 0.0F);
        tensors.emplace(tensor, Tensor::from<float>(Dtype::f32, std::move(shape), values));
    };
    add("model.embed_tokens.weight", {vocabulary, hidden});
    add("model.norm.weight", {hidden});
    add("lm_head.weight", {vocabulary, hidden});
    for (std::int64_t layer = 0; layer < layers; ++layer) {
        const auto at = "model.layers." + std::to_string(layer) + ".";
        for (const char* norm : {"input_layernorm", "post_attention_layernorm"}) add(at + norm + ".weight", {hidden});
        for (const char* square : {"q_proj", "o_proj"}) add(at + "self_attn." + square + ".weight", {hidden, hidden});
        for (const char* narrow : {"k_proj", "v_proj"}) add(at + "self_attn." + narrow + ".weight", {hidden / 2, hidden});
        for (const char* wide : {"gate_proj", "up_proj"}) add(at + "mlp." + wide + ".weight", {ffn, hidden});
        add(at + "mlp.down_proj.weight", {hidden, ffn});
    }
    write_safetensors(folder / "model.safetensors", tensors);
    return folder;
}

}  // namespace bitwright::test
