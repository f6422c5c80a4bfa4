// SPDX-License-Identifier: GPL-3.0-or-later
// Targets of an optimization, one tensor per window, computed once: in memory while all fit a budget, else in a temporary file that only this process sees
// and that goes with it; where the disk has no room they are computed again each time, with the same result. Internal to bitwright_numerics.
// Threading: belongs to one thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace bitwright {

class TargetCache {
public:
    /// @param memory_bytes kept in memory up to this size in all
    TargetCache(std::int64_t windows, std::int64_t memory_bytes) : memory_bytes_(memory_bytes), kept_(static_cast<std::size_t>(windows)), filed_(kept_.size()) {}
    ~TargetCache();
    TargetCache(const TargetCache&) = delete;
    TargetCache& operator=(const TargetCache&) = delete;

    /// The target of a window, float32 of the same shape for every window.
    [[nodiscard]] at::Tensor get(std::int64_t window, const std::function<at::Tensor()>& compute);

private:
    bool write(std::int64_t window, const at::Tensor& target);
    at::Tensor read(std::int64_t window) const;

    std::int64_t memory_bytes_;
    std::vector<at::Tensor> kept_;  ///< undefined until computed
    std::vector<bool> filed_;
    std::vector<std::int64_t> shape_;
    int file_ = -1;
    bool disk_ = true;  ///< false once it has refused
};

}  // namespace bitwright
