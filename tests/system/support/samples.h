// SPDX-License-Identifier: Apache-2.0
// Latencies as they were measured, all of them, for exact percentiles.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct samples {
    uint32_t *values_us; // owned
    size_t count;
    size_t capacity;
};

void samples_add(struct samples *samples, uint64_t value_us);
void samples_clear(struct samples *samples);
void samples_deinit(struct samples *samples);

// The value that `per_mille` of them do not exceed; 0 when there are none. Sorts.
uint32_t samples_percentile_us(struct samples *samples, uint32_t per_mille);
