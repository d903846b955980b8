// SPDX-License-Identifier: Apache-2.0
// A log-linear histogram of non-negative integers with three significant digits: linear below
// 2,048, above that 1,024 equal cells for each doubling, so a cell is at most 1/1024 of its values
// wide. The idea is HdrHistogram's (http://hdrhistogram.org).
#pragma once

#include <stdint.h>

#define HISTOGRAM_VALUE_MAX ((UINT64_C(1) << 40) - 1) // as nanoseconds: 18 minutes

struct histogram {
    uint64_t *cells; // owned
    uint64_t count;
    uint64_t minimum; // UINT64_MAX while count is 0
    uint64_t maximum; // exact, also beyond HISTOGRAM_VALUE_MAX
    double sum;
};

void histogram_init(struct histogram *histogram);
void histogram_deinit(struct histogram *histogram);
void histogram_clear(struct histogram *histogram);

// Values above HISTOGRAM_VALUE_MAX share the last cell.
void histogram_record(struct histogram *histogram, uint64_t value);

// Adds all that `from` has recorded.
void histogram_merge(struct histogram *histogram, const struct histogram *from);

// The smallest recorded value that at least `percent` of the values do not exceed, rounded up to
// the end of its cell; 0 when nothing was recorded. 0 < percent <= 100; 100 gives the exact
// maximum.
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

double histogram_mean(const struct histogram *histogram);
