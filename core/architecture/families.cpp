// SPDX-License-Identifier: GPL-3.0-or-later
// The families: for each model_type a reader that turns config.json into a value of Architecture and a table of tensor names.
// Defaults are those of transformers' configuration classes, where published configs leave a field out.
// Adding a family: write its reader here and name it in `all_families`; a checkpoint in golden/models then says whether it is right.
#include "core/architecture/families.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bitwright {
namespace {

using Role = WeightRole;

// ---- What several families share -----------------------------------------------------------------------------------------------------------

Activation read_activation(const ConfigReader& config, std::string_view field, std::string_view otherwise)
{
    struct Name {
        std::string_view name;
        Activation activation;
    };
    static constexpr std::array<Name, 8> names{{{"silu", Activation::silu},
                                                {"swish", Activation::silu},
                                                {"gelu", Activation::gelu},
                                                {"gelu_python", Activation::gelu},
                                                {"gelu_new", Activation::gelu_tanh},
                                                {"gelu_fast", Activation::gelu_tanh},
                                                {"gelu_pytorch_tanh", Activation::gelu_tanh},
                                                {"relu", Activation::relu}}};
    const auto text = config.text(field, otherwise);
    std::string known;
    for (const auto& entry : names) {
        if (entry.name == text) return entry.activation;
        known += (known.empty() ? "" : ", ") + std::string(entry.name);
    }
    throw config.fault(field, "“" + text + "” is not supported; supported are " + known);
}

void read_tokens(const ConfigReader& config, Architecture& a, bool tied)
{
    a.tied_embeddings = config.flag("tie_word_embeddings", tied);
    a.bos = config.first_integer("bos_token_id", -1);
    a.eos = config.first_integer("eos_token_id", -1);
}

/// Bounded before anything is allocated per layer.
std::int64_t read_layers(const ConfigReader& config, std::string_view field)
{
    const auto layers = config.size(field);
    if (layers > 65536) throw config.fault(field, "is " + std::to_string(layers) + "; at most 65536 are supported");
    return layers;
}

/// head_dim is hidden / heads unless the config gives it.
void read_head_dim(const ConfigReader& config, Architecture& a, std::string_view hidden_field, std::string_view heads_field)
{
    if (!config.has("head_dim") && a.hidden % a.heads)
        throw config.fault(heads_field, std::to_string(a.heads) + " does not divide " + std::string(hidden_field) + " " + std::to_string(a.hidden) +
                                            ", and there is no head_dim");
    a.head_dim = config.size("head_dim", a.hidden / a.heads);
}

/// Sizes under LLaMA's names, which most families use.
void read_sizes(const ConfigReader& config, Architecture& a)
{
    a.layers = read_layers(config, "num_hidden_layers");
    a.hidden = config.size("hidden_size");
    a.heads = config.size("num_attention_heads");
    a.kv_heads = config.size("num_key_value_heads", a.heads);
    read_head_dim(config, a, "hidden_size", "num_attention_heads");
    a.ffn = config.size("intermediate_size");
    a.vocab = config.size("vocab_size");
    a.max_positions = config.size("max_position_embeddings", 2048);
}

/// Every layer alike: window 0, rope 0.
void same_attention(Architecture& a, std::int64_t window = 0) { a.attention.assign(static_cast<std::size_t>(a.layers), {window, 0}); }

/// Which layers slide: layer_types where the config lists them, else `implied(layer)`.
template <typename Implied>
void read_windows(const ConfigReader& config, Architecture& a, std::int64_t window, Implied implied)
{
    same_attention(a);
    std::vector<std::string> types;
    if (config.has("layer_types")) {
        types = config.texts("layer_types");
        if (types.size() != a.attention.size())
            throw config.fault("layer_types", "lists " + std::to_string(types.size()) + " layers; num_hidden_layers is " + std::to_string(a.layers));
    }
    for (std::size_t i = 0; i < a.attention.size(); ++i) {
        bool slides = false;
        if (types.empty()) {
            slides = implied(static_cast<std::int64_t>(i));
        } else if (types[i] == "sliding_attention") {
            slides = true;
        } else if (types[i] != "full_attention") {
            throw config.fault("layer_types", "“" + types[i] + "” is not supported; supported are full_attention, sliding_attention");
        }
        a.attention[i].window = slides ? window : 0;
    }
}

struct Biases {
    bool qkv = false, o = false, mlp = false, norm = false;
};

/// LLaMA's tensor names: the same in a dozen families.
void llama_tensors(FamilyModel& m, const Biases& bias)
{
    m.prefix = "model.";
    const std::string layer = "model.layers.{layer}.";
    m.stored = {{Role::embedding, "model.embed_tokens"},
                {Role::attention_norm, layer + "input_layernorm", bias.norm},
                {Role::q_proj, layer + "self_attn.q_proj", bias.qkv},
                {Role::k_proj, layer + "self_attn.k_proj", bias.qkv},
                {Role::v_proj, layer + "self_attn.v_proj", bias.qkv},
                {Role::o_proj, layer + "self_attn.o_proj", bias.o},
                {Role::mlp_norm, layer + "post_attention_layernorm", bias.norm},
                {Role::gate_proj, layer + "mlp.gate_proj", bias.mlp},
                {Role::up_proj, layer + "mlp.up_proj", bias.mlp},
                {Role::down_proj, layer + "mlp.down_proj", bias.mlp},
                {Role::final_norm, "model.norm", bias.norm},
                {Role::lm_head, "lm_head"}};
}

Stored& stored(FamilyModel& m, Role role)
{
    return *std::find_if(m.stored.begin(), m.stored.end(), [&](const Stored& s) { return s.role == role; });
}

void remove(FamilyModel& m, Role role)
{
    std::erase_if(m.stored, [&](const Stored& s) { return s.role == role; });
}

/// query_key_value (and its kin) stands for the three projections.
void add_fused_qkv(FamilyModel& m, const std::string& name, bool bias, Packing packing, bool transposed = false)
{
    for (const auto role : {Role::q_proj, Role::k_proj, Role::v_proj}) m.stored.push_back({role, name, bias, packing, transposed});
}

/// RMSNorm, RoPE, SiLU, gated: what LLaMA is and its kin start from.
void read_rms_family(const ConfigReader& config, FamilyModel& m, double eps, bool tied, const Biases& bias, double theta = 10000)
{
    auto& a = m.architecture;
    read_sizes(config, a);
    read_tokens(config, a, tied);
    a.norm_eps = config.positive("rms_norm_eps", eps);
    a.activation = read_activation(config, "hidden_act", "silu");
    a.ropes = {read_rope(config, a, theta)};
    same_attention(a);
    llama_tensors(m, bias);
}

// ---- LLaMA and its kin ---------------------------------------------------------------------------------------------------------------------

void read_llama(const ConfigReader& config, FamilyModel& m)
{
    const bool bias = config.flag("attention_bias", false);
    read_rms_family(config, m, 1e-6, false, {.qkv = bias, .o = bias, .mlp = config.flag("mlp_bias", false)});
}

void read_mistral(const ConfigReader& config, FamilyModel& m)
{
    read_rms_family(config, m, 1e-6, false, {});
    same_attention(m.architecture, config.has_null("sliding_window") ? 0 : config.size("sliding_window", 4096));
}

void read_qwen_windows(const ConfigReader& config, Architecture& a)
{
    const bool windows = config.flag("use_sliding_window", false) && !config.has_null("sliding_window");
    const auto first = config.integer("max_window_layers", 28);
    read_windows(config, a, windows ? config.size("sliding_window", 4096) : 0, [&](std::int64_t layer) { return layer >= first; });
}

void read_qwen2(const ConfigReader& config, FamilyModel& m)
{
    read_rms_family(config, m, 1e-6, false, {.qkv = true});
    read_qwen_windows(config, m.architecture);
}

void read_qwen3(const ConfigReader& config, FamilyModel& m)
{
    const bool bias = config.flag("attention_bias", false);
    read_rms_family(config, m, 1e-6, false, {.qkv = bias, .o = bias});
    auto& a = m.architecture;
    a.qk_norm = QkNorm::per_head;
    m.stored.push_back({Role::q_norm, "model.layers.{layer}.self_attn.q_norm"});
    m.stored.push_back({Role::k_norm, "model.layers.{layer}.self_attn.k_norm"});
    read_qwen_windows(config, a);
}

void read_granite(const ConfigReader& config, FamilyModel& m)
{
    const bool bias = config.flag("attention_bias", false);
    read_rms_family(config, m, 1e-6, false, {.qkv = bias, .o = bias, .mlp = config.flag("mlp_bias", false)});
    auto& a = m.architecture;
    a.embedding_scale = config.number("embedding_multiplier", 1);
    a.attention_scale = config.positive("attention_multiplier", 1);
    a.residual_multiplier = config.number("residual_multiplier", 1);
    a.logit_multiplier = 1 / config.positive("logits_scaling", 1);
}

void read_smollm3(const ConfigReader& config, FamilyModel& m)
{
    const bool bias = config.flag("attention_bias", false);
    read_rms_family(config, m, 1e-6, true, {.qkv = bias, .o = bias, .mlp = config.flag("mlp_bias", false)}, 2'000'000);
    auto& a = m.architecture;
    std::vector<double> rotates;
    if (config.has("no_rope_layers")) {
        rotates = config.numbers("no_rope_layers");
        if (rotates.size() != a.attention.size())
            throw config.fault("no_rope_layers", "lists " + std::to_string(rotates.size()) + " layers; num_hidden_layers is " + std::to_string(a.layers));
    } else {
        const auto interval = config.size("no_rope_layer_interval", 4);
        for (std::int64_t i = 0; i < a.layers; ++i) rotates.push_back((i + 1) % interval != 0);
    }
    const bool windows = config.flag("use_sliding_window", false) && config.has("sliding_window");
    read_windows(config, a, windows ? config.size("sliding_window") : 0, [&](std::int64_t layer) { return rotates[static_cast<std::size_t>(layer)] == 0; });
    for (std::size_t i = 0; i < a.attention.size(); ++i) a.attention[i].rope = rotates[i] != 0 ? 0 : -1;
}

void read_olmo2(const ConfigReader& config, FamilyModel& m)
{
    const bool bias = config.flag("attention_bias", false);
    read_rms_family(config, m, 1e-5, false, {.qkv = bias, .o = bias});
    auto& a = m.architecture;
    a.block = {.pre_attention_norm = false, .pre_mlp_norm = false, .post_attention_norm = true, .post_mlp_norm = true};
    a.qk_norm = QkNorm::all_heads;
    remove(m, Role::attention_norm);
    remove(m, Role::mlp_norm);
    const std::string layer = "model.layers.{layer}.";
    for (const auto& [role, name] : {std::pair{Role::q_norm, "self_attn.q_norm"},
                                     {Role::k_norm, "self_attn.k_norm"},
                                     {Role::post_attention_norm, "post_attention_layernorm"},
                                     {Role::post_mlp_norm, "post_feedforward_layernorm"}})
        m.stored.push_back({role, layer + name});
}

void read_phi3(const ConfigReader& config, FamilyModel& m)
{
    read_rms_family(config, m, 1e-5, false, {});
    auto& a = m.architecture;
    same_attention(a, config.size("sliding_window", 0));
    for (const auto role : {Role::q_proj, Role::k_proj, Role::v_proj, Role::gate_proj, Role::up_proj}) remove(m, role);
    add_fused_qkv(m, "model.layers.{layer}.self_attn.qkv_proj", false, Packing::joined);
    for (const auto role : {Role::gate_proj, Role::up_proj}) m.stored.push_back({role, "model.layers.{layer}.mlp.gate_up_proj", false, Packing::joined});
}

void read_stablelm(const ConfigReader& config, FamilyModel& m)
{
    auto& a = m.architecture;
    read_sizes(config, a);
    read_tokens(config, a, false);
    a.norm = NormKind::layer;
    a.norm_eps = config.positive("layer_norm_eps", 1e-5);
    a.activation = read_activation(config, "hidden_act", "silu");
    a.ropes = {read_rope(config, a, 10000, 0.25)};
    same_attention(a);
    llama_tensors(m, {.qkv = config.flag("use_qkv_bias", false), .norm = true});
    if (config.flag("use_parallel_residual", false)) {
        a.block.parallel = a.block.mlp_shares_attention_norm = true;
        a.block.pre_mlp_norm = false;
        remove(m, Role::mlp_norm);
    }
    if (config.flag("qk_layernorm", false)) {
        a.qk_norm = QkNorm::per_head;
        a.qk_norm_kind = NormKind::layer;
        m.stored.push_back({Role::q_norm, "model.layers.{layer}.self_attn.q_layernorm.norms.{head}", false, Packing::per_head});
        m.stored.push_back({Role::k_norm, "model.layers.{layer}.self_attn.k_layernorm.norms.{head}", false, Packing::per_head});
    }
}

// ---- Gemma ---------------------------------------------------------------------------------------------------------------------------------

/// Norm weights are stored − 1, embeddings are scaled, GELU by tanh whatever hidden_act says (the field that counts is hidden_activation).
void read_gemma_common(const ConfigReader& config, FamilyModel& m)
{
    auto& a = m.architecture;
    read_sizes(config, a);
    if (!config.has("head_dim")) a.head_dim = 256;
    read_tokens(config, a, true);
    a.norm_eps = config.positive("rms_norm_eps", 1e-6);
    a.activation = read_activation(config, "hidden_activation", "gelu_pytorch_tanh");
    a.embedding_scale = std::sqrt(static_cast<double>(a.hidden));
    m.embedding_scale_in_dtype = true;
    same_attention(a);
    const bool bias = config.flag("attention_bias", false);
    llama_tensors(m, {.qkv = bias, .o = bias});
}

/// Four norms a layer; post_attention_layernorm is the norm of the attention branch.
void read_gemma_four_norms(const ConfigReader& config, FamilyModel& m)
{
    auto& a = m.architecture;
    a.block.post_attention_norm = a.block.post_mlp_norm = true;
    a.attention_scale = 1 / std::sqrt(config.positive("query_pre_attn_scalar", 256));
    const std::string layer = "model.layers.{layer}.";
    stored(m, Role::mlp_norm).name = layer + "pre_feedforward_layernorm";
    m.stored.push_back({Role::post_attention_norm, layer + "post_attention_layernorm"});
    m.stored.push_back({Role::post_mlp_norm, layer + "post_feedforward_layernorm"});
}

void norms_add_one(FamilyModel& m)
{
    for (auto& s : m.stored)
        if (is_norm(s.role)) s.add = 1;
}

/// A soft cap that is null is off; one that is not mentioned has its family's default.
double read_softcap(const ConfigReader& config, std::string_view field, double otherwise)
{
    if (config.has_null(field)) return 0;
    return config.has(field) ? config.positive(field, otherwise) : otherwise;
}

void read_gemma(const ConfigReader& config, FamilyModel& m)
{
    read_gemma_common(config, m);
    m.architecture.ropes = {read_rope(config, m.architecture)};
    norms_add_one(m);
}

void read_gemma2(const ConfigReader& config, FamilyModel& m)
{
    read_gemma_common(config, m);
    read_gemma_four_norms(config, m);
    auto& a = m.architecture;
    a.ropes = {read_rope(config, a)};
    a.attention_softcap = read_softcap(config, "attn_logit_softcapping", 50);
    a.final_softcap = read_softcap(config, "final_logit_softcapping", 30);
    read_windows(config, a, config.size("sliding_window", 4096), [](std::int64_t layer) { return layer % 2 == 0; });
    norms_add_one(m);
}

void read_gemma3(const ConfigReader& config, FamilyModel& m)
{
    read_gemma_common(config, m);
    read_gemma_four_norms(config, m);
    auto& a = m.architecture;
    a.attention_softcap = read_softcap(config, "attn_logit_softcapping", 0);
    a.final_softcap = read_softcap(config, "final_logit_softcapping", 0);
    const auto pattern = config.size(config.spelling({"sliding_window_pattern", "_sliding_window_pattern"}), 6);
    read_windows(config, a, config.size("sliding_window", 4096), [&](std::int64_t layer) { return (layer + 1) % pattern != 0; });
    // Full layers rotate as the config says; sliding ones with a base of their own and no scaling.
    Rope local;
    if (config.has("rope_parameters")) {
        local = read_rope(config, a, 10000, 1, "sliding_attention");
    } else {
        local.dims = a.head_dim;
        local.theta = config.positive("rope_local_base_freq", 10000);
    }
    a.ropes = {read_rope(config, a, 1'000'000, 1, "full_attention"), local};
    for (auto& layer : a.attention) layer.rope = layer.window ? 1 : 0;
    a.qk_norm = QkNorm::per_head;
    m.stored.push_back({Role::q_norm, "model.layers.{layer}.self_attn.q_norm"});
    m.stored.push_back({Role::k_norm, "model.layers.{layer}.self_attn.k_norm"});
    norms_add_one(m);
}

// ---- LayerNorm families: one table each ----------------------------------------------------------------------------------------------------

void plain_mlp(const ConfigReader& config, Architecture& a, std::string_view field, std::string_view otherwise)
{
    a.norm = NormKind::layer;
    a.gated_mlp = false;
    a.activation = read_activation(config, field, otherwise);
}

void read_phi(const ConfigReader& config, FamilyModel& m)
{
    auto& a = m.architecture;
    read_sizes(config, a);
    read_tokens(config, a, false);
    plain_mlp(config, a, "hidden_act", "gelu_new");
    a.norm_eps = config.positive("layer_norm_eps", 1e-5);
    a.ropes = {read_rope(config, a, 10000, 0.5)};
    a.block.parallel = a.block.mlp_shares_attention_norm = true;
    a.block.pre_mlp_norm = false;
    same_attention(a);
    m.prefix = "model.";
    const std::string layer = "model.layers.{layer}.";
    m.stored = {{Role::embedding, "model.embed_tokens"},           {Role::attention_norm, layer + "input_layernorm", true},
                {Role::q_proj, layer + "self_attn.q_proj", true},  {Role::k_proj, layer + "self_attn.k_proj", true},
                {Role::v_proj, layer + "self_attn.v_proj", true},  {Role::o_proj, layer + "self_attn.dense", true},
                {Role::up_proj, layer + "mlp.fc1", true},          {Role::down_proj, layer + "mlp.fc2", true},
                {Role::final_norm, "model.final_layernorm", true}, {Role::lm_head, "lm_head", true}};
    if (config.flag("qk_layernorm", false)) {
        a.qk_norm = QkNorm::per_head;
        a.qk_norm_kind = NormKind::layer;
        m.stored.push_back({Role::q_norm, layer + "self_attn.q_layernorm", true});
        m.stored.push_back({Role::k_norm, layer + "self_attn.k_layernorm", true});
    }
}

void read_opt(const ConfigReader& config, FamilyModel& m)
{
    auto& a = m.architecture;
    a.layers = read_layers(config, "num_hidden_layers");
    a.hidden = config.size("hidden_size");
    a.heads = a.kv_heads = config.size("num_attention_heads");
    read_head_dim(config, a, "hidden_size", "num_attention_heads");
    a.ffn = config.size("ffn_dim");
    a.vocab = config.size("vocab_size");
    a.max_positions = config.size("max_position_embeddings", 2048);
    a.embedding_width = config.size("word_embed_proj_dim", a.hidden);
    read_tokens(config, a, true);
    plain_mlp(config, a, "activation_function", "relu");
    a.norm_eps = 1e-5;  // no field: torch's default
    a.position = PositionKind::learned;
    a.position_offset = 2;
    a.block.norm_after_residual = !config.flag("do_layer_norm_before", true);
    a.final_norm = !a.block.norm_after_residual && !config.flag("_remove_final_layer_norm", false);
    if (!config.flag("layer_norm_elementwise_affine", true))
        throw config.fault("layer_norm_elementwise_affine", "is false; norms without weights are not supported");
    same_attention(a);
    const bool bias = config.flag("enable_bias", true);
    m.prefix = "model.";
    const std::string layer = "model.decoder.layers.{layer}.";
    m.stored = {{Role::embedding, "model.decoder.embed_tokens"},
                {Role::position_embedding, "model.decoder.embed_positions"},
                {Role::attention_norm, layer + "self_attn_layer_norm", true},
                {Role::q_proj, layer + "self_attn.q_proj", bias},
                {Role::k_proj, layer + "self_attn.k_proj", bias},
                {Role::v_proj, layer + "self_attn.v_proj", bias},
                {Role::o_proj, layer + "self_attn.out_proj", bias},
                {Role::mlp_norm, layer + "final_layer_norm", true},
                {Role::up_proj, layer + "fc1", bias},
                {Role::down_proj, layer + "fc2", bias},
                {Role::lm_head, "lm_head"}};
    if (a.final_norm) m.stored.push_back({Role::final_norm, "model.decoder.final_layer_norm", true});
    if (a.embedding_width != a.hidden) {
        m.stored.push_back({Role::project_in, "model.decoder.project_in"});
        m.stored.push_back({Role::project_out, "model.decoder.project_out"});
    }
}

void read_bloom(const ConfigReader& config, FamilyModel& m)
{
    auto& a = m.architecture;
    const auto hidden = config.spelling({"hidden_size", "n_embed"}), heads = config.spelling({"n_head", "num_attention_heads"});
    a.layers = read_layers(config, config.spelling({"n_layer", "num_hidden_layers"}));
    a.hidden = config.size(hidden);
    a.heads = a.kv_heads = config.size(heads);
    read_head_dim(config, a, hidden, heads);
    a.ffn = 4 * a.hidden;
    a.vocab = config.size("vocab_size");
    read_tokens(config, a, true);
    a.norm = NormKind::layer;
    a.norm_eps = config.positive("layer_norm_epsilon", 1e-5);
    a.gated_mlp = false;
    a.activation = Activation::gelu_tanh;
    a.position = PositionKind::alibi;
    a.embedding_norm = true;
    a.block.residual_from_norm = config.flag("apply_residual_connection_post_layernorm", false);
    same_attention(a);
    m.prefix = "transformer.";
    const std::string layer = "transformer.h.{layer}.";
    m.stored = {{Role::embedding, "transformer.word_embeddings"},
                {Role::embedding_norm, "transformer.word_embeddings_layernorm", true},
                {Role::attention_norm, layer + "input_layernorm", true},
                {Role::o_proj, layer + "self_attention.dense", true},
                {Role::mlp_norm, layer + "post_attention_layernorm", true},
                {Role::up_proj, layer + "mlp.dense_h_to_4h", true},
                {Role::down_proj, layer + "mlp.dense_4h_to_h", true},
                {Role::final_norm, "transformer.ln_f", true},
                {Role::lm_head, "lm_head"}};
    add_fused_qkv(m, layer + "self_attention.query_key_value", true, Packing::per_group);
}

void read_gpt2(const ConfigReader& config, FamilyModel& m)
{
    auto& a = m.architecture;
    a.layers = read_layers(config, "n_layer");
    a.hidden = config.size("n_embd");
    a.heads = a.kv_heads = config.size("n_head");
    read_head_dim(config, a, "n_embd", "n_head");
    a.ffn = config.size("n_inner", 4 * a.hidden);
    a.vocab = config.size("vocab_size");
    a.max_positions = config.size("n_positions", 1024);
    read_tokens(config, a, true);
    plain_mlp(config, a, "activation_function", "gelu_new");
    a.norm_eps = config.positive("layer_norm_epsilon", 1e-5);
    a.position = PositionKind::learned;
    if (config.flag("scale_attn_by_inverse_layer_idx", false)) throw config.fault("scale_attn_by_inverse_layer_idx", "is true; that scaling is not supported");
    if (!config.flag("scale_attn_weights", true)) a.attention_scale = 1;
    same_attention(a);
    m.prefix = "transformer.";
    const std::string layer = "transformer.h.{layer}.";
    m.stored = {{Role::embedding, "transformer.wte"},
                {Role::position_embedding, "transformer.wpe"},
                {Role::attention_norm, layer + "ln_1", true},
                {Role::o_proj, layer + "attn.c_proj", true, Packing::alone, true},
                {Role::mlp_norm, layer + "ln_2", true},
                {Role::up_proj, layer + "mlp.c_fc", true, Packing::alone, true},
                {Role::down_proj, layer + "mlp.c_proj", true, Packing::alone, true},
                {Role::final_norm, "transformer.ln_f", true},
                {Role::lm_head, "lm_head"}};
    add_fused_qkv(m, layer + "attn.c_attn", true, Packing::joined, true);
}

void read_gpt_neox(const ConfigReader& config, FamilyModel& m)
{
    auto& a = m.architecture;
    read_sizes(config, a);
    read_tokens(config, a, false);
    plain_mlp(config, a, "hidden_act", "gelu");
    a.norm_eps = config.positive("layer_norm_eps", 1e-5);
    a.ropes = {read_rope(config, a, 10000, 0.25)};
    a.block.parallel = config.flag("use_parallel_residual", true);
    same_attention(a);
    const bool bias = config.flag("attention_bias", true);
    m.prefix = "gpt_neox.";
    const std::string layer = "gpt_neox.layers.{layer}.";
    m.stored = {{Role::embedding, "gpt_neox.embed_in"},
                {Role::attention_norm, layer + "input_layernorm", true},
                {Role::o_proj, layer + "attention.dense", bias},
                {Role::mlp_norm, layer + "post_attention_layernorm", true},
                {Role::up_proj, layer + "mlp.dense_h_to_4h", true},
                {Role::down_proj, layer + "mlp.dense_4h_to_h", true},
                {Role::final_norm, "gpt_neox.final_layer_norm", true},
                {Role::lm_head, "embed_out"}};
    add_fused_qkv(m, layer + "attention.query_key_value", bias, Packing::per_group);
}

void read_falcon(const ConfigReader& config, FamilyModel& m)
{
    auto& a = m.architecture;
    const auto heads = config.spelling({"num_attention_heads", "n_head"});
    a.layers = read_layers(config, config.spelling({"num_hidden_layers", "n_layer"}));
    a.hidden = config.size("hidden_size");
    a.heads = config.size(heads);
    const bool grouped = config.flag("new_decoder_architecture", false);
    if (grouped)
        a.kv_heads = config.size(config.spelling({"num_kv_heads", "n_head_kv"}), a.heads);
    else
        a.kv_heads = config.flag("multi_query", true) ? 1 : a.heads;
    read_head_dim(config, a, "hidden_size", heads);
    a.ffn = config.size("ffn_hidden_size", 4 * a.hidden);
    a.vocab = config.size("vocab_size");
    a.max_positions = config.size("max_position_embeddings", 2048);
    read_tokens(config, a, true);
    plain_mlp(config, a, "activation", "gelu");
    a.norm_eps = config.positive("layer_norm_epsilon", 1e-5);
    if (config.flag("alibi", false)) throw config.fault("alibi", "is true; Falcon with ALiBi is not supported, only with rotary positions");
    a.ropes = {read_rope(config, a)};
    same_attention(a);
    const bool bias = config.flag("bias", false);
    m.prefix = "transformer.";
    const std::string layer = "transformer.h.{layer}.";
    m.stored = {{Role::embedding, "transformer.word_embeddings"},
                {Role::attention_norm, layer + "input_layernorm", true},
                {Role::o_proj, layer + "self_attention.dense", bias},
                {Role::up_proj, layer + "mlp.dense_h_to_4h", bias},
                {Role::down_proj, layer + "mlp.dense_4h_to_h", bias},
                {Role::final_norm, "transformer.ln_f", true},
                {Role::lm_head, "lm_head"}};
    add_fused_qkv(m, layer + "self_attention.query_key_value", bias, Packing::per_group);
    a.block.parallel = grouped || config.flag("parallel_attn", true);
    if (grouped && config.size("num_ln_in_parallel_attn", 2) == 2) {
        stored(m, Role::attention_norm).name = layer + "ln_attn";
        m.stored.push_back({Role::mlp_norm, layer + "ln_mlp", true});
    } else if (a.block.parallel) {
        a.block.mlp_shares_attention_norm = true;
        a.block.pre_mlp_norm = false;
    } else {
        m.stored.push_back({Role::mlp_norm, layer + "post_attention_layernorm", true});
    }
}

constexpr std::array<Family, 18> all_families{{{"bloom", read_bloom},
                                               {"falcon", read_falcon},
                                               {"gemma", read_gemma},
                                               {"gemma2", read_gemma2},
                                               {"gemma3_text", read_gemma3},
                                               {"gpt2", read_gpt2},
                                               {"gpt_neox", read_gpt_neox},
                                               {"granite", read_granite},
                                               {"llama", read_llama},
                                               {"mistral", read_mistral},
                                               {"olmo2", read_olmo2},
                                               {"opt", read_opt},
                                               {"phi", read_phi},
                                               {"phi3", read_phi3},
                                               {"qwen2", read_qwen2},
                                               {"qwen3", read_qwen3},
                                               {"smollm3", read_smollm3},
                                               {"stablelm", read_stablelm}}};

}  // namespace

std::span<const Family> families() { return all_families; }

}  // namespace bitwright
