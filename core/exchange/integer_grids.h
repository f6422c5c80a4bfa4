// SPDX-License-Identifier: GPL-3.0-or-later
// From a recipe's float grids (either semantics) to the integer level's: signed codes, integer zero points, symmetric 16-bit (integer semantics §2).
// Every value that is not the simulation's any more is noted as a Conversion. Internal to the package export.
// Threading: one object per export.
#pragma once

#include "core/exchange/package_export.h"
#include "core/recipe/transforms.h"
#include "core/runtime/operations.h"

#include <string>
#include <vector>

namespace bitwright {

/// A weight matrix as a package stores it, with the real scale of a row's accumulator: real = row_scale · group_scale · (code − zero_point).
struct IntegerWeight {
    std::int64_t rows = 0, cols = 0, group = 0;  ///< group 0: none
    std::vector<std::int8_t> codes;              ///< row-major
    std::vector<std::int8_t> zero_points;        ///< 1, rows, or rows × groups; empty for a symmetric scheme
    std::vector<std::uint8_t> group_scales;      ///< rows × groups, or empty
    std::vector<double> row_scales;              ///< 1 or rows
    std::vector<float> bias;

    [[nodiscard]] std::int64_t groups() const noexcept { return group == 0 ? 1 : cols / group; }
    [[nodiscard]] double row_scale(std::int64_t row) const noexcept { return row_scales[row_scales.size() == 1 ? 0 : static_cast<std::size_t>(row)]; }
    [[nodiscard]] std::int64_t zero_point(std::int64_t row, std::int64_t g) const noexcept;
    [[nodiscard]] std::int64_t group_scale(std::int64_t row, std::int64_t g) const noexcept { return group_scales.empty() ? 1 : group_scales[static_cast<std::size_t>(row * groups() + g)]; }
    /// Σ group_scale·(code − zero_point) of a row, and of absolute values.
    struct RowSums {
        std::int64_t signed_sum = 0, absolute_sum = 0;
    };
    [[nodiscard]] RowSums row_sums(std::int64_t row) const noexcept;
};

/// Norm weights, symmetric int16 anew from the materialized weight.
struct IntegerGamma {
    std::vector<std::int16_t> codes;
    double scale = 1;
    std::vector<float> beta;
};

class IntegerGrids {
public:
    IntegerGrids(const Model& model, const Recipe& recipe) : model_(model), recipe_(recipe) {}

    /// The site of a role; throws Error (bad_input) when this family has none.
    [[nodiscard]] const Site& site(SiteRole role, std::int64_t layer) const;
    [[nodiscard]] bool has(SiteRole role, std::int64_t layer) const noexcept { return model_.sites->find(role, layer) != no_site; }
    /// Throws Error (bad_input) naming the site when it has no static per-tensor range, or more than `most_bits`.
    [[nodiscard]] IntegerGrid activation(SiteRole role, std::int64_t layer, int most_bits = 16);
    /// Decision of a weight site, checked: uniform, at most 8 bits, per tensor, row or group.
    [[nodiscard]] const Scheme& weight_scheme(SiteRole role, std::int64_t layer) const;
    [[nodiscard]] IntegerWeight weight(SiteRole role, std::int64_t layer);
    [[nodiscard]] IntegerGamma gamma(SiteRole role, std::int64_t layer) const;

    [[nodiscard]] const std::vector<Conversion>& conversions() const noexcept { return conversions_; }

private:
    [[nodiscard]] const SiteDecision& decision(const Site& site) const;
    void note(const std::string& site, std::string what) { conversions_.push_back({site, std::move(what)}); }
    void widen(const Site& site, std::span<const float> plain, QuantizedWeight& quantized, const Scheme& scheme, std::size_t slice, std::size_t begin, std::size_t end);

    const Model& model_;
    const Recipe& recipe_;
    std::vector<Conversion> conversions_;
};

}  // namespace bitwright
