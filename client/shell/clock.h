// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/base/units.h"

#include <time.h>

// Microseconds from an origin of no meaning; never goes back.
static inline int64_t shell_clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / NS_PER_US;
}
