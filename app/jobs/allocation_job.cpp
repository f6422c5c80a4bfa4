// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs/allocation_job.h"

#include "core/exchange/budget.h"
#include "core/recipe/edits.h"
#include "core/recipe/placement.h"
#include "core/runtime/hash.h"
#include "core/runtime/json.h"
#include "core/workspace/recipes.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

namespace bitwright {
namespace {

/// What one unit of weights can have: option 0 is what the base has.
struct Option {
    int bits = 0;               ///< 0: as the base
    std::int64_t bytes = 0;     ///< less than the base's (positive: saved)
    double kl = 0;              ///< more than the base's, probed alone
};
struct Unit {
    SiteGroup group;
    std::vector<Option> options;  ///< the convex hull, by ascending bytes saved
};
using Choice = std::vector<std::size_t>;  ///< option of each unit

std::string grouped_bytes(std::uint64_t bytes)
{
    std::string text = std::to_string(bytes);
    for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), " ");
    return text + " bytes";
}

class Search {
public:
    Search(JobEnvironment& environment, OpenedModel& model, const AllocationRequest& request)
        : environment_(environment), opened_(model), model_(model.model()), request_(request), probe_(environment, model, request.windows, request.placement), base_bytes_(budget_of(model_, *request.base).weight_bytes)
    {
        for (auto& group : site_groups(model_, *request.base, request.grouping, request.placement == Placement::full)) {
            std::erase_if(group.sites, [&](SiteId id) { return !is_matrix((*model_.sites)[id]); });
            if (!group.sites.empty()) units_.push_back({std::move(group), {}});
        }
        if (units_.empty()) throw bad_input("recipe", "", "quantizes no weight matrix; begin with another recipe");
    }

    AllocationOutcome run()
    {
        base_kl_ = probe_(*request_.base).kl_token();
        const auto allowed = budget_bytes();
        try_recipe(*request_.base, "as it is");
        for (const int bits : request_.bits) try_recipe(uniform(bits), "uniform W" + std::to_string(bits));
        probe_options();
        follow_front(allowed);
        improve(allowed);
        const auto best = best_within(allowed);
        if (best == trials_.size())
            throw bad_input("recipe", "budget", "no combination fits " + grouped_bytes(allowed) + "; the smallest has " + grouped_bytes(smallest()) + ", so allow that or fewer bits (--to)");
        trials_[best].chosen = true;
        if (request_.name) name_recipe(environment_.workspace, trials_[best].recipe, request_.name);
        AllocationRow row;
        row.base = request_.base_row;
        row.token_hash = probe_.token_hash();
        row.placement = probe_.placement();
        row.budget = "at most " + grouped_bytes(allowed) + " of weights";
        row.conditions = probe_.conditions();
        row.trials = trials_;
        const auto id = put_allocation(environment_.workspace, row);
        return {get_allocation(environment_.workspace, id), allowed, probe_.computed()};
    }

private:
    static bool is_matrix(const Site& site) { return site.kind == SiteKind::weight && (is_layer_linear(site.role) || site.role == SiteRole::embedding_weight || site.role == SiteRole::lm_head_weight); }

    [[nodiscard]] Recipe with_bits(const Recipe& recipe, const std::vector<SiteId>& sites, int bits) const
    {
        Recipe changed = edit_sites(recipe, model_, sites, {{"bits", std::to_string(bits)}, {"granularity", "row"}});
        std::set<std::string> names;  // grids that a method fixed belong to the bits it had
        for (const SiteId id : sites) names.insert((*model_.sites)[id].name);
        std::erase_if(changed.transforms, [&](const Transform& transform) {
            const auto* codes = std::get_if<Codes>(&transform);
            return codes && names.contains(codes->site);
        });
        return edit_sites(changed, model_, sites, {{"range", request_.range}});
    }

    /// All layers' linears at so many bits.
    [[nodiscard]] Recipe uniform(int bits) const
    {
        std::vector<SiteId> sites;
        for (const Site& site : model_.sites->sites())
            if (site.kind == SiteKind::weight && is_layer_linear(site.role) && request_.base->sites.contains(site.name)) sites.push_back(site.id);
        return with_bits(*request_.base, sites, bits);
    }

    [[nodiscard]] std::uint64_t budget_bytes() const
    {
        const auto& budget = request_.budget;
        if (budget.bytes) return *budget.bytes;
        if (budget.like_uniform) return budget_of(model_, uniform(*budget.like_uniform)).weight_bytes;
        return static_cast<std::uint64_t>(*budget.bits_per_weight * static_cast<double>(budget_of(model_, *request_.base).weights) / 8);
    }

    void probe_options()
    {
        std::int64_t done = 0;
        const auto all = static_cast<std::int64_t>(units_.size() * request_.bits.size());
        for (auto& unit : units_) {
            std::vector<Option> options{{}};
            for (const int bits : request_.bits) {
                const auto recipe = with_bits(*request_.base, unit.group.sites, bits);
                const auto saved = static_cast<std::int64_t>(base_bytes_) - static_cast<std::int64_t>(budget_of(model_, recipe).weight_bytes);
                if (saved > 0) options.push_back({bits, saved, probe_(recipe).kl_token() - base_kl_});
                environment_.progress({"choices", ++done, all, true, options.back().kl});
            }
            unit.options = hull(std::move(options));
        }
    }

