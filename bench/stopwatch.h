// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/base/units.h"

#include <time.h>

static inline uint64_t stopwatch_read_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static inline uint64_t stopwatch_now_ns(void)
{
    return stopwatch_read_ns(CLOCK_MONOTONIC);
}
