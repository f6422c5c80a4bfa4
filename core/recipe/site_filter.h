// SPDX-License-Identifier: GPL-3.0-or-later
// A filter in words for tables of sites: kind:down_proj layer:4-12 bits:8 sqnr<20 saturation>0.1 "text" -kind:norm.
// All words must hold; "-" before a word turns it around. Words:
//   kind:WORD         a part of the site's name (down_proj, q_proj, input_layernorm …), or norm, attention, mlp, residual, embedding, weight, activation
//   role:WORD         the last part of the name: input, input2, weight, output, residual
//   layer:N  N-M  N-  -M, lists with commas; layer:none for sites of the model
//   bits:…            the same of numbers, or with < <= > >= =
//   scheme:WORD       float, uniform, symmetric, asymmetric, static, dynamic, tensor, row, channel, head, group, token
//   range:TEXT        part of where the range comes from ("learned", "mse", "by hand")
//   sqnr saturation zeros codes cosine output-error introduced accumulated sensitivity, with < <= > >= or =; saturation, zeros and output-error in percent
//   anything else, quoted where it has spaces: part of the name or note, or a glob where it has * or ?
// Invariants: what is not measured satisfies no comparison, turned around or not.
// Threading: immutable after parse.
#pragma once

#include "core/architecture/site.h"
#include "core/recipe/recipe.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

/// What a table knows about one site beyond its decision; absent: not measured.
struct SiteFigures {
    std::optional<double> sqnr_db;
    std::optional<double> saturation;    ///< share in [0, 1]
    std::optional<double> zeros;         ///< share in [0, 1]
    std::optional<double> codes_used;
    std::optional<double> cosine;
    std::optional<double> output_error;  ///< relative, 1 = 100 %
    std::optional<double> introduced_sqnr_db, accumulated_sqnr_db;
    std::optional<double> sensitivity;   ///< increase of the loss
    std::string note;
};

class SiteFilter {
public:
    SiteFilter() = default;  ///< lets everything pass
    /// Throws Error (usage) naming the word that is not understood and what is possible there.
    [[nodiscard]] static SiteFilter parse(std::string_view text);

    /// `decision` null: float by absence. `figures` null: nothing measured.
    [[nodiscard]] bool operator()(const Site& site, const SiteDecision* decision, const SiteFigures* figures = nullptr) const;
    [[nodiscard]] bool empty() const noexcept { return words_.empty(); }
    /// True where a word compares something measured: the table has to measure before it filters.
    [[nodiscard]] bool needs_figures() const noexcept { return needs_figures_; }

private:
    struct Row {
        const Site& site;
        const SiteDecision* decision;
        const SiteFigures* figures;
    };
    /// Absent: cannot be said, because it was not measured.
    using Test = std::function<std::optional<bool>(const Row&)>;
    struct Word {
        bool negated = false;
        Test test;
    };
    [[nodiscard]] static Test test_of(const std::string& word, bool quoted);

    std::vector<Word> words_;
    bool needs_figures_ = false;
};

/// The words a filter knows before ":" or a comparison, for completion.
[[nodiscard]] std::vector<std::string> site_filter_words();

}  // namespace bitwright
