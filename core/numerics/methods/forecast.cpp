// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/methods/forecast.h"

#include "core/numerics/methods/resources.h"

#include <algorithm>

namespace bitwright {

std::uint64_t MemoryParts::peak(bool recompute) const
{
    const auto graphs = recompute ? layer_graph + layer_inputs : layer_graph * static_cast<std::uint64_t>(layers);
    return process + mapped + std::max(calibrating, weights + graphs + transient + targets);
}

namespace {

std::uint64_t bytes(std::int64_t floats) { return static_cast<std::uint64_t>(floats) * sizeof(float); }

}  // namespace

std::uint64_t layer_graph_bytes(const Architecture& a, std::int64_t sequences, std::int64_t tokens)
{
    return bytes(sequences * (3 * a.heads * tokens * tokens + tokens * (15 * a.hidden + 12 * a.query_width() + (a.gated_mlp ? 10 : 5) * a.ffn)));
}

// Whether a layer runs in the fused parts of quantize/fused.h, which keep their inputs alone.
bool in_fused_parts(const Architecture& a)
{
    const bool windows = std::any_of(a.attention.begin(), a.attention.end(), [](const LayerAttention& attention) { return attention.window > 0; });
    return a.gated_mlp && a.activation == Activation::silu && a.norm == NormKind::rms && a.qk_norm == QkNorm::none && a.attention_softcap == 0 &&
           a.position != PositionKind::alibi && !windows;
}

// Counts float tensors: products keep their inputs and the quantized copy of the weight. In fused parts besides: the inputs of norms, rotation, attention, gate
// and residual additions. Else every fake-quantizer keeps its input and its output, attention three [heads, T, T].
MemoryParts memory_parts(const MethodRequest& request, std::int64_t target_budget)
{
    const Architecture& a = request.model.architecture();
    const std::int64_t tokens = request.calibration.length, q = a.query_width(), mlp = a.gated_mlp ? 3 : 2;
    const std::int64_t layer_weights = a.hidden * (2 * q + 2 * a.key_width() + mlp * a.ffn), scores = a.heads * tokens * tokens;
    MemoryParts parts;
    parts.layers = a.layers;
    parts.mapped = request.model.checkpoint->weight_bytes() / static_cast<std::uint64_t>(std::max<std::int64_t>(1, a.layers));  // a layer's pages, until it is read
    parts.calibrating = std::min<std::uint64_t>(bytes(request.model.description->parameter_count()), 1ULL << 30) +
                        bytes(tokens * (8 * a.hidden + 6 * a.ffn + a.vocab) + 2 * scores);
    parts.weights = bytes(a.layers * layer_weights + a.vocab * a.embedding_width);
    const bool fused = in_fused_parts(a);
    parts.layer_graph = fused ? bytes(layer_weights + tokens * (6 * a.hidden + 4 * q + 4 * a.key_width() + 3 * a.ffn))
                              : bytes(layer_weights) + layer_graph_bytes(a, 1, tokens);
    parts.layer_inputs = bytes(a.layers * tokens * a.hidden);
    parts.transient = bytes(fused ? 2 * a.ffn * a.hidden + 4 * tokens * a.ffn : 2 * std::max({scores, tokens * a.ffn, a.ffn * a.hidden}));
    const auto targets = bytes(request.calibration.count * tokens * a.hidden);
    parts.targets = targets <= static_cast<std::uint64_t>(target_budget) ? targets : 0;
    return parts;
}

MethodForecast forecast_of(std::uint64_t peak_bytes)
{
    MethodForecast forecast;
    forecast.peak_bytes = peak_bytes;
    forecast.available_bytes = available_memory_bytes();
    forecast.fits = forecast.available_bytes == 0 || peak_bytes < forecast.available_bytes;
    return forecast;
}

std::string in_mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace bitwright
