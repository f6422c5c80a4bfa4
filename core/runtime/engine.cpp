// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/engine.h"

#include "core/runtime/error.h"
#include "core/runtime/kernels/attention.h"
#include "core/runtime/kernels/laid_out.h"
#include "core/runtime/kernels/packed_linear.h"
#include "core/runtime/workers.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <string>

namespace bitwright {
namespace {

using Buffer = std::vector<std::int16_t>;

std::span<const std::int16_t> rows(const Buffer& buffer, std::int64_t first, std::int64_t last, std::int64_t width)
{
    return std::span(buffer).subspan(static_cast<std::size_t>(first * width), static_cast<std::size_t>((last - first) * width));
}
std::span<std::int16_t> rows(Buffer& buffer, std::int64_t first, std::int64_t last, std::int64_t width)
{
    return std::span(buffer).subspan(static_cast<std::size_t>(first * width), static_cast<std::size_t>((last - first) * width));
}

/// A layer's linears as the kernels compute them, and its cache.
struct LayerState {
    PackedLinear q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj;
    AttentionCache cache;

    LayerState(const LayerGraph& layer, const KernelSet& kernels)
        : q_proj(layer.q_proj, kernels), k_proj(layer.k_proj, kernels), v_proj(layer.v_proj, kernels), o_proj(layer.o_proj, kernels), up_proj(layer.up_proj, kernels),
          down_proj(layer.down_proj, kernels), cache(layer.attention, kernels)
    {
        if (layer.gate_proj) gate_proj = PackedLinear(*layer.gate_proj, kernels);
    }
};

/// Adds the time it lives to `seconds`, where that is given.
class AddedTime {
public:
    AddedTime(double* seconds, int threads) : seconds_(seconds), clock_(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC) { add(-1); }
    ~AddedTime() { add(1); }
    AddedTime(const AddedTime&) = delete;
    AddedTime& operator=(const AddedTime&) = delete;

private:
    void add(double sign) const
    {
        if (!seconds_) return;
        timespec now{};
        clock_gettime(clock_, &now);
        *seconds_ += sign * (static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec));
    }
    double* seconds_;
    clockid_t clock_;
};

/// One linear of several that read the same input.
struct Projection {
    const PackedLinear* linear;
    Buffer* out;
};

}  // namespace

struct Engine::State {
    const KernelSet& kernels;
    EngineOptions options;
    Workers workers;
    LaidOutPackage laid_out;
    const ModelGraph& graph;
    std::vector<LayerState> layers;
    PackedLinear lm_head;
    std::int64_t position = 0;
    HiddenTap tap;
    double* attention_seconds = nullptr;
    Buffer residual, normed, query, key, value, rotated, mixed, attended, gate, up, down;
    PackedInput input;
    std::vector<std::int32_t> logits_out;

    State(std::shared_ptr<const Package> package, EngineOptions chosen)
        : kernels(chosen.kernels ? *chosen.kernels : chosen_kernels()), options(chosen), workers(chosen.threads, chosen.processors),
          laid_out(laid_out_from_cache(std::move(package), kernels.layout, chosen.layout_cache.value_or(default_layout_cache())), kernels.layout, workers), graph(laid_out.graph()), lm_head(graph.lm_head, kernels)
    {
        for (const LayerGraph& layer : graph.layers) layers.emplace_back(layer, kernels);
    }

    /// Calls body(first, last) over the chunk's tokens.
    void over_tokens(std::int64_t tokens, const Workers::Body& body) { workers.run(tokens, 4, body); }

    void norm(const Norm& op, const Buffer& in, Buffer& out, std::int64_t tokens)
    {
        const auto width = static_cast<std::int64_t>(in.size()) / tokens;
        out.resize(in.size());
        over_tokens(tokens, [&](std::int64_t first, std::int64_t last) { kernels.normalize(op, rows(in, first, last, width), rows(out, first, last, width)); });
    }

