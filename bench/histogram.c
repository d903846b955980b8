// SPDX-License-Identifier: Apache-2.0
#include "bench/histogram.h"

#include "cluster/base/memory.h"

#include <math.h>

enum {
    HALF_BITS = 10, // 1,024 cells per doubling
    HALF_CELLS = 1 << HALF_BITS,
    LINEAR_CELLS = 2 * HALF_CELLS,
    SHIFT_MAX = 40 - HALF_BITS - 1, // of HISTOGRAM_VALUE_MAX
    CELL_COUNT = SHIFT_MAX * HALF_CELLS + LINEAR_CELLS,
};

static unsigned value_shift(uint64_t value)
{
    return value < LINEAR_CELLS ? 0 : 63 - (unsigned)__builtin_clzll(value) - HALF_BITS;
}

static uint32_t cell_of_value(uint64_t value)
{
    if (value > HISTOGRAM_VALUE_MAX)
        value = HISTOGRAM_VALUE_MAX;
    unsigned shift = value_shift(value);
    return shift * HALF_CELLS + (uint32_t)(value >> shift);
}

// The largest value of a cell. Cells from LINEAR_CELLS on hold mantissas 1,024 to 2,047.
static uint64_t cell_last_value(uint32_t cell)
{
    if (cell < LINEAR_CELLS)
        return cell;
    unsigned shift = cell / HALF_CELLS - 1;
    uint64_t mantissa = cell - shift * HALF_CELLS;
    return ((mantissa + 1) << shift) - 1;
}

void histogram_init(struct histogram *histogram)
{
    *histogram = (struct histogram){.minimum = UINT64_MAX};
    histogram->cells = memory_new_array(CELL_COUNT, sizeof *histogram->cells);
}

void histogram_deinit(struct histogram *histogram)
{
    free(histogram->cells);
    *histogram = (struct histogram){0};
}

void histogram_clear(struct histogram *histogram)
{
    memset(histogram->cells, 0, CELL_COUNT * sizeof *histogram->cells);
    histogram->count = 0;
    histogram->minimum = UINT64_MAX;
    histogram->maximum = 0;
    histogram->sum = 0;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram->cells[cell_of_value(value)]++;
    histogram->count++;
    histogram->sum += (double)value;
    if (value < histogram->minimum)
        histogram->minimum = value;
    if (value > histogram->maximum)
        histogram->maximum = value;
}

void histogram_merge(struct histogram *histogram, const struct histogram *from)
{
    for (uint32_t i = 0; i < CELL_COUNT; i++)
        histogram->cells[i] += from->cells[i];
    histogram->count += from->count;
    histogram->sum += from->sum;
    if (from->minimum < histogram->minimum)
        histogram->minimum = from->minimum;
    if (from->maximum > histogram->maximum)
        histogram->maximum = from->maximum;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
    CHECK(percent > 0 && percent <= 100);
    if (histogram->count == 0)
        return 0;
    uint64_t rank = (uint64_t)ceil((double)histogram->count * percent / 100);
    if (rank >= histogram->count)
        return histogram->maximum;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < CELL_COUNT; i++) {
        seen += histogram->cells[i];
        if (seen >= rank) {
            uint64_t value = cell_last_value(i);
            return value < histogram->maximum ? value : histogram->maximum;
        }
    }
    return histogram->maximum;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count ? histogram->sum / (double)histogram->count : 0;
}
