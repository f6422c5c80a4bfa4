// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/preview.h"

#include "core/recipe/observed_values.h"
#include "core/recipe/slices.h"
#include "core/recipe/transforms.h"
#include "core/recipe/weight_rows.h"
#include "core/runtime/error.h"
#include "core/statistics/power_histogram.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bitwright {
namespace {

std::size_t slices_of(const Range& range)
{
    const Numbers& given = range.scale ? range.scale : range.min;
    return given ? given->size() : 1;
}

std::int64_t code_count(const Scheme& scheme) { return scheme.kind == SchemeKind::floating ? 0 : std::int64_t{1} << scheme.bits; }

/// Everything a tally says, marked with where its values came from.
void set(SitePreview& preview, const QuantizationTally& sums, Provenance from)
{
    if (sums.count == 0) return;
    const auto share = [&](std::uint64_t n) { return SiteFigure{static_cast<double>(n) / static_cast<double>(sums.count), from}; };
    preview.clipped_low = share(sums.clipped_low);
    preview.clipped_high = share(sums.clipped_high);
    preview.zeros = share(sums.zeros);
    preview.zeroed = share(sums.zeros - std::min(sums.zeros, sums.exact_zeros));
    if (const auto db = sums.sqnr_db()) {
        preview.sqnr_db = SiteFigure{*db, from};
        if (from != Provenance::windows) preview.reservoir_sqnr_db = preview.sqnr_db;
    }
    if (const auto cosine = sums.cosine()) preview.cosine = SiteFigure{*cosine, from};
}

/// Mean number of codes over slices.
class CodesUsed {
public:
    void add(std::span<const float> x, const Grid& grid)
    {
        sum_ += static_cast<double>(codes_used(x, grid));
        ++slices_;
    }
    [[nodiscard]] std::optional<SiteFigure> result(Provenance from) const
    {
        if (slices_ == 0) return std::nullopt;
        return SiteFigure{sum_ / slices_, from};
    }

private:
    double sum_ = 0, slices_ = 0;
};

/// True where the statistics hold no more than the reservoir's rows.
bool only_reservoir(const SiteStatistics& s) noexcept { return s.tokens <= static_cast<std::uint64_t>(s.reservoir_rows); }

void set_whole_calibration(SitePreview& preview, const SiteStatistics& s, const Grid& grid)
{
    const ObservedValues observed(s);
    const auto counts = observed.counts(grid);
    const bool reservoir = only_reservoir(s);
    const Provenance binned = reservoir ? Provenance::reservoir : Provenance::histogram;
    const Provenance ends = counts.clipped_exactly && !reservoir ? Provenance::extremes : binned;
    preview.clipped_low = SiteFigure{counts.clipped_low / observed.count(), ends};
    preview.clipped_high = SiteFigure{counts.clipped_high / observed.count(), ends};
    preview.zeros = SiteFigure{std::min(1.0, counts.zeros / observed.count()), binned};
    preview.codes_used = SiteFigure{counts.codes_used, binned};
    const double signal = observed.count() * (s.mean * s.mean + s.sigma * s.sigma);
    if (const auto db = decibels(signal, observed.squared_error(grid))) preview.sqnr_db = SiteFigure{*db, binned};
}

/// Grids per channel or head: channel c of the row belongs to slice c·slices/channels.
void tally_slices(SitePreview& preview, const std::vector<float>& rows, std::size_t channels, const Range& range, const Scheme& scheme, Semantics semantics)
{
    const std::size_t slices = slices_of(range), width = channels / slices, count = rows.size() / channels;
    QuantizationTally sums;
    CodesUsed used;
    std::vector<float> values(count * width);
    for (std::size_t i = 0; i < slices; ++i) {
        for (std::size_t r = 0; r < count; ++r) std::copy_n(rows.data() + r * channels + i * width, width, values.data() + r * width);
        const Grid grid = grid_of(range, i, scheme, semantics);
        tally(sums, values, grid);
        used.add(values, grid);
    }
    set(preview, sums, Provenance::reservoir);
    preview.codes_used = used.result(Provenance::reservoir);
}

void tally_tokens(SitePreview& preview, const std::vector<float>& rows, std::size_t channels, const Scheme& scheme, Semantics semantics)
{
    QuantizationTally sums;
    CodesUsed used;
    for (std::size_t at = 0; at < rows.size(); at += channels) {
        const std::span<const float> row(rows.data() + at, channels);
        const auto [least, most] = std::minmax_element(row.begin(), row.end());
        const Grid grid = grid_of(*least, *most, scheme, semantics);
        tally(sums, row, grid);
        used.add(row, grid);
    }
    set(preview, sums, Provenance::reservoir);
    preview.codes_used = used.result(Provenance::reservoir);
}

}  // namespace

std::string_view in_words(Provenance provenance) noexcept
{
    switch (provenance) {
        case Provenance::extremes: return "exact extremes";
        case Provenance::histogram: return "histogram";
        case Provenance::reservoir: return "reservoir";
        case Provenance::values: return "all values";
        case Provenance::some_rows: return "some rows";
        case Provenance::windows: return "all windows";
    }
    return "";
}

