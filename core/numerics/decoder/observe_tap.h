// SPDX-License-Identifier: GPL-3.0-or-later
// The tap that measures: every activation that passes goes into the accumulator of its site and on unchanged. Internal to bitwright_numerics.
// Invariants: the forward computes exactly the float model. Batches have one window; blocks of one window may come in any order.
// Threading: used by one thread, which lends LibTorch's threads to the accumulators.
#pragma once

#include "core/numerics/decoder/decoder.h"
#include "core/statistics/accumulator.h"

#include <memory>
#include <vector>

namespace bitwright {

struct ObserveOptions {
    Semantics semantics = Semantics::bitwright;  ///< authors: attention matrices count what the mask removes, too
    std::int64_t length = 0;                     ///< of a window
    std::int64_t reservoir_rows = 0;             ///< per site
    std::uint64_t seed = 0;
    std::int64_t windows = 0;                    ///< that will come in all
};

class ObserveTap final : public Tap {
public:
    ObserveTap(const Model& model, const ObserveOptions& options);

    /// What follows belongs to this window.
    void enter(std::int64_t window) noexcept { window_ = window; }
    at::Tensor activation(const Site& site, const at::Tensor& x) override;
    [[nodiscard]] bool wants(const Site& site) const override { return site.kind == SiteKind::activation; }

    /// By SiteId; sites that no tensor passed are left out. Empties the tap.
    [[nodiscard]] std::vector<SiteStatistics> take();

private:
    SiteAccumulator& accumulator(const Site& site);
    [[nodiscard]] std::int64_t values_per_channel(const Site& site) const;
    void add_rows(const Site& site, const at::Tensor& x);
    void add_heads(const Site& site, const at::Tensor& x);
    void add_matrix(const Site& site, const at::Tensor& x);

    const Model model_;
    ObserveOptions options_;
    int shards_;
    Parallel parallel_;
    std::int64_t window_ = 0;
    std::vector<std::unique_ptr<SiteAccumulator>> accumulators_;  ///< by SiteId, made on first use
};

}  // namespace bitwright
