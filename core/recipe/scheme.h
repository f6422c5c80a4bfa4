// SPDX-License-Identifier: GPL-3.0-or-later
// Scheme and Range: how one site is quantized. Values, no behaviour beyond the grid they define (grid.h).
// Threading: plain values; Numbers are immutable and shared between revisions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitwright {

/// Which definition of details a recipe follows (integer semantics §1): `authors` = the MobileQuant release (L2 norm without eps, exact-erf GELU,
/// ranges not widened to 0, scale floor 1e-5, cached weight grids); `bitwright` = the model's own norm, eps and activation, ranges widened to 0.
enum class Semantics : std::uint8_t { authors, bitwright };

enum class SchemeKind : std::uint8_t { floating, uniform, log2, power_of_two };
/// tensor: one grid. row: per output row of a weight. channel: per input channel. head. group: `group_size` consecutive inputs of a row. token: per row of an
/// activation.
enum class Granularity : std::uint8_t { tensor, row, channel, head, group, token };

struct Scheme {
    SchemeKind kind = SchemeKind::uniform;
    int bits = 8;  ///< 2 … 16
    bool symmetric = false;
    Granularity granularity = Granularity::tensor;
    std::int64_t group_size = 0;        ///< granularity group only
    bool dynamic = false;               ///< range taken from the tensor at run time
    bool integer_group_scales = false;  ///< group scale = row scale × integer 1…255
    friend bool operator==(const Scheme&, const Scheme&) = default;
};

/// Shared immutable vector of numbers; stored inline up to 8 values, content-addressed beyond.
using Numbers = std::shared_ptr<const std::vector<float>>;
[[nodiscard]] inline Numbers numbers(std::vector<float> values) { return std::make_shared<const std::vector<float>>(std::move(values)); }

/// One pair (min, max), or one per slice of the granularity. Where scale and offset were learned they are given exactly and win over min and max
/// (an offset may be fractional there; real = (code − offset)·scale, mobilequant §1.5).
struct Range {
    Numbers min, max;       ///< same size; null only where scale/offset are given, or for dynamic schemes
    Numbers scale, offset;  ///< null unless learned
    std::string source;     ///< "min-max", "percentile 99.9", "mse", "learned", "by hand" …
};
/// The same numbers, wherever they come from.
[[nodiscard]] bool same_numbers(const Range& a, const Range& b) noexcept;

/// The words of recipes, edits and the command line: "authors", "float", "row" … Unknown words give nullopt.
[[nodiscard]] std::string_view name_of(Semantics semantics) noexcept;
[[nodiscard]] std::string_view name_of(SchemeKind kind) noexcept;
[[nodiscard]] std::string_view name_of(Granularity granularity) noexcept;
[[nodiscard]] std::optional<Semantics> semantics_named(std::string_view name) noexcept;
[[nodiscard]] std::optional<SchemeKind> scheme_kind_named(std::string_view name) noexcept;
[[nodiscard]] std::optional<Granularity> granularity_named(std::string_view name) noexcept;
/// "8 bit asymmetric per tensor", "4 bit symmetric per group of 64", "float".
[[nodiscard]] std::string in_words(const Scheme& scheme);

}  // namespace bitwright