    /// Options on the lower convex hull of KL over bytes saved: the others are never worth their bytes.
    static std::vector<Option> hull(std::vector<Option> options)
    {
        std::ranges::sort(options, [](const Option& a, const Option& b) { return std::pair(a.bytes, a.kl) < std::pair(b.bytes, b.kl); });
        std::vector<Option> kept;
        for (const auto& option : options) {
            if (!kept.empty() && option.bytes == kept.back().bytes) continue;
            while (kept.size() > 1) {
                const auto& a = kept[kept.size() - 2];
                const auto& b = kept.back();
                if ((b.kl - a.kl) * static_cast<double>(option.bytes - a.bytes) < (option.kl - a.kl) * static_cast<double>(b.bytes - a.bytes)) break;
                kept.pop_back();
            }
            kept.push_back(option);
        }
        return kept;
    }

    [[nodiscard]] std::int64_t saved_by(const Choice& choice) const
    {
        std::int64_t saved = 0;
        for (std::size_t i = 0; i < units_.size(); ++i) saved += units_[i].options[choice[i]].bytes;
        return saved;
    }
    [[nodiscard]] double estimate(const Choice& choice) const
    {
        double kl = 0;
        for (std::size_t i = 0; i < units_.size(); ++i) kl += units_[i].options[choice[i]].kl;
        return kl;
    }
    [[nodiscard]] std::uint64_t bytes_of(const Choice& choice) const { return base_bytes_ - static_cast<std::uint64_t>(saved_by(choice)); }
    [[nodiscard]] std::uint64_t smallest() const
    {
        Choice choice;
        for (const auto& unit : units_) choice.push_back(unit.options.size() - 1);
        return bytes_of(choice);
    }

    /// The greedy path over all hulls, cheapest KL per byte first: what fits the budget first, then points spread over the path (the front).
    void follow_front(std::uint64_t allowed)
    {
        std::vector<Choice> path{Choice(units_.size(), 0)};
        while (true) {
            std::size_t best = units_.size();
            double least = INFINITY;
            for (std::size_t i = 0; i < units_.size(); ++i) {
                const auto at = path.back()[i];
                if (at + 1 >= units_[i].options.size()) continue;
                const auto &now = units_[i].options[at], &next = units_[i].options[at + 1];
                const double price = (next.kl - now.kl) / static_cast<double>(next.bytes - now.bytes);
                if (price < least) least = price, best = i;
            }
            if (best == units_.size()) break;
            path.push_back(path.back());
            ++path.back()[best];
        }
        const auto first = std::ranges::find_if(path, [&](const Choice& choice) { return bytes_of(choice) <= allowed; });
        if (first != path.end()) {
            auto fitted = *first;
            give_back(fitted, allowed);
            try_choice(fitted);
        }
        const auto points = std::min<std::size_t>(path.size() - 1, static_cast<std::size_t>(std::max<std::int64_t>(2, request_.tries / 3)));
        for (std::size_t i = 1; i <= points; ++i) try_choice(path[i * (path.size() - 1) / points]);
    }

    /// Undoes the dearest steps that the budget does not need.
    void give_back(Choice& choice, std::uint64_t allowed) const
    {
        while (true) {
            std::size_t best = units_.size();
            double most = 0;
            for (std::size_t i = 0; i < units_.size(); ++i) {
                if (choice[i] == 0) continue;
                auto less = choice;
                --less[i];
                const double gain = estimate(choice) - estimate(less);
                if (bytes_of(less) <= allowed && gain > most) most = gain, best = i;
            }
            if (best == units_.size()) return;
            --choice[best];
        }
    }

    /// Exchanges from the best found so far, the most promising estimate first, until nothing better or no try is left.
    void improve(std::uint64_t allowed)
    {
        while (static_cast<std::int64_t>(trials_.size()) < request_.tries) {
            auto best = choices_.end();
            for (auto at = choices_.begin(); at != choices_.end(); ++at)
                if (trials_[at->first].bytes <= allowed && (best == choices_.end() || trials_[at->first].kl_token < trials_[best->first].kl_token)) best = at;
            if (best == choices_.end()) return;
            const auto from = best->second;
            std::map<double, Choice> candidates;
            for (std::size_t i = 0; i < units_.size(); ++i) {
                for (std::size_t option = 0; option < units_[i].options.size(); ++option) {
                    if (option == from[i]) continue;
                    auto changed = from;
                    changed[i] = option;
                    consider(candidates, changed, allowed);
                    for (std::size_t j = 0; j < units_.size(); ++j) {
                        for (std::size_t other = 0; j != i && other < units_[j].options.size(); ++other) {
                            if (other == from[j]) continue;
                            auto both = changed;
                            both[j] = other;
                            consider(candidates, both, allowed);
                        }
                    }
                }
            }
            if (candidates.empty()) return;
            try_choice(candidates.begin()->second);
        }
    }
    void consider(std::map<double, Choice>& candidates, const Choice& choice, std::uint64_t allowed) const
    {
        if (bytes_of(choice) <= allowed && !tried_.contains(choice)) candidates.emplace(estimate(choice), choice);
    }

