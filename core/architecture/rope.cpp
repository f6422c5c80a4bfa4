// SPDX-License-Identifier: GPL-3.0-or-later
// Rotary embeddings: reading their parameters and evaluating their frequencies, as transformers' modeling_rope_utils.py defines them.
#include "core/architecture/families.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace bitwright {
namespace {

struct ScalingName {
    std::string_view name;
    RopeScaling scaling;
};
constexpr std::array<ScalingName, 7> scaling_names{{{"default", RopeScaling::none},
                                                    {"linear", RopeScaling::linear},
                                                    {"dynamic", RopeScaling::dynamic},
                                                    {"llama3", RopeScaling::llama3},
                                                    {"yarn", RopeScaling::yarn},
                                                    {"longrope", RopeScaling::longrope},
                                                    {"su", RopeScaling::longrope}}};  // longrope's first name

RopeScaling read_scaling(const ConfigReader& config)
{
    const auto field = config.spelling({"rope_type", "type"});
    const auto name = config.text(field, "default");
    std::string known;
    for (const auto& entry : scaling_names) {
        if (entry.name == name) return entry.scaling;
        known += (known.empty() ? "" : ", ") + std::string(entry.name);
    }
    throw config.fault(field, "“" + name + "” is not supported; supported are " + known);
}

double yarn_magnitude(double factor, double scale) { return factor <= 1 ? 1.0 : 0.1 * scale * std::log(factor) + 1.0; }

std::vector<double> plain_frequencies(std::int64_t dims, double theta)
{
    std::vector<double> frequencies(static_cast<std::size_t>(dims / 2));
    for (std::size_t i = 0; i < frequencies.size(); ++i) frequencies[i] = 1.0 / std::pow(theta, 2.0 * static_cast<double>(i) / static_cast<double>(dims));
    return frequencies;
}

void scale_llama3(std::vector<double>& frequencies, const Rope& rope)
{
    const auto original = static_cast<double>(rope.original_max_positions);
    for (auto& frequency : frequencies) {
        const double wavelength = 2 * std::numbers::pi / frequency;
        if (wavelength > original / rope.low_freq_factor) {
            frequency /= rope.factor;
        } else if (wavelength >= original / rope.high_freq_factor) {
            const double smooth = (original / wavelength - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
            frequency = (1 - smooth) * frequency / rope.factor + smooth * frequency;
        }
    }
}

void scale_yarn(std::vector<double>& frequencies, const Rope& rope)
{
    const auto dims = static_cast<double>(rope.dims);
    const auto correction = [&](double rotations) {
        return dims * std::log(static_cast<double>(rope.original_max_positions) / (rotations * 2 * std::numbers::pi)) / (2 * std::log(rope.theta));
    };
    double low = correction(rope.beta_fast);
    double high = correction(rope.beta_slow);
    if (rope.truncate) low = std::floor(low), high = std::ceil(high);
    low = std::max(low, 0.0);
    high = std::min(high, dims - 1);
    if (low == high) high += 0.001;
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
        const double interpolated = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
        frequencies[i] = frequencies[i] / rope.factor * interpolated + frequencies[i] * (1 - interpolated);
    }
}

}  // namespace

std::vector<double> Rope::inverse_frequencies(std::int64_t length) const
{
    if (scaling == RopeScaling::dynamic && length > original_max_positions) {
        const double beyond = factor * static_cast<double>(length) / static_cast<double>(original_max_positions) - (factor - 1);
        return plain_frequencies(dims, theta * std::pow(beyond, static_cast<double>(dims) / static_cast<double>(dims - 2)));
    }
    auto frequencies = plain_frequencies(dims, theta);
    switch (scaling) {
        case RopeScaling::none:
        case RopeScaling::dynamic:
            break;
        case RopeScaling::linear:
            for (auto& frequency : frequencies) frequency /= factor;
            break;
        case RopeScaling::llama3:
            scale_llama3(frequencies, *this);
            break;
        case RopeScaling::yarn:
            scale_yarn(frequencies, *this);
            break;
        case RopeScaling::longrope: {
            const auto& divisors = length > original_max_positions ? long_factor : short_factor;
            for (std::size_t i = 0; i < frequencies.size(); ++i) frequencies[i] /= divisors[i];
            break;
        }
    }
    return frequencies;
}

