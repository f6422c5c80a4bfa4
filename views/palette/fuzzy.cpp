// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/palette/fuzzy.h"

#include <algorithm>
#include <vector>

namespace bitwright::views {

int fuzzy_score(const QString& typed, const QString& text)
{
    QString wanted;
    for (const QChar c : typed)
        if (!c.isSpace()) wanted += c.toLower();
    if (wanted.isEmpty()) return 1;
    const auto n = static_cast<std::size_t>(text.size());
    // best[j]: the highest score of a match of the letters so far whose last letter is at j; −1: none
    std::vector<int> best(n, -1), next(n);
    for (qsizetype i = 0; i < wanted.size(); ++i) {
        std::fill(next.begin(), next.end(), -1);
        int before = i == 0 ? 0 : -1;  // of the previous letters, ending at least two places before j
        for (std::size_t j = 0; j < n; ++j) {
            if (i > 0 && j >= 2) before = std::max(before, best[j - 2]);
            const auto at = static_cast<qsizetype>(j);
            if (text[at].toLower() != wanted[i]) continue;
            const bool starts_word = at == 0 || !text[at - 1].isLetterOrNumber() || (text[at].isUpper() && text[at - 1].isLower());
            const int here = starts_word ? 10 : 1;
            if (before >= 0) next[j] = before + here;
            if (i > 0 && j >= 1 && best[j - 1] >= 0) next[j] = std::max(next[j], best[j - 1] + 12);
        }
        best.swap(next);
    }
    const int score = n == 0 ? -1 : *std::ranges::max_element(best);
    if (score < 0) return 0;
    return std::max(1, score * 16 - static_cast<int>(std::min<std::size_t>(n, 120)) / 8 + 16);  // the shorter text of equals
}

}  // namespace bitwright::views