    void try_choice(const Choice& choice)
    {
        if (static_cast<std::int64_t>(trials_.size()) >= request_.tries || !tried_.insert(choice).second) return;
        std::map<int, std::vector<SiteId>> by_bits;
        for (std::size_t i = 0; i < units_.size(); ++i)
            if (const int bits = units_[i].options[choice[i]].bits) by_bits[bits].insert(by_bits[bits].end(), units_[i].group.sites.begin(), units_[i].group.sites.end());
        Recipe recipe = *request_.base;
        std::string words;
        for (auto& [bits, sites] : by_bits) {
            std::ranges::sort(sites);
            recipe = with_bits(recipe, sites, bits);
            words += (words.empty() ? "" : "; ") + std::to_string(bits) + " bit: " + site_pattern(*model_.sites, sites);
        }
        choices_.emplace(trials_.size(), choice);
        try_recipe(recipe, words.empty() ? "as it is" : words);
    }

    void try_recipe(Recipe recipe, const std::string& words)
    {
        const auto measured = probe_(recipe);
        const auto budget = budget_of(model_, recipe);
        auto id = request_.base_row;
        if (decisions_hash(recipe) != decisions_hash(*request_.base)) {
            recipe.parent = recipe_hash(*request_.base);
            recipe.made_by.method = "bit-allocation";
            recipe.made_by.options = "{\"bits\":" + json::quoted(words) + "}";
            RecipeRow row;
            row.model = opened_.row(environment_.workspace, environment_.control);
            row.parent = request_.base_row;
            row.calibration = request_.calibration;
            row.words = words;
            const auto known = find_recipe_by_hash(environment_.workspace, recipe_hash(recipe));
            id = known ? known->id : put_recipe(environment_.workspace, recipe, row);
        }
        trials_.push_back({id, words, budget.weight_bytes, budget.bits_per_weight, measured.kl_token(), measured.perplexity(), false});
        environment_.progress({"combinations", static_cast<std::int64_t>(trials_.size()), request_.tries, true, measured.kl_token()});
    }

    /// trials_.size(): none.
    [[nodiscard]] std::size_t best_within(std::uint64_t allowed) const
    {
        std::size_t best = trials_.size();
        for (std::size_t i = 0; i < trials_.size(); ++i)
            if (trials_[i].bytes <= allowed && (best == trials_.size() || trials_[i].kl_token < trials_[best].kl_token)) best = i;
        return best;
    }

    JobEnvironment& environment_;
    OpenedModel& opened_;
    const Model& model_;
    const AllocationRequest& request_;
    Prober probe_;
    std::uint64_t base_bytes_;
    double base_kl_ = 0;
    std::vector<Unit> units_;
    std::vector<AllocationTrial> trials_;
    std::map<std::size_t, Choice> choices_;  ///< of trials that are combinations
    std::set<Choice> tried_;
};

}  // namespace

AllocationOutcome allocate_bits(JobEnvironment& environment, OpenedModel& model, const AllocationRequest& request)
{
    const auto& budget = request.budget;
    if (static_cast<int>(budget.bytes.has_value()) + static_cast<int>(budget.bits_per_weight.has_value()) + static_cast<int>(budget.like_uniform.has_value()) != 1)
        throw usage_error("one budget is needed: --bytes N, --bits-per-weight X or --like-uniform BITS");
    if (request.bits.empty()) throw usage_error("--to needs at least one number of bits");
    std::string key = "allocate recipe " + std::to_string(request.base_row) + " " + request.windows.hash() + " " + std::string(name_of(request.grouping)) + " " + request.range + " " + std::to_string(request.tries) + " " +
                      std::to_string(budget.bytes.value_or(0)) + " " + std::to_string(budget.bits_per_weight.value_or(0)) + " " + std::to_string(budget.like_uniform.value_or(0));
    for (const int bits : request.bits) key += " " + std::to_string(bits);
    return run_job(environment, "allocate", sha256_hex(key), [&](ActiveJob& job) {
        auto outcome = Search(environment, model, request).run();
        const auto chosen = std::ranges::find_if(outcome.row.trials, &AllocationTrial::chosen);
        end_job(environment.workspace, job.row().id, JobState::done, to_string(Reference{"recipe", chosen->recipe}));
        return outcome;
    });
}

std::vector<std::size_t> pareto_front(const std::vector<AllocationTrial>& trials)
{
    std::vector<std::size_t> order(trials.size()), front;
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return std::pair(trials[a].bytes, trials[a].kl_token) < std::pair(trials[b].bytes, trials[b].kl_token); });
    for (const auto index : order)
        if (front.empty() || trials[index].kl_token < trials[front.back()].kl_token) front.push_back(index);
    return front;
}

}  // namespace bitwright
