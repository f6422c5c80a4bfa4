// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/kernels/packed_linear.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace bitwright {
namespace {

constexpr int widest_panel = 32, most_tile_rows = 8;
constexpr std::int64_t reference_rows = 32;      ///< a unit of work where the reference computes
constexpr std::int64_t cached_weights = 16 << 10;  ///< bytes of a panel that stay in the first-level cache while all tokens pass

/// Starts reading from memory into the second-level cache.
void fetch_lines(const std::uint8_t* from, std::int64_t bytes) noexcept
{
    for (std::int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(from + at, 0, 2);
}

struct alignas(64) TileSums {
    std::int32_t sums[most_tile_rows * widest_panel];
};

}  // namespace

/// A part of a panel's depth: `steps` of each of `groups`.
struct PackedLinear::Piece {
    std::int64_t first_group, groups, first_step, steps;
};

/// One panel's rows of a linear's vectors, filled up to the panel's height.
struct PackedLinear::Vectors {
    alignas(64) std::int32_t bias[widest_panel], multipliers[widest_panel], row_sums[widest_panel];
    alignas(64) std::int64_t shifts[widest_panel], halves[widest_panel];
    std::int8_t zero_points[widest_panel];
    bool offset_in_bias;

    Vectors(const Linear& op, std::int64_t panel)
    {
        const std::int64_t height = op.weight.layout.rows, first = panel * height, count = std::min(height, op.weight.rows - first);
        if (count < height) std::memset(this, 0, sizeof *this);
        const auto fill = [&](auto* to, auto values, auto otherwise) {  // one for all rows, one for each, or none
            if (values.size() == 1) std::fill_n(to, height, values[0]);
            else if (static_cast<std::int64_t>(values.size()) == op.weight.rows) std::copy_n(values.begin() + first, count, to);
            else std::fill_n(to, height, otherwise);
        };
        std::uint8_t narrow_shifts[widest_panel];
        std::fill(narrow_shifts, narrow_shifts + widest_panel, std::uint8_t{32});  // a shift that every kernel may do, also of rows past the last
        fill(multipliers, op.multipliers, 0);
        fill(narrow_shifts, op.shifts, std::uint8_t{32});
        fill(bias, op.bias, 0);
        fill(row_sums, op.row_sums, 0);
        fill(zero_points, op.zero_points, std::int8_t{0});
        for (std::int64_t r = 0; r < height; ++r) shifts[r] = narrow_shifts[r];
        for (std::int64_t r = 0; r < height; ++r) halves[r] = std::int64_t{1} << (shifts[r] - 1);
        offset_in_bias = false;
    }
    /// Without zero points what the inputs' offset adds to a sum is the same for every token.
    void put_offset_in_bias(const Linear& op, std::int32_t offset)
    {
        if (!op.zero_points.empty()) return;
        offset_in_bias = true;
        for (int r = 0; r < widest_panel; ++r)
            bias[r] = static_cast<std::int32_t>(static_cast<std::uint32_t>(bias[r]) - static_cast<std::uint32_t>(offset) * static_cast<std::uint32_t>(row_sums[r]));
    }
};

namespace {

bool has_group_zero_points(const Linear& op) noexcept
{
    const auto count = static_cast<std::int64_t>(op.zero_points.size());
    return count > 1 && count != op.weight.rows;
}

/// A bound of every |Σ_g m_g·Σ a·(w − z)| whatever the codes.
double sum_bound(const Linear& op)
{
    int largest = op.weight.stored_bits == 8 ? 128 : 8;
    if (!op.zero_points.empty()) {
        int zero_point = 0;
        for (const std::int8_t z : op.zero_points) zero_point = std::max(zero_point, std::abs(static_cast<int>(z)));
        largest += zero_point;
    }
    double inputs = static_cast<double>(op.weight.cols);
    if (!op.group_scales.empty()) {
        std::int64_t most = 0;
        for (std::int64_t row = 0; row < op.weight.rows; ++row) {
            std::int64_t sum = 0;
            for (std::int64_t g = 0; g < op.groups(); ++g) sum += op.group_scales[op.group_index(row, g)];
            most = std::max(most, sum);
        }
        inputs = static_cast<double>(most * op.group);
    }
    return inputs * largest * (op.input_bits > 8 ? 255 : 128);
}

template <typename Code>
Code finished(const Linear& op, std::int64_t sum, Requantizer factor)
{
    if constexpr (sizeof(Code) == 2) return static_cast<Code>(requantize(sum, factor, op.output));
    else return saturate(scaled(sum, factor), INT32_MIN, INT32_MAX);
}

}  // namespace

PackedLinear::PackedLinear(const Linear& op, const KernelSet& kernels) : op_(&op), kernels_(&kernels)
{
    constexpr double limit = 2147483647.0;
    const double bound = sum_bound(op);
    const bool mixed = !op.group_scales.empty() && !op.zero_points.empty() && !has_group_zero_points(op);  // one zero point under several scales: nobody writes it
    packed_ = op.weight.layout.rows > 1 && op.weight.layout == kernels.layout && bound <= limit && !mixed;
    double bias = 0;
    for (const std::int32_t b : op.bias) bias = std::max(bias, std::abs(static_cast<double>(b)));
    const int least_shift = *std::min_element(op.shifts.begin(), op.shifts.end());
    const bool wide = op.input_bits > 8;
    narrow_codes_ = wide ? least_shift >= 25 : bound + bias <= limit && least_shift >= 32;
    narrow_logits_ = wide ? least_shift >= 25 : bound + bias <= limit;
}

std::int64_t PackedLinear::panels() const noexcept { return packed_ ? op_->weight.panels() : (op_->weight.rows + reference_rows - 1) / reference_rows; }

std::int64_t PackedLinear::panel_bytes() const noexcept { return packed_ ? op_->weight.panel_bytes() : reference_rows * op_->weight.cols * op_->weight.stored_bits / 8; }

void PackedLinear::run(const PackedInput& input, Codes16 codes, std::int64_t first, std::int64_t last, std::span<std::int16_t> out) const
{
    if (packed_) return run_panels(input, first, last, out.data());
    const std::int64_t tokens = static_cast<std::int64_t>(codes.size()) / op_->weight.cols;
    linear(*op_, codes, tokens, out, first * reference_rows, std::min(op_->weight.rows, last * reference_rows));
}

void PackedLinear::run(const PackedInput& input, Codes16 codes, std::int64_t first, std::int64_t last, std::span<std::int32_t> out) const
{
    if (packed_) return run_panels(input, first, last, out.data());
    const std::int64_t tokens = static_cast<std::int64_t>(codes.size()) / op_->weight.cols;
    logits(*op_, codes, tokens, out, first * reference_rows, std::min(op_->weight.rows, last * reference_rows));
}

TileArguments PackedLinear::arguments(const PackedInput& input, std::int64_t panel, const Piece& piece) const noexcept
{
    const WeightCodes& weight = op_->weight;
    const std::int64_t height = weight.layout.rows;
    TileArguments t;
    t.weights = weight.bytes.data() + panel * weight.panel_bytes() + piece.first_step * height * weight.layout.depth;
    t.groups = piece.groups;
    t.group_steps = piece.steps;
    t.scales = op_->group_scales.empty() ? nullptr : op_->group_scales.data() + op_->group_index(panel * height, 0) + piece.first_group * height;
    t.start_stride = input.groups_;
    t.adds = piece.first_step != 0;
    return t;
}

template <typename Code>
void PackedLinear::finish(const PackedInput& input, std::int64_t panel, const Vectors& v, std::int64_t tile, std::int32_t* sums, Code* out) const
{
    const Linear& op = *op_;
    const int planes = input.planes_, rows = input.rows_of_tile(tile);
    const std::int64_t height = op.weight.layout.rows, first_row = tile * input.most_rows_;
    const int tokens = static_cast<int>((std::min(input.rows_, first_row + rows) - first_row) / planes);
    const std::int32_t* plane_sums = input.plane_sums_.data() + first_row * input.groups_;
    const bool grouped_zero_points = has_group_zero_points(op), narrow = sizeof(Code) == 2 ? narrow_codes_ : narrow_logits_;
    if (!v.offset_in_bias) {
        std::int32_t offsets[most_tile_rows];
        for (int i = 0; i < most_tile_rows; ++i) offsets[i] = offset_of(input.form_, planes, i % planes);
        kernels_->correct(sums, rows, offsets, v.row_sums, op.zero_points.empty() || grouped_zero_points ? nullptr : v.zero_points, plane_sums);
    }
    if (grouped_zero_points) {
        const std::size_t at = op.group_index(panel * height, 0);
        kernels_->correct_groups(sums, rows, op.groups(), op.group_scales.data() + at, op.zero_points.data() + at, plane_sums);
    }
    const std::int64_t count = std::min(height, op.weight.rows - panel * height), stride = op.weight.rows;
    Code* const to = out + first_row / planes * stride + panel * height;
    if (!narrow) {
        for (int t = 0; t < tokens; ++t)
            for (std::int64_t r = 0; r < count; ++r) {
                const std::int32_t* sum = sums + t * planes * height + r;
                to[t * stride + r] = finished<Code>(op, (planes == 1 ? sum[0] : static_cast<std::int64_t>(sum[0]) * 256 + sum[height]) + v.bias[r], {v.multipliers[r], static_cast<std::int32_t>(v.shifts[r])});
            }
        return;
    }
    alignas(64) Code codes[most_tile_rows * widest_panel];
    const PanelOutput output{v.bias, v.multipliers, v.shifts, v.halves, op.output};
    Code* const whole = count == height ? to : codes;
    const std::int64_t whole_stride = count == height ? stride : height;
    if constexpr (sizeof(Code) == 2) (planes == 1 ? kernels_->requantize8 : kernels_->requantize16)(sums, tokens, output, whole, whole_stride);
    else (planes == 1 ? kernels_->logits8 : kernels_->logits16)(sums, tokens, output, whole, whole_stride);
    for (int t = 0; whole != to && t < tokens; ++t) std::copy_n(codes + t * height, count, to + t * stride);
}

template <typename Code>
void PackedLinear::run_panels(const PackedInput& input, std::int64_t first, std::int64_t last, Code* out) const
{
    const WeightCodes& weight = op_->weight;
    const bool grouped = !op_->group_scales.empty(), narrow = sizeof(Code) == 2 ? narrow_codes_ : narrow_logits_;
    const std::int64_t most = input.most_rows_, tiles = (input.rows_ + most - 1) / most;
    const std::int64_t step = weight.layout.rows * weight.layout.depth, steps = weight.panel_bytes() / step;
    const std::int64_t groups = grouped ? op_->groups() : 1, group_steps = steps / groups;
    const std::int64_t step_codes = weight.layout.depth * (weight.stored_bits == 4 ? 2 : 1) * input.code_bytes();
    // Pieces of about equal depth, of whole groups where there are groups.
    const std::int64_t parts = tiles == 1 ? 1 : (weight.panel_bytes() + cached_weights - 1) / cached_weights;
    const std::int64_t units = grouped ? groups : steps, piece_units = std::max<std::int64_t>(1, (units + parts - 1) / parts);
    const auto& products = weight.stored_bits == 8 ? (grouped ? kernels_->grouped8 : kernels_->plain8) : (grouped ? kernels_->grouped4 : kernels_->plain4);
    std::vector<TileSums> sums(static_cast<std::size_t>(tiles));
    for (std::int64_t p = first; p < last; ++p) {
        Vectors vectors(*op_, p);
        if (narrow && input.planes_ == 1) vectors.put_offset_in_bias(*op_, offset_of(input.form_, 1, 0));
        for (std::int64_t unit = 0; unit < units; unit += piece_units) {
            const std::int64_t count = std::min(piece_units, units - unit);
            const Piece piece = grouped ? Piece{unit, count, unit * group_steps, group_steps} : Piece{0, 1, unit, count};
            const bool ends = unit + count == units;
            TileArguments t = arguments(input, p, piece);
            // Meanwhile the next piece, or the next panel's first, comes from memory.
            const std::int64_t bytes = piece.groups * piece.steps * step, share = tiles == 1 ? 0 : (bytes + tiles - 1) / tiles;
            const std::uint8_t* next = t.weights + bytes;
            for (std::int64_t tile = 0; tile < tiles; ++tile, next += share) {
                const int index = input.index_of_tile(tile);
                t.input = input.bytes_.data() + tile * input.tile_bytes_ + piece.first_step * step_codes * kernels_->tile_rows[static_cast<std::size_t>(index)];
                t.start = input.start_.data() + tile * most * input.groups_ + piece.first_group;
                t.sums = sums[static_cast<std::size_t>(tile)].sums;
                fetch_lines(next, share);
                if (ends && tiles > 1) {
                    const std::int64_t end = std::min(input.tokens_, (tile + 1) * most / input.planes_);
                    for (std::int64_t token = tile * most / input.planes_; token < end; ++token) __builtin_prefetch(out + token * weight.rows + p * weight.layout.rows, 1);
                }
                products[static_cast<std::size_t>(index)](t);
                if (ends) finish(input, p, vectors, tile, t.sums, out);
            }
        }
    }
}

void PackedInput::prepare(const PackedLinear& like, const KernelSet& kernels, std::int64_t tokens)
{
    kernels_ = &kernels;
    op_ = &like.op();
    form_ = like.form();
    planes_ = op_->input_bits > 8 ? 2 : 1;
    most_rows_ = kernels.tile_rows[3];
    tokens_ = tokens;
    rows_ = tokens * planes_;
    groups_ = op_->groups();
    if (!like.uses_kernels()) return;
    const std::int64_t depths = 2 * kernels.layout.depth, padded = (op_->weight.cols + depths - 1) / depths * depths, tiles = (rows_ + most_rows_ - 1) / most_rows_;
    tile_bytes_ = most_rows_ * padded * (form_ == InputForm::signed16 ? 2 : 1);
    bytes_.resize(static_cast<std::size_t>(tiles * tile_bytes_) + 64);
    start_.resize(static_cast<std::size_t>(tiles * most_rows_ * groups_));
    plane_sums_.resize(start_.size());
}

int PackedInput::index_of_tile(std::int64_t tile) const noexcept
{
    const std::int64_t rows = rows_ - tile * most_rows_;
    if (rows >= most_rows_) return 3;
    int index = 0;
    while (kernels_->tile_rows[static_cast<std::size_t>(index)] < rows) ++index;
    return index;
}

bool PackedInput::shared(const PackedLinear& a, const PackedLinear& b) noexcept
{
    return a.uses_kernels() && b.uses_kernels() && a.form() == b.form() && a.op().groups() == b.op().groups() && a.op().weight.stored_bits == b.op().weight.stored_bits &&
           std::equal(a.op().permutation.begin(), a.op().permutation.end(), b.op().permutation.begin(), b.op().permutation.end());
}

void PackedInput::pack(Codes16 codes, std::int64_t first, std::int64_t last)
{
    const std::int64_t cols = op_->weight.cols, group = op_->group == 0 ? cols : op_->group, width = code_bytes(), unit = kernels_->layout.depth * width, row_bytes = tile_bytes_ / most_rows_;
    std::vector<std::uint8_t> planes(static_cast<std::size_t>(most_rows_ * row_bytes));  // zeros past the last input stay
    std::vector<std::int16_t> permuted;
    for (std::int64_t tile = first * planes_ / most_rows_; tile * most_rows_ < last * planes_; ++tile) {
        const int rows = rows_of_tile(tile);
        const std::int64_t first_row = tile * most_rows_, filled = std::min<std::int64_t>(rows, rows_ - first_row);
        std::fill(planes.begin() + filled * row_bytes, planes.end(), std::uint8_t{0});
        for (std::int64_t row = 0; row < filled; row += planes_) {
            Codes16 x = codes.subspan(static_cast<std::size_t>((first_row + row) / planes_ * cols), static_cast<std::size_t>(cols));
            if (!op_->permutation.empty()) {
                permuted.resize(static_cast<std::size_t>(cols));
                for (std::size_t k = 0; k < permuted.size(); ++k) permuted[k] = x[static_cast<std::size_t>(op_->permutation[k])];
                x = permuted;
            }
            const auto at = std::span(planes).subspan(static_cast<std::size_t>(row * row_bytes));
            if (planes_ == 1) kernels_->plane8(x, form_, at);
            else kernels_->planes16(x, form_, at, at.subspan(static_cast<std::size_t>(row_bytes)));
        }
        kernels_->interleave(planes.data(), row_bytes, row_bytes / unit, static_cast<int>(unit), rows, bytes_.data() + tile * tile_bytes_);
        for (std::int64_t row = 0; row < rows; ++row)
            for (std::int64_t g = 0; g < groups_; ++g) {
                const std::int64_t begin = g * group, count = std::min(cols, begin + group) - begin;
                const std::int32_t sum = kernels_->stored_sum(planes.data() + row * row_bytes + begin * width, count, form_), offset = row < filled ? offset_of(form_, planes_, static_cast<int>(row % planes_)) : 0;
                const auto to = static_cast<std::size_t>((first_row + row) * groups_ + g);
                start_[to] = op_->weight.stored_bits == 4 ? -kernels_->offset4 * sum : 0;
                plane_sums_[to] = sum - offset * static_cast<std::int32_t>(count);
            }
    }
}

}  // namespace bitwright
