// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/package.h"

#include "core/runtime/error.h"
#include "core/runtime/package_reader.h"

#include <cmath>

namespace bitwright {

Package::Package(const std::filesystem::path& path) : file_(path) {}

std::shared_ptr<const Package> Package::open(const std::filesystem::path& path)
{
    const std::shared_ptr<Package> package(new Package(path));
    PackageReader(*package).read();
    return package;
}

std::string Package::metadata(const std::string& key) const
{
    const auto found = file_.metadata().find(key);
    return found == file_.metadata().end() ? std::string() : found->second;
}

std::string Package::recipe_hash() const
{
    const std::string recipe = metadata("recipe");
    if (recipe.empty()) return {};
    const json::Value value = json::parse(recipe, path().string() + ": recipe");
    const json::Value* hash = value.find("hash");
    return hash && hash->kind == json::Kind::string ? hash->string : std::string();
}

std::string name_of(WeightLayout layout) { return layout.rows == 1 ? "rows" : "panels-" + std::to_string(layout.rows) + "x" + std::to_string(layout.depth); }

PackageReader::PackageReader(Package& package) : package_(package), where_(package.path().string()) {}

void PackageReader::fail(const std::string& name, const std::string& what) const { throw bad_input(where_, name, what + "; export the package again"); }

void PackageReader::read()
{
    const std::string format = package_.metadata("format"), layout = package_.metadata("layout");
    if (format.empty()) throw bad_input(where_, "format", "this is not a Bitwright package: its metadata has no format; give a file made by export --format package");
    if (format != std::to_string(package_format))
        throw bad_input(where_, "format", "\"" + format + "\" is not known to this version, which reads format " + std::to_string(package_format) + "; use a matching version or export again");
    if (layout != "rows") {
        for (const WeightLayout known : {WeightLayout{32, 4}, WeightLayout{16, 4}, WeightLayout{8, 4}, WeightLayout{8, 8}, WeightLayout{8, 1}})
            if (layout == name_of(known)) layout_ = known;
        if (layout_.rows == 1) throw bad_input(where_, "layout", "\"" + layout + "\" is not known to this version, which reads \"rows\" and panels it made itself; use a matching version or export again");
    }
    for (const char* key : {"architecture", "operations"})
        if (package_.metadata(key).empty()) fail(key, "is missing in the metadata");
    operations_ = json::parse(package_.metadata("operations"), where_ + ": operations");
    if (operations_.kind != json::Kind::object) fail("operations", "is not an object");
    const json::Value architecture = json::parse(package_.metadata("architecture"), where_ + ": architecture");
    if (architecture.kind != json::Kind::object) fail("architecture", "is not an object");
    if (!package_.recipe_hash().empty() && package_.recipe_hash().size() != 64) fail("recipe", "hash is not a SHA-256");

    read_architecture(architecture);
    ModelGraph& graph = package_.graph_;
    graph.embedding = embedding();
    if (has("embedding_norm")) {
        graph.embedding_norm = norm("embedding_norm", graph.hidden);
        if (graph.embedding_norm->output.zero_point != 0) fail("embedding_norm.output.zero_point", "must be 0: the residual stream is symmetric");
    }
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(graph.layers.size()); ++i) read_layer(i);
    graph.final_norm = norm("final_norm", graph.hidden);
    graph.lm_head = linear("lm_head", graph.vocab, graph.hidden, graph.final_norm.output, true);
    if (const TensorEntry* entry = package_.file_.find("tokenizer.json")) {
        const auto text = tensor<std::uint8_t>("tokenizer.json", Dtype::u8, entry->shape);
        package_.tokenizer_json_ = {reinterpret_cast<const char*>(text.data()), text.size()};
    }
    refuse_leftovers();
}

