// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/site_filter.h"

#include "core/runtime/error.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace bitwright {
namespace {

std::string lower(std::string_view text)
{
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

std::vector<std::string> split(std::string_view text, char at)
{
    std::vector<std::string> parts;
    for (std::size_t from = 0; from <= text.size();) {
        const std::size_t end = std::min(text.find(at, from), text.size());
        parts.emplace_back(text.substr(from, end - from));
        from = end + 1;
    }
    return parts;
}

bool contains(std::string_view text, std::string_view part) { return lower(text).find(part) != std::string::npos; }

std::optional<double> number(std::string_view text)
{
    double value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

Error misunderstood(const std::string& word, const std::string& possible) { return usage_error("filter: \"" + word + "\" is not understood; use " + possible); }

struct Interval {
    double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
};

/// "4-12,14": closed intervals.
std::vector<Interval> intervals(const std::string& word, std::string_view text)
{
    const std::string possible = "numbers as in 3, 4-12, 4-, -12 or 0,2,5-7";
    std::vector<Interval> out;
    for (const std::string& part : split(text, ',')) {
        Interval interval;
        const std::size_t dash = part.find('-');
        if (part.empty() || part == "-") throw misunderstood(word, possible);
        const std::string from = part.substr(0, dash), to = dash == std::string::npos ? from : part.substr(dash + 1);
        for (const auto& [given, end] : {std::pair{&from, &interval.low}, {&to, &interval.high}}) {
            if (given->empty()) continue;
            const auto value = number(*given);
            if (!value) throw misunderstood(word, possible);
            *end = *value;
        }
        out.push_back(interval);
    }
    return out;
}

bool within(const std::vector<Interval>& all, double value)
{
    return std::any_of(all.begin(), all.end(), [&](const Interval& i) { return value >= i.low && value <= i.high; });
}

bool compare(double a, std::string_view sign, double b)
{
    if (sign == "<") return a < b;
    if (sign == "<=") return a <= b;
    if (sign == ">") return a > b;
    if (sign == ">=") return a >= b;
    return a == b;
}

bool is_embedding(SiteRole role)
{
    return role == SiteRole::embedding_weight || role == SiteRole::position_weight || (role >= SiteRole::embedding_norm_input && role <= SiteRole::residual_embedding);
}

/// Classes of sites beside the parts of names.
constexpr std::array<std::string_view, 7> classes{"norm", "attention", "mlp", "residual", "embedding", "weight", "activation"};
/// Parts of site names (site.h).
constexpr std::array<std::string_view, 26> parts{
    "embed_tokens", "embed_positions", "embed_norm", "project_in", "project_out", "residual_embedding", "residual_attention", "residual_mlp", "input_layernorm",
    "post_attention_layernorm", "attention_branch_norm", "mlp_branch_norm", "self_attn", "q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm", "qk", "pv",
    "gate_proj", "up_proj", "down_proj", "act", "lm_head"};
constexpr std::array<std::string_view, 5> roles{"input", "input2", "weight", "output", "residual"};
constexpr std::array<std::string_view, 12> schemes{"float", "uniform", "symmetric", "asymmetric", "static", "dynamic", "tensor", "row", "channel", "head", "group", "token"};

template <typename List>
std::string listed(const List& list)
{
    std::string text;
    for (const auto& word : list) text += (text.empty() ? "" : ", ") + std::string(word);
    return text;
}

bool is_of_kind(const Site& site, const std::string& kind)
{
    const auto names = split(site.name, '.');
    if (kind == "weight") return site.kind == SiteKind::weight;
    if (kind == "activation") return site.kind == SiteKind::activation;
    if (kind == "embedding") return is_embedding(site.role);
    if (kind == "residual") return names.back().starts_with("residual_");
    if (kind == "attention") return std::find(names.begin(), names.end(), "self_attn") != names.end();
    if (kind == "norm") return std::any_of(names.begin(), names.end(), [](const std::string& n) { return n.ends_with("norm"); });
    return std::find(names.begin(), names.end(), kind) != names.end();
}

bool has_role(const Site& site, const std::string& role)
{
    const std::string last = split(site.name, '.').back();
    return role == "residual" ? last.starts_with("residual_") : last == role;
}

bool has_scheme(const SiteDecision* decision, const std::string& word)
{
    const bool quantized = decision && decision->scheme.kind != SchemeKind::floating;
    if (word == "float") return !quantized;
    if (!quantized) return false;
    const Scheme& scheme = decision->scheme;
    if (word == "uniform") return scheme.kind == SchemeKind::uniform;
    if (word == "symmetric") return scheme.symmetric;
    if (word == "asymmetric") return !scheme.symmetric;
    if (word == "static") return !scheme.dynamic;
    if (word == "dynamic") return scheme.dynamic;
    return name_of(scheme.granularity) == word;
}

struct Measure {
    std::string_view word;
    std::optional<double> SiteFigures::*figure;
    double unit;  ///< the words' unit: percent where 100
};
constexpr std::array<Measure, 9> measures{{{"sqnr", &SiteFigures::sqnr_db, 1},
                                           {"saturation", &SiteFigures::saturation, 100},
                                           {"zeros", &SiteFigures::zeros, 100},
                                           {"codes", &SiteFigures::codes_used, 1},
                                           {"cosine", &SiteFigures::cosine, 1},
                                           {"output-error", &SiteFigures::output_error, 100},
                                           {"introduced", &SiteFigures::introduced_sqnr_db, 1},
                                           {"accumulated", &SiteFigures::accumulated_sqnr_db, 1},
                                           {"sensitivity", &SiteFigures::sensitivity, 1}}};

template <typename List>
void require(const List& list, const std::string& value, const std::string& word)
{
    if (std::find(list.begin(), list.end(), value) == list.end()) throw misunderstood(word, listed(list));
}

}  // namespace

std::vector<std::string> site_filter_words()
{
    std::vector<std::string> words{"kind:", "role:", "layer:", "bits:", "scheme:", "range:"};
    for (const Measure& measure : measures) words.emplace_back(measure.word);
    return words;
}

SiteFilter::Test SiteFilter::test_of(const std::string& word, bool quoted)
{
    const std::size_t colon = quoted ? std::string::npos : word.find(':'), sign = quoted ? std::string::npos : word.find_first_of("<>=");
    if (colon != std::string::npos && (sign == std::string::npos || colon < sign)) {
        const std::string key = lower(std::string_view(word).substr(0, colon)), value = lower(std::string_view(word).substr(colon + 1));
        if (key == "kind") {
            if (std::find(classes.begin(), classes.end(), value) == classes.end() && std::find(parts.begin(), parts.end(), value) == parts.end())
                throw misunderstood(word, listed(classes) + ", " + listed(parts));
            return [value](const Row& row) { return is_of_kind(row.site, value); };
        }
        if (key == "role") {
            require(roles, value, word);
            return [value](const Row& row) { return has_role(row.site, value); };
        }
        if (key == "layer") {
            if (value == "none") return [](const Row& row) { return row.site.layer < 0; };
            return [all = intervals(word, value)](const Row& row) { return row.site.layer >= 0 && within(all, static_cast<double>(row.site.layer)); };
        }
        if (key == "bits") {
            return [all = intervals(word, value)](const Row& row) { return !has_scheme(row.decision, "float") && within(all, row.decision->scheme.bits); };
        }
        if (key == "scheme") {
            require(schemes, value, word);
            return [value](const Row& row) { return has_scheme(row.decision, value); };
        }
        if (key == "range") return [value](const Row& row) { return row.decision && contains(row.decision->range.source, value); };
        throw misunderstood(word, "kind:, role:, layer:, bits:, scheme: or range:, or quote it to find it in names");
    }
    if (sign != std::string::npos) {
        const std::string key = lower(std::string_view(word).substr(0, sign));
        const std::size_t end = word.find_first_not_of("<>=", sign);
        const std::string comparison = word.substr(sign, end == std::string::npos ? end : end - sign);
        std::string text = end == std::string::npos ? "" : word.substr(end);
        if (!text.empty() && text.back() == '%') text.pop_back();
        const auto value = number(text);
        const bool known = comparison == "<" || comparison == "<=" || comparison == ">" || comparison == ">=" || comparison == "=";
        if (!known || !value) throw misunderstood(word, "a number after <, <=, >, >= or =");
        if (key == "bits") {
            return [comparison, limit = *value](const Row& row) {
                return !has_scheme(row.decision, "float") && compare(row.decision->scheme.bits, comparison, limit);
            };
        }
        const auto measure = std::find_if(measures.begin(), measures.end(), [&](const Measure& m) { return m.word == key; });
        if (measure == measures.end()) {
            std::string possible = "bits";
            for (const Measure& m : measures) possible += ", " + std::string(m.word);
            throw misunderstood(word, possible);
        }
        return [figure = measure->figure, unit = measure->unit, comparison, limit = *value](const Row& row) -> std::optional<bool> {
            if (!row.figures || !(row.figures->*figure)) return std::nullopt;
            return compare(*(row.figures->*figure) * unit, comparison, limit);
        };
    }
    const std::string text = lower(word);
    if (!quoted && text.find_first_of("*?") != std::string::npos) {
        static_cast<void>(matches_site_name(text, ""));  // throws now where the glob is broken
        return [text](const Row& row) { return matches_site_name(text, row.site.name); };
    }
    return [text](const Row& row) { return contains(row.site.name, text) || (row.figures && contains(row.figures->note, text)); };
}

SiteFilter SiteFilter::parse(std::string_view text)
{
    SiteFilter filter;
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] == ' ' || text[i] == '\t' || text[i] == '\n') {
            ++i;
            continue;
        }
        Word word;
        word.negated = text[i] == '-' && i + 1 < text.size() && text[i + 1] != ' ';
        if (word.negated) ++i;
        const bool quoted = text[i] == '"';
        const std::size_t from = quoted ? i + 1 : i, end = quoted ? text.find('"', from) : std::min(text.find_first_of(" \t\n", from), text.size());
        if (quoted && end == std::string_view::npos) throw usage_error("filter: " + std::string(text.substr(i)) + " has no closing quote; add \"");
        const std::string content(text.substr(from, end - from));
        i = quoted ? end + 1 : end;
        if (content.empty()) continue;
        word.test = test_of(content, quoted);
        if (!quoted) {
            const std::string key = lower(std::string_view(content).substr(0, content.find_first_of(":<>=")));
            filter.needs_figures_ = filter.needs_figures_ || std::any_of(measures.begin(), measures.end(), [&](const Measure& m) { return m.word == key && key.size() < content.size(); });
        }
        filter.words_.push_back(std::move(word));
    }
    return filter;
}

bool SiteFilter::operator()(const Site& site, const SiteDecision* decision, const SiteFigures* figures) const
{
    const Row row{site, decision, figures};
    return std::all_of(words_.begin(), words_.end(), [&](const Word& word) {
        const std::optional<bool> holds = word.test(row);
        return holds && *holds != word.negated;
    });
}

}  // namespace bitwright
