// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exchange/integer_grids.h"

#include "core/recipe/slices.h"
#include "core/runtime/error.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace bitwright {
namespace {

std::string text(double value)
{
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.6g", value);
    return buffer;
}
std::string interval(double low, double high) { return "[" + text(low) + ", " + text(high) + "]"; }

Error unfit(const Site& site, std::string_view what) { return bad_input("recipe", site.name, what); }

/// The integer multiples of one row scale that a row's group scales are, or an empty vector.
std::vector<std::uint8_t> integer_multiples(std::span<const Grid> grids, double& row_scale)
{
    const double smallest = std::min_element(grids.begin(), grids.end(), [](const Grid& a, const Grid& b) { return a.scale < b.scale; })->scale;
    std::vector<std::uint8_t> multiples(grids.size());
    for (int divisor = 1; divisor <= 255; ++divisor) {
        row_scale = smallest / divisor;
        const bool fits = std::ranges::all_of(grids, [&, i = std::size_t{0}](const Grid& grid) mutable {
            const double ratio = grid.scale / row_scale, nearest = std::nearbyint(ratio);
            multiples[i++] = static_cast<std::uint8_t>(std::min(nearest, 255.0));
            return nearest <= 255 && std::fabs(ratio - nearest) <= 1e-6 * ratio;
        });
        if (fits) return multiples;
    }
    return {};
}

}  // namespace

std::int64_t IntegerWeight::zero_point(std::int64_t row, std::int64_t g) const noexcept
{
    if (zero_points.empty()) return 0;
    return zero_points[zero_points.size() == 1 ? 0 : static_cast<std::size_t>(group == 0 ? row : row * groups() + g)];
}

IntegerWeight::RowSums IntegerWeight::row_sums(std::int64_t row) const noexcept
{
    RowSums sums;
    const std::int64_t width = group == 0 ? cols : group;
    for (std::int64_t g = 0; g < groups(); ++g) {
        std::int64_t plain = 0, absolute = 0;
        for (std::int64_t k = g * width; k < (g + 1) * width; ++k) {
            const std::int64_t centred = codes[static_cast<std::size_t>(row * cols + k)] - zero_point(row, g);
            plain += centred;
            absolute += std::abs(centred);
        }
        sums.signed_sum += group_scale(row, g) * plain;
        sums.absolute_sum += group_scale(row, g) * absolute;
    }
    return sums;
}

const Site& IntegerGrids::site(SiteRole role, std::int64_t layer) const
{
    const SiteId id = model_.sites->find(role, layer);
    if (id == no_site) throw bad_input(model_.checkpoint->folder().string(), "layer " + std::to_string(layer), "the integer level needs a site this family does not have");
    return (*model_.sites)[id];
}

const SiteDecision& IntegerGrids::decision(const Site& site) const
{
    const auto found = recipe_.sites.find(site.name);
    if (found == recipe_.sites.end()) throw unfit(site, "the recipe has no decision for this site, which the integer level quantizes; calibrate and quantize again, or set its range");
    const Scheme& scheme = found->second.scheme;
    if (scheme.kind != SchemeKind::uniform) throw unfit(site, "is " + std::string(name_of(scheme.kind)) + "; the integer level does not support this kind yet, set kind=uniform");
    if (scheme.dynamic) throw unfit(site, "has a dynamic range; the integer level has static ranges only, set one");
    return found->second;
}

IntegerGrid IntegerGrids::activation(SiteRole role, std::int64_t layer, int most_bits)
{
    const Site& at = site(role, layer);
    const SiteDecision& decided = decision(at);
    const Scheme& scheme = decided.scheme;
    if (scheme.granularity != Granularity::tensor) throw unfit(at, "has a range " + in_words(scheme) + "; the integer level does not support this for activations yet, set granularity=tensor");
    if (scheme.bits > most_bits) throw unfit(at, "has " + std::to_string(scheme.bits) + " bits; the integer level takes at most " + std::to_string(most_bits) + " here");
    if (!decided.range.min && !decided.range.scale) throw unfit(at, "has no range; calibrate and quantize again, or set min and max");
    const Grid grid = grid_of(decided.range, 0, scheme, recipe_.semantics);
    const double scale = grid.scale;
    double low = (grid.qmin - static_cast<double>(grid.offset)) * scale, high = (grid.qmax - static_cast<double>(grid.offset)) * scale;
    if (!std::isfinite(low) || !std::isfinite(high) || !(scale > 0)) throw unfit(at, "has a range that is not finite; set min and max");

    IntegerGrid result;
    result.bits = scheme.bits;
    if (scheme.bits > 8) {
        if (scheme.symmetric && scheme.bits == 16) {
            result.scale = scale;
            return result;
        }
        if (decided.range.min) {  // the range itself: the grid's ends are rounded to its codes
            low = decided.range.min->front();
            high = decided.range.max->front();
        }
        result.scale = std::max(std::fabs(low), std::fabs(high)) / result.high();
        if (!(result.scale >= 1e-30)) result.scale = 1e-5;
        note(at.name, std::to_string(scheme.bits) + " bits made symmetric: scale " + text(scale) + " → " + text(result.scale));
        return result;
    }
    const double signed_shift = grid.qmin == 0 ? std::ldexp(1.0, scheme.bits - 1) : 0;
    double offset = std::nearbyint(static_cast<double>(grid.offset));
    result.scale = scale;
    if (low > 0 || high < 0) {
        const double wide_low = std::min(low, 0.0), wide_high = std::max(high, 0.0);
        if (scheme.symmetric) throw unfit(at, "is symmetric with an offset; set min and max");
        result.scale = (wide_high - wide_low) / grid.qmax;
        offset = std::nearbyint(-wide_low / result.scale);
        note(at.name, "range " + interval(low, high) + " widened to contain 0: scale " + text(scale) + " → " + text(result.scale));
    } else if (std::fabs(offset - grid.offset) > 0.005) {
        note(at.name, "offset " + text(grid.offset) + " rounded to " + text(offset));
    }
    result.zero_point = static_cast<std::int32_t>(std::clamp<double>(offset - signed_shift, result.low(), result.high()));
    return result;
}