std::optional<SiteFigure> SitePreview::saturation() const noexcept
{
    if (!clipped_low || !clipped_high) return std::nullopt;
    // an end beyond which nothing was seen is known exactly; the other one decides what the sum rests on
    return SiteFigure{clipped_low->value + clipped_high->value, clipped_low->from == Provenance::extremes ? clipped_high->from : clipped_low->from};
}

SitePreview preview_of(const QuantizationTally& sums, Provenance from)
{
    SitePreview preview;
    set(preview, sums, from);
    return preview;
}

std::vector<float> reservoir_values(const SiteStatistics& s)
{
    std::vector<float> values(s.reservoir.size());
    to_float({Dtype::f16, {std::ssize(s.reservoir)}, std::as_bytes(std::span(s.reservoir))}, values);
    return values;
}

std::vector<float> reservoir_channel(const SiteStatistics& s, std::int64_t channel)
{
    const auto channels = static_cast<std::size_t>(std::ssize(s.channel_max)), c = static_cast<std::size_t>(channel);
    if (channel < 0 || c >= channels) throw usage_error(s.site + " has no channel " + std::to_string(channel) + "; it has " + std::to_string(channels));
    std::vector<std::uint16_t> column;
    for (std::size_t at = c; at < s.reservoir.size(); at += channels) column.push_back(s.reservoir[at]);
    std::vector<float> values(column.size());
    to_float({Dtype::f16, {std::ssize(column)}, std::as_bytes(std::span(column))}, values);
    return values;
}

Histogram channel_histogram(const SiteStatistics& s, std::int64_t channel)
{
    const std::vector<float> values = reservoir_channel(s, channel);
    PowerHistogram histogram;
    if (values.empty()) return histogram.result();
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    histogram.include(*least, *most);
    std::vector<std::uint32_t> counts(histogram.result().counts.size());
    for (const float x : values) ++counts[static_cast<std::size_t>(static_cast<std::int64_t>(std::floor(x * histogram.scale())) - histogram.first())];
    histogram.add(counts.data(), counts.size());
    return histogram.result();
}

SitePreview preview_activation(const SiteStatistics& s, const Site& site, const Scheme& scheme, const Range& range, Semantics semantics)
{
    SitePreview preview;
    preview.codes = code_count(scheme);
    if (scheme.kind != SchemeKind::uniform || s.count == 0) return preview;
    const auto channels = static_cast<std::size_t>(site.channels);
    if (scheme.dynamic) {
        if (scheme.granularity == Granularity::token) tally_tokens(preview, reservoir_values(s), channels, scheme, semantics);
        return preview;
    }
    const std::size_t slices = slices_of(range);
    if (slices != 1) {
        if (slices == 0 || channels % slices != 0)
            throw bad_input("range", site.name, "has " + std::to_string(slices) + " numbers for " + std::to_string(channels) + " channels; calibrate again");
        tally_slices(preview, reservoir_values(s), channels, range, scheme, semantics);
        return preview;
    }
    const Grid grid = grid_of(range, 0, scheme, semantics);
    QuantizationTally sums;
    tally(sums, reservoir_values(s), grid);
    set(preview, sums, Provenance::reservoir);
    preview.grid = grid;
    set_whole_calibration(preview, s, grid);
    return preview;
}

SitePreview preview_channel(const SiteStatistics& s, const Site& site, std::int64_t channel, const Scheme& scheme, const Range& range, Semantics semantics)
{
    const std::vector<float> values = reservoir_channel(s, channel);
    SitePreview preview;
    preview.codes = code_count(scheme);
    if (scheme.kind != SchemeKind::uniform || scheme.dynamic) return preview;  // a grid per token is made of all channels
    const std::size_t slices = slices_of(range), c = static_cast<std::size_t>(channel);
    const Grid grid = grid_of(range, slices == 1 ? 0 : c * slices / static_cast<std::size_t>(site.channels), scheme, semantics);
    preview.grid = grid;
    QuantizationTally sums;
    tally(sums, values, grid);
    set(preview, sums, Provenance::reservoir);
    if (!values.empty()) preview.codes_used = SiteFigure{static_cast<double>(codes_used(values, grid)), Provenance::reservoir};
    const std::array<float, 2> ends{s.channel_min[c], s.channel_max[c]};
    QuantizationTally outermost;
    tally(outermost, ends, grid);
    if (outermost.clipped_low == 0) preview.clipped_low = SiteFigure{0, Provenance::extremes};
    if (outermost.clipped_high == 0) preview.clipped_high = SiteFigure{0, Provenance::extremes};
    return preview;
}

