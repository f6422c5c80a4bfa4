// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/engine.h"

#include "core/runtime/error.h"
#include "core/runtime/workers.h"

#include <algorithm>
#include <string>

namespace bitwright {
namespace {

using Buffer = std::vector<std::int16_t>;

/// Keys after RoPE and values of one layer, [positions, kv_heads × head_dim].
struct LayerCache {
    std::vector<std::int8_t> keys, values;
};

std::span<const std::int16_t> rows(const Buffer& buffer, std::int64_t first, std::int64_t last, std::int64_t width)
{
    return std::span(buffer).subspan(static_cast<std::size_t>(first * width), static_cast<std::size_t>((last - first) * width));
}
std::span<std::int16_t> rows(Buffer& buffer, std::int64_t first, std::int64_t last, std::int64_t width)
{
    return std::span(buffer).subspan(static_cast<std::size_t>(first * width), static_cast<std::size_t>((last - first) * width));
}

}  // namespace

struct Engine::State {
    std::shared_ptr<const Package> package;
    const ModelGraph& graph;
    EngineOptions options;
    Workers workers;
    std::vector<LayerCache> cache;
    std::int64_t position = 0;
    HiddenTap tap;
    Buffer residual, normed, query, key, value, mixed, attended, gate, up, down;
    std::vector<std::int32_t> logits_out;

    State(std::shared_ptr<const Package> shared, EngineOptions chosen)
        : package(std::move(shared)), graph(package->graph()), options(chosen), workers(chosen.threads), cache(graph.layers.size())
    {
    }

    /// Calls body(first, last) over the chunk's tokens.
    void over_tokens(std::int64_t tokens, const std::function<void(std::int64_t, std::int64_t)>& body) { workers.run(tokens, 4, body); }

    void norm(const Norm& op, const Buffer& in, Buffer& out, std::int64_t tokens)
    {
        const auto width = static_cast<std::int64_t>(in.size()) / tokens;
        out.resize(in.size());
        over_tokens(tokens, [&](std::int64_t first, std::int64_t last) { normalize(op, rows(in, first, last, width), rows(out, first, last, width)); });
    }

    void project(const Linear& op, const Buffer& in, Buffer& out, std::int64_t tokens)
    {
        out.resize(static_cast<std::size_t>(tokens * op.weight.rows));
        workers.run(op.weight.rows, 32, [&](std::int64_t first, std::int64_t last) { linear(op, in, tokens, out, first, last); });
    }

    void add(const ResidualAdd& op, std::initializer_list<const Buffer*> addends)
    {
        std::vector<Codes16> spans;
        for (const Buffer* addend : addends) spans.emplace_back(*addend);
        residual_add(op, spans, residual);  // elementwise: the first addend may be the output
    }

