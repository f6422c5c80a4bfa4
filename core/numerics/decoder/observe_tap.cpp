// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/numerics/decoder/observe_tap.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace bitwright {
namespace {

constexpr int most_shards = 4;  // each keeps histograms and extremes of every site; more threads than that wait for memory anyway

const float* values_of(const at::Tensor& x) { return x.const_data_ptr<float>(); }

}  // namespace

ObserveTap::ObserveTap(const Model& model, const ObserveOptions& options)
    : model_(model), options_(options), shards_(std::clamp(at::get_num_threads(), 1, most_shards)), accumulators_(model.sites->sites().size())
{
    if (shards_ == 1) return;
    parallel_ = [](int n, const std::function<void(int)>& body) {
        at::parallel_for(0, n, 1, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t i = begin; i < end; ++i) body(static_cast<int>(i));
        });
    };
}

std::int64_t ObserveTap::values_per_channel(const Site& site) const
{
    const std::int64_t n = options_.length;
    if (site.role != SiteRole::qk_output && site.role != SiteRole::pv_input) return options_.windows * n;
    if (options_.semantics == Semantics::authors) return options_.windows * n * n;
    const std::int64_t window = model_.architecture().attention.at(static_cast<std::size_t>(site.layer)).window;
    const std::int64_t seen = window > 0 ? std::min(window, n) : n;  // keys of the last query
    return options_.windows * (seen * (seen + 1) / 2 + (n - seen) * seen);
}

SiteAccumulator& ObserveTap::accumulator(const Site& site)
{
    auto& found = accumulators_.at(static_cast<std::size_t>(site.id));
    if (!found) found = std::make_unique<SiteAccumulator>(AccumulatorOptions{site.channels, options_.length, options_.reservoir_rows, options_.seed, shards_, values_per_channel(site)});
    return *found;
}

at::Tensor ObserveTap::activation(const Site& site, const at::Tensor& given)
{
    const at::Tensor x = given.stride(-1) == 1 && given.scalar_type() == at::kFloat ? given : given.to(at::kFloat).contiguous();
    try {
        if (site.role == SiteRole::qk_output || site.role == SiteRole::pv_input) add_matrix(site, x);
        else if (x.dim() == 4) add_heads(site, x);
        else add_rows(site, x);
    } catch (const Error& error) {
        throw failure(site.name + ": " + error.what() + " in window " + std::to_string(window_) + "; check the model with inspect --verify");
    }
    return given;
}

// [1, T, channels]
void ObserveTap::add_rows(const Site& site, const at::Tensor& x)
{
    accumulator(site).add(RowBlock{values_of(x), x.size(1), x.stride(1), 1, x.size(2), 0, 0, static_cast<std::uint32_t>(window_ * options_.length)}, parallel_);
}

// [1, heads, T, head_dim]: a row is a token's heads side by side
void ObserveTap::add_heads(const Site& site, const at::Tensor& x)
{
    accumulator(site).add(RowBlock{values_of(x), x.size(2), x.stride(2), x.size(1), x.size(3), x.stride(1), 0, static_cast<std::uint32_t>(window_ * options_.length)},
                          parallel_);
}

// [1, heads, queries, keys]; the keys end with the last query's own
void ObserveTap::add_matrix(const Site& site, const at::Tensor& x)
{
    const std::int64_t first = x.size(3) - x.size(2);
    accumulator(site).add(AttentionBlock{values_of(x), x.size(1), x.size(2), x.size(3), x.stride(1), x.stride(2), first,
                                         static_cast<std::uint32_t>(window_ * options_.length + first),
                                         model_.architecture().attention.at(static_cast<std::size_t>(site.layer)).window, options_.semantics == Semantics::authors},
                          parallel_);
}

std::vector<SiteStatistics> ObserveTap::take()
{
    std::vector<SiteStatistics> out;
    for (const Site& site : model_.sites->sites()) {
        auto& found = accumulators_[static_cast<std::size_t>(site.id)];
        if (!found) continue;
        out.push_back(found->result(site.name));
        found.reset();
    }
    return out;
}

}  // namespace bitwright
