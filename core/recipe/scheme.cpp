// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/recipe/scheme.h"

#include <array>

namespace bitwright {
namespace {

constexpr std::array<std::string_view, 2> semantics_names{"authors", "bitwright"};
constexpr std::array<std::string_view, 4> kind_names{"float", "uniform", "log2", "power_of_two"};
constexpr std::array<std::string_view, 6> granularity_names{"tensor", "row", "channel", "head", "group", "token"};

template <typename E, std::size_t N>
std::optional<E> find(const std::array<std::string_view, N>& names, std::string_view name) noexcept
{
    for (std::size_t i = 0; i < N; ++i) {
        if (names[i] == name) return static_cast<E>(i);
    }
    return std::nullopt;
}

}  // namespace

std::string_view name_of(Semantics semantics) noexcept { return semantics_names[static_cast<std::size_t>(semantics)]; }
std::string_view name_of(SchemeKind kind) noexcept { return kind_names[static_cast<std::size_t>(kind)]; }
std::string_view name_of(Granularity granularity) noexcept { return granularity_names[static_cast<std::size_t>(granularity)]; }
std::optional<Semantics> semantics_named(std::string_view name) noexcept { return find<Semantics>(semantics_names, name); }
std::optional<SchemeKind> scheme_kind_named(std::string_view name) noexcept { return find<SchemeKind>(kind_names, name); }
std::optional<Granularity> granularity_named(std::string_view name) noexcept { return find<Granularity>(granularity_names, name); }

std::string in_words(const Scheme& scheme)
{
    if (scheme.kind == SchemeKind::floating) return "float";
    std::string text = std::to_string(scheme.bits) + " bit ";
    if (scheme.kind != SchemeKind::uniform) text.append(name_of(scheme.kind)).append(" ");
    text.append(scheme.symmetric ? "symmetric" : "asymmetric").append(" per ").append(name_of(scheme.granularity));
    if (scheme.granularity == Granularity::group) text += " of " + std::to_string(scheme.group_size);
    if (scheme.integer_group_scales) text += " with integer scales";
    if (scheme.dynamic) text += ", dynamic";
    return text;
}

bool same_numbers(const Range& a, const Range& b) noexcept
{
    const auto same = [](const Numbers& x, const Numbers& y) { return x == y || (x && y && *x == *y); };
    return same(a.min, b.min) && same(a.max, b.max) && same(a.scale, b.scale) && same(a.offset, b.offset);
}

}  // namespace bitwright
