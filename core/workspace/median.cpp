// SPDX-License-Identifier: GPL-3.0-or-later
// Apart from runs.cpp: readers of measurements use it without a database.
#include "core/workspace/runs.h"

#include <algorithm>

namespace bitwright {

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    const auto middle = values.size() / 2;
    return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace bitwright
