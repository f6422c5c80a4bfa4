// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/output_error.h"

#include "core/recipe/linear_inputs.h"
#include "core/recipe/row_products.h"
#include "core/recipe/slices.h"
#include "core/recipe/weight_rows.h"
#include "core/runtime/error.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitwright {
namespace {

constexpr std::int64_t block_rows = 256;  ///< of a weight at a time where all are read

const SiteDecision* uniform_decision(const Recipe& recipe, const Site& site)
{
    const auto found = recipe.sites.find(site.name);
    return found == recipe.sites.end() || found->second.scheme.kind != SchemeKind::uniform ? nullptr : &found->second;
}

/// x̂ of activation rows, or nothing where the range of a call is not known (dynamic per tensor).
std::vector<float> quantized_rows(const std::vector<float>& rows, std::size_t channels, const Scheme& scheme, const Range& range, Semantics semantics)
{
    if (scheme.kind != SchemeKind::uniform || (scheme.dynamic && scheme.granularity != Granularity::token)) return {};
    std::vector<float> out(rows.size());
    const auto run = [&](std::size_t begin, std::size_t n, const Grid grid) {
        for (std::size_t i = begin; i < begin + n; ++i) out[i] = fake_quantize(rows[i], grid);
    };
    const Numbers& given = range.scale ? range.scale : range.min;
    const std::size_t slices = scheme.dynamic || !given ? 1 : given->size();
    if (slices == 0 || channels % slices != 0) throw bad_input("range", "", "has " + std::to_string(slices) + " numbers for " + std::to_string(channels) + " channels; calibrate again");
    std::vector<Grid> grids;
    for (std::size_t i = 0; i < slices && !scheme.dynamic; ++i) grids.push_back(grid_of(range, i, scheme, semantics));
    const std::size_t width = channels / slices;
    for (std::size_t at = 0; at < rows.size(); at += channels) {
        if (scheme.dynamic) {
            const auto [least, most] = std::minmax_element(rows.begin() + static_cast<std::ptrdiff_t>(at), rows.begin() + static_cast<std::ptrdiff_t>(at + channels));
            run(at, channels, grid_of(*least, *most, scheme, semantics));
        } else {
            for (std::size_t i = 0; i < slices; ++i) run(at + i * width, width, grids[i]);
        }
    }
    return out;
}

/// Ŵ of the rows in a sample; nothing for a float scheme.
std::vector<float> quantized_weight(const WeightSample& sample, const Scheme& scheme, const Range& range, Semantics semantics)
{
    if (scheme.kind != SchemeKind::uniform) return {};
    const std::vector<Grid> grids = sample_grids(sample, scheme, range, semantics);
    std::vector<float> out(sample.values.size());
    Slices(scheme, {std::ssize(sample.rows), sample.shape[1]}).for_each_run([&](std::size_t slice, std::size_t begin, std::size_t end) {
        const Grid grid = grids[slice];
        for (std::size_t i = begin; i < end; ++i) out[i] = fake_quantize(sample.values[i], grid);
    });
    return out;
}

bool has_numbers(const Range& range) noexcept { return range.scale || range.min; }

/// Rows of a linear; reads only these where a range is known.
WeightSample rows_of_linear(const Model& model, const Recipe& recipe, SiteId linear, std::vector<std::int64_t> rows, bool range_known)
{
    if (!range_known) return sample_weight(model, &recipe, linear, std::move(rows));
    WeightSample sample;
    const Site& site = (*model.sites)[linear];
    sample.shape = {site.rows, site.channels};
    sample.values = materialize_rows(model, &recipe, linear, rows);
    sample.whole = std::ssize(rows) == site.rows;
    sample.rows = std::move(rows);
    return sample;
}

std::vector<SiteId> linears_behind(const Model& model, SiteId site)
{
    if ((*model.sites)[site].kind == SiteKind::activation) return linears_reading(model, site);
    return input_of_linear(model, site) == no_site ? std::vector<SiteId>{} : std::vector{site};
}

/// Rows of the reservoir as float, spread evenly over it.
std::vector<float> input_rows(const Model& model, SiteId site, const SiteStatistics& input, std::int64_t wanted)
{
    const Site& read = (*model.sites)[output_error_input(model, site)];
    if (input.site != read.name) throw bad_input("statistics", input.site, "are not of " + read.name + ", which the linears read");
    if (input.reservoir_rows < 1 || std::ssize(input.reservoir) != input.reservoir_rows * read.channels)
        throw bad_input("statistics", input.site, "keep no rows to measure outputs on; calibrate again with a reservoir");
    const std::vector<float> all = reservoir_values(input);
    std::vector<float> rows;
    const std::int64_t count = std::clamp<std::int64_t>(wanted, 1, input.reservoir_rows);
    for (std::int64_t i = 0; i < count; ++i) {
        const auto from = all.begin() + i * input.reservoir_rows / count * read.channels;
        rows.insert(rows.end(), from, from + read.channels);
    }
    return rows;
}

std::vector<float> difference(const std::vector<float>& a, const std::vector<float>& b)
{
    std::vector<float> d(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) d[i] = a[i] - b[i];
    return d;
}

/// Σ over rows and over outputs of squared errors and squared outputs.
class ErrorSums {
public:
    explicit ErrorSums(std::size_t rows) : row_error_(rows), row_signal_(rows) {}