    /// q or k in place: one norm for every head (or over all of them), or each head's own.
    void head_norm(const std::vector<Norm>& ops, Buffer& codes, std::int64_t tokens)
    {
        if (ops.empty()) return;
        const Buffer in(codes);
        if (ops.size() == 1) return norm(ops.front(), in, codes, tokens);
        const auto width = static_cast<std::int64_t>(ops.front().gamma.size()), heads = std::ssize(ops);
        over_tokens(tokens, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t row = first * heads; row < last * heads; ++row)
                kernels.normalize(ops[static_cast<std::size_t>(row % heads)], rows(in, row, row + 1, width), rows(codes, row, row + 1, width));
        });
    }

    void pack(const PackedLinear& linear, Codes16 in, std::int64_t tokens)
    {
        input.prepare(linear, kernels, tokens);
        if (!linear.uses_kernels()) return;
        const std::int64_t grain = input.token_grain();
        workers.run((tokens + grain - 1) / grain, 1, [&](std::int64_t first, std::int64_t last) { input.pack(in, first * grain, std::min(tokens, last * grain)); });
    }

    /// Panels that a thread takes at once: enough work to be worth it, and several for each thread.
    [[nodiscard]] std::int64_t grain(const PackedLinear& linear, std::int64_t panels, std::int64_t tokens) const
    {
        constexpr std::int64_t decoded = 128 << 10, cached = 384 << 10;
        const std::int64_t fitting = std::max<std::int64_t>(1, (tokens > 8 ? cached : decoded) / linear.panel_bytes());
        return std::clamp<std::int64_t>(panels / (4 * workers.threads()), 1, fitting);
    }

    /// All projections of one input, in one round of the threads where they can share what is packed.
    void project(const Buffer& in, std::int64_t tokens, std::vector<Projection> projections)
    {
        while (!projections.empty()) {
            const PackedLinear& like = *projections.front().linear;
            const auto rest = std::stable_partition(projections.begin(), projections.end(), [&](const Projection& p) { return p.linear == &like || PackedInput::shared(like, *p.linear); });
            pack(like, in, tokens);
            std::vector<std::int64_t> begins{0};
            for (auto p = projections.begin(); p != rest; ++p) {
                p->out->resize(static_cast<std::size_t>(tokens * p->linear->op().weight.rows));
                begins.push_back(begins.back() + p->linear->panels());
            }
            workers.run(begins.back(), grain(like, begins.back(), tokens), [&](std::int64_t first, std::int64_t last) {
                for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
                    const std::int64_t low = std::max(first, begins[i]), high = std::min(last, begins[i + 1]);
                    if (low < high) projections[i].linear->run(input, in, low - begins[i], high - begins[i], std::span(*projections[i].out));
                }
            });
            projections.erase(projections.begin(), rest);
        }
    }

    void add(const ResidualAdd& op, std::initializer_list<const Buffer*> addends, std::int64_t tokens)
    {
        over_tokens(tokens, [&](std::int64_t first, std::int64_t last) {
            std::array<Codes16, 3> spans;
            std::size_t count = 0;
            for (const Buffer* addend : addends) spans[count++] = rows(*addend, first, last, graph.hidden);
            kernels.residual_add(op, std::span(spans).first(count), rows(residual, first, last, graph.hidden));  // elementwise: the first addend may be the output
        });
    }

    /// Moves K (rotated) and V of the chunk into the cache, then q rotated, scores, probabilities, values into `mixed`.
    void attend(const LayerGraph& layer, AttentionCache& cache, std::int64_t tokens)
    {
        const Attention& op = layer.attention;
        const AddedTime timed(attention_seconds, workers.threads());
        const std::int64_t query_width = op.heads * op.head_dim, key_width = op.kv_heads * op.head_dim;
        cache.grow(position + tokens);
        mixed.resize(static_cast<std::size_t>(tokens * query_width));
        rotated.resize(query.size());
        over_tokens(tokens, [&](std::int64_t first, std::int64_t last) {
            Buffer rotated_key(static_cast<std::size_t>(key_width));
            for (std::int64_t t = first; t < last; ++t) {
                kernels.rotate(layer.q_rope, position + t, rows(std::as_const(query), t, t + 1, query_width), rows(rotated, t, t + 1, query_width));
                kernels.rotate(layer.k_rope, position + t, rows(std::as_const(key), t, t + 1, key_width), rotated_key);
                cache.append(position + t, rotated_key, rows(std::as_const(value), t, t + 1, key_width));
            }
        });
        workers.run(cache.units(tokens), 1, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t unit = first; unit < last; ++unit) cache.attend(unit, position, rotated, mixed);
        });
    }

    void block(const LayerGraph& layer, LayerState& state, std::int64_t tokens)
    {
        if (layer.attention_norm) norm(*layer.attention_norm, residual, normed, tokens);
        project(layer.attention_norm ? normed : residual, tokens, {{&state.q_proj, &query}, {&state.k_proj, &key}, {&state.v_proj, &value}});
        head_norm(layer.q_norm, query, tokens);
        head_norm(layer.k_norm, key, tokens);
        attend(layer, state.cache, tokens);
        project(mixed, tokens, {{&state.o_proj, &attended}});
        if (layer.attention_branch_norm) norm(*layer.attention_branch_norm, Buffer(attended), attended, tokens);
        if (layer.attention_add) add(*layer.attention_add, {&residual, &attended}, tokens);
        if (layer.mlp_norm) norm(*layer.mlp_norm, residual, normed, tokens);
        const Buffer& read = layer.mlp_norm || layer.attention_norm ? normed : residual;
        if (layer.gate_proj) {
            project(read, tokens, {{&state.gate_proj, &gate}, {&state.up_proj, &up}});
            over_tokens(tokens, [&](std::int64_t first, std::int64_t last) {
                const auto gate_rows = rows(gate, first, last, graph.ffn), up_rows = rows(up, first, last, graph.ffn);
                kernels.activate(layer.activation, gate_rows, gate_rows);
                kernels.multiply(*layer.product, gate_rows, up_rows, up_rows);
            });
        } else {
            project(read, tokens, {{&state.up_proj, &up}});
            over_tokens(tokens, [&](std::int64_t first, std::int64_t last) { kernels.activate(layer.activation, rows(up, first, last, graph.ffn), rows(up, first, last, graph.ffn)); });
        }
        project(up, tokens, {{&state.down_proj, &down}});
        if (layer.mlp_branch_norm) norm(*layer.mlp_branch_norm, Buffer(down), down, tokens);
        if (layer.attention_add) add(layer.mlp_add, {&residual, &down}, tokens);
        else add(layer.mlp_add, {&residual, &attended, &down}, tokens);
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
        if (graph.embedding_norm) norm(*graph.embedding_norm, Buffer(residual), residual, tokens);
        show(0, graph.embedding_norm ? graph.embedding_norm->output : graph.embedding.output);
        for (std::size_t i = 0; i < graph.layers.size(); ++i) {
            control.check();
            block(graph.layers[i], layers[i], tokens);
            show(i + 1, graph.layers[i].mlp_add.output);
        }
        control.check();
        if (wanted != WantedLogits::none) {
            const std::int64_t scored = wanted == WantedLogits::all ? tokens : 1;
            const auto read = rows(std::as_const(residual), tokens - scored, tokens, graph.hidden);
            norm(graph.final_norm, Buffer(read.begin(), read.end()), normed, scored);
            pack(lm_head, normed, scored);
            workers.run(lm_head.panels(), grain(lm_head, lm_head.panels(), scored), [&](std::int64_t first, std::int64_t last) { lm_head.run(input, normed, first, last, out); });
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
const KernelSet& Engine::kernels() const noexcept { return state_->kernels; }
std::int64_t Engine::position() const noexcept { return state_->position; }
void Engine::set_hidden_tap(HiddenTap tap) { state_->tap = std::move(tap); }
void Engine::set_attention_clock(double* seconds) noexcept { state_->attention_seconds = seconds; }
void Engine::reset() noexcept { state_->position = 0; }

std::uint64_t Engine::cache_bytes() const noexcept
{
    std::uint64_t bytes = 0;
    for (const LayerState& layer : state_->layers) bytes += layer.cache.bytes();
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
        throw bad_input(s.laid_out.package().path().string(), "context",
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

}  // namespace bitwright