    /// Moves K (rotated) and V of the chunk into the cache, then q rotated, scores, probabilities, values into `mixed`.
    void attend(const LayerGraph& layer, LayerCache& kept, std::int64_t tokens)
    {
        const Attention& op = layer.attention;
        const std::int64_t query_width = op.heads * op.head_dim, key_width = op.kv_heads * op.head_dim;
        const auto needed = static_cast<std::size_t>((position + tokens) * key_width);
        kept.keys.resize(needed);
        kept.values.resize(needed);
        mixed.resize(static_cast<std::size_t>(tokens * query_width));
        Buffer rotated(query.size());
        over_tokens(tokens, [&](std::int64_t first, std::int64_t last) {
            Buffer rotated_key(static_cast<std::size_t>(key_width));
            for (std::int64_t t = first; t < last; ++t) {
                rotate(layer.q_rope, position + t, rows(std::as_const(query), t, t + 1, query_width), rows(rotated, t, t + 1, query_width));
                rotate(layer.k_rope, position + t, rows(std::as_const(key), t, t + 1, key_width), rotated_key);
                const auto at = (position + t) * key_width;
                std::copy(rotated_key.begin(), rotated_key.end(), kept.keys.begin() + at);
                std::copy_n(value.begin() + t * key_width, key_width, kept.values.begin() + at);
            }
        });
        workers.run(tokens * op.heads, 8, [&](std::int64_t first, std::int64_t last) {
            std::vector<std::int32_t> scores;
            std::vector<std::uint16_t> probabilities;
            for (std::int64_t i = first; i < last; ++i) {
                const std::int64_t t = i / op.heads, head = i % op.heads, at = position + t;
                const std::int64_t first_key = op.window == 0 ? 0 : std::max<std::int64_t>(0, at + 1 - op.window);
                const auto offset = static_cast<std::size_t>(head / (op.heads / op.kv_heads) * op.head_dim);
                scores.resize(static_cast<std::size_t>(at + 1 - first_key));
                probabilities.resize(scores.size());
                attention_scores(op, head, rows(rotated, i, i + 1, op.head_dim), std::span(kept.keys).subspan(offset), key_width, first_key, at, scores);
                softmax(scores, probabilities);
                weighted_values(op, probabilities, std::span(kept.values).subspan(offset), key_width, first_key, rows(mixed, i, i + 1, op.head_dim));
            }
        });
    }

    void block(const LayerGraph& layer, LayerCache& kept, std::int64_t tokens)
    {
        norm(layer.attention_norm, residual, normed, tokens);
        project(layer.q_proj, normed, query, tokens);
        project(layer.k_proj, normed, key, tokens);
        project(layer.v_proj, normed, value, tokens);
        if (layer.q_norm) norm(*layer.q_norm, Buffer(query), query, tokens);
        if (layer.k_norm) norm(*layer.k_norm, Buffer(key), key, tokens);
        attend(layer, kept, tokens);
        project(layer.o_proj, mixed, attended, tokens);
        if (layer.attention_branch_norm) norm(*layer.attention_branch_norm, Buffer(attended), attended, tokens);
        if (layer.attention_add) add(*layer.attention_add, {&residual, &attended});
        if (layer.mlp_norm) norm(*layer.mlp_norm, residual, normed, tokens);
        project(layer.up_proj, normed, up, tokens);
        if (layer.gate_proj) {
            project(*layer.gate_proj, normed, gate, tokens);
            over_tokens(tokens, [&](std::int64_t first, std::int64_t last) {
                const auto gate_rows = rows(gate, first, last, graph.ffn), up_rows = rows(up, first, last, graph.ffn);
                activate(layer.activation, gate_rows, gate_rows);
                multiply(*layer.product, gate_rows, up_rows, up_rows);
            });
        } else {
            over_tokens(tokens, [&](std::int64_t first, std::int64_t last) { activate(layer.activation, rows(up, first, last, graph.ffn), rows(up, first, last, graph.ffn)); });
        }
        project(layer.down_proj, up, down, tokens);
        if (layer.mlp_branch_norm) norm(*layer.mlp_branch_norm, Buffer(down), down, tokens);
        if (layer.attention_add) add(layer.mlp_add, {&residual, &down});
        else add(layer.mlp_add, {&residual, &attended, &down});
    }

    void show(std::size_t state, const IntegerGrid& grid) const
    {
        if (tap) tap(static_cast<std::int64_t>(state), position, residual, grid.scale);
    }

