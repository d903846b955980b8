// SPDX-License-Identifier: Apache-2.0
// The consistent-hash ring: a circle of points, each of a member. A partition walks it clockwise
// from its own position. Everything is integer arithmetic on XXH3 hashes, so that all machines
// compute the same ring.
// Source: Karger et al., "Consistent Hashing and Random Trees", STOC 1997.
#pragma once

#include "cluster/base/check.h"
#include "cluster/model/limits.h"

#include <stddef.h>
#include <stdint.h>

enum {
    RING_POINTS_PER_WEIGHT = 128,
    RING_WEIGHT_MAX = 100,
    RING_POINTS_MAX = 128 * MEMBERS_MAX, // with more weight than this gives, all get fewer points
    RING_NO_MEMBER = 0xFFFF,
};

struct ring_member {
    const char *name; // borrowed; decides the member's points
    uint32_t weight;  // 0: no points; to RING_WEIGHT_MAX
};

struct ring_point {
    uint64_t position;
    uint32_t member; // index into the members
};

struct ring {
    struct ring_point *points; // owned; sorted by position
    size_t count;
};

void ring_init(struct ring *ring, const struct ring_member *members, uint32_t member_count);
void ring_deinit(struct ring *ring);

// Where the partition stands on the circle.
uint64_t ring_position(uint32_t partition);

// The first point at or after the position. The ring must have points.
size_t ring_start(const struct ring *ring, uint64_t position);

static inline size_t ring_next(const struct ring *ring, size_t at)
{
    return at + 1 == ring->count ? 0 : at + 1;
}
