// SPDX-License-Identifier: GPL-3.0-or-later
// Attention of one layer with its int8 cache of keys and values. With kernels the cache grows by blocks of positions in which keys and values lie in panels, and the
// products are those of the linears; without, it is plain rows and the reference computes. Equal bytes either way.
// Threading: append() for different tokens and attend() for different units may run on different threads; grow() on one, before them.
#pragma once

#include "core/runtime/kernels/kernel_set.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace bitwright {

class AttentionCache {
public:
    /// `op` must outlive this.
    AttentionCache(const Attention& op, const KernelSet& kernels);

    [[nodiscard]] std::uint64_t bytes() const noexcept { return blocks_.size() * block_bytes_ + key_rows_.capacity() + value_rows_.capacity(); }
    /// Makes room for `positions` in all.
    void grow(std::int64_t positions);
    /// Stores the key (after rotation) and the value of `position`: kv_heads × head_dim codes each.
    void append(std::int64_t position, Codes16 key, Codes16 value);

    /// Units of work that attend() takes apart for `tokens` queries.
    [[nodiscard]] std::int64_t units(std::int64_t tokens) const noexcept;
    /// Unit `unit` of the queries (after rotation, [tokens, heads × head_dim]) of the tokens from `position` on; `out` has the same shape.
    void attend(std::int64_t unit, std::int64_t position, Codes16 queries, std::span<std::int16_t> out) const;

private:
    struct Scratch;
    /// A tile of queries that share a head of keys.
    struct Queries;
    void score(const Queries& queries, Scratch& scratch) const;
    void weigh(const Queries& queries, Scratch& scratch) const;
    void attend_by_reference(std::int64_t unit, std::int64_t position, Codes16 queries, std::span<std::int16_t> out) const;
    [[nodiscard]] std::int64_t tokens_per_unit() const noexcept;
    [[nodiscard]] std::uint8_t* head_of_block(std::int64_t index, std::int64_t kv_head) const noexcept { return blocks_[static_cast<std::size_t>(index)].get() + kv_head * head_bytes_; }

    const Attention* op_;
    const KernelSet* kernels_;
    std::int64_t padded_dim_ = 0, value_panels_ = 0, head_bytes_ = 0;
    std::int32_t key_factor_ = 0;  ///< of a key's sum in its scores: the offsets of the queries it meets
    bool scores_fit_ = false, narrow_ = false;  ///< scores fit 32 bits whatever the codes; values can be requantized as a linear's sums
    std::size_t block_bytes_ = 0;
    // A head of a block: keys [span / panel][padded_dim / depth][panel][depth], values [panels of dims][span / depth][panel][depth], −key_factor·sums of keys int32 [span].
    struct Free {
        void operator()(std::uint8_t* bytes) const noexcept;
    };
    std::vector<std::unique_ptr<std::uint8_t, Free>> blocks_;
    std::vector<std::int8_t> key_rows_, value_rows_;  ///< [positions, kv_heads × head_dim]: the reference's
};

}  // namespace bitwright
