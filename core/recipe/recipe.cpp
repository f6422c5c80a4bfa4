// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/recipe.h"

#include "core/runtime/error.h"
#include "core/runtime/hash.h"

#include <nlohmann/json.hpp>

namespace bitwright {

std::string architecture_fingerprint(const Architecture& a)
{
    const auto n = [](std::int64_t value) { return std::to_string(value); };
    return a.model_type + " " + n(a.layers) + "x" + n(a.hidden) + " heads " + n(a.heads) + "/" + n(a.kv_heads) + "x" + n(a.head_dim) + " ffn " + n(a.ffn) +
           " vocab " + n(a.vocab);
}

std::string tensor_sha256(const Tensor& tensor)
{
    Sha256 sha;
    sha.update(name_of(tensor.dtype)).update(" ").update(to_string(tensor.shape)).update("\n").update(tensor.data);
    return sha.hex();
}

std::string recipe_hash(const Recipe& recipe)
{
    const TensorStore naming{tensor_sha256, {}};
    return sha256_hex(to_json(recipe, naming).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void save_recipe(const Recipe& recipe, const std::filesystem::path& path)
{
    std::map<std::string, Tensor> tensors;
    const TensorStore store{[&](const Tensor& tensor) {
                                std::string name = tensor_sha256(tensor);
                                tensors.emplace(name, tensor);
                                return name;
                            },
                            {}};
    const std::string json = to_json(recipe, store).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    write_safetensors(path, tensors, {{"format", "bitwright-recipe"}, {"recipe", json}});
}

Recipe load_recipe(const std::filesystem::path& path)
{
    const SafetensorsFile file(path);
    const auto text = file.metadata().find("recipe");
    if (text == file.metadata().end()) throw bad_input(path.string(), "recipe", "is not in the file's metadata; a recipe is written by export --format recipe");
    nlohmann::json json;
    try {
        json = nlohmann::json::parse(text->second);
    } catch (const nlohmann::json::exception& error) {
        throw bad_input(path.string(), "recipe", std::string("is not JSON: ") + error.what());
    }
    const TensorStore store{{}, [&](std::string_view name) {
                                const TensorView view = file.tensor(name);
                                Tensor tensor{view.dtype, view.shape, {view.data.begin(), view.data.end()}};
                                if (tensor_sha256(tensor) != name) {
                                    throw bad_input(path.string(), name, "its bytes do not have this hash; the file is damaged, take another copy");
                                }
                                return tensor;
                            }};
    return recipe_from_json(json, store, path.string());
}

}  // namespace bitwright