void PackageReader::read_architecture(const json::Value& architecture)
{
    const Scalars from{&architecture, "architecture"};
    ModelGraph& graph = package_.graph_;
    const json::Value& type = field(from, "model_type");
    if (type.kind != json::Kind::string) fail("architecture.model_type", "is not a string");
    graph.model_type = type.string;
    const std::int64_t layers = integer(from, "layers", 1, 1024);
    if (layers > static_cast<std::int64_t>(operations_.object.size())) fail("architecture.layers", "is " + std::to_string(layers) + ", but operations describes fewer");
    graph.layers.resize(static_cast<std::size_t>(layers));
    graph.hidden = integer(from, "hidden", 1, 65536);
    graph.heads = integer(from, "heads", 1, 4096);
    graph.kv_heads = integer(from, "kv_heads", 1, graph.heads);
    graph.head_dim = integer(from, "head_dim", 1, 4096);
    graph.ffn = integer(from, "ffn", 1, std::int64_t{1} << 20);
    graph.vocab = integer(from, "vocab", 1, std::int64_t{1} << 24);
    graph.context = integer(from, "context", 1, std::int64_t{1} << 20);
    graph.bos = static_cast<std::int32_t>(integer(from, "bos", -1, graph.vocab - 1));
    graph.eos = static_cast<std::int32_t>(integer(from, "eos", -1, graph.vocab - 1));
    graph.logit_scale = number(from, "logit_scale");
    graph.final_softcap = number(from, "final_softcap");
    if (!(graph.logit_scale > 0)) fail("architecture.logit_scale", "is not positive");
    if (graph.final_softcap < 0) fail("architecture.final_softcap", "is negative");
    if (graph.heads % graph.kv_heads != 0) fail("architecture.kv_heads", "does not divide heads");
    // What the engine allocates by these numbers, before any tensor bounds them.
    constexpr std::int64_t widest = std::int64_t{1} << 18, largest_cache = std::int64_t{1} << 39;
    if (graph.heads * graph.head_dim > widest) fail("architecture.head_dim", "gives queries of " + std::to_string(graph.heads * graph.head_dim) + " codes, at most " + std::to_string(widest) + " are computed");
    if (const std::int64_t token = 2 * layers * graph.kv_heads * graph.head_dim; token > largest_cache / graph.context)
        fail("architecture.context", "of " + std::to_string(graph.context) + " tokens with " + std::to_string(token) + " bytes of keys and values each needs more than 512 GiB");
}

void PackageReader::read_layer(std::int64_t index)
{
    const std::string at = "layers." + std::to_string(index) + ".";
    ModelGraph& graph = package_.graph_;
    LayerGraph& layer = graph.layers[static_cast<std::size_t>(index)];
    const std::int64_t query_width = graph.heads * graph.head_dim, key_width = graph.kv_heads * graph.head_dim;

    const IntegerGrid& stream = index > 0 ? graph.layers[static_cast<std::size_t>(index - 1)].mlp_add.output : graph.embedding_norm ? graph.embedding_norm->output : graph.embedding.output;
    if (has(at + "attention_norm")) layer.attention_norm = norm(at + "attention_norm", graph.hidden);
    const IntegerGrid& normed = layer.attention_norm ? layer.attention_norm->output : stream;
    layer.q_proj = linear(at + "q_proj", query_width, graph.hidden, normed);
    layer.k_proj = linear(at + "k_proj", key_width, graph.hidden, normed);
    layer.v_proj = linear(at + "v_proj", key_width, graph.hidden, normed, false, 8);
    layer.q_norm = head_norms(at + "q_norm", layer.q_proj, graph.heads);
    layer.k_norm = head_norms(at + "k_norm", layer.k_proj, graph.kv_heads);
    layer.q_rope = rope(at + "q_rope", !layer.q_norm.empty() ? layer.q_norm.front().output : layer.q_proj.output);
    layer.k_rope = rope(at + "k_rope", !layer.k_norm.empty() ? layer.k_norm.front().output : layer.k_proj.output);
    layer.attention = attention(at + "attention", layer);
    layer.o_proj = linear(at + "o_proj", graph.hidden, query_width, layer.attention.output);

    const auto branch = [&](const char* name, const Linear& projection) -> std::optional<Norm> {
        if (!has(at + name)) return std::nullopt;
        if (projection.output.zero_point != 0) fail(at + name, "reads a projection whose zero point is not 0");
        return norm(at + name, graph.hidden);
    };
    const auto branch_zero_point = [](const std::optional<Norm>& post, const Linear& projection) { return post ? post->output.zero_point : projection.output.zero_point; };
    layer.attention_branch_norm = branch("attention_branch_norm", layer.o_proj);
    const std::int32_t attention_zero_point = branch_zero_point(layer.attention_branch_norm, layer.o_proj);
    if (has(at + "attention_add")) layer.attention_add = residual_add(at + "attention_add", {0, attention_zero_point});
    if (has(at + "mlp_norm")) layer.mlp_norm = norm(at + "mlp_norm", graph.hidden);
    else if (layer.attention_add && layer.attention_norm) fail(at + "mlp_norm", "is missing: only a parallel block, or one without norms before its branches, has none");
    const IntegerGrid& mlp_input = layer.mlp_norm ? layer.mlp_norm->output : layer.attention_add ? layer.attention_add->output : normed;
    layer.up_proj = linear(at + "up_proj", graph.ffn, graph.hidden, mlp_input);
    IntegerGrid down_input;
    if (has(at + "gate_proj")) {
        layer.gate_proj = linear(at + "gate_proj", graph.ffn, graph.hidden, mlp_input);
        layer.activation = activation(at + "activation", layer.gate_proj->output);
        const Scalars from = scalars(at + "product");
        layer.product = Product{layer.activation.output.zero_point, layer.up_proj.output.zero_point, requantizer(from, "factor"), grid(from)};
        down_input = layer.product->output;
    } else {
        layer.activation = activation(at + "activation", layer.up_proj.output);
        down_input = layer.activation.output;
    }
    layer.down_proj = linear(at + "down_proj", graph.hidden, graph.ffn, down_input);
    layer.mlp_branch_norm = branch("mlp_branch_norm", layer.down_proj);
    const std::int32_t mlp_zero_point = branch_zero_point(layer.mlp_branch_norm, layer.down_proj);
    layer.mlp_add = residual_add(at + "mlp_add", layer.attention_add ? std::vector{0, mlp_zero_point} : std::vector{0, attention_zero_point, mlp_zero_point});
}

