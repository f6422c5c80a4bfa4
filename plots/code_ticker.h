// SPDX-License-Identifier: GPL-3.0-or-later
// The integer grid as an axis: codes as ticks, as many as there is room for. Included by .cpp files of plots only.
#pragma once

#include "plots/qcp.h"
#include "plots/range_histogram.h"

namespace bitwright::plots {

/// Codes as ticks: every one where there are four pixels for it, else powers of two apart; numbers where there is room, always at both ends.
class CodeTicker : public QCPAxisTicker {
public:
    IntegerGrid grid;
    double pixels_per_code = 1;

protected:
    double getTickStep(const QCPRange& range) override;
    int getSubTickCount(double step) override;
    QVector<double> createTickVector(double step, const QCPRange& range) override;
    QVector<double> createSubTickVector(int count, const QVector<double>& ticks) override;
    QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override;

private:
    /// Codes, a power of two, that are at least so many pixels apart.
    [[nodiscard]] double spacing(double pixels) const;
    /// Of the codes that are multiples of `apart` and visible.
    [[nodiscard]] QVector<double> values(double apart, const QCPRange& range) const;

    QVector<double> between_;
};

}  // namespace bitwright::plots