    /// `error` and `signal`: [outputs][rows].
    void add(std::span<const float> error, std::span<const float> signal)
    {
        const std::size_t rows = row_error_.size();
        for (std::size_t at = 0; at < error.size(); at += rows) {
            double e = 0, s = 0;
            for (std::size_t r = 0; r < rows; ++r) {
                const double er = static_cast<double>(error[at + r]) * error[at + r], sr = static_cast<double>(signal[at + r]) * signal[at + r];
                row_error_[r] += er;
                row_signal_[r] += sr;
                e += er;
                s += sr;
            }
            output_error_.push_back(e);
            output_signal_.push_back(s);
        }
    }

    /// `all_rows`, `all_outputs`: how many there are of which these are a sample.
    [[nodiscard]] std::optional<OutputError> result(std::int64_t all_rows, std::int64_t all_outputs) const
    {
        double e = 0, s = 0;
        for (std::size_t r = 0; r < row_error_.size(); ++r) {
            e += row_error_[r];
            s += row_signal_[r];
        }
        auto out = output_error_of(e, s, std::ssize(row_error_), std::ssize(output_error_));
        if (!out) return out;
        const double ratio = e / s;
        const double variance = variance_over(row_error_, row_signal_, ratio, s, all_rows) + variance_over(output_error_, output_signal_, ratio, s, all_outputs);
        out->spread = ratio > 0 ? std::sqrt(variance) / (2 * out->relative) : std::sqrt(std::sqrt(variance));
        return out;
    }

private:
    static double variance_over(const std::vector<double>& error, const std::vector<double>& signal, double ratio, double total, std::int64_t all)
    {
        const auto n = static_cast<double>(error.size()), left_out = 1 - n / static_cast<double>(all);
        if (left_out <= 0) return 0;
        if (error.size() < 2) return std::numeric_limits<double>::quiet_NaN();
        double sum = 0;
        for (std::size_t i = 0; i < error.size(); ++i) {
            const double residual = error[i] - ratio * signal[i];
            sum += residual * residual;
        }
        return left_out * n / (n - 1) * sum / (total * total);
    }

    std::vector<double> row_error_, row_signal_, output_error_, output_signal_;
};

/// What of the two sides of a product is quantized: x, x̂, W, Ŵ; an empty vector: that side stays float.
struct Side {
    const std::vector<float>& plain;
    const std::vector<float>& quantized;
};

/// Errors of this site alone: with d = x̂ − x, d·Wᵀ, or x·(Ŵ − W)ᵀ.
void add_alone(ErrorSums& sums, const Side& x, const Side& w, std::size_t cols, const std::vector<float>& outputs)
{
    const bool of_x = !x.quantized.empty();
    const std::vector<float> d = of_x ? difference(x.quantized, x.plain) : difference(w.quantized, w.plain);
    sums.add(row_products(of_x ? d : x.plain, of_x ? w.plain : d, cols), outputs);
}

void add_both(ErrorSums& sums, const Side& x, const Side& w, std::size_t cols, const std::vector<float>& outputs)
{
    sums.add(difference(row_products(x.quantized.empty() ? x.plain : x.quantized, w.quantized.empty() ? w.plain : w.quantized, cols), outputs), outputs);
}

}  // namespace