const Scheme& IntegerGrids::weight_scheme(SiteRole role, std::int64_t layer) const
{
    const Site& at = site(role, layer);
    const Scheme& scheme = decision(at).scheme;
    if (scheme.bits > 8) throw unfit(at, "has " + std::to_string(scheme.bits) + " bits; the integer level takes weights of 2 to 8 bits");
    if (scheme.granularity != Granularity::tensor && scheme.granularity != Granularity::row && scheme.granularity != Granularity::group)
        throw unfit(at, "is " + in_words(scheme) + "; the integer level does not support this granularity yet, set tensor, row or group:N");
    return scheme;
}

void IntegerGrids::widen(const Site& at, std::span<const float> plain, QuantizedWeight& quantized, const Scheme& scheme, std::size_t slice, std::size_t begin, std::size_t end)
{
    Grid& grid = quantized.grids[slice];
    const auto [low, high] = std::minmax_element(plain.begin() + static_cast<std::ptrdiff_t>(begin), plain.begin() + static_cast<std::ptrdiff_t>(end));
    const float before = grid.scale;
    grid = grid_of(*low, *high, scheme, Semantics::bitwright);
    for (std::size_t i = begin; i < end; ++i) quantized.codes[i] = static_cast<std::int16_t>(code_of(plain[i], grid));
    note(at.name, "slice " + std::to_string(slice) + " has no zero in its range " + interval(*low, *high) + ": widened, scale " + text(before) + " → " + text(grid.scale));
}

IntegerWeight IntegerGrids::weight(SiteRole role, std::int64_t layer)
{
    const Site& at = site(role, layer);
    const Scheme& scheme = weight_scheme(role, layer);
    QuantizedWeight quantized = quantize_weight(model_, recipe_, at.id);
    if (quantized.shape.size() != 2) throw unfit(at, "is no matrix");
    const Slices slices(scheme, quantized.shape);
    std::vector<bool> checked(slices.count());
    std::vector<float> plain;  // read again only where a range must be widened
    slices.for_each_run([&](std::size_t slice, std::size_t begin, std::size_t end) {
        const Grid& grid = quantized.grids[slice];
        if (!checked[slice] && (grid.offset < static_cast<float>(grid.qmin) || grid.offset > static_cast<float>(grid.qmax))) {
            if (plain.empty()) plain = materialize(model_, &recipe_, at.id).weight;
            widen(at, plain, quantized, scheme, slice, begin, end);
        }
        checked[slice] = true;
    });

    IntegerWeight result;
    result.rows = quantized.shape[0];
    result.cols = quantized.shape[1];
    result.bias = std::move(quantized.bias);
    const int signed_shift = quantized.grids.front().qmin == 0 ? 1 << (scheme.bits - 1) : 0;
    result.codes.resize(quantized.codes.size());
    std::ranges::transform(quantized.codes, result.codes.begin(), [&](std::int16_t code) { return static_cast<std::int8_t>(code - signed_shift); });
    if (!scheme.symmetric)
        for (const Grid& grid : quantized.grids) result.zero_points.push_back(static_cast<std::int8_t>(std::nearbyint(grid.offset) - signed_shift));
    if (scheme.granularity != Granularity::group) {
        for (const Grid& grid : quantized.grids) result.row_scales.push_back(grid.scale);
        return result;
    }
    result.group = scheme.group_size;
    const auto groups = static_cast<std::size_t>(result.groups());
    for (std::int64_t r = 0; r < result.rows; ++r) {
        double row_scale = 0;
        const auto multiples = integer_multiples(std::span(quantized.grids).subspan(static_cast<std::size_t>(r) * groups, groups), row_scale);
        if (multiples.empty()) throw unfit(at, "row " + std::to_string(r) + " has group scales that are no integer multiples 1 … 255 of one row scale; the integer level does not support float group scales yet, quantize per row");
        result.row_scales.push_back(row_scale);
        result.group_scales.insert(result.group_scales.end(), multiples.begin(), multiples.end());
    }
    return result;
}

IntegerGamma IntegerGrids::gamma(SiteRole role, std::int64_t layer) const
{
    const Site& at = site(role, layer);
    MaterializedWeight plain = materialize(model_, &recipe_, at.id);
    float largest = 0;
    for (const float value : plain.weight) largest = std::max(largest, std::fabs(value));
    IntegerGamma result;
    result.scale = largest > 0 ? static_cast<double>(largest) / 32767 : 1;
    result.codes.resize(plain.weight.size());
    std::ranges::transform(plain.weight, result.codes.begin(), [&](float value) { return static_cast<std::int16_t>(std::lround(value / result.scale)); });
    result.beta = std::move(plain.bias);
    return result;
}

}  // namespace bitwright
