// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/reservoir.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace bitwright {

std::uint64_t token_hash(std::uint64_t seed, std::uint32_t token) noexcept
{
    std::uint64_t z = seed + (static_cast<std::uint64_t>(token) + 1) * 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

std::uint16_t half_of(float value) noexcept
{
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
    const float magnitude = std::fabs(value);
    if (magnitude >= 65504.0F) return static_cast<std::uint16_t>(sign | 0x7bffU);
    if (magnitude < 0x1p-14F) {  // subnormal: multiples of 2^-24; the addition rounds
        return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(magnitude + 0.5F) - std::bit_cast<std::uint32_t>(0.5F)));
    }
    const std::uint32_t m = bits & 0x7fffffffU;
    return static_cast<std::uint16_t>(sign | ((m - 0x38000000U + 0xfffU + ((m >> 13) & 1U)) >> 13));
}

bool Reservoir::wants(std::uint32_t token) const noexcept
{
    if (capacity_ <= 0) return false;
    if (static_cast<std::int64_t>(kept_.size()) < capacity_) return true;
    const std::uint64_t hash = token_hash(seed_, token);
    const Kept& last = kept_.front();
    return hash != last.hash ? hash < last.hash : token < last.token;
}

std::uint16_t* Reservoir::place(std::uint32_t token)
{
    if (static_cast<std::int64_t>(kept_.size()) == capacity_) {
        std::pop_heap(kept_.begin(), kept_.end(), before);
        kept_.pop_back();
    }
    kept_.push_back({token_hash(seed_, token), token, std::vector<std::uint16_t>(static_cast<std::size_t>(width_))});
    std::uint16_t* const row = kept_.back().row.data();  // stays valid: the heap moves vectors, not their elements
    std::push_heap(kept_.begin(), kept_.end(), before);
    return row;
}

void Reservoir::merge(const Reservoir& other)
{
    for (const Kept& kept : other.kept_) {
        if (wants(kept.token)) std::copy(kept.row.begin(), kept.row.end(), place(kept.token));
    }
}

void Reservoir::result(std::vector<std::uint16_t>& rows, std::vector<std::uint32_t>& tokens) const
{
    std::vector<const Kept*> order;
    for (const Kept& kept : kept_) order.push_back(&kept);
    std::sort(order.begin(), order.end(), [](const Kept* a, const Kept* b) { return a->token < b->token; });
    rows.clear();
    tokens.clear();
    for (const Kept* kept : order) {
        rows.insert(rows.end(), kept->row.begin(), kept->row.end());
        tokens.push_back(kept->token);
    }
}

}  // namespace bitwright