std::optional<OutputError> output_error_of(double squared_error, double squared_output, std::int64_t rows, std::int64_t outputs)
{
    if (!(squared_output > 0)) return std::nullopt;
    const double ratio = squared_error / squared_output;
    return OutputError{std::sqrt(ratio), 0, -10 * std::log10(ratio), rows, outputs};
}

bool has_output_error(const Model& model, SiteId site) { return !linears_behind(model, site).empty(); }

SiteId output_error_input(const Model& model, SiteId site)
{
    return (*model.sites)[site].kind == SiteKind::activation ? site : input_of_linear(model, site);
}

struct OutputErrorEstimate::State {
    struct Linear {
        WeightSample sample;
        std::vector<float> quantized;  ///< Ŵ on the recipe's grid; empty: float there
        std::vector<float> outputs;    ///< x·Wᵀ [sampled outputs][rows]
    };
    Semantics semantics{};
    bool is_weight = false;
    std::size_t channels = 0;
    std::int64_t all_rows = 0, all_outputs = 0;
    std::vector<float> x, quantized_x;  ///< quantized_x: on the recipe's grid, for weight sites
    std::vector<Linear> linears;
    bool other_side = false;  ///< something is quantized there
};

OutputErrorEstimate::~OutputErrorEstimate() = default;
OutputErrorEstimate::OutputErrorEstimate(OutputErrorEstimate&&) noexcept = default;
OutputErrorEstimate& OutputErrorEstimate::operator=(OutputErrorEstimate&&) noexcept = default;

OutputErrorEstimate::OutputErrorEstimate(const Model& model, const Recipe& recipe, SiteId site, const SiteStatistics& input, const OutputSample& sample,
                                         const Control& control)
    : state_(std::make_unique<State>())
{
    State& s = *state_;
    const auto linears = linears_behind(model, site);
    if (linears.empty()) throw bad_input("recipe", (*model.sites)[site].name, "has no linear behind it whose outputs could be compared");
    s.semantics = recipe.semantics;
    s.is_weight = (*model.sites)[site].kind == SiteKind::weight;
    const Site& read = (*model.sites)[output_error_input(model, site)];
    s.channels = static_cast<std::size_t>(read.channels);
    s.x = input_rows(model, site, input, sample.rows);
    s.all_rows = input.reservoir_rows;
    const SiteDecision* input_decision = uniform_decision(recipe, read);
    if (s.is_weight && input_decision) s.quantized_x = quantized_rows(s.x, s.channels, input_decision->scheme, input_decision->range, recipe.semantics);
    s.other_side = !s.quantized_x.empty();

    for (const SiteId linear : linears) s.all_outputs += (*model.sites)[linear].rows;
    const auto outputs = std::min(sample.outputs, std::max<std::int64_t>(64, sample.weights / std::max<std::int64_t>(read.channels, 1)));
    const auto chosen = choose_rows(s.all_outputs, outputs, sample.seed);
    std::int64_t first = 0;
    for (const SiteId linear : linears) {
        control.check();
        const Site& weight = (*model.sites)[linear];
        std::vector<std::int64_t> rows;
        for (const std::int64_t output : chosen) {
            if (output >= first && output < first + weight.rows) rows.push_back(output - first);
        }
        first += weight.rows;
        if (rows.empty()) continue;
        const SiteDecision* decision = uniform_decision(recipe, weight);
        State::Linear part;
        part.sample = rows_of_linear(model, recipe, linear, std::move(rows), !s.is_weight && (!decision || has_numbers(decision->range)));
        part.outputs = row_products(s.x, part.sample.values, s.channels);
        if (!s.is_weight && decision) part.quantized = quantized_weight(part.sample, decision->scheme, decision->range, recipe.semantics);
        s.other_side = s.other_side || !part.quantized.empty();
        s.linears.push_back(std::move(part));
    }
}

