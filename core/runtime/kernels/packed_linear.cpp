// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/runtime/kernels/packed_linear.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace bitwright {
namespace {

constexpr int widest_panel = 32, most_tile_rows = 8;
constexpr std::int64_t reference_rows = 32;      ///< a unit of work where the reference computes
constexpr std::int64_t cached_weights = 384 << 10;  ///< bytes of panels that stay in the second-level cache while all tokens pass

/// One panel's rows of a linear's vectors, filled up to the panel's height.
struct PanelVectors {
    alignas(64) std::int32_t bias[widest_panel], multipliers[widest_panel], row_sums[widest_panel];
    alignas(64) std::int64_t shifts[widest_panel], halves[widest_panel];
    std::int8_t zero_points[widest_panel];

    PanelVectors(const Linear& op, std::int64_t panel)
    {
        const std::int64_t height = op.weight.layout.rows, first = panel * height, count = std::min(height, op.weight.rows - first);
        std::memset(this, 0, sizeof *this);
        for (std::int64_t r = 0; r < height; ++r) {
            const auto row = static_cast<std::size_t>(std::min(first + r, op.weight.rows - 1));
            multipliers[r] = op.multipliers[op.multipliers.size() == 1 ? 0 : row];
            shifts[r] = op.shifts[op.shifts.size() == 1 ? 0 : row];
            halves[r] = std::int64_t{1} << (shifts[r] - 1);
            if (r >= count) continue;
            if (!op.bias.empty()) bias[r] = op.bias[row];
            row_sums[r] = op.row_sums[row];
            const auto given = static_cast<std::int64_t>(op.zero_points.size());
            if (given == 1) zero_points[r] = op.zero_points[0];
            else if (given == op.weight.rows) zero_points[r] = op.zero_points[row];
        }
    }
};

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

void PackedLinear::sum_panel(const PackedInput& input, std::int64_t panel, std::int64_t tile, int rows, std::int32_t* sums) const
{
    const WeightCodes& weight = op_->weight;
    const bool grouped = !op_->group_scales.empty();
    const std::int64_t step = weight.layout.depth * (weight.stored_bits == 4 ? 2 : 1), first_row = tile * input.most_rows_;
    TileArguments t;
    t.weights = weight.bytes.data() + panel * weight.panel_bytes();
    t.input = input.bytes_.data() + tile * input.tile_bytes_;
    t.groups = op_->groups();
    t.group_steps = (grouped ? op_->group : weight.padded_cols()) / step;
    t.scales = grouped ? op_->group_scales.data() + op_->group_index(panel * weight.layout.rows, 0) : nullptr;
    t.start = input.start_.data() + first_row * input.groups_;
    t.sums = sums;
    const auto& tiles = weight.stored_bits == 8 ? (grouped ? kernels_->grouped8 : kernels_->plain8) : (grouped ? kernels_->grouped4 : kernels_->plain4);
    tiles[rows == 1 ? 0 : rows == 2 ? 1 : rows == 4 ? 2 : 3](t);
}

template <typename Code>
void PackedLinear::run_panels(const PackedInput& input, std::int64_t first, std::int64_t last, Code* out) const
{
    const Linear& op = *op_;
    const std::int64_t height = op.weight.layout.rows, tiles = (input.rows_ + input.most_rows_ - 1) / input.most_rows_;
    const std::int64_t block = std::max<std::int64_t>(1, cached_weights / op.weight.panel_bytes());
    const bool grouped_zero_points = has_group_zero_points(op), row_zero_points = !op.zero_points.empty() && !grouped_zero_points;
    const bool narrow = sizeof(Code) == 2 ? narrow_codes_ : narrow_logits_;
    const int planes = input.planes_;
    std::int32_t offsets[most_tile_rows];
    for (int i = 0; i < most_tile_rows; ++i) offsets[i] = offset_of(input.form_, planes, i % planes);
    // 8-bit codes without zero points: what the offset adds to a sum is the same for every token and stands in the bias.
    const bool folded = narrow && planes == 1 && op.zero_points.empty();
    alignas(64) std::int32_t sums[most_tile_rows * widest_panel];
    alignas(64) Code codes[most_tile_rows * widest_panel];
    std::vector<PanelVectors> vectors;
    for (std::int64_t start = first; start < last; start += block) {
        const std::int64_t end = std::min(last, start + block);
        vectors.clear();
        for (std::int64_t p = start; p < end; ++p) {
            vectors.emplace_back(op, p);
            PanelVectors& v = vectors.back();
            for (std::int64_t r = 0; folded && r < height; ++r)
                v.bias[r] = static_cast<std::int32_t>(static_cast<std::uint32_t>(v.bias[r]) - static_cast<std::uint32_t>(offsets[0]) * static_cast<std::uint32_t>(v.row_sums[r]));
        }
        for (std::int64_t tile = 0; tile < tiles; ++tile) {
            const int rows = input.rows_of_tile(tile);
            const std::int64_t first_row = tile * input.most_rows_;
            const int tokens = static_cast<int>((std::min(input.rows_, first_row + rows) - first_row) / planes);
            const std::int32_t* plane_sums = input.plane_sums_.data() + first_row * input.groups_;
            for (std::int64_t p = start; p < end; ++p) {
                const PanelVectors& v = vectors[static_cast<std::size_t>(p - start)];
                sum_panel(input, p, tile, rows, sums);
                if (!folded) kernels_->correct(sums, rows, offsets, v.row_sums, row_zero_points ? v.zero_points : nullptr, plane_sums);
                if (grouped_zero_points) {
                    const std::size_t at = op.group_index(p * height, 0);
                    kernels_->correct_groups(sums, rows, op.groups(), op.group_scales.data() + at, op.zero_points.data() + at, plane_sums);
                }
                const std::int64_t count = std::min(height, op.weight.rows - p * height), stride = op.weight.rows;
                Code* const to = out + first_row / planes * stride + p * height;
                if (!narrow) {
                    for (int t = 0; t < tokens; ++t)
                        for (std::int64_t r = 0; r < count; ++r) {
                            const std::int32_t* sum = sums + t * planes * height + r;
                            to[t * stride + r] = finished<Code>(op, (planes == 1 ? sum[0] : static_cast<std::int64_t>(sum[0]) * 256 + sum[height]) + v.bias[r], {v.multipliers[r], static_cast<std::int32_t>(v.shifts[r])});
                        }
                    continue;
                }
                const PanelOutput output{v.bias, v.multipliers, v.shifts, v.halves, op.output};
                Code* const whole = count == height ? to : codes;
                const std::int64_t whole_stride = count == height ? stride : height;
                if constexpr (sizeof(Code) == 2) (planes == 1 ? kernels_->requantize8 : kernels_->requantize16)(sums, tokens, output, whole, whole_stride);
                else (planes == 1 ? kernels_->logits8 : kernels_->logits16)(sums, tokens, output, whole, whole_stride);
                for (int t = 0; whole != to && t < tokens; ++t) std::copy_n(codes + t * height, count, to + t * stride);
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

int PackedInput::rows_of_tile(std::int64_t tile) const noexcept
{
    const std::int64_t rows = std::min<std::int64_t>(most_rows_, rows_ - tile * most_rows_);
    for (const int enough : kernels_->tile_rows)
        if (enough >= rows) return enough;
    return most_rows_;
}

bool PackedInput::shared(const PackedLinear& a, const PackedLinear& b) noexcept
{
    return a.uses_kernels() && b.uses_kernels() && a.form() == b.form() && a.op().groups() == b.op().groups() && a.op().weight.stored_bits == b.op().weight.stored_bits &&
           std::equal(a.op().permutation.begin(), a.op().permutation.end(), b.op().permutation.begin(), b.op().permutation.end());
}

namespace {

/// Interleaves rows of a tile: unit j of row i to unit j·rows + i.
template <typename Unit>
void interleave(const std::uint8_t* from, std::int64_t count, int rows, int row, std::uint8_t* to)
{
    for (std::int64_t j = 0; j < count; ++j) std::memcpy(to + (j * rows + row) * static_cast<std::int64_t>(sizeof(Unit)), from + j * static_cast<std::int64_t>(sizeof(Unit)), sizeof(Unit));
}

}  // namespace

void PackedInput::pack(Codes16 codes, std::int64_t first, std::int64_t last)
{
    const std::int64_t cols = op_->weight.cols, group = op_->group == 0 ? cols : op_->group, width = form_ == InputForm::signed16 ? 2 : 1, depth = kernels_->layout.depth;
    const std::int64_t row_bytes = tile_bytes_ / most_rows_, unit = depth * width, units = row_bytes / unit;
    std::vector<std::uint8_t> planes(static_cast<std::size_t>(2 * row_bytes));  // zeros past the last input stay
    std::vector<std::int16_t> permuted;
    const std::int64_t rows_end = (last == tokens_ ? (rows_ + most_rows_ - 1) / most_rows_ * most_rows_ : last * planes_);
    for (std::int64_t row = first * planes_; row < rows_end; ++row) {
        const std::int64_t tile = row / most_rows_;
        const int rows = rows_of_tile(tile), at = static_cast<int>(row % most_rows_);
        if (at >= rows) continue;
        const std::uint8_t* bytes = planes.data();
        if (row >= rows_) {
            std::fill(planes.begin(), planes.end(), std::uint8_t{0});
        } else if (row % planes_ == 0) {
            Codes16 x = codes.subspan(static_cast<std::size_t>(row / planes_ * cols), static_cast<std::size_t>(cols));
            if (!op_->permutation.empty()) {
                permuted.resize(static_cast<std::size_t>(cols));
                for (std::size_t k = 0; k < permuted.size(); ++k) permuted[k] = x[static_cast<std::size_t>(op_->permutation[k])];
                x = permuted;
            }
            if (planes_ == 1) kernels_->plane8(x, form_, planes);
            else kernels_->planes16(x, form_, planes, std::span(planes).subspan(static_cast<std::size_t>(row_bytes)));
        } else {
            bytes += row_bytes;
        }
        std::uint8_t* to = bytes_.data() + tile * tile_bytes_;
        if (unit == 4) interleave<std::uint32_t>(bytes, units, rows, at, to);
        else if (unit == 8) interleave<std::uint64_t>(bytes, units, rows, at, to);
        else interleave<std::uint16_t>(bytes, units, rows, at, to);
        const bool stored_signed = form_ != InputForm::unsigned8;
        const std::int32_t offset = row < rows_ ? offset_of(form_, planes_, static_cast<int>(row % planes_)) : 0;
        for (std::int64_t g = 0; g < groups_; ++g) {
            const std::int64_t begin = g * group, end = std::min(cols, begin + group);
            std::int32_t sum = 0;
            if (width == 2) {
                const auto* wide = reinterpret_cast<const std::int16_t*>(bytes);
                for (std::int64_t k = begin; k < end; ++k) sum += wide[k];
            } else if (stored_signed) {
                const auto* narrow = reinterpret_cast<const std::int8_t*>(bytes);
                for (std::int64_t k = begin; k < end; ++k) sum += narrow[k];
            } else {
                for (std::int64_t k = begin; k < end; ++k) sum += bytes[k];
            }
            start_[static_cast<std::size_t>(row * groups_ + g)] = op_->weight.stored_bits == 4 ? -kernels_->offset4 * sum : 0;
            plane_sums_[static_cast<std::size_t>(row * groups_ + g)] = sum - offset * static_cast<std::int32_t>(end - begin);
        }
    }
}

}  // namespace bitwright