    void chunk(std::span<const std::int32_t> ids, WantedLogits wanted, std::span<std::int32_t> out, const Control& control)
    {
        const auto tokens = static_cast<std::int64_t>(ids.size());
        residual.resize(static_cast<std::size_t>(tokens * graph.hidden));
        embed(graph.embedding, ids, position, residual);
        show(0, graph.embedding.output);
        for (std::size_t i = 0; i < graph.layers.size(); ++i) {
            control.check();
            block(graph.layers[i], cache[i], tokens);
            show(i + 1, graph.layers[i].mlp_add.output);
        }
        control.check();
        if (wanted != WantedLogits::none) {
            const std::int64_t scored = wanted == WantedLogits::all ? tokens : 1;
            const auto read = rows(std::as_const(residual), tokens - scored, tokens, graph.hidden);
            norm(graph.final_norm, Buffer(read.begin(), read.end()), normed, scored);
            workers.run(graph.vocab, 64, [&](std::int64_t first, std::int64_t last) { logits(graph.lm_head, normed, scored, out, first, last); });
        }
        position += tokens;
    }
};

Engine::Engine(std::shared_ptr<const Package> package, EngineOptions options)
{
    if (options.threads < 1 || options.threads > 1024) throw usage_error("threads: must be 1 … 1024");
    if (options.chunk < 1) throw usage_error("chunk: must be at least 1 token");
    state_ = std::make_unique<State>(std::move(package), options);
}

Engine::~Engine() = default;

const ModelGraph& Engine::graph() const noexcept { return state_->graph; }
std::int64_t Engine::position() const noexcept { return state_->position; }
void Engine::set_hidden_tap(HiddenTap tap) { state_->tap = std::move(tap); }
void Engine::reset() noexcept { state_->position = 0; }

std::uint64_t Engine::cache_bytes() const noexcept
{
    std::uint64_t bytes = 0;
    for (const LayerCache& layer : state_->cache) bytes += layer.keys.capacity() + layer.values.capacity();
    return bytes;
}

std::span<const std::int32_t> Engine::forward(std::span<const std::int32_t> ids, WantedLogits wanted, const Control& control)
{
    State& s = *state_;
    const auto count = static_cast<std::int64_t>(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i)
        if (ids[i] < 0 || ids[i] >= s.graph.vocab)
            throw bad_input("token ids", "position " + std::to_string(i), "id " + std::to_string(ids[i]) + " is outside the vocabulary of " + std::to_string(s.graph.vocab) + "; use this model's tokenizer");
    if (s.position + count > s.graph.context)
        throw bad_input(s.package->path().string(), "context",
                        std::to_string(s.position + count) + " tokens do not fit into the package's context of " + std::to_string(s.graph.context) + "; shorten the input or export with a longer context");
    const auto vocab = static_cast<std::size_t>(s.graph.vocab);
    const std::size_t wanted_rows = wanted == WantedLogits::none ? 0 : wanted == WantedLogits::last ? std::min<std::size_t>(1, ids.size()) : ids.size();
    s.logits_out.resize(wanted_rows * vocab);
    for (std::int64_t first = 0; first < count; first += s.options.chunk) {
        const std::int64_t tokens = std::min(s.options.chunk, count - first);
        const bool last = first + tokens == count;
        const WantedLogits now = wanted == WantedLogits::last && !last ? WantedLogits::none : wanted;
        const auto out = std::span(s.logits_out).subspan(wanted == WantedLogits::all ? static_cast<std::size_t>(first) * vocab : 0);
        s.chunk(ids.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(tokens)), now, out, control);
    }
    return s.logits_out;
}

std::int32_t argmax(std::span<const std::int32_t> logits) noexcept
{
    return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

std::vector<std::int32_t> generate_greedy(Engine& engine, std::span<const std::int32_t> prompt, std::int64_t tokens, bool stop_at_eos, const Control& control,
                                          const std::function<void(std::int32_t)>& on_token)
{
    if (prompt.empty()) throw usage_error("generate: the prompt has no tokens; give at least one (a model's BOS will do)");
    std::vector<std::int32_t> output;
    if (tokens <= 0) return output;
    std::int32_t next = argmax(engine.prefill(prompt, control));
    while (!(stop_at_eos && next == engine.graph().eos)) {
        output.push_back(next);
        if (on_token) on_token(next);
        if (static_cast<std::int64_t>(output.size()) == tokens || engine.position() == engine.graph().context) break;
        control.check();
        next = argmax(engine.decode(next));
    }
    return output;
}

}  // namespace bitwright
