// SPDX-License-Identifier: Apache-2.0
// How fast partitions move, from two looks at what is still to be moved.
#pragma once

#include <stdint.h>

struct migration_look {
    int64_t at_us;      // monotonic
    uint64_t to_fill;   // copies that are not in sync yet
    uint64_t hand_over; // partitions that get another primary
    uint64_t to_drop;   // copies too many
    uint64_t bytes;     // sent to fill copies, so far
};

struct migration_pace {
    double bytes_per_s;
    double
        partitions_per_s; // copies filled; once all are: primaries handed over and copies dropped
    double left_s;        // at this pace; negative: nothing has moved meanwhile
};

static inline uint64_t migration_left(const struct migration_look *look)
{
    return look->to_fill + look->hand_over + look->to_drop;
}

// What became more meanwhile (another member joined) counts as no progress.
struct migration_pace migration_pace_of(const struct migration_look *first,
                                        const struct migration_look *second);
