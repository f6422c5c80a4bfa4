// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/code_ticker.h"

#include "plots/numbers.h"

#include <algorithm>
#include <cmath>

namespace bitwright::plots {

double CodeTicker::getTickStep(const QCPRange&) { return spacing(44) * grid.scale; }
int CodeTicker::getSubTickCount(double) { return 1; }

QVector<double> CodeTicker::createTickVector(double step, const QCPRange& range)
{
    QVector<double> ticks = values(std::max(1.0, std::round(step / grid.scale)), range);
    for (const int end : {grid.qmin, grid.qmax}) {  // multiples too close to an end give way to it
        const double at = grid.value(end);
        if (!range.contains(at)) continue;
        erase_if(ticks, [&](double tick) { return std::fabs(tick - at) / grid.scale * pixels_per_code < 30; });
        ticks.append(at);
    }
    std::ranges::sort(ticks);
    between_ = values(spacing(4), range);
    return ticks;
}

QVector<double> CodeTicker::createSubTickVector(int, const QVector<double>&) { return between_; }
QString CodeTicker::getTickLabel(double tick, const QLocale& locale, QChar, int) { return tick_text(std::round(tick / grid.scale + grid.offset), locale); }

double CodeTicker::spacing(double pixels) const
{
    double codes = 1;
    while (codes * pixels_per_code < pixels && codes < 65536) codes *= 2;
    return codes;
}

QVector<double> CodeTicker::values(double apart, const QCPRange& range) const
{
    QVector<double> out;
    const double first = std::max<double>(grid.qmin, std::floor(range.lower / grid.scale + grid.offset));
    const double last = std::min<double>(grid.qmax, std::ceil(range.upper / grid.scale + grid.offset));
    for (double code = std::ceil(first / apart) * apart; code <= last; code += apart) out.append(grid.value(code));
    return out;
}

}  // namespace bitwright::plots
