// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/checkpoint.h"

#include "core/recipe/recipe.h"
#include "core/runtime/safetensors.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace bitwright {
namespace {

using nlohmann::json;

constexpr const char* format = "bitwright-method-checkpoint 3";
constexpr std::int64_t log_fields = 9;

Tensor vector_of(const std::vector<float>& values) { return Tensor::from<float>(Dtype::f32, {static_cast<std::int64_t>(values.size())}, values); }

std::vector<float> floats(const SafetensorsFile& file, const std::string& name)
{
    const TensorView view = file.tensor(name);
    std::vector<float> out(static_cast<std::size_t>(element_count(view.shape)));
    to_float(view, out);
    return out;
}

std::vector<double> flatten(const std::vector<StepRecord>& log)
{
    std::vector<double> out;
    for (const StepRecord& r : log)
        out.insert(out.end(), {static_cast<double>(r.step), static_cast<double>(r.sample), r.loss, r.gradient_norm, r.lr_let, r.lr_lwc, r.lr_lrl, r.seconds,
                              r.holdout_loss.value_or(std::numeric_limits<double>::quiet_NaN())});
    return out;
}

TensorStore store_into(std::map<std::string, Tensor>& tensors)
{
    return {[&tensors](const Tensor& tensor) {
                std::string hash = tensor_sha256(tensor);
                tensors.try_emplace(hash, tensor);
                return hash;
            },
            {}};
}

TensorStore store_from(const SafetensorsFile& file)
{
    return {{}, [&file](std::string_view hash) {
                const TensorView view = file.tensor(hash);
                return Tensor{view.dtype, view.shape, {view.data.begin(), view.data.end()}};
            }};
}

}  // namespace

std::string request_key(const MethodRequest& request, const std::string& options)
{
    json key{{"method", request.method},
             {"model", request.model.checkpoint->identity()},
             {"calibration", request.calibration.hash()},
             {"weight_bits", request.weight_bits},
             {"activation_bits", request.activation_bits},
             {"symmetric_weights", request.symmetric_weights},
             {"options", json::parse(options)},
             {"from", request.from ? recipe_hash(*request.from) : ""},
             {"seed", request.seed}};
    if (request.weight_scheme) {
        const Scheme& scheme = *request.weight_scheme;
        key["weight_scheme"] = {static_cast<int>(scheme.kind), static_cast<int>(scheme.granularity), scheme.group_size, scheme.symmetric};
    }
    return key.dump();
}

void save_checkpoint(const MethodCheckpoint& checkpoint, const std::filesystem::path& path)
{
    std::map<std::string, Tensor> tensors;
    const TensorStore store = store_into(tensors);
    json state{{"request", checkpoint.request}, {"step", checkpoint.step}, {"start", to_json(checkpoint.start, store)}, {"cpu_seconds", checkpoint.cpu_seconds},
               {"step_seconds", checkpoint.step_seconds}};
    if (checkpoint.holdout_loss_before) state["holdout_loss_before"] = *checkpoint.holdout_loss_before;
    if (checkpoint.best_loss) state["best_loss"] = *checkpoint.best_loss;
    state["checks_without_better"] = checkpoint.checks_without_better;
    json& names = state["parameters"] = json::array();
    for (const auto& parameter : checkpoint.parameters) {
        names.push_back(parameter.name);
        tensors["parameter/" + parameter.name] = vector_of(parameter.value);
        tensors["first/" + parameter.name] = vector_of(parameter.moments.first);
        tensors["second/" + parameter.name] = vector_of(parameter.moments.second);
    }
    tensors["log"] = Tensor::from<double>(Dtype::f64, {static_cast<std::int64_t>(checkpoint.log.size()), log_fields}, flatten(checkpoint.log));
    write_safetensors(path, tensors, {{"format", format}, {"recipe", to_json(checkpoint.current, store).dump()}, {"state", state.dump()}});
}

MethodCheckpoint load_checkpoint(const std::filesystem::path& path, const std::string& request)
{
    const SafetensorsFile file(path);
    const auto& metadata = file.metadata();
    const auto field = [&](const char* name) -> const std::string& {
        const auto found = metadata.find(name);
        if (found == metadata.end()) throw bad_input(path.string(), name, "is missing; this is no checkpoint of a method");
        return found->second;
    };
    if (field("format") != format) throw bad_input(path.string(), "format", "is '" + field("format") + "', not '" + format + "'; start afresh");
    MethodCheckpoint out;
    try {
        const json state = json::parse(field("state"));
        out.request = state.at("request").get<std::string>();
        if (out.request != request)
            throw bad_input(path.string(), "request", "belongs to another run (model, tokens or options differ); give the same options, or start afresh");
        const TensorStore store = store_from(file);
        out.step = state.at("step").get<std::int64_t>();
        out.start = recipe_from_json(state.at("start"), store, path.string());
        out.current = recipe_from_json(json::parse(field("recipe")), store, path.string());
        out.cpu_seconds = state.at("cpu_seconds").get<double>();
        out.step_seconds = state.at("step_seconds").get<double>();
        if (state.contains("holdout_loss_before")) out.holdout_loss_before = state["holdout_loss_before"].get<double>();
        if (state.contains("best_loss")) out.best_loss = state["best_loss"].get<double>();
        out.checks_without_better = state.at("checks_without_better").get<std::int64_t>();
        for (const auto& entry : state.at("parameters")) {
            const auto name = entry.get<std::string>();
            out.parameters.push_back({name, floats(file, "parameter/" + name), {floats(file, "first/" + name), floats(file, "second/" + name)}});
        }
    } catch (const json::exception& e) {
        throw bad_input(path.string(), "state", std::string("cannot be read (") + e.what() + "); start afresh");
    }
    const auto log = file.tensor("log").as<double>();
    for (std::size_t i = 0; i + log_fields <= log.size(); i += log_fields) {
        StepRecord record{static_cast<std::int64_t>(log[i]), static_cast<std::int64_t>(log[i + 1]), log[i + 2], log[i + 3], log[i + 4], log[i + 5], log[i + 6], log[i + 7], {}};
        if (!std::isnan(log[i + 8])) record.holdout_loss = log[i + 8];
        out.log.push_back(record);
    }
    return out;
}

}  // namespace bitwright
