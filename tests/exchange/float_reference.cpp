// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/exchange/float_reference.h"

#include "core/exchange/integer_tables.h"
#include "core/recipe/placement.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <span>

namespace bitwright::test {
namespace {

using R = SiteRole;

/// One forward pass; `t_` tokens.
class Pass {
public:
    Pass(const FloatReference& reference, const std::vector<std::int32_t>& ids)
        : ref_(reference), a_(reference.model.architecture()), ids_(ids), t_(static_cast<std::int64_t>(ids.size()))
    {
    }

    FloatReference::Result run()
    {
        FloatReference::Result result;
        const Values table = ref_.weight(site(R::embedding_weight));
        Values x(size(t_ * a_.hidden));
        const Values positions = has(R::position_weight) ? ref_.weight(site(R::position_weight)) : Values();
        for (std::int64_t t = 0; t < t_; ++t)
            for (std::int64_t c = 0; c < a_.hidden; ++c) {
                double value = table[size(ids_[size(t)] * a_.hidden + c)] * a_.embedding_scale;
                if (!positions.empty()) value += positions[size((t + a_.position_offset) * a_.hidden + c)];
                x[size(t * a_.hidden + c)] = value;
            }
        if (has(R::embedding_norm_weight)) {
            ref_.at_site(R::embedding_norm_input, -1, x);
            x = normed(x, R::embedding_norm_weight, a_.norm);
        }
        ref_.at_site(R::residual_embedding, -1, x);
        result.hidden.push_back(x);
        for (layer_ = 0; layer_ < a_.layers; ++layer_) {
            layer(x);
            result.hidden.push_back(x);
        }
        layer_ = -1;
        const Values final = norm(x, R::final_norm_weight, R::final_norm_output, a_.norm);
        result.logits = linear(final, R::lm_head_weight);
        for (double& logit : result.logits) {
            logit *= a_.logit_multiplier;
            if (a_.final_softcap > 0) logit = a_.final_softcap * std::tanh(logit / a_.final_softcap);
        }
        return result;
    }

private:
    static std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }
    [[nodiscard]] bool has(R role) const { return ref_.model.sites->find(role, layer_) != no_site; }
    [[nodiscard]] const Site& site(R role) const { return (*ref_.model.sites)[ref_.model.sites->find(role, layer_)]; }

    Values linear(const Values& x, R role) const
    {
        const Site& at = site(role);
        const Values w = ref_.weight(at), b = ref_.bias(at);
        const std::int64_t rows = at.rows, cols = at.channels, count = static_cast<std::int64_t>(x.size()) / cols;
        Values y(size(count * rows));
        for (std::int64_t t = 0; t < count; ++t)
            for (std::int64_t r = 0; r < rows; ++r) {
                double sum = b.empty() ? 0 : b[size(r)];
                for (std::int64_t k = 0; k < cols; ++k) sum += x[size(t * cols + k)] * w[size(r * cols + k)];
                y[size(t * rows + r)] = sum;
            }
        return y;
    }

    Values norm(const Values& x, R weight, R output, NormKind kind) const
    {
        Values y = normed(x, weight, kind);
        ref_.at_site(output, layer_, y);
        return y;
    }

    Values normed(const Values& x, R weight, NormKind kind) const
    {
        const Values gammas = ref_.weight(site(weight)), betas = ref_.bias(site(weight));
        const bool of_heads = (weight == R::q_norm_weight || weight == R::k_norm_weight) && a_.qk_norm == QkNorm::per_head;
        const std::size_t width = of_heads ? size(a_.head_dim) : gammas.size();
        Values y(x.size());
        for (std::size_t start = 0; start < x.size(); start += width) {
            const std::size_t own = start % gammas.size();  // each head may have its own
            const auto gamma = std::span(gammas).subspan(own, width), beta = betas.empty() ? std::span<const double>() : std::span<const double>(betas).subspan(own, width);
            double sum = 0, squares = 0;
            for (std::size_t i = 0; i < width; ++i) sum += x[start + i];
            const double mean = kind == NormKind::layer ? sum / static_cast<double>(width) : 0;
            for (std::size_t i = 0; i < width; ++i) squares += (x[start + i] - mean) * (x[start + i] - mean);
            const double root = std::sqrt(squares / static_cast<double>(width) + a_.norm_eps);
            for (std::size_t i = 0; i < width; ++i) y[start + i] = (x[start + i] - mean) / root * gamma[i] + (beta.empty() ? 0 : beta[i]);
        }
        return y;
    }

