// SPDX-License-Identifier: GPL-3.0-or-later
// A linear as a kernel set computes it: inputs packed once for all linears that read them, then panels of weights in any order on any thread.
// Invariants: equals linear() and logits() of operations.h bit for bit; a linear that its kernels cannot compute exactly is left to those.
// Threading: PackedLinear is immutable; a PackedInput is filled by one thread and then read by many; panels write disjoint outputs.
#pragma once

#include "core/runtime/kernels/kernel_set.h"

#include <vector>

namespace bitwright {

class PackedInput;

class PackedLinear {
public:
    PackedLinear() = default;
    /// `op` must outlive this. Panels of another layout than the set's, and rows, are computed by the reference.
    PackedLinear(const Linear& op, const KernelSet& kernels);

    [[nodiscard]] const Linear& op() const noexcept { return *op_; }
    [[nodiscard]] bool uses_kernels() const noexcept { return packed_; }
    [[nodiscard]] std::int64_t panels() const noexcept;       ///< units of work
    [[nodiscard]] std::int64_t panel_bytes() const noexcept;
    [[nodiscard]] InputForm form() const noexcept { return op_->weight.stored_bits == 4 ? kernels_->form4 : kernels_->form8; }

    /// Panels [first, last) for all tokens of `input`; out is [tokens, rows]. `codes` are the same inputs unpacked.
    void run(const PackedInput& input, Codes16 codes, std::int64_t first, std::int64_t last, std::span<std::int16_t> out) const;
    void run(const PackedInput& input, Codes16 codes, std::int64_t first, std::int64_t last, std::span<std::int32_t> logits) const;

private:
    template <typename Code>
    void run_panels(const PackedInput& input, std::int64_t first, std::int64_t last, Code* out) const;
    struct Piece;
    struct Vectors;
    [[nodiscard]] TileArguments arguments(const PackedInput& input, std::int64_t panel, const Piece& piece) const noexcept;
    template <typename Code>
    void finish(const PackedInput& input, std::int64_t panel, const Vectors& vectors, std::int64_t tile, std::int32_t* sums, Code* out) const;

    const Linear* op_ = nullptr;
    const KernelSet* kernels_ = nullptr;
    bool packed_ = false;  ///< the tiles' sums are exact
    bool narrow_codes_ = false, narrow_logits_ = false;  ///< so is the vectors' requantization; else sums are requantized one by one
};

/// Tokens' codes as tiles of planes. A row is a plane of a token (two for 16-bit codes: high, low).
class PackedInput {
public:
    /// For `tokens` rows of like.op().weight.cols codes. Keeps its memory between calls.
    void prepare(const PackedLinear& like, const KernelSet& kernels, std::int64_t tokens);
    /// Packs the tokens [first, last); different tokens may be packed by different threads at tile borders: multiples of token_grain().
    void pack(Codes16 codes, std::int64_t first, std::int64_t last);
    [[nodiscard]] std::int64_t token_grain() const noexcept { return most_rows_ / planes_; }
    /// Whether what is packed for `a` serves `b`.
    [[nodiscard]] static bool shared(const PackedLinear& a, const PackedLinear& b) noexcept;

private:
    friend class PackedLinear;
    [[nodiscard]] int index_of_tile(std::int64_t tile) const noexcept;  ///< among KernelSet::tile_rows
    [[nodiscard]] int rows_of_tile(std::int64_t tile) const noexcept { return kernels_->tile_rows[static_cast<std::size_t>(index_of_tile(tile))]; }
    [[nodiscard]] int code_bytes() const noexcept { return form_ == InputForm::signed16 ? 2 : 1; }

    const KernelSet* kernels_ = nullptr;
    const Linear* op_ = nullptr;
    InputForm form_ = InputForm::unsigned8;
    std::int64_t tokens_ = 0, rows_ = 0, tile_bytes_ = 0, groups_ = 1;
    int planes_ = 1, most_rows_ = 8;
    std::vector<std::uint8_t> bytes_;
    std::vector<std::int32_t> start_, plane_sums_;  ///< [rows rounded up to tiles][groups]: −offset4·Σ stored; Σ of the true plane
};

}  // namespace bitwright
