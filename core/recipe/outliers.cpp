// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/outliers.h"

#include "core/recipe/merged_checkpoint.h"
#include "core/recipe/transforms.h"
#include "core/runtime/error.h"
#include "core/runtime/random.h"

#include <algorithm>
#include <array>
#include <set>

namespace bitwright {
namespace {

/// The pairs that get outliers, as the README calls them.
struct Place {
    std::string_view pair, name;
};
constexpr std::array<Place, 3> places{{{"norm_qkv", "input_layernorm"}, {"norm_mlp", "post_attention_layernorm"}, {"up_down", "up_down"}}};

bool stays_exact(const Model& model, const LegalPair& pair)
{
    const Site& producer = (*model.sites)[pair.producer];
    const auto source = model.description->weight(producer.weight_role, producer.layer);
    return source && source->add == 0;
}

std::string readme(const Model& model, const std::vector<OutlierChannel>& channels, const std::string& origin)
{
    const std::string name = model.checkpoint->folder().filename().string();
    std::string text =
        "# " + name + " with outliers\nDerived from " + name +
        ". Exactly the same function, with activation outliers injected:\n"
        "chosen norm-weight channels are multiplied by a power of two and the matching columns of the linears that read the norm divided by it; chosen up_proj "
        "rows\n"
        "are multiplied and the matching down_proj columns divided. Every weight stays exact; the logits in fp32 are the same up to summation order.\n" +
        origin + "\n\n| layer.pair | channel: factor |\n|---|---|\n";
    for (auto first = channels.begin(); first != channels.end();) {
        const auto last = std::find_if(first, channels.end(), [&](const OutlierChannel& c) { return c.layer != first->layer || c.pair != first->pair; });
        const auto place = std::find_if(places.begin(), places.end(), [&](const Place& p) { return p.pair == first->pair; });
        text += "| " + std::to_string(first->layer) + "." + std::string(place == places.end() ? first->pair : place->name) + " | ";
        for (auto c = first; c != last; ++c) text += (c == first ? "" : ", ") + std::to_string(c->channel) + ": x" + std::to_string(c->factor);
        text += " |\n";
        first = last;
    }
    return text + "\nPurpose: per-tensor static 8-bit activations break here without an equivalent transform; the float function does not change.\n";
}

}  // namespace

std::vector<OutlierChannel> choose_outliers(const Model& model, const OutlierOptions& options)
{
    if (options.factors.empty()) throw usage_error("outliers need at least one factor");
    for (const int factor : options.factors) {
        if (factor < 1 || (factor & (factor - 1)) != 0) throw usage_error("outlier factor " + std::to_string(factor) + " is no power of two; use 32 or 64");
    }
    Random random(options.seed);
    std::vector<OutlierChannel> chosen;
    for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer) {
        for (const auto& place : places) {
            const auto pair = legal_pair(model, place.pair, layer);
            if (!pair || !stays_exact(model, *pair)) continue;
            const std::int64_t wanted = place.pair == "up_down" ? options.ffn_channels : options.norm_channels;
            if (wanted < 0 || wanted > pair->channels) {
                throw usage_error(std::to_string(wanted) + " outliers do not fit the " + std::to_string(pair->channels) + " channels of " +
                                  std::string(place.name));
            }
            std::set<std::int64_t> channels;
            while (std::ssize(channels) < wanted) channels.insert(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(pair->channels))));
            for (const std::int64_t channel : channels) {
                chosen.push_back({pair->pair, layer, channel, options.factors[static_cast<std::size_t>(random.below(options.factors.size()))]});
            }
        }
    }
    if (chosen.empty()) throw bad_input(model.checkpoint->folder().string(), "", "has no scale pair that can carry outliers exactly; use a LLaMA-like model");
    return chosen;
}

std::vector<Transform> outlier_transforms(const Model& model, const std::vector<OutlierChannel>& channels)
{
    std::map<std::pair<std::int64_t, std::string>, std::vector<float>> scales;
    for (const auto& [name, layer, channel, factor] : channels) {
        const auto pair = legal_pair(model, name, layer);
        if (!pair || channel < 0 || channel >= pair->channels) {
            throw bad_input(model.checkpoint->folder().string(), "layer " + std::to_string(layer) + " " + name,
                            "has no channel " + std::to_string(channel) + " to put an outlier in");
        }
        auto& s = scales.try_emplace({layer, name}, static_cast<std::size_t>(pair->channels), 1.0f).first->second;
        s[static_cast<std::size_t>(channel)] = 1.0f / static_cast<float>(factor);
    }
    std::vector<Transform> transforms;
    for (auto& [key, s] : scales) transforms.emplace_back(ScalePair{key.second, key.first, numbers(std::move(s))});
    return transforms;
}

void write_outlier_copy(const Model& model, const std::vector<OutlierChannel>& channels, const std::string& origin, const std::filesystem::path& folder,
                        const Control& control)
{
    Recipe recipe;
    recipe.transforms = outlier_transforms(model, channels);
    const auto& names = model.checkpoint->tensor_names();
    const bool half = std::any_of(names.begin(), names.end(), [&](const auto& name) { return model.checkpoint->entry(name).dtype == Dtype::f16; });
    write_merged_checkpoint(model, recipe, folder, half ? MergedStorage::f32 : MergedStorage::exact, {{"README.md", readme(model, channels, origin)}}, control);
}

}  // namespace bitwright