SitePreview preview_codes(std::span<const float> plain, std::span<const float> coded)
{
    QuantizationTally sums;
    sums.count = plain.size();
    for (std::size_t i = 0; i < plain.size(); ++i) {
        const double x = plain[i], q = coded[i];
        sums.signal += x * x;
        sums.quantized += q * q;
        sums.product += x * q;
        sums.error += (q - x) * (q - x);
        sums.zeros += q == 0 ? 1 : 0;
    }
    SitePreview preview = preview_of(sums, Provenance::values);
    preview.clipped_low = preview.clipped_high = preview.codes_used = std::nullopt;
    return preview;
}

WeightSample sample_weight(const Model& model, const Recipe* recipe, SiteId weight_site, std::vector<std::int64_t> rows)
{
    MaterializedWeight weight = materialize(model, recipe, weight_site);
    WeightSample sample;
    sample.shape = weight.shape.size() > 1 ? weight.shape : Shape{1, std::ssize(weight.weight)};
    Scheme columns;
    columns.granularity = Granularity::channel;
    const Range extremes = slice_extremes(Slices(columns, sample.shape), weight.weight);
    sample.column_min = *extremes.min;
    sample.column_max = *extremes.max;
    sample.rows = std::move(rows);
    sample.whole = std::ssize(sample.rows) == sample.shape[0];
    if (sample.whole) {
        sample.values = std::move(weight.weight);
        return sample;
    }
    const std::int64_t cols = sample.shape[1];
    sample.values.reserve(sample.rows.size() * static_cast<std::size_t>(cols));
    for (const std::int64_t row : sample.rows) sample.values.insert(sample.values.end(), weight.weight.begin() + row * cols, weight.weight.begin() + (row + 1) * cols);
    return sample;
}

WeightSample sample_weight(const Model& model, const Recipe* recipe, SiteId weight_site, std::int64_t most_values, std::uint64_t seed)
{
    const Site& site = (*model.sites)[weight_site];
    const std::int64_t rows = std::max<std::int64_t>(site.rows, 1), wanted = most_values <= 0 ? rows : std::max<std::int64_t>(1, most_values / std::max<std::int64_t>(site.channels, 1));
    return sample_weight(model, recipe, weight_site, choose_rows(rows, wanted, seed));
}

std::vector<Grid> sample_grids(const WeightSample& sample, const Scheme& scheme, const Range& range, Semantics semantics)
{
    const std::int64_t kept = std::ssize(sample.rows), cols = sample.shape[1];
    const Slices mine(scheme, {kept, cols});
    std::vector<Grid> grids(mine.count());
    const bool by_rows = mine.of_rows();
    if (!range.scale && !range.min) {
        const bool by_columns = scheme.granularity == Granularity::channel;
        const Range own = by_rows       ? slice_extremes(mine, sample.values)
                          : by_columns ? Range{numbers(sample.column_min), numbers(sample.column_max), {}, {}, ""}
                                       : Range{numbers({*std::min_element(sample.column_min.begin(), sample.column_min.end())}),
                                               numbers({*std::max_element(sample.column_max.begin(), sample.column_max.end())}), {}, {}, ""};
        for (std::size_t i = 0; i < grids.size(); ++i) grids[i] = grid_of(own, i, scheme, semantics);
        return grids;
    }
    const std::size_t per_row = by_rows ? grids.size() / static_cast<std::size_t>(kept) : 1;
    for (std::size_t i = 0; i < grids.size(); ++i) {
        const std::size_t slice = by_rows ? static_cast<std::size_t>(sample.rows[i / per_row]) * per_row + i % per_row : i;
        grids[i] = grid_of(range, slice, scheme, semantics);
    }
    return grids;
}

SitePreview preview_weight(const WeightSample& sample, const Scheme& scheme, const Range& range, Semantics semantics, const Control& control)
{
    SitePreview preview;
    preview.codes = code_count(scheme);
    if (scheme.kind != SchemeKind::uniform || sample.values.empty()) return preview;
    const Provenance from = sample.whole ? Provenance::values : Provenance::some_rows;
    const auto cols = static_cast<std::size_t>(sample.shape[1]), rows = sample.rows.size();
    const std::vector<Grid> grids = sample_grids(sample, scheme, range, semantics);
    QuantizationTally sums;
    CodesUsed used;
    const auto add = [&](std::span<const float> values, const Grid& grid) {
        control.check();
        tally(sums, values, grid);
        used.add(values, grid);
    };
    if (grids.size() == 1) {
        preview.grid = grids.front();
        add(sample.values, grids.front());
    } else if (scheme.granularity == Granularity::channel) {
        std::vector<float> column(rows);
        for (std::size_t c = 0; c < cols; ++c) {
            for (std::size_t r = 0; r < rows; ++r) column[r] = sample.values[r * cols + c];
            add(column, grids[c]);
        }
    } else {
        const std::size_t width = sample.values.size() / grids.size();
        for (std::size_t i = 0; i < grids.size(); ++i) add(std::span(sample.values).subspan(i * width, width), grids[i]);
    }
    set(preview, sums, from);
    preview.codes_used = used.result(from);
    return preview;
}

}  // namespace bitwright
