// SPDX-License-Identifier: Apache-2.0
// Which members should hold which partition, starting from the table that stands: a pure function,
// so every node that computes it gets the same.
// Sources: Karger et al. STOC 1997 (the ring); Mirrokni, Thorup, Zadimoghaddam, SODA 2018 (bounded
// loads).
//
// Promises, for any weights and 1 to MEMBERS_MAX members (tests/unit/rules/test_placement.c):
//  - no member above ceil(1.05 x its weighted fair share) of replicas, nor of primaries (a member
//    whose share would be more than one replica of each partition holds all; the rest is shared out
//    among the others by weight);
//  - a join or a leave moves at most 1.1 x the ideal number of replicas, when the standing table
//    keeps the bounds. (Not so where zones have very different weight and as many copies as zones
//    are wanted: copies that get apart are moves too. Nor where there are hardly more members than
//    copies, of different weights.)
//  - replicas of a partition in different zones as long as there are enough zones with room;
//  - primaries move as little as the bounds allow; where possible a primary moves to a member that
//    holds a copy already;
//  - what was placed is placed again as it is.
#pragma once

#include "cluster/base/error.h"
#include "cluster/model/limits.h"

struct placement_member {
    const char *name; // borrowed; unique: decides the member's points on the ring
    const char *zone; // borrowed; "": none
    uint32_t weight;  // 0: holds nothing (a witness, or one that leaves); to RING_WEIGHT_MAX
};

// standing, target: partition_count x replica_count indexes into `members`, primary first;
// RING_NO_MEMBER: nobody. `standing` may be all RING_NO_MEMBER (a new grid), and may name members
// of weight 0. `target` must not overlap it.
MUST_USE enum error placement_make(const struct placement_member *members, uint32_t member_count,
                                   uint32_t partition_count, uint32_t replica_count,
                                   const uint16_t *standing, uint16_t *target);

// The same from more copies than are wanted, as in the middle of moves: `held` is partition_count x
// held_count, the primary first (RING_NO_MEMBER: nobody), then copies by preference; the first
// replica_count of them are what stands, the others are preferred to members that have none.
MUST_USE enum error placement_choose(const struct placement_member *members, uint32_t member_count,
                                     uint32_t partition_count, uint32_t replica_count,
                                     const uint16_t *held, uint32_t held_count, uint16_t *target);
