// SPDX-License-Identifier: Apache-2.0
#include "tests/system/support/samples.h"

#include "cluster/base/memory.h"

enum { FIRST_CAPACITY = 4096 };

void samples_add(struct samples *samples, uint64_t value_us)
{
    if (samples->count == samples->capacity) {
        samples->capacity = samples->capacity ? 2 * samples->capacity : FIRST_CAPACITY;
        samples->values_us =
            memory_resize_array(samples->values_us, samples->capacity, sizeof(uint32_t));
    }
    samples->values_us[samples->count++] = value_us > UINT32_MAX ? UINT32_MAX : (uint32_t)value_us;
}

void samples_clear(struct samples *samples)
{
    samples->count = 0;
}

void samples_deinit(struct samples *samples)
{
    free(samples->values_us);
    *samples = (struct samples){0};
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

uint32_t samples_percentile_us(struct samples *samples, uint32_t per_mille)
{
    if (samples->count == 0)
        return 0;
    qsort(samples->values_us, samples->count, sizeof(uint32_t), compare);
    size_t rank = (samples->count * per_mille + 999) / 1000;
    return samples->values_us[rank > 0 ? rank - 1 : 0];
}
