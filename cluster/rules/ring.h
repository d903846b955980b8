// SPDX-License-Identifier: Apache-2.0
// The consistent-hash ring with bounded loads: which members own which partition.
// Sources: Karger et al., "Consistent Hashing and Random Trees", STOC 1997; Mirrokni, Thorup,
// Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018.
#pragma once

#include "cluster/base/error.h"
#include "cluster/model/limits.h"

struct ring_member {
    const char *
        name; // borrowed; unique; decides the member's points, so every node computes the same ring
    uint32_t weight; // 1 to RING_WEIGHT_MAX; 1 is usual
};

enum {
    RING_POINTS_PER_WEIGHT = 128,
    RING_WEIGHT_MAX = 100,
    RING_NO_MEMBER = 0xFFFF,
};

// owners[partition * replica_count + i]: index into `members` of the partition's i-th replica, the
// primary first; RING_NO_MEMBER where there are fewer members than replicas. The same members in
// another order give the same ring (up to the renumbering). Any weights: no member holds more than
// ceil(1.05 x its weighted fair share) replicas, nor more than ceil(1.05 x its weighted fair share)
// primaries. A member can hold a partition only once: one whose share of the replicas would be more
// than all partitions is bounded by their count, and the rest is shared out among the others by
// weight. ERROR_INVALID_ARGUMENT for counts or weights out of range, empty names, or names given
// twice.
MUST_USE enum error ring_build(const struct ring_member *members, uint32_t member_count,
                               uint32_t partition_count, uint32_t replica_count, uint16_t *owners);
