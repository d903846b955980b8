// SPDX-License-Identifier: Apache-2.0
// The intended times of an open loop. They do not wait for anything: a load that is late sends what
// is due and measures from when it should have been sent.
#pragma once

#include "bench/settings.h"

struct pacer {
    enum schedule schedule;
    double interval_ns; // between operations, on average
    double next_ns;     // monotonic clock
    struct random random;
};

// rate: operations per second, > 0.
void pacer_init(struct pacer *pacer, enum schedule schedule, double rate, uint64_t begin_ns,
                uint64_t seed);

// When the next operation should begin.
static inline uint64_t pacer_next_ns(const struct pacer *pacer)
{
    return (uint64_t)pacer->next_ns;
}

// That operation was taken.
void pacer_advance(struct pacer *pacer);