OutputErrors OutputErrorEstimate::estimate(const Scheme& scheme, const Range& range) const
{
    const State& s = *state_;
    const std::vector<float> none;
    const std::vector<float> x = s.is_weight ? none : quantized_rows(s.x, s.channels, scheme, range, s.semantics);
    if (!s.is_weight && x.empty()) return {};
    if (s.is_weight && scheme.kind != SchemeKind::uniform) return {};
    const std::size_t rows = s.x.size() / s.channels;
    ErrorSums alone(rows), both(rows);
    for (const State::Linear& linear : s.linears) {
        const std::vector<float> w = s.is_weight ? quantized_weight(linear.sample, scheme, range, s.semantics) : none;
        add_alone(alone, {s.x, x}, {linear.sample.values, w}, s.channels, linear.outputs);
        if (s.other_side) add_both(both, {s.x, s.is_weight ? s.quantized_x : x}, {linear.sample.values, s.is_weight ? w : linear.quantized}, s.channels, linear.outputs);
    }
    OutputErrors errors;
    errors.alone = alone.result(s.all_rows, s.all_outputs);
    if (s.other_side) errors.both = both.result(s.all_rows, s.all_outputs);
    return errors;
}

OutputErrors output_error_over_reservoir(const Model& model, const Recipe& recipe, SiteId site, const SiteStatistics& input, const Scheme& scheme,
                                         const Range& range, const Control& control)
{
    const auto linears = linears_behind(model, site);
    if (linears.empty()) throw bad_input("recipe", (*model.sites)[site].name, "has no linear behind it whose outputs could be compared");
    const bool is_weight = (*model.sites)[site].kind == SiteKind::weight;
    const Site& read = (*model.sites)[output_error_input(model, site)];
    const auto channels = static_cast<std::size_t>(read.channels);
    const std::vector<float> x = input_rows(model, site, input, input.reservoir_rows), none;
    const SiteDecision* input_decision = uniform_decision(recipe, read);
    std::vector<float> other_x, own_x;
    if (is_weight && input_decision) other_x = quantized_rows(x, channels, input_decision->scheme, input_decision->range, recipe.semantics);
    if (!is_weight) own_x = quantized_rows(x, channels, scheme, range, recipe.semantics);
    if (is_weight ? scheme.kind != SchemeKind::uniform : own_x.empty()) return {};
    bool other_side = !other_x.empty();
    std::int64_t all_outputs = 0;
    for (const SiteId linear : linears) {
        const Site& weight = (*model.sites)[linear];
        all_outputs += weight.rows;
        other_side = other_side || (!is_weight && uniform_decision(recipe, weight));
    }

    ErrorSums alone(static_cast<std::size_t>(input.reservoir_rows)), both = alone;
    std::int64_t done = 0;
    for (const SiteId linear : linears) {
        const Site& weight = (*model.sites)[linear];
        const SiteDecision* decision = is_weight ? nullptr : uniform_decision(recipe, weight);
        const Range& used = is_weight ? range : decision ? decision->range : Range{};
        const bool known = has_numbers(used) || (!is_weight && !decision);
        WeightSample whole;
        if (!known) whole = sample_weight(model, &recipe, linear, 0);
        for (std::int64_t first = 0; first < weight.rows; first += block_rows) {
            control.check();
            WeightSample part;
            part.shape = {weight.rows, weight.channels};
            for (std::int64_t row = first; row < std::min(first + block_rows, weight.rows); ++row) part.rows.push_back(row);
            if (known) {
                part.values = materialize_rows(model, &recipe, linear, part.rows);
            } else {
                part.column_min = whole.column_min;
                part.column_max = whole.column_max;
                const auto begin = whole.values.begin() + first * weight.channels;
                part.values.assign(begin, begin + std::ssize(part.rows) * weight.channels);
            }
            const std::vector<float> outputs = row_products(x, part.values, channels);
            const Scheme& grid_scheme = is_weight ? scheme : decision ? decision->scheme : scheme;
            const std::vector<float> w = is_weight || decision ? quantized_weight(part, grid_scheme, used, recipe.semantics) : none;
            control.check();
            add_alone(alone, {x, own_x}, {part.values, is_weight ? w : none}, channels, outputs);
            if (other_side) add_both(both, {x, is_weight ? other_x : own_x}, {part.values, w}, channels, outputs);
            done += std::ssize(part.rows);
            control.report({"output error", done, all_outputs});
        }
    }
    OutputErrors errors;
    errors.alone = alone.result(input.reservoir_rows, all_outputs);
    if (other_side) errors.both = both.result(input.reservoir_rows, all_outputs);
    return errors;
}

}  // namespace bitwright
