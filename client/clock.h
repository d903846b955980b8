// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/base/units.h"

#include <time.h>

// Monotonic, as coarse as the kernel's tick (1 to 10 ms) and as cheap as a read of memory: good
// enough for time-outs, which are far longer.
static inline int64_t client_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / (NS_PER_S / MS_PER_S);
}