    void rotate(Values& x, std::int64_t heads) const
    {
        const int index = a_.position == PositionKind::rope ? a_.attention[size(layer_)].rope : -1;
        if (index < 0) return;
        const bitwright::Rope& rope = a_.ropes[size(index)];
        const Values frequencies = rope.inverse_frequencies(ref_.rope_length);
        const std::int64_t half = rope.dims / 2;
        for (std::int64_t t = 0; t < t_; ++t)
            for (std::int64_t h = 0; h < heads; ++h)
                for (std::int64_t i = 0; i < half; ++i) {
                    double& p = x[size((t * heads + h) * a_.head_dim + i)];
                    double& q = x[size((t * heads + h) * a_.head_dim + i + half)];
                    const double angle = static_cast<double>(t) * frequencies[size(i)], c = std::cos(angle) * rope.attention_factor, s = std::sin(angle) * rope.attention_factor;
                    const double p0 = p, q0 = q;
                    p = p0 * c - q0 * s;
                    q = q0 * c + p0 * s;
                }
    }

    Values attend(const Values& q, const Values& k, const Values& v) const
    {
        const std::int64_t window = a_.attention[size(layer_)].window, group = a_.heads / a_.kv_heads, d = a_.head_dim;
        Values mixed(q.size());
        for (std::int64_t t = 0; t < t_; ++t)
            for (std::int64_t h = 0; h < a_.heads; ++h) {
                const std::int64_t first = window == 0 ? 0 : std::max<std::int64_t>(0, t + 1 - window);
                Values scores;
                for (std::int64_t j = first; j <= t; ++j) {
                    double sum = 0;
                    for (std::int64_t i = 0; i < d; ++i) sum += q[size((t * a_.heads + h) * d + i)] * k[size((j * a_.kv_heads + h / group) * d + i)];
                    sum *= a_.attention_scale;
                    if (a_.attention_softcap > 0) sum = a_.attention_softcap * std::tanh(sum / a_.attention_softcap);
                    if (a_.position == PositionKind::alibi) sum -= slope(h) * static_cast<double>(t - j);
                    scores.push_back(sum);
                }
                const double maximum = *std::max_element(scores.begin(), scores.end());
                double total = 0;
                for (double& score : scores) total += score = std::exp(score - maximum);
                for (std::int64_t j = first; j <= t; ++j)
                    for (std::int64_t i = 0; i < d; ++i) mixed[size((t * a_.heads + h) * d + i)] += scores[size(j - first)] / total * v[size((j * a_.kv_heads + h / group) * d + i)];
            }
        return mixed;
    }

    /// ALiBi (Press et al. 2022, §3): 2^(−8/n) and its powers for n = 2^k heads; for other counts those of 2^k, then every second of 2^(k+1).
    [[nodiscard]] double slope(std::int64_t head) const
    {
        std::int64_t n = 1;
        while (2 * n <= a_.heads) n *= 2;
        return head < n ? std::pow(2, -8.0 * static_cast<double>(head + 1) / static_cast<double>(n)) : std::pow(2, -8.0 * static_cast<double>(2 * (head - n) + 1) / static_cast<double>(2 * n));
    }

    /// Output of a branch: projection, then the post-norm where the family has one.
    Values branch(const Values& x, R weight, R output, R norm_input, R norm_weight, R norm_output) const
    {
        Values y = linear(x, weight);
        ref_.at_site(has(norm_weight) ? norm_input : output, layer_, y);
        return has(norm_weight) ? norm(y, norm_weight, norm_output, a_.norm) : y;
    }

    void layer(Values& x) const
    {
        const Values read = has(R::attention_norm_weight) ? norm(x, R::attention_norm_weight, R::attention_norm_output, a_.norm) : x;
        Values q = linear(read, R::q_weight), k = linear(read, R::k_weight), v = linear(read, R::v_weight);
        const bool qk_norm = a_.qk_norm != QkNorm::none;
        ref_.at_site(qk_norm ? R::q_norm_input : R::q_output, layer_, q);
        ref_.at_site(qk_norm ? R::k_norm_input : R::k_output, layer_, k);
        ref_.at_site(R::pv_input2, layer_, v);
        if (qk_norm) {
            q = norm(q, R::q_norm_weight, R::q_norm_output, a_.qk_norm_kind);
            k = norm(k, R::k_norm_weight, R::k_norm_output, a_.qk_norm_kind);
        }
        rotate(q, a_.heads);
        rotate(k, a_.kv_heads);
        ref_.at_site(R::qk_input, layer_, q);
        ref_.at_site(R::qk_input2, layer_, k);
        Values mixed = attend(q, k, v);
        ref_.at_site(R::pv_output, layer_, mixed);
        const Values attended = branch(mixed, R::o_weight, R::o_output, R::attention_branch_norm_input, R::attention_branch_norm_weight, R::attention_branch_norm_output);
        const Values before = x;
        if (!a_.block.parallel) {
            for (std::size_t i = 0; i < x.size(); ++i) x[i] += a_.residual_multiplier * attended[i];
            ref_.at_site(R::residual_attention, layer_, x);
        }
        const Values input = has(R::mlp_norm_weight) ? norm(x, R::mlp_norm_weight, R::mlp_norm_output, a_.norm) : a_.block.parallel ? read : x;
        Values up = linear(input, R::up_weight);
        ref_.at_site(R::up_output, layer_, up);
        if (a_.gated_mlp) {
            Values gate = linear(input, R::gate_weight);
            ref_.at_site(R::gate_output, layer_, gate);
            for (std::size_t i = 0; i < up.size(); ++i) up[i] *= activation_value(a_.activation, gate[i]);
        } else {
            for (double& value : up) value = activation_value(a_.activation, value);
        }
        ref_.at_site(R::down_input, layer_, up);
        const Values projected = branch(up, R::down_weight, R::down_output, R::mlp_branch_norm_input, R::mlp_branch_norm_weight, R::mlp_branch_norm_output);
        for (std::size_t i = 0; i < x.size(); ++i) x[i] += a_.residual_multiplier * (projected[i] + (a_.block.parallel ? attended[i] : 0));
        ref_.at_site(R::residual_mlp, layer_, x);
    }