void PackageReader::refuse_leftovers() const
{
    for (const auto& [name, value] : operations_.object)
        if (!read_operations_.contains(name)) fail(name, "is an operation this version does not know, or of a layer the architecture does not have");
    for (const TensorEntry& entry : package_.file_.entries())
        if (!read_tensors_.contains(entry.name)) fail(entry.name, "is a tensor no operation reads");
}

bool PackageReader::has(const std::string& operation) const { return operations_.find(operation) != nullptr; }

PackageReader::Scalars PackageReader::scalars(const std::string& operation)
{
    const json::Value* object = operations_.find(operation);
    if (!object) fail(operation, "is missing in operations");
    if (object->kind != json::Kind::object) fail(operation, "is not an object");
    read_operations_.insert(operation);
    return {object, operation};
}

const json::Value& PackageReader::field(const Scalars& from, const char* key) const
{
    const json::Value* value = from.object->find(key);
    if (!value) fail(from.name + "." + key, "is missing");
    return *value;
}

std::int64_t PackageReader::integer(const Scalars& from, const char* key, std::int64_t low, std::int64_t high) const
{
    const json::Value& value = field(from, key);
    if (value.kind != json::Kind::integer) fail(from.name + "." + key, "is not an integer");
    if (value.integer < low || value.integer > high)
        fail(from.name + "." + key, "is " + std::to_string(value.integer) + ", must be " + std::to_string(low) + " … " + std::to_string(high));
    return value.integer;
}

double PackageReader::number(const Scalars& from, const char* key) const
{
    const json::Value& value = field(from, key);
    if ((value.kind != json::Kind::integer && value.kind != json::Kind::number) || !std::isfinite(value.number)) fail(from.name + "." + key, "is not a number");
    return value.number;
}

IntegerGrid PackageReader::grid(const Scalars& from, int most_bits) const
{
    const json::Value& object = field(from, "output");
    if (object.kind != json::Kind::object) fail(from.name + ".output", "is not an object");
    const Scalars inner{&object, from.name + ".output"};
    IntegerGrid result;
    result.bits = static_cast<int>(integer(inner, "bits", 2, most_bits));
    const bool may_shift = result.bits <= 8;
    result.zero_point = static_cast<std::int32_t>(integer(inner, "zero_point", may_shift ? result.low() : 0, may_shift ? result.high() : 0));
    result.scale = number(inner, "scale");
    if (!(result.scale > 0)) fail(inner.name + ".scale", "is not positive");
    return result;
}

IntegerGrid PackageReader::symmetric_grid(const Scalars& from) const
{
    const IntegerGrid result = grid(from);
    if (result.zero_point != 0) fail(from.name + ".output.zero_point", "must be 0: the residual stream is symmetric");
    return result;
}

Requantizer PackageReader::requantizer(const Scalars& from, const char* key) const
{
    const json::Value& object = field(from, key);
    if (object.kind != json::Kind::object) fail(from.name + "." + key, "is not an object");
    const Scalars inner{&object, from.name + "." + key};
    return {static_cast<std::int32_t>(integer(inner, "multiplier", std::int64_t{1} << 30, INT32_MAX)), static_cast<std::int32_t>(integer(inner, "shift", 1, 62))};
}

}  // namespace bitwright
