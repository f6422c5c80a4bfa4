// SPDX-License-Identifier: GPL-3.0-or-later
// Compiled with -O3: a rotation goes over every weight of a model.
#include "core/recipe/rotations.h"

#include "core/runtime/error.h"
#include "core/runtime/random.h"

#include <algorithm>
#include <cmath>

namespace bitwright {
namespace {

bool contains(const std::vector<SiteId>& sites, SiteId site) { return std::find(sites.begin(), sites.end(), site) != sites.end(); }

// Orthogonal by Gram and Schmidt, in double.
std::vector<double> random_orthogonal(std::size_t n, Random& random)
{
    std::vector<double> q(n * n);
    for (double& v : q) v = random.uniform() + random.uniform() + random.uniform() - 1.5;
    for (std::size_t i = 0; i < n; ++i) {
        double* row = q.data() + i * n;
        for (int twice = 0; twice < 2; ++twice)
            for (std::size_t j = 0; j < i; ++j) {
                const double* other = q.data() + j * n;
                double along = 0;
                for (std::size_t c = 0; c < n; ++c) along += row[c] * other[c];
                for (std::size_t c = 0; c < n; ++c) row[c] -= along * other[c];
            }
        double length = 0;
        for (std::size_t c = 0; c < n; ++c) length += row[c] * row[c];
        for (std::size_t c = 0; c < n; ++c) row[c] /= std::sqrt(length);
    }
    return q;
}

void rotate_columns(MaterializedWeight& weight, const std::vector<float>& q, std::size_t n)
{
    std::vector<float> turned(n);
    for (std::size_t at = 0; at + n <= weight.weight.size(); at += n) {
        std::fill(turned.begin(), turned.end(), 0.0F);
        for (std::size_t c = 0; c < n; ++c) {
            const float w = weight.weight[at + c];
            const float* row = q.data() + c * n;
            for (std::size_t j = 0; j < n; ++j) turned[j] += w * row[j];
        }
        std::copy(turned.begin(), turned.end(), weight.weight.begin() + static_cast<std::ptrdiff_t>(at));
    }
}

void rotate_rows(std::vector<float>& values, std::size_t cols, const std::vector<float>& q, std::size_t n)
{
    std::vector<float> turned(n * cols);
    for (std::size_t at = 0; at + n * cols <= values.size(); at += n * cols) {
        std::fill(turned.begin(), turned.end(), 0.0F);
        for (std::size_t r = 0; r < n; ++r)
            for (std::size_t i = 0; i < n; ++i) {
                const float factor = q[r * n + i];
                const float* from = values.data() + at + r * cols;
                float* to = turned.data() + i * cols;
                for (std::size_t c = 0; c < cols; ++c) to[c] += factor * from[c];
            }
        std::copy(turned.begin(), turned.end(), values.begin() + static_cast<std::ptrdiff_t>(at));
    }
}

}  // namespace

bool is_rotation(const ScalePair& transform) noexcept { return transform.pair.starts_with("rotate_"); }

const ScalePair* rotation_in(const Transform& transform) noexcept
{
    const auto* pair = std::get_if<ScalePair>(&transform);
    return pair && is_rotation(*pair) ? pair : nullptr;
}

std::string rotation_obstacle(const Model& model, std::string_view place)
{
    const Architecture& a = model.architecture();
    const BlockLayout& block = a.block;
    if (place == "rotate_heads") return legal_pair(model, "v_o", 0) ? "" : "has no values that only o_proj reads";
    if (place != "rotate_residual") return "knows the rotations rotate_residual and rotate_heads only";
    if (a.norm != NormKind::rms) return "has layer norms, whose mean a rotation does not leave; only models with RMS norms can be rotated";
    if (block.post_attention_norm || block.post_mlp_norm) return "has norms on its branches, whose weights lie between what is rotated";
    if (block.norm_after_residual || block.residual_from_norm) return "reads its residual stream through norms with weights";
    if (!block.pre_attention_norm || (!block.pre_mlp_norm && !block.mlp_shares_attention_norm)) return "has layers without a norm before them";
    if (a.embedding_norm || a.embedding_width != a.hidden) return "has a norm or a projection behind its embedding";
    if (model.sites->find(SiteRole::position_weight, -1) != no_site) return "adds learned positions";
    return "";
}

std::optional<LegalRotation> legal_rotation(const Model& model, std::string_view place, std::int64_t layer)
{
    const Architecture& a = model.architecture();
    if (!rotation_obstacle(model, place).empty() || (place == "rotate_residual") != (layer == -1) || layer >= a.layers) return std::nullopt;
    LegalRotation out{std::string(place), layer, place == "rotate_residual" ? a.hidden : a.head_dim, {}, {}, {}};
    const auto add = [&](std::vector<SiteId>& to, std::initializer_list<SiteRole> roles, std::int64_t at) {
        for (const SiteRole role : roles)
            if (const SiteId id = model.sites->find(role, at); id != no_site) to.push_back(id);
    };
    if (place == "rotate_heads") {
        add(out.rows, {SiteRole::v_weight}, layer);
        add(out.columns, {SiteRole::o_weight}, layer);
        add(out.activations, {SiteRole::v_output, SiteRole::pv_input2, SiteRole::pv_output}, layer);
        return out;
    }
    add(out.columns, {SiteRole::embedding_weight, SiteRole::lm_head_weight}, -1);
    add(out.activations, {SiteRole::residual_embedding, SiteRole::final_norm_input, SiteRole::final_norm_output}, -1);
    for (std::int64_t l = 0; l < a.layers; ++l) {
        add(out.columns, {SiteRole::q_weight, SiteRole::k_weight, SiteRole::v_weight, SiteRole::gate_weight, SiteRole::up_weight}, l);
        add(out.rows, {SiteRole::o_weight, SiteRole::down_weight}, l);
        add(out.activations, {SiteRole::attention_norm_input, SiteRole::attention_norm_output, SiteRole::o_output, SiteRole::residual_attention, SiteRole::mlp_norm_input,
                              SiteRole::mlp_norm_output, SiteRole::down_output, SiteRole::residual_mlp}, l);
    }
    return out;
}

void fold_norms(Recipe& recipe, const Model& model)
{
    if (const std::string obstacle = rotation_obstacle(model, "rotate_residual"); !obstacle.empty()) throw bad_input(model.checkpoint->folder().string(), "architecture", obstacle);
    const auto fold = [&](std::string_view name, std::int64_t layer) {
        const auto pair = legal_pair(model, name, layer);
        if (!pair) return;
        std::vector<float> weight = materialize(model, &recipe, pair->producer).weight;
        if (std::find(weight.begin(), weight.end(), 0.0F) != weight.end())
            throw bad_input(model.checkpoint->folder().string(), (*model.sites)[pair->producer].name, "holds a 0, so it cannot be folded into what reads it; use a method without rotations");
        recipe.transforms.emplace_back(ScalePair{std::string(name), layer, numbers(std::move(weight))});
    };
    for (std::int64_t layer = 0; layer < model.architecture().layers; ++layer) {
        fold("norm_qkv", layer);
        fold("norm_mlp", layer);
    }
    fold("norm_head", -1);
}

std::vector<float> random_hadamard(std::int64_t size, std::uint64_t seed)
{
    const auto n = static_cast<std::size_t>(size);
    std::size_t power = 1;
    while (n % (2 * power) == 0) power *= 2;
    const std::size_t rest = n / power;
    Random random(seed);
    const std::vector<double> small = rest > 1 ? random_orthogonal(rest, random) : std::vector<double>{1};
    std::vector<float> out(n * n);
    for (std::size_t r = 0; r < n; ++r) {
        const double sign = random.below(2) == 0 ? 1 : -1;
        for (std::size_t c = 0; c < n; ++c) {
            const bool odd = (__builtin_popcountll((r / rest) & (c / rest)) & 1) != 0;
            out[r * n + c] = static_cast<float>(sign * (odd ? -1 : 1) / std::sqrt(static_cast<double>(power)) * small[r % rest * rest + c % rest]);
        }
    }
    return out;
}

void rotate(MaterializedWeight& weight, SiteId site, const LegalRotation& rotation, const Numbers& matrix)
{
    const auto n = static_cast<std::size_t>(rotation.size);
    if (contains(rotation.columns, site)) rotate_columns(weight, *matrix, n);
    if (!contains(rotation.rows, site)) return;
    rotate_rows(weight.weight, static_cast<std::size_t>(weight.shape.back()), *matrix, n);
    if (!weight.bias.empty()) rotate_rows(weight.bias, 1, *matrix, n);
}

bool mixes_rows(const LegalRotation& rotation, SiteId site) noexcept { return contains(rotation.rows, site); }

std::string rotation_fault(const LegalRotation& rotation, const Numbers& matrix)
{
    const auto n = static_cast<std::size_t>(rotation.size);
    if (!matrix || matrix->size() != n * n) return "has " + std::to_string(matrix ? matrix->size() : 0) + " numbers where the model needs " + std::to_string(n * n);
    for (std::size_t r = 0; r < n; ++r) {
        const float *row = matrix->data() + r * n, *next = matrix->data() + (r + 1) % n * n;
        double length = 0, across = 0;
        for (std::size_t c = 0; c < n; ++c) {
            length += static_cast<double>(row[c]) * static_cast<double>(row[c]);
            across += static_cast<double>(row[c]) * static_cast<double>(next[c]);
        }
        if (!(std::abs(length - 1) < 1e-3) || (n > 1 && !(std::abs(across) < 1e-3))) return "is not orthogonal in row " + std::to_string(r);
    }
    return "";
}

}  // namespace bitwright