    const FloatReference& ref_;
    const Architecture& a_;
    const std::vector<std::int32_t>& ids_;
    const std::int64_t t_;
    std::int64_t layer_ = -1;
};

Values widened(const std::vector<float>& values) { return {values.begin(), values.end()}; }

}  // namespace

FloatReference::Result FloatReference::forward(const std::vector<std::int32_t>& ids) const { return Pass(*this, ids).run(); }

FloatReference float_reference(const Model& model, std::int64_t rope_length)
{
    return {model, [&model](const Site& site) { return widened(materialize(model, nullptr, site.id).weight); },
            [&model](const Site& site) { return widened(materialize(model, nullptr, site.id).bias); }, [](SiteRole, std::int64_t, Values&) {}, rope_length};
}

FloatReference rounded_reference(const Model& model, const Recipe& recipe, std::int64_t rope_length)
{
    FloatReference reference = float_reference(model, rope_length);
    const auto grids = std::make_shared<IntegerGrids>(model, recipe);
    reference.weight = [grids, &model](const Site& site) {
        if (site.role == R::position_weight) return widened(materialize(model, nullptr, site.id).weight);
        if (is_norm(site.weight_role)) {
            const IntegerGamma gamma = grids->gamma(site.role, site.layer);
            Values values(gamma.codes.begin(), gamma.codes.end());
            for (double& value : values) value *= gamma.scale;
            return values;
        }
        const IntegerWeight weight = grids->weight(site.role, site.layer);
        Values values;
        for (std::int64_t r = 0; r < weight.rows; ++r)
            for (std::int64_t k = 0; k < weight.cols; ++k) {
                const std::int64_t g = weight.group == 0 ? 0 : k / weight.group;
                values.push_back(static_cast<double>(weight.group_scale(r, g) * (weight.codes[static_cast<std::size_t>(r * weight.cols + k)] - weight.zero_point(r, g))) * weight.row_scale(r));
            }
        return values;
    };
    reference.at_site = [grids](SiteRole role, std::int64_t layer, Values& values) {
        const IntegerGrid grid = grids->activation(role, layer);
        for (double& value : values) value = (std::clamp<double>(std::nearbyint(value / grid.scale) + grid.zero_point, grid.low(), grid.high()) - grid.zero_point) * grid.scale;
    };
    return reference;
}

Recipe observed_recipe(const Model& model, const std::vector<std::vector<std::int32_t>>& sequences, int weight_bits, int activation_bits)
{
    PlacementOptions options;
    options.weight_bits = weight_bits;
    options.activation_bits = activation_bits;
    Recipe recipe = base_recipe(model, options, Semantics::bitwright);
    std::map<std::string, std::pair<double, double>> seen;
    for (const auto& ids : sequences) {
        FloatReference reference = float_reference(model, static_cast<std::int64_t>(ids.size()));
        reference.at_site = [&](SiteRole role, std::int64_t layer, Values& values) {
            auto& [low, high] = seen[(*model.sites)[model.sites->find(role, layer)].name];
            const auto [a, b] = std::minmax_element(values.begin(), values.end());
            low = std::min(low, *a);
            high = std::max(high, *b);
        };
        (void)reference.forward(ids);
    }
    for (auto& [name, decision] : recipe.sites) {
        const auto found = seen.find(name);
        const bool weight = (*model.sites)[model.sites->find(name)].kind == SiteKind::weight;
        if (weight) continue;
        const auto range = found == seen.end() ? std::pair(0.0, 1.0) : found->second;  // sites of the simulated level only, or read by nobody here
        decision.range = {numbers({static_cast<float>(range.first)}), numbers({static_cast<float>(range.second)}), nullptr, nullptr, "min-max"};
    }
    return recipe;
}

double sqnr_db(const Values& reference, const Values& x)
{
    double signal = 0, noise = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        signal += reference[i] * reference[i];
        noise += (reference[i] - x[i]) * (reference[i] - x[i]);
    }
    return 10 * std::log10(signal / noise);
}

}  // namespace bitwright::test