Rope read_rope(const ConfigReader& top, const Architecture& architecture, double theta, double rotated, std::string_view layer_type)
{
    Rope rope;
    // transformers 5 keeps everything in rope_parameters; transformers 4 only the scaling, in rope_scaling.
    const auto field = top.spelling({"rope_parameters", "rope_scaling"});
    std::optional<ConfigReader> inner;
    if (top.has(field)) inner = top.object(field);
    if (inner && !layer_type.empty() && inner->is_object(layer_type)) inner = inner->object(layer_type);

    const auto theta_field = top.spelling({"rope_theta", "rotary_emb_base"});
    const auto share_field = top.spelling({"partial_rotary_factor", "rotary_pct"});
    rope.theta = inner && inner->has("rope_theta") ? inner->positive("rope_theta", theta) : top.positive(theta_field, theta);
    const double share = inner && inner->has("partial_rotary_factor") ? inner->positive("partial_rotary_factor", rotated) : top.positive(share_field, rotated);
    if (share > 1) throw top.fault("partial_rotary_factor", "is above 1; at most the whole head can be rotated");
    rope.dims = static_cast<std::int64_t>(static_cast<double>(architecture.head_dim) * share);
    if (rope.dims < 2 || rope.dims % 2)
        throw top.fault("partial_rotary_factor", "rotates " + std::to_string(rope.dims) + " of " + std::to_string(architecture.head_dim) +
                                                     " dimensions of a head; an even number is needed");
    if (!inner) return rope;

    rope.scaling = read_scaling(*inner);
    if (rope.scaling == RopeScaling::none) return rope;
    const auto original = inner->size("original_max_position_embeddings", top.size("original_max_position_embeddings", architecture.max_positions));
    const double ratio = static_cast<double>(architecture.max_positions) / static_cast<double>(original);
    rope.original_max_positions = rope.scaling == RopeScaling::dynamic ? architecture.max_positions : original;
    rope.factor = inner->positive("factor", ratio);
    switch (rope.scaling) {
        case RopeScaling::none:
            break;
        case RopeScaling::linear:
        case RopeScaling::dynamic:
            if (!inner->has("factor")) throw inner->fault("factor", "is missing; this RoPE scaling needs it");
            rope.original_max_positions = rope.scaling == RopeScaling::dynamic ? architecture.max_positions : 0;
            if (rope.scaling == RopeScaling::dynamic && rope.dims < 4) throw inner->fault("rope_type", "“dynamic” needs at least 4 rotated dimensions");
            break;
        case RopeScaling::llama3:
            rope.low_freq_factor = inner->positive("low_freq_factor", 1);
            rope.high_freq_factor = inner->positive("high_freq_factor", 4);
            if (rope.high_freq_factor <= rope.low_freq_factor) throw inner->fault("high_freq_factor", "must be above low_freq_factor");
            break;
        case RopeScaling::yarn: {
            rope.beta_fast = inner->positive("beta_fast", 32);
            rope.beta_slow = inner->positive("beta_slow", 1);
            rope.truncate = inner->flag("truncate", true);
            const double scale = inner->number("mscale", 0), scale_all = inner->number("mscale_all_dim", 0);
            const double implied =
                scale != 0 && scale_all != 0 ? yarn_magnitude(rope.factor, scale) / yarn_magnitude(rope.factor, scale_all) : yarn_magnitude(rope.factor, 1);
            rope.attention_factor = inner->positive("attention_factor", implied);
            break;
        }
        case RopeScaling::longrope: {
            rope.short_factor = inner->numbers("short_factor");
            rope.long_factor = inner->numbers("long_factor");
            for (const auto& [name, factors] : {std::pair{"short_factor", &rope.short_factor}, std::pair{"long_factor", &rope.long_factor}}) {
                if (factors->size() != static_cast<std::size_t>(rope.dims / 2))
                    throw inner->fault(name, "has " + std::to_string(factors->size()) + " numbers; " + std::to_string(rope.dims / 2) + " are expected");
                if (std::any_of(factors->begin(), factors->end(), [](double f) { return f <= 0; }))
                    throw inner->fault(name, "holds a number that is not above 0");
            }
            const double implied = rope.factor <= 1 ? 1.0 : std::sqrt(1 + std::log(rope.factor) / std::log(static_cast<double>(rope.original_max_positions)));
            rope.attention_factor = inner->positive("attention_factor", implied);
            break;
        }
    }
    return rope;
}

}  // namespace bitwright
