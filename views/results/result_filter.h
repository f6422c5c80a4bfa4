// SPDX-License-Identifier: GPL-3.0-or-later
// Filter of Results in words: every term must hold. `rtn garden` in any text of the row; `method:rtn level:integer tag:star device:phone note:quiet` in that one;
// `ppl<50 prefill>=1000 decode>10 memory<2e9 windows>=32` of figures (what was not measured matches none); `kind:run`, `is:archived|aborted|starred`; −term: not.
// Threading: values, pure functions.
#pragma once

#include "views/results/result_row.h"

#include <QString>

#include <vector>

namespace bitwright::views {

class ResultFilter {
public:
    ResultFilter() = default;
    explicit ResultFilter(const QString& words);
    [[nodiscard]] bool matches(const ResultRow& row) const;
    /// Terms that name no field there is, "quality<3": the page says so. Empty: all understood.
    [[nodiscard]] const QStringList& unknown() const noexcept { return unknown_; }
    /// Whether the words ask for archived rows.
    [[nodiscard]] bool wants_archived() const;

private:
    enum class Comparison : std::uint8_t { contains, less, at_most, more, at_least, equal };
    struct Term {
        QString field;  ///< "": any text
        Comparison comparison = Comparison::contains;
        QString text;
        double value = 0;
        bool negated = false;
    };
    [[nodiscard]] static bool holds(const Term& term, const ResultRow& row);
    std::vector<Term> terms_;
    QStringList unknown_;
};

}  // namespace bitwright::views
