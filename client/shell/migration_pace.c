// SPDX-License-Identifier: Apache-2.0
#include "client/shell/migration_pace.h"

#include "cluster/base/units.h"

static double rate(uint64_t more, uint64_t less, int64_t taken_us)
{
    if (more <= less || taken_us <= 0)
        return 0;
    return (double)(more - less) * US_PER_S / (double)taken_us;
}

struct migration_pace migration_pace_of(const struct migration_look *first,
                                        const struct migration_look *second)
{
    int64_t taken_us = second->at_us - first->at_us;
    uint64_t left = migration_left(second);
    struct migration_pace pace = {
        .bytes_per_s = rate(second->bytes, first->bytes, taken_us),
        .partitions_per_s = rate(migration_left(first), left, taken_us),
        .left_s = -1,
    };
    // To fill a copy takes long, to hand over and to drop one takes next to no time.
    if (second->to_fill > 0) {
        left = second->to_fill;
        pace.partitions_per_s = rate(first->to_fill, second->to_fill, taken_us);
    }
    if (left == 0)
        pace.left_s = 0;
    else if (pace.partitions_per_s > 0)
        pace.left_s = (double)left / pace.partitions_per_s;
    return pace;
}
